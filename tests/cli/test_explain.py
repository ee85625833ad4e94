"""The walk from a credit to the datagrams fits one screen, says what it left out, and shows it when asked."""

import json

from tests.cli.conftest import Run, widest
from tests.support.reader import CREDIT, HEX, INCIDENT, REASON, FakeReader

STEPS = ("credit", "evaluation", "outage", "incident", "alarm", "event", "datagram")


def test_each_step_is_there_in_order(run: Run, reader: type[FakeReader]) -> None:
    """From the money to the bytes."""
    kinds = [line.split()[0] for line in run("explain", CREDIT[:8], columns=100).output.splitlines() if line[:12].strip()]
    assert list(dict.fromkeys(kinds)) == list(STEPS)


def test_it_fits_one_screen(run: Run, reader: type[FakeReader]) -> None:
    """About fifty lines of a hundred columns, and never wider than the terminal."""
    shown = run("explain", CREDIT, columns=100).output
    assert len(shown.splitlines()) <= 50
    assert widest(shown) <= 100
    assert widest(run("explain", CREDIT).output) <= 80


def test_the_datagram_is_named_and_begins_as_it_came(run: Run, reader: type[FakeReader]) -> None:
    """Its place in the journal and its first bytes on one line."""
    shown = run("explain", CREDIT, columns=100).output
    assert "trap-1:1: 148 bytes from 127.20.0.2" in shown
    assert HEX[:48] in shown


def test_the_date_is_told_once(run: Run, reader: type[FakeReader]) -> None:
    """Instants of one day differ in their time only."""
    assert run("explain", CREDIT).output.count("2026-11-23") == 1


def test_what_is_left_out_is_counted_with_the_flag_that_shows_it(run: Run, reader: type[FakeReader]) -> None:
    """Nineteen more alarms; the second event of the later alarms."""
    told = " ".join(run("explain", CREDIT[:8]).output.split())
    assert f"and 19 more alarms of this incident: assure explain {CREDIT[:8]} --all" in told
    assert "here the first of its 2 events" in told


def test_all_shows_every_alarm_and_event(run: Run, reader: type[FakeReader]) -> None:
    """Nothing is left out then."""
    shown = run("explain", CREDIT, "--all", columns=120).output
    assert shown.count("link-down on") == 22
    assert shown.count("raise by trap") == 22
    assert shown.count("clear by trap") == 22
    assert "more alarms" not in shown


def test_an_unknown_name_is_exit_code_3(run: Run, reader: type[FakeReader]) -> None:
    """With where names are."""
    result = run("explain", "zz")
    assert result.exit_code == 3
    assert "assure credits" in result.output


def test_a_beginning_of_several_names_lists_them(run: Run, reader: type[FakeReader]) -> None:
    """Exit code 3, since none was meant clearly."""
    result = run("explain", "8")
    assert result.exit_code == 3
    assert "more than one name" in result.output


def test_json_is_the_tree(run: Run, reader: type[FakeReader]) -> None:
    """For scripts, with --all too."""
    assert json.loads(run("explain", CREDIT, "--json").output)["kind"] == "credit"
    whole = json.loads(run("explain", CREDIT, "--all", "--json").output)
    while whole["kind"] != "incident":
        whole = whole["children"][0]
    assert len(whole["children"]) == 22


def words(text: str) -> str:
    return " ".join(text.split())


def test_an_incident_is_explained_in_full_then_proved(run: Run, reader: type[FakeReader]) -> None:
    """Cause, grounds, alternatives, the poll that settles it, who suffers on which way, what their contracts bear; then the alarms."""
    told = words(run("explain", INCIDENT[:8], columns=100).output)
    places = [
        told.index(part)
        for part in (
            REASON,
            "root cause fibre/f-ams-rtm-1",
            "customers 2 gold customers (2 services), 1 silver customer (1 service)",
            "explains It explains 22 alarms",
            "instead It could be duct d-ams-rtm-coast, 23%",
            "It could be site ams, 2%",
            "to settle it Poll dft-ac1",
            "gold nsx-lowlat-1 of North Sea Exchange B.V., down since",
            "tunnel t-hmc-internet-1, whose protection is lost",
            "SLA lab-gold: 31 min left of 43 min 12 s in 2026-11",
            f"3 revisions: assure explain {INCIDENT[:8]} --history",
            "evidence",
            "link-down on interface/rtm-p1/et-0/0/1",
        )
    ]
    assert places == sorted(places)


def test_an_incident_fits_the_terminal(run: Run, reader: type[FakeReader]) -> None:
    """Eighty columns, whatever its resources are called; its history too."""
    assert widest(run("explain", INCIDENT).output) <= 80
    assert widest(run("explain", INCIDENT, "--history").output) <= 80


def test_the_history_tells_what_each_revision_changed(run: Run, reader: type[FakeReader]) -> None:
    told = words(run("explain", INCIDENT[:8], "--history", columns=100).output)
    assert "1 14:05:42" in told or "1 11-23 14:05" in told
    assert "the cause is now fibre/f-ams-rtm-1, probability 77% (it was duct/d1)" in told
    assert [each["revision"] for each in json.loads(run("explain", INCIDENT, "--history", "--json").output)] == [1, 2]


def test_only_an_incident_has_a_history(run: Run, reader: type[FakeReader]) -> None:
    result = run("explain", CREDIT, "--history")
    assert result.exit_code == 3
    assert "`assure incidents`" in result.output
