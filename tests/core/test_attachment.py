"""Correlation rules at work in the core: what they lay to an incident, what they leave alone, and what becomes of it."""

from dataclasses import replace
from typing import Any

from pipeline.core.attachment import SHOWN_SYMPTOMS
from pipeline.core.chain import advance
from pipeline.core.context import Context
from pipeline.core.correlation_rule import Correlating, CorrelationRule, Relation, Relations
from pipeline.core.domain import DomainState, IncidentRow, Output
from pipeline.core.event import AlarmType, Condition, Event, EventSource, Severity, Signal, Tick
from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link, Lsp
from pipeline.core.resource import ResourceId

S = 1_000_000_000
START = 1_790_000_000 * S
PORTS = (Interface("p1", 1, 1000), Interface("p2", 2, 1000))
INVENTORY = Inventory(
    "test",
    devices={name: Device(name, "", f"192.0.2.{place}", interfaces=PORTS) for place, name in enumerate(("a", "b", "c"))},
    fibres={"f1": Fibre("f1"), "f2": Fibre("f2")},
    links={"a-b": Link("a-b", "a/p1", "b/p1", ("f1",)), "b-c": Link("b-c", "b/p2", "c/p1", ("f2",))},
    lsps={"a-c": Lsp("a-c", "a", ("a-b", "b-c"))},
)
TYPES = {
    name: AlarmType(name, "communications-alarm", "x733/other", Severity.MAJOR, condition=condition)
    for name, condition in (
        ("link-down", Condition.DOWN),
        ("congestion", Condition.NONE),
        ("peer-down", Condition.NONE),
        ("session-down", Condition.DOWN),
    )
}
RULES = (
    CorrelationRule("traffic-moves", "link-down", "congestion", Relation.NEIGHBOUR, 120),
    CorrelationRule("peer-goes", "link-down", "peer-down", Relation.SAME_DEVICE, 60),
    CorrelationRule("session-goes", "link-down", "session-down", Relation.SAME_DEVICE, 60),
)
CUT = (("link-down", "interface/a/p1", "a"), ("link-down", "interface/b/p1", "b"))


class Core:
    """The core with three rules, fed by seconds."""

    def __init__(self, rules: tuple[CorrelationRule, ...] = RULES) -> None:
        context = Context.of(INVENTORY, TYPES)
        self.context = replace(context, correlating=Correlating.of(rules, Relations.of(INVENTORY, context.topology)))
        self.state = DomainState.from_rows(self.context)
        self.sequence, self.output = 0, Output()

    def tell(self, at_s: float, kind: str, resource: str, device: str, signal: Signal = Signal.RAISE) -> None:
        self.sequence += 1
        self.feed(
            Event(
                id=f"t:{self.sequence}:0",
                occurred_at=START + int(at_s * S),
                resource=ResourceId(resource),
                alarm_type=kind,
                signal=signal,
                severity=Severity.MAJOR,
                text=f"{kind} told",
                source=EventSource.TRAP,
                device=device,
                collector="t",
                sequence=self.sequence,
                condition=TYPES[kind].condition,
            )
        )

    def cut(self, at_s: float) -> None:
        for kind, resource, device in CUT:
            self.tell(at_s, kind, resource, device)

    def until(self, at_s: int) -> None:
        for tick in range(self.state.now // S - START // S + 1 if self.state.now else 1, at_s + 1):
            self.feed(Tick(START + tick * S))

    def feed(self, *items: Any) -> None:
        self.state, self.output = advance(self.context, self.state, items)

    def again(self) -> None:
        """Go on from the rows, as after a restart."""
        self.state = DomainState.from_rows(self.context, tuple(self.state.rows()))

    def open(self) -> list[IncidentRow]:
        return [self.state.incidents[name] for name in self.state.open]

    def laid(self) -> list[tuple[str, str, str]]:
        """Root, symptom and rule of everything that is laid."""
        return [(row.hypothesis.root, key.resource, rule) for row in self.open() for key, rule in row.symptoms]


def test_a_symptom_is_laid_to_the_incident_that_it_follows_and_told_as_unproved() -> None:
    core = Core()
    core.cut(0)
    core.until(3)
    core.tell(20, "congestion", "interface/c/p2", "c")
    core.until(22)
    assert core.laid() == [("fibre/f1", "interface/c/p2", "traffic-moves")]
    (incident,) = (row.incident for row in core.open())
    assert incident is not None
    assert incident.revision == 2
    [told] = [line for line in incident.explanation if line.startswith("Told beside it")]
    assert "congestion on interface/c/p2, 20 s after it began" in told
    assert "Laid to it by the correlation rule traffic-moves; nothing proves that it has the same cause" in told
    assert len(incident.alarms) == 2, "it is no alarm of the cause"


def test_of_many_symptoms_the_first_few_are_told() -> None:
    core = Core()
    core.cut(0)
    core.until(3)
    for place in range(9):
        core.tell(20, "peer-down", f"peer/a/192.0.2.{place}", "a")
    core.until(22)
    (row,) = core.open()
    assert row.incident is not None
    assert len(row.symptoms) == 9
    (told,) = [line for line in row.incident.explanation if line.startswith("Told beside it")]
    assert told.count("peer-down on peer/a/") == SHOWN_SYMPTOMS
    assert "6 more" in told, told


def test_an_effect_that_is_there_before_its_incident_waits_for_it() -> None:
    core = Core()
    core.cut(0)
    core.tell(1, "peer-down", "peer/a/192.0.2.9", "a")
    core.until(1)
    assert core.laid() == []
    core.until(4)
    assert core.laid() == [("fibre/f1", "peer/a/192.0.2.9", "peer-goes")]


def test_what_is_elsewhere_too_late_or_before_is_left_alone() -> None:
    core = Core()
    core.tell(0, "peer-down", "peer/b/192.0.2.7", "b")
    core.cut(5)
    core.until(9)
    core.tell(20, "peer-down", "peer/c/192.0.2.9", "c")
    core.tell(70, "peer-down", "peer/a/192.0.2.9", "a")
    core.until(75)
    assert core.laid() == []
    assert len(core.open()) == 1


def test_a_symptom_neither_keeps_its_incident_open_nor_is_forgotten_with_it() -> None:
    core = Core()
    core.cut(0)
    core.tell(2, "peer-down", "peer/a/192.0.2.9", "a")
    core.until(5)
    for kind, resource, device in CUT:
        core.tell(30, kind, resource, device, Signal.CLEAR)
    core.until(60)
    assert core.open() == []
    standing = [key.alarm_type for key, row in core.state.alarms.items() if not row.alarm.is_cleared]
    assert standing == ["peer-down"]


def test_a_cleared_symptom_is_news_for_its_incident() -> None:
    core = Core()
    core.cut(0)
    core.tell(2, "peer-down", "peer/a/192.0.2.9", "a")
    core.until(5)
    core.tell(10, "peer-down", "peer/a/192.0.2.9", "a", Signal.CLEAR)
    core.until(12)
    (incident,) = (row.incident for row in core.open())
    assert incident is not None
    assert "cleared since" in " ".join(incident.explanation)


def test_an_alarm_outside_the_topology_is_laid_instead_of_opening_an_incident_and_opens_it_if_it_outlasts_that() -> None:
    core = Core()
    core.cut(0)
    core.tell(1, "session-down", "peer/a/session-7", "a")
    core.until(6)
    assert core.laid() == [("fibre/f1", "peer/a/session-7", "session-goes")]
    assert len(core.open()) == 1
    for kind, resource, device in CUT:
        core.tell(30, kind, resource, device, Signal.CLEAR)
    core.until(60)
    (row,) = core.open()
    assert row.hypothesis.root == "peer/a/session-7", "its link is well and it is not: it counts for itself"


def test_without_a_rule_it_opens_its_own_incident() -> None:
    core = Core(rules=())
    core.cut(0)
    core.tell(1, "session-down", "peer/a/session-7", "a")
    core.until(6)
    assert {row.hypothesis.root for row in core.open()} == {"fibre/f1", "peer/a/session-7"}


def test_everything_is_the_same_after_a_restart() -> None:
    core = Core()
    core.cut(0)
    core.tell(1, "peer-down", "peer/a/192.0.2.9", "a")
    core.until(1)
    core.again()
    core.until(4)
    core.again()
    assert core.laid() == [("fibre/f1", "peer/a/192.0.2.9", "peer-goes")]
    core.tell(10, "peer-down", "peer/a/192.0.2.9", "a", Signal.CLEAR)
    core.until(12)
    assert [change.incident.revision for change in core.output.incidents] == []
    (incident,) = (row.incident for row in core.open())
    assert incident is not None
    assert "cleared since" in " ".join(incident.explanation)
