"""How a device is spoken to: SNMPv2c (or v1) with a community, or SNMPv3 as a user."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from gufo.snmp import SnmpError, SnmpVersion
from gufo.snmp.aio import SnmpSession
from gufo.snmp.policer import BasePolicer

from collectors.poll.user import PollUser
from pipeline.config.secret import Secret
from pipeline.core.inventory import AgentVersion

T = TypeVar("T")


class Session(SnmpSession):  # type: ignore[misc]  # the library publishes no types to a checker that does not follow it
    """A session in which no bytes of an agent can do more harm than to be refused."""

    async def _recv(self, receiver: Callable[[], T]) -> T:
        """As the library's own, but for its panics.

        On some malformed bytes its native part ends with an exception that is no ``Exception``, and would end the whole sweep.
        """
        try:
            return cast("T", await super()._recv(receiver))
        except (Exception, asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            raise SnmpError("malformed bytes that break the SNMP library") from error


@dataclass(frozen=True)
class Credential:
    """A community, or with ``user`` an SNMPv3 user. ``name`` is how an inventory calls it: not the secret itself, where that has a name."""

    name: str
    community: Secret = field(default_factory=Secret)
    user: PollUser | None = None
    is_v1: bool = False

    @property
    def version(self) -> AgentVersion:
        """Which SNMP is spoken."""
        return AgentVersion.V3 if self.user else AgentVersion.V1 if self.is_v1 else AgentVersion.V2C

    def session(self, address: str, port: int, timeout_s: float, policer: BasePolicer | None) -> Session:
        """A session with one agent; nothing is sent yet."""
        if self.user is None:
            version = SnmpVersion.v1 if self.is_v1 else SnmpVersion.v2c
            community = self.community.reveal()
            return Session(address, port=port, community=community, version=version, timeout=timeout_s, policer=policer)
        return Session(address, port=port, user=self.user.gufo, timeout=timeout_s, policer=policer)
