"""gufo-snmp as every collector uses it: no bytes of an agent can do more harm than to be refused."""

import asyncio
from collections.abc import Callable
from typing import TypeVar, cast

from gufo.snmp import SnmpError
from gufo.snmp.aio import SnmpSession

T = TypeVar("T")


def received(receive: Callable[[], T]) -> T:
    """What the library receives, but for its panics.

    On some malformed bytes its native part ends with an exception that is no ``Exception``, and would end the whole process. Raises
    ``SnmpError`` instead.
    """
    try:
        return receive()
    except (Exception, asyncio.CancelledError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise SnmpError("malformed bytes that break the SNMP library") from error


class SafeSession(SnmpSession):  # type: ignore[misc]  # the library publishes no types to a checker that does not follow it
    """The library's session, its panics made errors."""

    async def _recv(self, receiver: Callable[[], T]) -> T:
        return cast("T", await super()._recv(lambda: received(receiver)))
