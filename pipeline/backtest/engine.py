"""The worker's handlers without a broker: what one gives the next takes at once, and nothing leaves this process.

Each fold is of one device, group or domain, so that one partition gives what many give. Time comes as ticks here, too, at the multiples of
a quarter of a second; those that would change nothing are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pipeline.backtest.dated import Dated
from pipeline.config.settings import CorrelationSettings
from pipeline.core.chain import SWEEP_NS, Item
from pipeline.core.domain import DOMAIN_KEY, ROW_TYPES
from pipeline.core.event import Event, Tick
from pipeline.core.idle import TICK_NS, next_tick
from pipeline.core.polling import PollState
from pipeline.core.raw import RawPoll, RawTrap
from pipeline.stream.domain import DomainHandler
from pipeline.stream.edge import PollHandler, TrapHandler
from pipeline.stream.groups import ROW_TYPES as GROUP_ROWS
from pipeline.stream.groups import GroupHandler
from pipeline.stream.guard import Handler
from pipeline.stream.memory import Memories
from pipeline.stream.rows import Keyed, Rows
from pipeline.stream.turn import Turn
from pipeline.wire import Topic

WHERE = 0
"""The one partition."""
PARTITIONS = 1

Input = RawTrap | RawPoll | Item
"""What comes from outside: notifications, polls, and what is put into the domains as it is, such as the detectors' events."""


class Passed(Turn):
    """A turn whose messages stay values, and whose rows go nowhere."""

    def __init__(self) -> None:
        super().__init__({})
        self.sent: list[tuple[Topic, Sequence[Any]]] = []

    def send(self, topic: Topic, partition: int, items: Sequence[Any]) -> None:  # noqa: ARG002  # there is one
        """Pass values on."""
        if items:
            self.sent.append((topic, items))


class Unwritten(Rows):
    """Rows that nobody reads again, for the working state is never lost here; it remembers whether anything but the clock changed."""

    changed = False

    def load(self, turn: Turn, partition: int) -> Iterator[tuple[str, Any]]:  # noqa: ARG002  # there are none
        """Nothing was before."""
        return iter(())

    def store(self, turn: Turn, partition: int, changed: Any) -> None:  # type: ignore[override]  # noqa: ARG002  # static there
        """Note a change."""
        self.changed = self.changed or any(not name.endswith(f"|{DOMAIN_KEY}") for name, _ in changed)


class Remembered(Keyed):
    """Rows of one kind, kept as the values that they are."""

    def __init__(self) -> None:
        super().__init__(PollState)
        self._values: dict[str, Any] = {}

    def get(self, turn: Turn, key: str) -> Any | None:  # noqa: ARG002  # nothing is in it
        """The value of a key, or ``None``."""
        return self._values.get(key)

    def put(self, turn: Turn, key: str, value: Any) -> None:  # type: ignore[override]  # noqa: ARG002  # static there
        """Change one value."""
        self._values[key] = value


class Unsaved(Memories):
    """The detector's memories of devices, which are not written now and then, for they are never read again."""

    def keep(self, turn: Turn, partition: int, device: str, now: int) -> None:
        """Nothing to do."""


@dataclass(slots=True)
class Made:
    """What came out of one stretch of time, topic by topic, in order."""

    by_topic: dict[Topic, list[Any]] = field(default_factory=dict)

    def add(self, topic: Topic, items: Sequence[Any]) -> None:
        """More of one topic."""
        self.by_topic.setdefault(topic, []).extend(items)

    def of(self, topic: Topic) -> list[Any]:
        """What was sent to a topic."""
        return self.by_topic.get(topic, [])


class Engine:
    """Folds inputs as the worker does; :meth:`advance` gives what that brought forth. It begins with nothing known at ``begins_at``.

    ``is_frugal`` leaves out ticks that would change nothing.
    """

    def __init__(self, source: Dated, correlation: CorrelationSettings, begins_at: int, *, is_frugal: bool = True) -> None:
        self._source = source
        self._rows = Unwritten(ROW_TYPES)
        self._domain = DomainHandler(source, self._rows, correlation, PARTITIONS)
        self._traps = TrapHandler(source, PARTITIONS)
        self._polls = PollHandler(source, Remembered(), PARTITIONS, Unsaved())
        self._groups = GroupHandler(source, Unwritten(GROUP_ROWS), PARTITIONS)
        self._handlers: dict[type[Any], Handler] = {RawTrap: self._traps.handle, RawPoll: self._polls.handle}
        self._is_frugal = is_frugal
        self._now = begins_at - begins_at % TICK_NS
        self.ticks = 0

    def advance(self, inputs: Sequence[Input], until: int) -> Made:
        """Let time pass up to the tick at ``until``; inputs are of the stretch between the tick before and that one, in their order."""
        made = Made()
        if inputs:
            self._pass(until - TICK_NS, made)
            for kind, run in groupby(inputs, type):
                self._take(kind, list(run), made)
        self._pass(until, made)
        return made

    def standing(self) -> frozenset[tuple[str, str]]:
        """Resource and alarm type of every alarm that stands."""
        return self._domain.standing(WHERE)

    def _take(self, kind: type[Any], values: list[Any], made: Made) -> None:
        handle = self._handlers.get(kind)
        if handle is None:
            self._fold(values, made)
            return
        turn = Passed()
        handle(WHERE, values, turn)
        self._follow(turn, made)

    def _follow(self, turn: Passed, made: Made) -> None:
        """What handlers at the edge send: on to the domains, or through the groups."""
        for topic, items in turn.sent:
            if topic is Topic.EVENTS:
                self._fold(list(items), made)
            elif topic is Topic.ROLLUPS:
                gathered = Passed()
                self._groups.handle(WHERE, list(items), gathered)
                self._follow(gathered, made)

    def _fold(self, items: list[Any], made: Made) -> None:
        made.add(Topic.EVENTS, [item for item in items if isinstance(item, Event)])
        turn = Passed()
        self._domain.handle(WHERE, items, turn)
        for topic, values in turn.sent:
            made.add(topic, values)

    def _pass(self, until: int, made: Made) -> None:
        while self._now < until:
            self._now = self._next(until)
            self._source.move(self._now)
            self._rows.changed = False
            self.ticks += 1
            self._fold([Tick(self._now)], made)

    def _next(self, until: int) -> int:
        if self._rows.changed or not self._is_frugal:
            return next_tick(self._now, until, self._now, 0)
        due = min(self._domain.due_at(WHERE), self._source.changes_at)
        return next_tick(self._now, until, due, SWEEP_NS if self._domain.wants_sweeps(WHERE) else 0)
