"""A scenario through the product's streaming core, as production would feed it: notifications, polls in turn and on suspicion, ticks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from collectors.poll.question import Questions
from pipeline.config.settings import PollSettings
from pipeline.core.alarm import AlarmKey
from pipeline.core.chain import Item, advance
from pipeline.core.context import Context
from pipeline.core.domain import DomainState, IncidentRow, Output
from pipeline.core.enquiry import settling
from pipeline.core.event import Event, EventSource, Severity, Signal, StateReport, Tick
from pipeline.core.resource import ResourceId
from pipeline.core.suspicion import Question, suspect
from tests.bench.zoo.inventory import inventory_of
from tests.bench.zoo.network import Network, network_of
from tests.bench.zoo.physics import Told
from tests.bench.zoo.scenario import Notification, Scenario
from tests.support.timeline import rule_book

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
STEP_S = 0.5
ENDS_S = 150.0
"""The last fault is at 30 s, its last alarm told by 38 s and there by 68 s; then two turns of polls go by."""

POLLING = PollSettings()
ANSWER_S = 0.3
SILENCE_S = POLLING.timeout_s * (2 ** (POLLING.retries + 1) - 1)
"""How long a device that does not answer is asked in its turn; on suspicion it is asked twice as long."""


@dataclass(slots=True)
class Naming:
    """The causes that the open incidents named after each step: ``roots`` now, and since when each has been named without a break."""

    roots: dict[ResourceId, float] = field(default_factory=dict)

    def saw(self, named: Iterator[ResourceId], at_s: float) -> None:
        """What is named at a time."""
        now = set(named)
        self.roots = {root: self.roots.get(root, at_s) for root in now}


@dataclass(slots=True)
class Played:
    """What came out. ``cluster`` is each alarm's incident (empty: none), ``opened`` how many incidents there ever were.

    ``standing`` are the alarms that stand at the end. ``moves`` counts how often an incident's root changed, ``revisions`` all changes.
    """

    scenario: Scenario
    state: DomainState
    naming: Naming = field(default_factory=Naming)
    raw: int = 0
    opened: int = 0
    moves: int = 0
    revisions: int = 0

    @property
    def open(self) -> list[IncidentRow]:
        """The incidents that are open at the end."""
        return [self.state.incidents[name] for name in sorted(self.state.open)]

    @property
    def cluster(self) -> dict[Told, str]:
        """Each alarm that was ever raised, and its incident."""
        return {_told(key): row.incident for key, row in self.state.alarms.items() if row.alarm.occurrences}

    @property
    def standing(self) -> set[Told]:
        """The alarms that stand."""
        return {_told(key) for key, row in self.state.alarms.items() if not row.alarm.is_cleared}


def _told(key: AlarmKey) -> Told:
    return key.resource, key.alarm_type


@cache
def _known(graph: str) -> Context:
    return _context(network_of(graph))


def _context(network: Network) -> Context:
    return Context.of(inventory_of(network), rule_book().alarm_types)


def play(scenario: Scenario, *, with_polls: bool) -> Played:
    """The whole scenario, from a poll of everything before the first fault to ``ENDS_S``."""
    context = _known(scenario.graph) if scenario.inventory is network_of(scenario.graph) else _context(scenario.inventory)
    played = Played(scenario, DomainState.from_rows(context))
    polls = _Polls(scenario) if with_polls else None
    traps = list(enumerate(scenario.notifications))
    if polls is not None:
        _advance(context, played, [*polls.before(), Tick(START)], 0.0)
    at_s, done = 0.0, 0
    while at_s < ENDS_S:
        at_s += STEP_S
        arrived = done
        while arrived < len(traps) and traps[arrived][1].arrives_s <= at_s:
            arrived += 1
        items: list[tuple[float, Item]] = [(each.arrives_s, _event(each, number)) for number, each in traps[done:arrived]]
        done = arrived
        if polls is not None:
            items += polls.until(at_s)
            items.sort(key=lambda pair: pair[0])
        output = _advance(context, played, [*(item for _, item in items), Tick(START + int(at_s * SECOND))], at_s)
        if polls is not None:
            polls.ask(questions_of(played.state, output), at_s)
    played.raw = len(traps)
    return played


def questions_of(state: DomainState, output: Output) -> Iterator[Question]:
    """What the stream asks devices after a batch: whether it is as traps say, and what would tell a doubtful cause from its rivals."""
    yield from (question for change in output.alarm_changes if (question := suspect(change)) is not None)
    for change in output.incidents:
        if change.previous is None or change.previous.root_cause != change.incident.root_cause:
            row = state.incidents[change.incident.id]
            yield from settling(state.topology, row.hypothesis, state.reports, row.started_at, state.now)


def _advance(context: Context, played: Played, items: Sequence[Item], at_s: float) -> Output:
    played.state, output = advance(context, played.state, items)
    if output.incidents:
        for change in output.incidents:
            played.opened += change.previous is None
            played.revisions += 1
            played.moves += change.previous is not None and change.previous.root_cause != change.incident.root_cause
        played.naming.saw((row.hypothesis.root for row in played.open if not row.hypothesis.is_grouping), at_s)
    return output


def _event(notification: Notification, number: int) -> Event:
    """What the edge makes of a trap, by the packaged rules."""
    resource, alarm_type = notification.told
    known = rule_book().alarm_types[alarm_type]
    return Event(
        id=f"trap-1:{number}:0",
        occurred_at=START + int(notification.stamped_s * SECOND),
        resource=ResourceId(resource),
        alarm_type=alarm_type,
        signal=Signal.RAISE,
        severity=known.severity or Severity.MAJOR,
        text=f"{alarm_type} of {resource}",
        source=EventSource.TRAP,
        device=notification.device,
        collector="trap-1",
        sequence=number,
        condition=known.condition,
    )


class _Polls:
    """The poll collector: every device in its turn, and whoever is suspected out of turn, by the product's own rule."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._boxes = scenario.inventory.boxes
        self._interfaces = {name: tuple(ResourceId(f"interface/{name}/{port}") for port in box.ports) for name, box in self._boxes.items()}
        self._questions = Questions(POLLING.question_pause_s, POLLING.questions_per_s)
        spread = POLLING.interval_s / max(len(self._boxes), 1)
        self._turns = [(place * spread, name) for place, name in enumerate(self._boxes)]
        self._next, self._round, self._sequence = 0, 0, 0
        self._waiting: list[tuple[float, StateReport]] = []
        self._busy: dict[str, float] = {}

    def before(self) -> Iterator[StateReport]:
        """The last turn before anything failed."""
        for at_s, name in self._turns:
            yield self._report(name, at_s - POLLING.interval_s, frozenset(), on_suspicion=False)

    def until(self, at_s: float) -> list[tuple[float, StateReport]]:
        """The reports that come by a time."""
        while self._turns and (due_s := self._turns[self._next][0] + self._round * POLLING.interval_s) <= at_s:
            name = self._turns[self._next][1]
            if self._busy.get(name, 0.0) <= due_s:
                self._questions.begun(name, int(due_s * SECOND))
                self._begin(name, due_s, on_suspicion=False)
            self._next += 1
            if self._next == len(self._turns):
                self._next, self._round = 0, self._round + 1
        ready = [pair for pair in self._waiting if pair[0] <= at_s]
        self._waiting = [pair for pair in self._waiting if pair[0] > at_s]
        return ready

    def ask(self, questions: Iterator[Question], at_s: float) -> None:
        """Take questions, and begin the polls that are due."""
        now = int(at_s * SECOND)
        for question in {question.device: question for question in questions}.values():
            if question.device in self._boxes:
                self._questions.take(question.device, START + now - question.asked_at, now)
        busy = {name for name, until_s in self._busy.items() if until_s > at_s}
        for name in self._questions.ready(now, busy).devices:
            self._begin(name, at_s, on_suspicion=True)

    def _begin(self, name: str, at_s: float, *, on_suspicion: bool) -> None:
        report = self._report(name, at_s, self._scenario.down_at(at_s), on_suspicion=on_suspicion)
        taken_s = ANSWER_S if report.reachable else SILENCE_S * (2 if on_suspicion else 1)
        self._busy[name] = at_s + taken_s
        self._waiting.append((at_s + taken_s, report))

    def _report(self, name: str, at_s: float, down: frozenset[str], *, on_suspicion: bool) -> StateReport:
        self._sequence += 1
        reachable = f"reachability/{name}" not in down
        interfaces = self._interfaces[name]
        lost = tuple(each for each in interfaces if each in down) if reachable and down else ()
        return StateReport(
            device=name,
            polled_at=START + int(at_s * SECOND),
            collector="poll-1",
            sequence=self._sequence,
            reachable=reachable,
            up=(interfaces if not lost else tuple(each for each in interfaces if each not in down)) if reachable else (),
            down=lost,
            on_suspicion=on_suspicion,
        )
