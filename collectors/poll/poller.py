"""One device's poll over SNMP v2c: questions with time-outs and retries, all within one deadline. The only gufo-snmp code."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gufo.snmp import SnmpError
from gufo.snmp.aio import SnmpSession

from collectors.poll.decode import DecodedTable, chunks, decode, decode_table, oids_of
from pipeline.config.settings import PollSettings
from pipeline.core.inventory import Device
from pipeline.core.profile import GENERIC, SYS_UPTIME, Profile, ProfileTable
from pipeline.core.raw import PollOutcome, RawPoll

log = logging.getLogger(__name__)

CHUNK = 40
"""Instances in one question: their answer stays under 1,472 bytes, so that it is never fragmented."""

REPETITIONS = 40
"""Rows in one answer of a walk; the agent gives fewer when they do not fit."""

MOST_ROWS = 4_096
"""A table with more rows is not read: either the agent goes round in circles, or it is asked for what it should not be."""


@dataclass(frozen=True, slots=True)
class Polled:
    """A poll with what the collector counts about it: values kept and refused, and how long it took."""

    poll: RawPoll
    values: int
    refused: int
    seconds: float


@dataclass(slots=True)
class _Progress:
    """What is known of a poll under way; read when it ends or its deadline passes."""

    asked_at: int
    answers: dict[str, object] = field(default_factory=dict)
    answered_at: int | None = None
    round_trip_ms: float = 0.0
    malformed: bool = False
    tables: dict[str, DecodedTable] = field(default_factory=dict)


class _EndlessError(Exception):
    """A walk that does not come to an end."""


class Poller:
    """Asks devices. ``clock`` gives UTC nanoseconds, ``now`` monotonic seconds. Holds nothing between polls."""

    def __init__(
        self,
        settings: PollSettings,
        profile: Profile = GENERIC,
        clock: Callable[[], int] = time.time_ns,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._profile = profile
        self._clock = clock
        self._now = now

    @property
    def deadline_s(self) -> float:
        """The most that one device's poll takes: the interval, or all tries of one question if that is more."""
        return max(self._settings.interval_s, self._settings.timeout_s * (1 + self._settings.retries))

    async def poll(self, device: Device) -> Polled:
        """Ask one device for its interfaces and tables; sequence 0 until it is journaled. Never raises for what device or network do.

        A device that answered anything usable has answered: rows that came too late are missing, and ``polled_at`` is when the first
        question that was answered was sent. Without a usable answer the outcome tells silence from garbage.
        """
        begun = self._now()
        indexes = tuple(port.index for port in device.interfaces)
        progress = _Progress(self._clock())
        try:
            async with asyncio.timeout(self.deadline_s):
                session = SnmpSession(device.address, port=device.port, community=device.community, timeout=self._settings.timeout_s)
                await self._ask_all(session, oids_of(self._profile, indexes), progress)
                for table in self._profile.tables:
                    await self._walk(session, device, table, progress)
        except TimeoutError:
            log.debug("%s: no answer, or not all of it, within %.1f s", device.name, self.deadline_s)
        except Exception:  # one device never stops the others, whatever its agent or the library does
            log.exception("%s: polling failed; check its address %s and port %d in the inventory", device.name, device.address, device.port)
            progress.malformed = True
        return self._result(device, indexes, progress, self._now() - begun)

    async def _ask_all(self, session: SnmpSession, oids: tuple[str, ...], progress: _Progress) -> None:
        questions = deque(chunks(oids, CHUNK))
        while questions:
            question = questions.popleft()
            answer = await self._ask(session, question, progress)
            progress.answers.update(answer)
            if not answer and len(question) > 1:  # an error-status such as tooBig or genErr: find what can be answered
                middle = len(question) // 2
                questions.extendleft((question[middle:], question[:middle]))

    async def _ask(self, session: SnmpSession, question: tuple[str, ...], progress: _Progress) -> dict[str, object]:
        """One question, asked again as often as the settings say. Raises ``TimeoutError`` when none of the tries is answered."""
        for _ in range(1 + self._settings.retries):
            sent_at, sent = self._clock(), self._now()
            if progress.answered_at is None:
                progress.asked_at = sent_at
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    answer: dict[str, object] = await session.get_many((SYS_UPTIME, *question))
            except (SnmpError, OSError) as error:  # a time-out is an OSError, and so is a port that nobody listens on
                progress.malformed = progress.malformed or isinstance(error, SnmpError)
                await asyncio.sleep(max(0.0, self._settings.timeout_s - (self._now() - sent)))
                continue
            if progress.answered_at is None:
                progress.answered_at = sent_at
                progress.round_trip_ms = (self._now() - sent) * 1000
            return answer
        raise TimeoutError

    async def _walk(self, session: SnmpSession, device: Device, table: ProfileTable, progress: _Progress) -> None:
        """Read a table to its end, or leave it out: half a table would say that the other half is gone. A silence ends the whole poll."""
        answers: dict[str, object] = {}
        try:
            for column in table.columns:
                found = await self._column(session, column.oid)
                answers |= found
                if not found:
                    break
        except (SnmpError, _EndlessError) as error:
            log.debug("%s: table %s is left out: %s", device.name, table.name, error)
        else:
            progress.tables[table.name] = decode_table(table, answers)

    async def _column(self, session: SnmpSession, oid: str) -> dict[str, object]:
        """One column by GETBULK, from its start again as often as the settings say. Raises ``TimeoutError``, ``SnmpError``."""
        for _ in range(1 + self._settings.retries):
            found: dict[str, object] = {}
            try:
                async for name, value in session.getbulk(oid, REPETITIONS):
                    if name in found or len(found) >= MOST_ROWS:
                        raise _EndlessError(f"over {len(found)} rows, or one twice")
                    found[name] = value
            except OSError:  # a time-out among them
                continue
            return found
        raise TimeoutError

    def _result(self, device: Device, indexes: tuple[int, ...], progress: _Progress, seconds: float) -> Polled:
        decoded = decode(self._profile, indexes, progress.answers)
        if decoded.is_empty:
            garbage = progress.malformed or progress.answered_at is not None
            outcome = PollOutcome.MALFORMED if garbage else PollOutcome.TIMEOUT
        else:
            outcome = PollOutcome.ANSWERED
        poll = RawPoll(
            collector=self._settings.collector,
            sequence=0,
            polled_at=progress.answered_at or progress.asked_at,
            device=device.name,
            outcome=outcome,
            uptime_ticks=decoded.uptime_ticks,
            indexes=decoded.indexes,
            columns=decoded.columns,
            round_trip_ms=round(progress.round_trip_ms, 3),
            tables={name: found.table for name, found in progress.tables.items()},
        )
        values = decoded.values + sum(found.values for found in progress.tables.values())
        refused = decoded.refused + sum(found.refused for found in progress.tables.values())
        return Polled(poll, values, refused, seconds)
