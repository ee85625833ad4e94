"""What people did is part of the past: planned work is planned again, and an acknowledged incident is not escalated in a replay either."""

from typing import Any

from pipeline.backtest.heard import in_stretches
from pipeline.backtest.past import Stretch
from pipeline.backtest.run import Trial, replay
from pipeline.core.event import Event
from pipeline.core.operation import Operation, OperationKind
from tests.support.backtest import CORRELATION, dated
from tests.support.timeline import SECOND, START, World, ns_of

ENDS = START + 3_600 * SECOND
STRETCH = Stretch(START, ENDS)


def cut() -> World:
    """A fibre is cut after a minute, confirmed by a poll, and not mended within the hour."""
    world = World.of()
    world.until(ns_of("01:10"))
    for device in ("pe1", "pe2"):
        world.trap({"trap": "linkDown", "from": f"{device}/ge-0/0/1"})
    world.until(ns_of("01:15"))
    world.poll({"poll": "all", "down": ["pe1/ge-0/0/1", "pe2/ge-0/0/1"]})
    world.until(ns_of("50:00"))
    return world


WORLD = cut()
(INCIDENT,) = WORLD.incidents


def tried(*operations: tuple[int, Operation]) -> Trial:
    """The same past with what people did."""
    heard: list[Any] = [
        (item.occurred_at if isinstance(item, Event) else item.polled_at, item.collector, item.sequence, item)
        for item in WORLD.fed
        if hasattr(item, "sequence")
    ]
    (trial,) = replay(in_stretches(heard, ((at, "", 0, done) for at, done in operations)), [dated()], CORRELATION, STRETCH, START)
    return trial


def did(kind: OperationKind, target: str, at_s: int, **fields: Any) -> tuple[int, Operation]:
    at = START + at_s * SECOND
    return at + SECOND, Operation(f"{kind}-{at_s}", kind, at, "alice", target, "default", **fields)


def whats(trial: Trial) -> list[str]:
    return sorted(act.what for act in trial.past.acts.values())


def test_without_people_the_incident_is_told_and_escalated() -> None:
    trial = tried()
    assert list(trial.past.incidents) == [INCIDENT]
    assert whats(trial).count("escalated") == 4
    assert "opened" in whats(trial)
    assert sum(owed.amount_minor for owed in trial.past.owed.values()) > 0


def test_an_acknowledgement_ends_the_escalation_from_when_it_was_given() -> None:
    trial = tried(did(OperationKind.ACK, INCIDENT, 15 * 60))
    assert whats(trial).count("escalated") == 1
    assert trial.past.incidents[INCIDENT].acknowledged_by == "alice"


def test_planned_work_tells_nobody_and_what_was_announced_is_not_owed() -> None:
    """Declared two hours before, when the replay had not begun; it comes at the replay's start."""
    window = Operation(
        id="op-1",
        kind=OperationKind.WINDOW_ADD,
        at=START - 7_200 * SECOND,
        operator="alice",
        target="mw-7",
        domain="default",
        until=ENDS,
        starts_at=START,
        resources=("fibre/f-direct",),
    )
    trial = tried((START, window))
    assert (whats(trial), trial.past.incidents[INCIDENT].planned, sorted(trial.past.planned.windows)) == ([], "mw-7", ["mw-7"])
    assert sum(owed.amount_minor for owed in trial.past.owed.values()) == 0
