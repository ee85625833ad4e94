"""What is written comes back as it was meant: whole nanoseconds, names for severities, exact decimals, the last revision of everything."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.config.settings import HistorySettings
from pipeline.core.kpi import packed
from pipeline.core.raw import PollOutcome
from pipeline.store.client import Connection, StoreClient, StoreError
from pipeline.store.queries import TABLES, Queries
from tests.support.history import HistoryProcess
from tests.support.history import keep as history_keep
from tests.support.history_samples import (
    BESIDE,
    EVERY_KIND,
    NOW,
    PORT,
    S,
    alarm_change,
    evaluation,
    event,
    incident,
    kpis,
    outage,
    poll,
    trap,
)


@pytest.fixture
def queries(history: HistoryProcess, client: StoreClient) -> Iterator[Queries]:
    with Queries.of(history.settings) as reader:
        yield reader


async def keep(client: StoreClient, *values: Any) -> None:
    """Write values as the sink does, each an insert of its own."""
    await asyncio.to_thread(history_keep, client._connection, *values, recorded_at_ms=NOW // 1_000_000)


async def test_an_incident_comes_back_as_its_last_revision(client: StoreClient, queries: Queries) -> None:
    """Later revisions replace earlier ones whatever the order of arrival; the history keeps all."""
    await keep(client, incident(2, resolved=True), incident(1), incident(name="in-2"))
    found = queries.incident("in-1")
    assert found is not None
    assert (found["state"], found["severity"], found["revision"], found["alarm_count"]) == ("resolved", "critical", 2, 1)
    assert (found["started_at"], found["resolved_at"], found["recorded_at"]) == (NOW, NOW + 300 * S, NOW)
    impact = {"service": "acme-vpn-1", "customer": "acme", "contract": "acme-gold", "tier": "gold", "state": "down", "since_at": NOW}
    impact |= {"share": 1.0, "path": ["fibre/f-ams-rtm-1", "link/ams--rtm"], "gate": ""}
    assert found["impacts"] == [impact]
    assert (found["grounds"]["root"], found["grounds"]["missing"]) == ("fibre/f-ams-rtm-1", {"first": ["lsp/l1"], "total": 1})
    assert [each["id"] for each in queries.incidents()] == ["in-1", "in-2"]
    assert [each["id"] for each in queries.incidents("open")] == ["in-2"]
    assert [(each["revision"], each["resolved_at"]) for each in queries.incident_revisions("in-1")] == [(1, 0), (2, NOW + 300 * S)]
    assert queries.incident("in-9") is None


async def test_alarms_come_back_standing_or_all_with_their_history(client: StoreClient, queries: Queries) -> None:
    """A cleared alarm leaves the list of standing ones, and its changes tell why."""
    await keep(client, alarm_change(1), alarm_change(2, is_cleared=True, at=NOW + 5), alarm_change(name="al-2"))
    assert [each["id"] for each in queries.alarms()] == ["al-2"]
    assert [(each["id"], each["is_cleared"]) for each in queries.alarms(standing=False)] == [("al-1", True), ("al-2", False)]
    assert [each["id"] for each in queries.alarms_by_id(["al-2", "al-0", "al-1"])] == ["al-2", "al-1"]
    assert queries.alarms_by_id([]) == []
    history = [(each["change"], each["reason"], each["at"], each["cleared_at"]) for each in queries.alarm_changes("al-1")]
    assert history == [("raised", "first-raise", NOW, 0), ("cleared", "cleared", NOW + 5, NOW + 5)]


async def test_evidence_is_found_down_to_the_datagram(client: StoreClient, queries: Queries) -> None:
    """Events by id, in the order asked for, and the notification by its place in the journal; a repeated row is one answer."""
    await keep(client, event(1), event(2, NOW + 1), trap(7), trap(7), poll(3, outcome=PollOutcome.TIMEOUT))
    assert [each["occurred_at"] for each in queries.events(["trap-1:2:0", "trap-1:1:0"])] == [NOW + 1, NOW]
    assert queries.events(["trap-1:1:0"])[0]["attributes"] == {"ifName": "ge-0/0/1"}
    found = queries.trap("trap-1", 7)
    assert found is not None
    assert [each["value"] for each in found["varbinds"]] == ["1", "ge-0/0/1", "\\x00\\xff\\x0a"]
    assert (found["version"], found["uptime_ticks"], found["received_at"]) == ("v2c", 4_200, NOW)
    timed_out = queries.poll("poll-1", 3)
    assert timed_out is not None
    assert timed_out["outcome"] == "timeout"
    assert (queries.trap("trap-1", 8), queries.poll("poll-1", 8)) == (None, None)
    assert (queries.unique_traps(), queries.unique_polls()) == ({"trap-1": 1}, {"poll-1": 1})


@pytest.mark.parametrize(
    ("starts_s", "ends_s", "found"),
    [
        pytest.param(-9, 0, [], id="ends-where-the-outage-starts"),
        pytest.param(-9, 1, ["ou-1", "ou-2"], id="reaches-into-it"),
        pytest.param(299, 400, ["ou-1", "ou-2"], id="starts-in-its-last-second"),
        pytest.param(300, 400, ["ou-2"], id="starts-where-it-ends"),
    ],
)
async def test_outages_of_a_period_are_those_that_overlap_it(
    client: StoreClient, queries: Queries, starts_s: int, ends_s: int, found: list[str]
) -> None:
    """The end of a period is not in it, an outage that lasts is in every later one; periods count in seconds from the outage's start."""
    await keep(client, outage(2, ended=True), outage(1), outage(name="ou-2"))
    between = queries.outages_between("acme-vpn-1", NOW + starts_s * S, NOW + ends_s * S)
    assert [each["id"] for each in between] == found


async def test_outages_are_found_by_incident_and_service(client: StoreClient, queries: Queries) -> None:
    """Each filter holds alone and both together; an outage that lasts ends at 0."""
    await keep(client, outage(), replace(outage(name="ou-2"), service="other", incident="in-2"))
    assert [each["id"] for each in queries.outages()] == ["ou-1", "ou-2"]
    assert [each["id"] for each in queries.outages("in-2")] == ["ou-2"]
    assert [each["id"] for each in queries.outages(service="acme-vpn-1")] == ["ou-1"]
    assert queries.outages("in-2", "acme-vpn-1") == []
    lasting = queries.outage("ou-1")
    assert lasting is not None
    assert lasting["ended_at"] == 0


async def test_evaluations_come_back_exactly(client: StoreClient, queries: Queries) -> None:
    """Percentages are decimals to the last place, money is whole minor units; of repeated settlements the latest counts."""
    later = replace(evaluation(), id="ev-2", evaluated_at=NOW + S, credit_minor=-1)
    await keep(client, evaluation(), later, evaluation())
    assert [(each["id"], each["credit_minor"]) for each in queries.evaluations()] == [("ev-2", -1)]
    assert [each["id"] for each in queries.evaluations(NOW)] == ["ev-1"]
    found = queries.evaluation("ev-1")
    assert found is not None
    assert (found["availability"], found["target"], found["violated"]) == ("99.98843", "99.99", True)
    assert found["intervals"] == [{"starts_at": NOW, "ends_at": NOW + 300 * S, "outage": "ou-1", "excluded": ""}]


@pytest.mark.parametrize(("resolution", "points"), [("raw", 3), ("1m", 2), ("1h", 1)])
async def test_a_series_has_the_same_mean_at_every_resolution(client: StoreClient, queries: Queries, resolution: str, points: int) -> None:
    """Roll-ups leave out what does not count, and agree with the raw values."""
    hour = NOW // (3_600 * S) * 3_600 * S
    for at, value in ((hour, 0.2), (hour + S, 0.4), (hour + 60 * S, 0.9)):
        columns, quality = packed({"in_utilisation": (np.array([value, 0.5]), np.array([0, 2]))})
        await keep(client, replace(kpis(at), columns=columns, quality=quality))
    series = queries.kpi_series("in_utilisation", PORT, hour, hour + 3_600 * S, resolution)
    assert len(series) == points
    assert sum(each["samples"] for each in series) == 3
    assert sum(each["mean"] * each["samples"] for each in series) == pytest.approx(1.5, rel=1 / 4096)
    lowest, highest = min(each["lowest"] for each in series), max(each["highest"] for each in series)
    assert (series[0]["at"], lowest, highest) == (hour, pytest.approx(0.2, rel=1 / 4096), pytest.approx(0.9, rel=1 / 4096))
    nothing = queries.kpi_series("in_utilisation", "interface/pe1/ge-0/0/2", hour, resolution=resolution)
    assert {each["mean"] for each in nothing} == {None}


def test_an_unknown_resolution_is_refused(queries: Queries) -> None:
    """Table names never come from the caller."""
    with pytest.raises(ValueError, match="raw, 1m, 1h"):
        queries.kpi_series("x", "y", 0, resolution="kpi; DROP TABLE kpi")


async def test_a_hostile_name_is_only_a_name(client: StoreClient, queries: Queries) -> None:
    """Quotes and comments in a value stay in the value."""
    name = "in-1' OR 1=1 -- \\ \n"
    await keep(client, incident(), incident(name=name))
    found = queries.incident(name)
    assert found is not None
    assert found["id"] == name


async def test_every_answer_is_ready_for_json_and_every_table_is_counted(client: StoreClient, queries: Queries) -> None:
    """One of each kind: every question answers in plain values."""
    await keep(client, *(item for kinds in (EVERY_KIND, BESIDE) for items in kinds.values() for item in items))
    answers = [
        *(
            queries.incidents(),
            queries.alarms(),
            queries.outages(),
            queries.evaluations(),
            queries.effects("in-1"),
            queries.receipts("in-1"),
        ),
        *(queries.dead_letters(), queries.quarantine(), queries.events(["trap-1:1:0"]), queries.trap("trap-1", 1)),
    ]
    assert "TT-1" in json.dumps(answers)
    counts = queries.counts()
    assert set(counts) == set(TABLES)
    assert {name for name, rows in counts.items() if not rows} == {"quarantine_message"}


def test_the_reader_may_not_write(history: HistoryProcess) -> None:
    """Queries use the viewer, who cannot change the history."""
    connection = Connection.viewer(history.settings)
    with pytest.raises(StoreError, match=r"ACCESS_DENIED|READONLY"):
        connection.command("TRUNCATE TABLE trap")
    connection.close()


def test_a_store_that_is_away_is_an_operating_system_error() -> None:
    """Whoever reads treats it as any I/O that failed."""
    with Queries.of(HistorySettings(port=1)) as queries, pytest.raises(OSError, match=r"127\.0\.0\.1:1:"):
        queries.incidents()
