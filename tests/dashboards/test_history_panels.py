"""Every query of every dashboard runs as the user who may only read, and gives what its panel shows."""

import re
from datetime import datetime
from typing import Any

import pytest

from pipeline.store.client import Connection
from tests.support.history_samples import NOW, S
from tests.support.panels import FILES, HISTORY, Query, View, dashboard, queries, rendered

VIEW = View(
    from_s=NOW // S - 3_600,
    to_s=NOW // S + 60,
    interval_s=60,
    chosen={"incident": ("in-1",), "period": ("2026-11",), "device": ("pe1", "pe'2")},
)
OF_THE_STORE = list(queries(HISTORY))
KEPT = 1 / 4096
"""The store keeps twelve binary digits of an indicator."""
NUMBER = r"(Nullable\()?(U?Int\d+|Float\d+|Decimal.*)"


def asked(viewer: Connection, sql: str, view: View = VIEW) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of a query, and column -> ClickHouse type."""
    text = rendered(sql, view)
    types = {row["name"]: row["type"] for row in viewer.rows(f"DESCRIBE TABLE ({text})")}
    return viewer.rows(text), types


def units_of(panel: dict[str, Any]) -> set[str]:
    """Columns whose unit is stated by an override."""
    overrides = panel["fieldConfig"]["overrides"]
    return {each["matcher"]["options"] for each in overrides if any(one["id"] == "unit" for one in each["properties"])}


def named_by(panel: dict[str, Any]) -> set[str]:
    """Columns that the panel's overrides name."""
    return {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"] if each["matcher"]["id"] == "byName"}


@pytest.mark.parametrize("query", OF_THE_STORE, ids=str)
def test_each_query_gives_rows_to_the_reader(viewer: Connection, query: Query) -> None:
    """With a story in the store no panel is empty, and no choice of a variable is."""
    rows, _ = asked(viewer, query.text)
    assert rows


@pytest.mark.parametrize("query", [each for each in OF_THE_STORE if each.panel.get("type") == "table"], ids=str)
def test_each_table_has_the_columns_it_formats_and_a_unit_for_every_number(viewer: Connection, query: Query) -> None:
    """An override of a column that is not there is a slip; a number without a unit is a riddle."""
    _, types = asked(viewer, query.text)
    assert named_by(query.panel) <= set(types)
    assert {name for name, kind in types.items() if re.match(NUMBER, kind)} - units_of(query.panel) == set()


@pytest.mark.parametrize("query", [each for each in OF_THE_STORE if each.panel.get("type") == "stat"], ids=str)
def test_each_stat_is_one_row_of_numbers(viewer: Connection, query: Query) -> None:
    """A stat shows each column of one row."""
    rows, types = asked(viewer, query.text)
    assert len(rows) == 1
    assert named_by(query.panel) <= set(types)
    assert [kind for kind in types.values() if not re.match(NUMBER, kind)] == []


@pytest.mark.parametrize("query", [each for each in OF_THE_STORE if each.panel.get("type") == "timeseries"], ids=str)
def test_each_series_is_time_label_number_in_order(viewer: Connection, query: Query) -> None:
    """What the plugin splits into series: a time first, a label, one number, rows by time, one row for each time and label."""
    rows, types = asked(viewer, query.text)
    first, label, number = types
    assert first == "time"
    assert types[first].startswith("DateTime")
    assert "String" in types[label]
    assert re.match(NUMBER, types[number])
    times = [row["time"] for row in rows]
    assert times == sorted(times)
    assert len({(row[first], row[label]) for row in rows}) == len(rows)
    assert all(isinstance(time, datetime) for time in times)


@pytest.mark.parametrize("query", [each for each in OF_THE_STORE if each.panel.get("type") == "timeseries"], ids=str)
def test_no_series_reads_outside_the_time_range(viewer: Connection, query: Query) -> None:
    """A range before the first row is empty: the filter is there, whatever the panel."""
    past = View(from_s=VIEW.from_s - 7_200, to_s=VIEW.from_s - 3_700, interval_s=60, chosen=VIEW.chosen)
    assert asked(viewer, query.text, past)[0] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_choices_of_each_variable_fit_its_pattern(viewer: Connection, path: Any) -> None:
    """Where a pattern takes a choice apart, it fits every choice and gives back the value that the queries want."""
    for variable in dashboard(path)["templating"]["list"]:
        rows, types = asked(viewer, variable["query"]["rawSql"])
        assert len(types) == 1
        if "regex" in variable:
            pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
            found = [pattern.match(next(iter(row.values()))) for row in rows]
            assert {match["value"] for match in found if match} == {"in-0", "in-1"}
            assert all(found)


def test_the_overview_tells_the_open_incident_and_nothing_of_the_mended_one(viewer: Connection) -> None:
    """One cause, its customers and its ticket; services by their worst state."""
    by_title = {each.title: each.text for each in OF_THE_STORE if each.dashboard == "noc"}
    [line] = asked(viewer, by_title["Open incidents, worst first"])[0]
    assert (line["id"], line["severity"], line["root_cause"], line["ticket"]) == ("in-1", "critical", "fibre/f-ams-rtm-1", "TT-1")
    assert (line["customers"], line["services_down"], line["alarms"]) == ("acme", 1, 1)
    assert asked(viewer, by_title["Services hit"])[0] == [{"down": 1, "degraded": 0, "redundancy_lost": 1}]
    assert asked(viewer, by_title["Devices not answering"])[0] == [{"not_answering": 1}]
    standing = asked(viewer, by_title["Standing alarms, worst first"])[0]
    assert [(row["severity"], row["resource"], row["confirmed"]) for row in standing] == [
        ("major", "interface/pe1/ge-0/0/1", True),
        ("warning", "interface/pe1/ge-0/0/1", False),
    ]


def test_the_timeline_has_decisions_and_what_came_of_them(viewer: Connection) -> None:
    """Revisions, alarms, effects and receipts of one incident in the order of time."""
    [timeline] = [each.text for each in OF_THE_STORE if each.title == "Timeline"]
    rows = asked(viewer, timeline)[0]
    assert {row["what"] for row in rows} == {
        "incident open, revision 1",
        "alarm raised",
        "decided: ticket-open",
        "delivered: ticket-open",
    }
    assert [row["detail"] for row in rows if row["what"] == "delivered: ticket-open"] == ["TT-1"]


def test_overlapping_outages_of_a_service_count_once(viewer: Connection) -> None:
    """Two outages of one service, one within the other, are ten minutes lost; what begins after the range is left out."""
    [lost] = [each.text for each in OF_THE_STORE if each.title.startswith("Time range above")]
    until_now = View(from_s=VIEW.from_s, to_s=NOW // S, interval_s=60, chosen=VIEW.chosen)
    rows = asked(viewer, lost, until_now)[0]
    assert [(row["service"], row["down_s"], row["outages"]) for row in rows] == [("acme-vpn-1", 600, 2)]
    assert rows[0]["availability_percent"] == pytest.approx(100 * (1 - 600 / 3600), abs=0.01)


def test_money_is_shown_as_it_is_written(viewer: Connection) -> None:
    """12000 cents are 120 EUR, with the ledger's word on them."""
    by_title = {each.title: each.text for each in OF_THE_STORE if each.dashboard == "sla"}
    [line] = asked(viewer, by_title["Credits of the month"])[0]
    assert (str(line["amount"].normalize()), line["currency"], line["ledger"]) == ("1.2E+2", "EUR", "delivered")
    [total] = asked(viewer, by_title["Credits by currency"])[0]
    assert (float(total["amount"]), total["customers"]) == (120.0, 1)
    assert asked(viewer, by_title["Targets missed"])[0] == [{"missed": 1, "settled": 2}]


def test_an_interface_that_is_down_is_listed_and_utilisation_is_percent(viewer: Connection) -> None:
    """Its last polled state counts, and 0.85 of the speed is 85 percent."""
    by_title = {each.title: each.text for each in OF_THE_STORE if each.dashboard == "interfaces"}
    assert [row["interface"] for row in asked(viewer, by_title["Interfaces that are not up"])[0]] == ["pe1/ge-0/0/1"]
    [fullest] = asked(viewer, by_title["Fullest interfaces"])[0]
    assert fullest["highest"] == pytest.approx(85.0, rel=KEPT)
    assert fullest["out_mean"] == pytest.approx(10.0, rel=KEPT)
    outward = [row["mean"] for row in asked(viewer, by_title["Traffic"])[0] if row["interface"].endswith(" out")]
    assert outward == [pytest.approx(-1e9, rel=KEPT)] * 10


def test_series_of_a_long_range_come_from_the_roll_up_by_the_hour(viewer: Connection) -> None:
    """Where an interval is five minutes or more, hours are as fine as is needed, and say the same in the mean."""
    [traffic] = [each.text for each in OF_THE_STORE if str(each) == "interfaces: Traffic"]
    week = View(VIEW.to_s - 7 * 86_400, VIEW.to_s, 600, VIEW.chosen)
    rows = asked(viewer, traffic, week)[0]
    assert {row["time"].minute for row in rows} == {0}
    outward = {row["mean"] for row in rows if row["interface"].endswith(" out")}
    assert outward
    assert all(mean == pytest.approx(-1e9, rel=KEPT) for mean in outward)


def test_what_devices_are_like_and_how_much_of_it_counts(viewer: Connection) -> None:
    """Each component under its device; of all values one was blind."""
    by_title = {each.title: each.text for each in OF_THE_STORE if each.dashboard == "devices"}
    assert asked(viewer, by_title["Devices not answering"])[0] == [{"not_answering": 0}]
    assert asked(viewer, by_title["Polls answered"])[0] == [{"answered": 100.0}]
    [good] = asked(viewer, by_title["Values that count"])[0]
    assert good == {"good": pytest.approx(100 * 160 / 161)}
    assert asked(viewer, by_title["Least optical margin"])[0] == [{"margin": 6.5}]
    hottest = asked(viewer, by_title["Hottest sensors"])[0]
    assert hottest == [{"device": "pe1", "component": "pe1/inlet", "mean": 41.0, "highest": 41.0}]
    why = asked(viewer, by_title["Why values do not count"])[0]
    assert why == [{"device": "pe1", "quality": "blind", "samples": 1}]


def test_what_is_unusual_is_told_with_what_was_expected(viewer: Connection) -> None:
    """Both polls' unusual values, the most unusual first; a range without a lower bound has none."""
    by_title = {each.title: each.text for each in OF_THE_STORE if each.dashboard == "anomalies"}
    assert asked(viewer, by_title["Unusual values"])[0] == [{"unusual": 4}]
    first = asked(viewer, by_title["Most unusual values"])[0][0]
    assert (first["kpi"], first["observed"], first["expected"], first["lower"], first["score"]) == ("in_errors_per_s", 41.0, 1.5, None, 9.0)
    lines = {row["line"] for row in asked(viewer, by_title["The most unusual series"])[0]}
    assert {line.rpartition(" ")[2] for line in lines} == {"observed", "expected", "lower", "upper"}
    [link] = asked(viewer, by_title["When links will be full"])[0]
    assert (link["name"], link["customers"], link["days"], link["busy_hour"]) == ("ams-rtm-1", "acme, beta", 45.0, pytest.approx(62.0))
