"""A component of very many alarms takes in what its incidents account for without being weighed again, and weighs anything else."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from pipeline.core import onset
from pipeline.core.chain import advance
from pipeline.core.context import Context
from pipeline.core.correlation import Evidence, Hypothesis
from pipeline.core.domain import DomainState, IncidentRow
from pipeline.core.event import Condition, Event, EventSource, Severity, Signal, Tick
from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link, Lsp
from pipeline.core.resource import ResourceId

SECOND = 1_000_000_000
LSPS = tuple(f"p{number:03}" for number in range(150))
TOLD_AT_ONCE, LATE = LSPS[:120], LSPS[120:]
NETWORK = Inventory(
    version="1",
    devices={
        name: Device(name, "", "192.0.2.1", interfaces=(Interface("east", 1, 1000), Interface("west", 2, 1000))) for name in ("a", "b", "c")
    },
    fibres={"f1": Fibre("f1"), "f2": Fibre("f2")},
    links={"l1": Link("l1", "a/east", "b/west", ("f1",)), "l2": Link("l2", "b/east", "c/west", ("f2",))},
    lsps={name: Lsp(name, "a", ("l1", "l2")) for name in LSPS},
)
CONTEXT = Context.of(NETWORK, {})


def down(resource: str, at_s: float) -> Event:
    return Event(
        id=f"{resource}@{at_s}",
        occurred_at=int(at_s * SECOND),
        resource=ResourceId(resource),
        alarm_type="down",
        signal=Signal.RAISE,
        severity=Severity.MAJOR,
        text=f"{resource} is down",
        source=EventSource.TRAP,
        device=resource.split("/")[1] if not resource.startswith("lsp/") else "a",
        collector="trap-1",
        sequence=int(at_s),
        condition=Condition.DOWN,
    )


@dataclass
class Storm:
    """Fibre f1 is cut at 100 s: both ends and most LSPs tell of it at once. ``weighed`` counts the alarmed resources of each weighing."""

    state: DomainState = field(default_factory=lambda: DomainState.from_rows(CONTEXT))
    weighed: list[int] = field(default_factory=list)

    def play(self, until_s: float, events: Sequence[Event] = ()) -> list[IncidentRow]:
        self.state, _ = advance(CONTEXT, self.state, [*events, Tick(int(until_s * SECOND))])
        return [self.state.incidents[name] for name in self.state.open]


@pytest.fixture
def storm(monkeypatch: pytest.MonkeyPatch) -> Storm:
    found = Storm()
    correlate = onset.correlate

    def counted(*arguments: object, **named: object) -> tuple[Hypothesis, ...]:
        found.weighed.extend(len(each.alarmed) for each in arguments if isinstance(each, Evidence))
        return correlate(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(onset, "correlate", counted)
    found.play(100, [down(f"interface/{end}", 100) for end in ("a/east", "b/west")] + [down(f"lsp/{name}", 100) for name in TOLD_AT_ONCE])
    found.play(110)
    return found


def test_what_was_expected_joins_its_incident_unweighed(storm: Storm) -> None:
    (before,) = storm.play(111)
    assert before.hypothesis.root == "fibre/f1"
    (after,) = storm.play(120, [down(f"lsp/{name}", 112) for name in LATE])
    assert storm.weighed == [122]
    assert after.id == before.id
    assert len(after.members) == len(after.hypothesis.explained) == 152
    assert after.hypothesis.missing == ()
    assert (after.hypothesis.probability, after.unweighed) == (before.hypothesis.probability, 0)
    assert after.incident is not None
    assert after.incident.grounds.explained.total == after.incident.grounds.alarms == 152


def test_a_word_that_no_cause_accounts_for_is_weighed(storm: Storm) -> None:
    """The second fibre is cut too: its ends were not expected of the first."""
    found = storm.play(120, [down(f"interface/{end}", 112) for end in ("b/east", "c/west")])
    assert storm.weighed == [122, 124]
    assert {row.hypothesis.root for row in found} == {"fibre/f1", "fibre/f2"}


def test_a_few_words_of_the_dead_join_unweighed_and_more_are_weighed(storm: Storm) -> None:
    """What the root takes down and was not expected to tell: two of a hundred are late words of the dead, more are evidence."""
    cut = next(iter(storm.state.open))
    row = storm.state.incidents[cut]
    storm.state.missing.clear()  # as if device a, that tells of the LSPs, were thought dead
    (after,) = storm.play(120, [down(f"lsp/{name}", 112) for name in LATE[:2]])
    assert (storm.weighed, after.unweighed, len(after.members)) == ([122], 2, len(row.members) + 2)
    storm.state.missing.clear()
    (last,) = storm.play(130, [down(f"lsp/{name}", 122) for name in LATE[2:4]])
    assert (storm.weighed, last.unweighed, len(last.members)) == ([122, 126], 0, len(row.members) + 4)


def test_a_large_incident_is_described_again_after_a_pause(storm: Storm) -> None:
    """Of 122 alarms that is a quarter of a second; what comes within it is told together at its end."""
    (row,) = storm.play(112, [replace(down("interface/a/east", 111.6), signal=Signal.CLEAR)])
    assert row.described_at == 112 * SECOND
    (row,) = storm.play(112.1, [replace(down("interface/b/west", 112.05), signal=Signal.CLEAR)])
    assert (row.described_at, storm.state.touched) == (112 * SECOND, {row.id})
    (row,) = storm.play(112.25)
    assert (row.described_at, storm.state.touched) == (int(112.25 * SECOND), set())


def test_a_large_incident_that_is_over_resolves_as_any_other(storm: Storm) -> None:
    names = [f"interface/{end}" for end in ("a/east", "b/west")] + [f"lsp/{name}" for name in TOLD_AT_ONCE]
    assert len(storm.play(112, [replace(down(name, 111.6), signal=Signal.CLEAR) for name in names])) == 1
    assert storm.play(113.5) == []
    (row,) = storm.state.incidents.values()
    assert (row.resolved_at, row.incident is not None and row.incident.resolved_at) == (int(111.6 * SECOND),) * 2
