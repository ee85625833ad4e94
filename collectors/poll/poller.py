"""One device's poll: what it is, then the tables of its profile, all within one deadline; and silence as a fact."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from collectors.poll.decode import Decoded, decode
from collectors.poll.memory import Memory
from collectors.poll.ping import Pinged, Pinger
from collectors.poll.session import DeadlineError, DeniedError, GarbageError, Session, SilentError
from collectors.poll.user import PollUser
from collectors.poll.walk import Walk, WalkEnd
from pipeline.config.settings import PollSettings, SnmpUserSettings
from pipeline.core.inventory import AgentVersion, Device
from pipeline.core.profile import GENERIC, PING, SYS_UPTIME, Profile, ProfileTable
from pipeline.core.raw import PollOutcome, RawPoll, RawTable

log = logging.getLogger(__name__)

Choose = Callable[[str, str], Profile]
"""The profile for a sysObjectID and a sysDescr."""

SYS_DESCR = "1.3.6.1.2.1.1.1.0"
SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"

CHUNK = 40
"""Instances in one question: their answer stays under 1,472 bytes, so that it is never fragmented."""

_DEADLINE = 0.9
"""Of the interval: a poll that takes all of it would cost the next one its turn."""

_CUT_OFF = frozenset({WalkEnd.DEADLINE, WalkEnd.SILENT})

_MOST_TICKS = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Polled:
    """A poll with what the collector counts about it.

    Values kept and refused, how long it took, how many requests it sent, how its walks ended, and whether the device has been silent for
    so long that it is asked one question alone.
    """

    poll: RawPoll
    values: int
    refused: int
    seconds: float
    requests: int = 0
    ends: tuple[WalkEnd, ...] = ()
    is_given_up: bool = False


@dataclass(slots=True)
class _Progress:
    """What is known of a poll under way; read when it ends."""

    asked_at: int
    answered_at: int | None = None
    round_trip_ms: float = 0.0
    uptime_ticks: int | None = None
    malformed: bool = False
    profile: str = ""
    tables: dict[str, RawTable] = field(default_factory=dict)
    truncated: list[str] = field(default_factory=list)
    ends: list[WalkEnd] = field(default_factory=list)
    values: int = 0
    refused: int = 0
    requests: int = 0

    def take(self, name: str, decoded: Decoded) -> None:
        """Keep a table."""
        self.tables[name] = decoded.table
        self.values += decoded.values
        self.refused += decoded.refused


class Poller:
    """Asks devices, and remembers how it fared with each.

    A poll takes ``deadline_s`` at most: nine tenths of the interval. ``choose`` finds a device's profile, ``users`` are the settings' users
    of SNMPv3, ``clock`` gives UTC nanoseconds, ``now`` monotonic seconds. Communities that are files are looked for below ``secrets``.
    """

    def __init__(
        self,
        settings: PollSettings,
        choose: Choose = lambda _object_id, _descr: GENERIC,
        users: Sequence[SnmpUserSettings] = (),
        clock: Callable[[], int] = time.time_ns,
        now: Callable[[], float] = time.monotonic,
        pinger: Pinger | None = None,
        secrets: Path = Path(),
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._choose = choose
        self._users = {user.name: PollUser(user) for user in users}
        self._clock = clock
        self._now = now
        self._pinger = pinger or (Pinger(settings.pings, settings.timeout_s, now=now) if settings.ping else None)
        self._memories: dict[str, Memory] = {}
        self.deadline_s = _DEADLINE * settings.interval_s
        self._waits = waits_s(settings.timeout_s, settings.retries, self.deadline_s)

    def forget_all_but(self, devices: Collection[str]) -> None:
        """Drop what is known of devices that are not polled here any more."""
        for name in self._memories.keys() - set(devices):
            del self._memories[name]

    async def poll(self, device: Device, *, on_suspicion: bool = False) -> Polled:
        """Ask one device; sequence 0 until it is journaled. Never raises for what device or network do.

        A device that answered anything usable has answered: what came too late is missing, and ``polled_at`` is when the first question
        that was answered was sent. Without a usable answer the outcome tells silence from garbage.
        """
        begun = self._now()
        memory = self._memory(device)
        progress = _Progress(self._clock())
        pinging = asyncio.create_task(self._pinger.ping(device.address)) if self._pinger and not on_suspicion else None
        try:
            await self._ask(memory, progress, begun + self.deadline_s, on_suspicion=on_suspicion)
        except (SilentError, DeadlineError):
            log.debug("%s: no answer, or not all of it, within %.1f s", device.name, self.deadline_s)
        except Exception as error:  # noqa: BLE001  # one device never stops the others, whatever its agent or the library does
            self._complain(memory, error)
            progress.malformed = True
        pinged = await pinging if pinging else None
        return self._result(memory, progress, pinged, self._now() - begun)

    def _memory(self, device: Device) -> Memory:
        memory = self._memories.get(device.name)
        if memory is None or not memory.is_of(device):
            memory = self._memories[device.name] = Memory(device)
        memory.device = device
        return memory

    def _complain(self, memory: Memory, error: Exception) -> None:
        """Say once what keeps a device from being polled, and again when it is something else."""
        device, said = memory.device, str(error) or type(error).__name__
        if said == memory.trouble:
            return
        memory.trouble = said
        if isinstance(error, DeniedError):
            remedy = f"check the user '{device.user}' and its passwords in the settings and on the device, and that its clock runs"
        else:
            remedy = f"check its address {device.address}, port {device.port}, snmp_version and user in the inventory"
        log.warning("%s: polling failed (%s); %s", device.name, said, remedy)

    def _user(self, device: Device) -> PollUser | None:
        if device.snmp_version is not AgentVersion.V3:
            return None
        if device.user not in self._users:
            raise LookupError(f"no SNMPv3 user '{device.user}' is in the settings (traps.users)")
        return self._users[device.user]

    async def _ask(self, memory: Memory, progress: _Progress, deadline: float, *, on_suspicion: bool) -> None:
        user = self._user(memory.device)
        async with Session(memory.device, deadline, self._settings.requests_per_s, user, self._now, self._secrets) as session:
            try:
                await self._greet(session, memory, progress)
                assert memory.profile is not None
                progress.profile = memory.profile.name
                for table in memory.state_tables() if on_suspicion else memory.tables():
                    if not await self._table(session, memory, table, progress):
                        break
                memory.polls += not on_suspicion
            finally:
                progress.requests = session.asked

    async def _greet(self, session: Session, memory: Memory, progress: _Progress) -> None:
        """The first question: how long the agent runs and, where that is not known, what it is. A silent device is asked it once."""
        who = self._now()
        names = [SYS_UPTIME]
        identity = [SYS_OBJECT_ID, SYS_DESCR]
        if memory.wants_identity(who):
            names += identity
        answer = await self._first_answer(session, memory, names, progress)
        progress.uptime_ticks = _ticks(answer.get(SYS_UPTIME))
        restarted = memory.saw(progress.uptime_ticks)
        if restarted and len(names) == 1:
            answer |= await self._get(session, identity)
        memory.polls = 0 if restarted else memory.polls
        if restarted or len(names) > 1:
            memory.learn(self._choose(_oid_text(answer.get(SYS_OBJECT_ID)), _text(answer.get(SYS_DESCR))), who)

    async def _first_answer(self, session: Session, memory: Memory, names: list[str], progress: _Progress) -> dict[str, object]:
        failure: Exception = SilentError()
        for wait_s in self._waits[:1] if self._is_given_up(memory) else self._waits:
            sent_at = progress.asked_at = self._clock()
            try:
                await session.discover(wait_s)
                sent = self._now()
                answer = await session.get(names, wait_s)
            except (SilentError, GarbageError) as error:
                progress.malformed = progress.malformed or isinstance(error, GarbageError)
                if isinstance(error, DeniedError):
                    self._complain(memory, error)
                failure = error
                continue
            progress.answered_at = sent_at
            progress.round_trip_ms = (self._now() - sent) * 1000
            return answer
        raise SilentError from failure

    async def _get(self, session: Session, names: Sequence[str]) -> dict[str, object]:
        """One question, asked again as often as the settings say."""
        for wait_s in self._waits[:-1]:
            with suppress(SilentError, GarbageError):
                return await session.get(names, wait_s)
        return await session.get(names, self._waits[-1])

    async def _table(self, session: Session, memory: Memory, table: ProfileTable, progress: _Progress) -> bool:
        """Read one table; whether it makes sense to ask for another. One that was cut off by time or silence comes last next time."""
        memory.late.add(table.name)
        if table.scalar:
            await self._scalars(session, table, progress)
            memory.late.discard(table.name)
            return True
        walk = Walk(session, [column.oid for column in table.columns], memory.stride, self._waits)
        found = await walk.run()
        progress.ends.append(found.end)
        if found.end not in _CUT_OFF:
            memory.late.discard(table.name)
        if found.end is WalkEnd.COMPLETE or (found.indexes and found.end is not WalkEnd.TOO_MANY_ROWS):
            progress.take(table.name, decode(table.columns, found.indexes, found.cells))
            progress.truncated += [table.name] if found.end is not WalkEnd.COMPLETE else []
        progress.refused += found.strays
        if found.end is not WalkEnd.COMPLETE:
            log.debug("%s: the walk of %s ended: %s, after %d rows", memory.device.name, table.name, found.end, len(found.indexes))
        return found.end not in _CUT_OFF

    async def _scalars(self, session: Session, table: ProfileTable, progress: _Progress) -> None:
        """What stands once. Garbage, or an answer without sysUpTime (tooBig, genErr): find what can be answered."""
        answers: dict[str, object] = {}
        names = [f"{column.oid}.0" for column in table.columns]
        questions = deque(names[start : start + CHUNK] for start in range(0, len(names), CHUNK))
        while questions:
            question = questions.popleft()
            answer: dict[str, object] = {}
            with suppress(GarbageError):
                answer = await self._get(session, [SYS_UPTIME, *question])
            answers |= answer
            if SYS_UPTIME not in answer and len(question) > 1:
                middle = len(question) // 2
                questions.extendleft((question[middle:], question[:middle]))
        cells = [[answers.get(name)] for name in names]
        shown = any(cell is not None for (cell,) in cells)
        progress.take(table.name, decode(table.columns, ("0",) if shown else (), cells if shown else [[] for _ in cells]))

    def _is_given_up(self, memory: Memory) -> bool:
        return memory.silent >= self._settings.silent_polls

    def _result(self, memory: Memory, progress: _Progress, pinged: Pinged | None, seconds: float) -> Polled:
        said_anything = progress.uptime_ticks is not None or progress.values
        if said_anything:
            outcome = PollOutcome.ANSWERED
            memory.trouble = ""
        else:
            outcome = PollOutcome.MALFORMED if progress.malformed or progress.answered_at is not None else PollOutcome.TIMEOUT
        if outcome is PollOutcome.TIMEOUT:
            memory.heard_nothing()
        else:
            memory.answered()
        tables = progress.tables if said_anything else {}
        poll = RawPoll(
            collector=self._settings.collector,
            sequence=0,
            polled_at=progress.answered_at or progress.asked_at,
            device=memory.device.name,
            outcome=outcome,
            uptime_ticks=progress.uptime_ticks,
            round_trip_ms=round(progress.round_trip_ms, 3),
            profile=progress.profile,
            tables=tables | ({PING: pinged.table} if pinged else {}),
            truncated=tuple(progress.truncated),
        )
        return Polled(poll, progress.values, progress.refused, seconds, progress.requests, tuple(progress.ends), self._is_given_up(memory))


def waits_s(timeout_s: float, retries: int, most_s: float) -> list[float]:
    """How long each try of a question waits: twice as long as the one before, and no more than ``most_s`` together."""
    waits = [timeout_s * 2.0**tries for tries in range(1 + retries)]
    share = min(1.0, most_s / sum(waits))
    return [share * each for each in waits]


def _ticks(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TICKS else None


def _oid_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
