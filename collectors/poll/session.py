"""One device's SNMP session: v1, v2c or v3, one question at a time, within a deadline and a budget."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from gufo.snmp import NoSuchInstance, SnmpAuthError, SnmpError, SnmpVersion
from gufo.snmp._fast import GetIter  # its own iterator keeps one size of question for a whole walk, and cannot be set to a place

from collectors.poll.user import PollUser
from collectors.snmp import SafeSession, received
from pipeline.config.secret_source import find_secret
from pipeline.core.inventory import AgentVersion, Device

Pairs = list[tuple[str, object]]
"""Name and value of each instance of an answer, in the agent's order."""

VERSIONS = {AgentVersion.V1: SnmpVersion.v1, AgentVersion.V2C: SnmpVersion.v2c, AgentVersion.V3: SnmpVersion.v3}
LARGEST_DATAGRAM = 65_535


class SilentError(Exception):
    """No answer in time."""


class DeadlineError(Exception):
    """The time for the whole poll is over."""


class RefusedError(Exception):
    """The agent answered that it cannot answer this: tooBig, genErr and their like (RFC 3416 section 4.2)."""


class GarbageError(Exception):
    """What came in time was no SNMP, or none that this session may take."""


class DeniedError(GarbageError):
    """The agent does not take our SNMPv3 user: unknown, a wrong password, or outside its time window (RFC 3414 section 3.2)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A part of a column, and whether the column ended behind it."""

    pairs: Pairs
    ended: bool


@dataclass(slots=True)
class _Waiting:
    """A question that waits for its answer; ``heard`` is what came instead."""

    future: asyncio.Future[object]
    receive: Callable[[], object]
    heard: Exception | None = None


class Session:
    """Questions to one agent. An async context manager; what it sends waits for no more than ``deadline`` (monotonic seconds by ``now``).

    A community that is a file is looked for below ``secrets``. At most ``per_s`` questions a second are put, after a burst of as many.
    ``asked`` counts them.
    """

    def __init__(
        self,
        device: Device,
        deadline: float,
        per_s: float,
        user: PollUser | None = None,
        now: Callable[[], float] = time.monotonic,
        secrets: Path = Path(),
    ) -> None:
        self._version = device.snmp_version
        self.asked = 0
        self._device = device
        self._user = user
        self._secrets = secrets
        self._deadline = deadline
        self._per_s = per_s
        self._now = now
        self._begun = now()
        self._waiting: _Waiting | None = None
        self._fd = -1

    async def __aenter__(self) -> Self:
        """Open the socket. Raises ``OSError`` or ``ValueError`` for an address that is none, or a community that cannot be had."""
        device = self._device
        community, _ = find_secret(device.community, self._secrets, os.environ)
        self._session = SafeSession(
            device.address,
            port=device.port,
            community=community.reveal(),
            version=VERSIONS[self._version],
            user=self._user.gufo if self._user else None,
        )
        self._socket = self._session._sock  # noqa: SLF001  # see GetIter
        self._fd = self._socket.get_fd()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ignore()
        del self._socket, self._session

    @property
    def has_bulk(self) -> bool:
        """Whether one question gets many rows: v1 has no GETBULK."""
        return self._version is not AgentVersion.V1

    async def discover(self, wait_s: float) -> None:
        """Learn the engine and its clock (RFC 3414 section 4); nothing to do for v1 and v2c. Raises as :meth:`get`."""
        if self._version is not AgentVersion.V3:
            return
        self._ignore()
        self.asked += 2
        patience = self._patience(wait_s)
        ends_at = self._now() + patience
        try:
            async with asyncio.timeout(patience):
                await self._session.refresh()
        except SnmpAuthError as error:
            raise DeniedError(str(error)) from error
        except SnmpError as error:
            raise GarbageError(str(error)) from error
        except OSError as error:  # a time-out is one; so is a port that nobody listens on, which the agent may be about to do
            await asyncio.sleep(max(0.0, ends_at - self._now()))
            raise SilentError from error

    async def get(self, oids: Sequence[str], wait_s: float) -> dict[str, object]:
        """The instances that there are. Raises :class:`SilentError`, :class:`DeadlineError`, :class:`GarbageError`."""
        wanted = list(oids)
        found = await self._ask(lambda: self._socket.send_get_many(wanted), self._socket.recv_get_many, wait_s)
        assert isinstance(found, dict)
        return found

    async def column(self, oid: str, after: str, repetitions: int, wait_s: float) -> Rows:
        """The next instances of a column behind ``after``. Raises as :meth:`get`, and :class:`RefusedError`.

        v1 has no GETBULK: there it is one instance. An empty answer may be an end or a refusal, so it is asked about.
        """
        place, inside = GetIter(after, repetitions), GetIter(oid)
        if self._version is AgentVersion.V1:
            found = await self._ask(lambda: self._socket.send_get_next(place), lambda: self._socket.recv_get_next(inside), wait_s)
            return Rows([found] if isinstance(found, tuple) else [], ended=found is None)
        found = await self._ask(lambda: self._socket.send_get_bulk(place), lambda: self._socket.recv_get_bulk(inside), wait_s)
        if found is None:
            await self._confirm_end(after, wait_s)
            return Rows([], ended=True)
        assert isinstance(found, list)
        ended = found[-1] is None  # gufo's sign for a name outside of the column
        return Rows(found[:-1] if ended else found, ended)

    async def _confirm_end(self, after: str, wait_s: float) -> None:
        """Return when endOfMibView is what follows; anything else says that the question before was refused."""
        found = await self._ask(lambda: self._socket.send_get_next(GetIter(after)), self._receive_one, wait_s)
        if found is not NoSuchInstance:
            raise RefusedError

    def _receive_one(self) -> object:
        try:
            return self._socket.recv_get()
        except NoSuchInstance:  # endOfMibView among others
            return NoSuchInstance

    def _patience(self, wait_s: float) -> float:
        left = self._deadline - self._now()
        if left <= 0:
            raise DeadlineError
        return min(wait_s, left)

    async def _ask(self, send: Callable[[], None], receive: Callable[[], object], wait_s: float) -> object:
        """Send a question and wait for what fits it; ``None`` is an answer without any instance."""
        await self._keep_budget()
        patience = self._patience(wait_s)
        loop = asyncio.get_running_loop()
        if self._waiting is None:
            loop.add_reader(self._fd, self._readable)
        waiting = self._waiting = _Waiting(loop.create_future(), receive)
        self.asked += 1
        try:
            send()
        except OSError:  # what an earlier question brought about, such as a port that nobody listens on, is told now; this one was not sent
            with suppress(OSError):
                send()
        timer = loop.call_later(patience, self._expire, waiting)
        try:
            return await waiting.future
        except SilentError:
            if patience < wait_s:
                raise DeadlineError from None
            raise
        finally:
            timer.cancel()

    async def _keep_budget(self) -> None:
        ahead = (self.asked - self._per_s) / self._per_s - (self._now() - self._begun)
        if ahead > 0:
            await asyncio.sleep(min(ahead, max(0.0, self._deadline - self._now())))

    def _readable(self) -> None:
        waiting = self._waiting
        if waiting is None or waiting.future.done():  # an answer that came too late
            with suppress(OSError):
                os.read(self._fd, LARGEST_DATAGRAM)
            return
        try:
            found = received(waiting.receive)
        except BlockingIOError:  # of another question
            return
        except StopAsyncIteration:
            found = None
        except (SnmpError, OSError) as error:
            waiting.heard = error
            return
        except Exception as error:  # noqa: BLE001  # whatever else the library raises for bytes from outside
            waiting.heard = GarbageError(repr(error))
            return
        waiting.future.set_result(found)

    @staticmethod
    def _expire(waiting: _Waiting) -> None:
        if waiting.future.done():
            return
        if isinstance(waiting.heard, SnmpAuthError):
            waiting.future.set_exception(DeniedError(str(waiting.heard)))
        elif waiting.heard is None or isinstance(waiting.heard, OSError):
            waiting.future.set_exception(SilentError())
        else:
            waiting.future.set_exception(GarbageError(str(waiting.heard)))

    def _ignore(self) -> None:
        if self._waiting is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._waiting = None
