"""A stretch of the past as the history has it: what was said before its end, by whatever was said of it later unmoved."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.backtest.past import Stretch
from pipeline.backtest.recorded import incident_of, outages_beside, recorded, said_by_others
from pipeline.core.event import Condition, EventSource
from pipeline.core.oddness import QUALIFIER
from pipeline.core.operation import OperationKind
from pipeline.store.client import Connection, StoreClient
from pipeline.store.past import PastQueries
from tests.support.history import HistoryProcess, keep
from tests.support.history_samples import NOW, S, alarm_change, answer, effect, event, incident, outage, poll, trap

LATER = NOW + 100 * S


@pytest.fixture
def queries(history: HistoryProcess, client: StoreClient) -> Iterator[PastQueries]:  # emptied for this test
    with PastQueries.of(history.settings) as reader:
        yield reader


@pytest.fixture
def writer(history: HistoryProcess) -> Connection:
    return Connection.writer(history.settings)


def test_an_incident_is_as_it_was_said_to_be_before_the_end(writer: Connection, queries: PastQueries) -> None:
    """Its resolution came later, so it is open; one that was over before, or began later, is none of the stretch's."""
    gone = replace(incident(1, resolved=True, name="in-2"), resolved_at=NOW + S)
    keep(writer, incident(1), gone, replace(incident(1, name="in-3"), started_at=LATER), recorded_at_ms=NOW // 10**6)
    keep(writer, incident(2, resolved=True), recorded_at_ms=(LATER + S) // 10**6)
    was = recorded(queries, Stretch(NOW + 2 * S, LATER))
    assert list(was.incidents) == ["in-1"]
    assert (was.incidents["in-1"].state.value, was.incidents["in-1"].revision) == ("open", 1)
    ended = recorded(queries, Stretch(NOW + 2 * S, LATER + 2 * S)).incidents["in-1"]
    wanted = incident(2, resolved=True)
    names = ("id", "root_cause", "severity", "reason", "alarms", "started_at", "resolved_at", "probability", "topology_version")
    assert [getattr(ended, name) for name in names] == [getattr(wanted, name) for name in names]
    assert [(each.service, each.state, each.tier) for each in ended.impacts] == [
        (each.service, each.state, each.tier) for each in wanted.impacts
    ]
    assert incident_of(queries.incidents_between(NOW, LATER + 2 * S)[0]) == ended


def test_of_an_outage_whose_last_word_is_of_later_it_is_taken_that_it_lasted(writer: Connection, queries: PastQueries) -> None:
    """One that was first told of later is not known, and one that was over before counts for its month."""
    known = replace(outage(2), started_at=NOW, ended_at=NOW + 10 * S)
    keep(writer, known, replace(known, id="o-2", revision=1), recorded_at_ms=(LATER + S) // 10**6)
    keep(writer, replace(known, id="o-3", ended_at=NOW + S), recorded_at_ms=(NOW + S) // 10**6)
    stretch = Stretch(NOW + 5 * S, LATER)
    assert {name: one.ended_at for name, one in recorded(queries, stretch).outages.items()} == {known.id: 0}
    assert [one.id for one in outages_beside(queries, stretch, NOW - S)] == ["o-3"]


def test_who_was_told_and_how_much_there_was(writer: Connection, queries: PastQueries) -> None:
    raised = alarm_change(1, at=NOW + S)
    evidence = replace(raised, alarm=replace(raised.alarm, condition=Condition.DOWN))
    apart = replace(raised, alarm=replace(raised.alarm, condition=Condition.NONE, id="al-2", alarm_type="cpu-high"))
    keep(writer, evidence, evidence, apart, trap(7), trap(7), poll(3), event(1), effect())
    was = recorded(queries, Stretch(NOW - S, LATER))
    told = (*("evidence", "apart", "notifications", "polls", "events", "unknown"),)
    assert {name: was.counts[name] for name in told} == dict(zip(told, (1, 1, 1, 1, 1, 0), strict=True))
    assert len(was.acts) == 1
    assert recorded(queries, Stretch(LATER, LATER + S)).acts == {}
    assert [row["alarm_type"] for row in queries.standing_at(LATER)] == [evidence.alarm.alarm_type]
    assert queries.standing_at(NOW) == []


def test_what_others_put_into_events_comes_as_they_put_it(writer: Connection, queries: PastQueries) -> None:
    """The system's events and elements' oddness, and what people did; a window that was declared long before as well."""
    system = replace(event(5, NOW + 3 * S), source=EventSource.SYSTEM, attributes={})
    odd = replace(event(6, NOW + 2 * S), source=EventSource.ANOMALY, qualifier=QUALIFIER)
    keep(writer, event(1), system, odd, replace(odd, id="other", qualifier="in_bps"))
    window = {"kind": OperationKind.WINDOW_ADD, "target": "mw-1", "until": LATER, "starts_at": NOW, "resources": ("site/ams",)}
    acknowledged = answer(at=NOW + S)
    early = answer("op-2", at=NOW - 9 * S, **window)
    keep(writer, acknowledged, early, answer("op-3", at=NOW - 9 * S))
    came = said_by_others(queries, NOW, LATER)
    assert [item for *_, item in came] == [early.operation, acknowledged.operation, odd, system]
    assert [at for at, *_ in came] == sorted(at for at, *_ in came)
    assert came[0][0] >= NOW
