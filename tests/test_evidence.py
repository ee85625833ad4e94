"""Every claim walks back to the bytes that prove it, and a link that is lost is said to be lost: credit to datagram, without a crash."""

import random
from dataclasses import asdict, replace
from typing import Any

import pytest

from pipeline.core.alarm import Change
from pipeline.core.event import EventSource
from pipeline.core.reason import Reason
from pipeline.evidence import SEVERAL
from pipeline.reading import Reader
from tests.support.datagrams import v2_trap
from tests.support.history_samples import NOW, S, alarm, alarm_change, evaluation, event, incident, outage, poll, trap
from tests.support.stores import Stores, engine, reader, stores

__all__ = ["engine", "reader", "stores"]

Json = dict[str, Any]

DATAGRAM = bytes.fromhex("3082002a0201010406") + bytes(40)
POLLED = "poll-1:1:interface/pe1/ge-0/0/1"
GONE = "not in the history (not yet, or no longer kept)"


def whole_chain(stores: Stores) -> None:
    """A credit and everything behind it: one alarm, raised by a trap, confirmed by a poll."""
    raised = alarm_change()
    standing = replace(raised.alarm, events=("trap-1:1:0", POLLED), confirmed_at=NOW + S, revision=2)
    confirmed = replace(raised, alarm=standing, change=Change.CONFIRMED, reason=Reason.CONFIRMED_BY_POLL, event=POLLED, at=NOW + S)
    stores.keep(trap(1), poll(1), event(1), raised, confirmed, incident(), outage(ended=True), evaluation())
    stores.enter_credit()
    stores.link_ticket()
    stores.journal("trap-1", DATAGRAM)
    stores.journal("poll-1", b"answer")


def walk(node: Json) -> list[Json]:
    """A node and all below it, in order."""
    return [node, *(each for child in node["children"] for each in walk(child))]


def explained(reader: Reader, name: str) -> Json:
    found = reader.explain(name)
    assert found is not None
    return found


def kinds(node: Json) -> list[str]:
    return [each["kind"] for each in walk(node)]


def text(node: Json) -> str:
    """Everything that a person reads of it."""
    return "\n".join(line for each in walk(node) for line in (each["title"], *each["lines"]))


CHAIN = ["credit", "SLA evaluation", "outage", "incident", "alarm", "event", "datagram", "event", "poll"]


@pytest.mark.parametrize(("name", "start"), [("cr-1", 0), ("ev-1", 1), ("ou-1", 2), ("in-1", 3), ("al-1", 4)])
def test_the_chain_is_walked_from_any_of_its_links(stores: Stores, reader: Reader, name: str, start: int) -> None:
    """Credit, evaluation, outage, incident, alarm, its events, and the records in the journals."""
    whole_chain(stores)
    assert kinds(explained(reader, name)) == CHAIN[start:]


def test_each_link_tells_what_a_person_wants_to_know(stores: Stores, reader: Reader) -> None:
    """Amount and hash, arithmetic, confirmation, cause and ticket, rule, and the bytes as they came."""
    whole_chain(stores)
    said = text(explained(reader, "cr-1"))
    for fact in (
        "120.00 EUR to acme for acme-vpn-1, 2026-11 (dry run: posted nowhere)",
        "revision 1, target-missed, entered ",
        "acme-vpn-1 under lab-gold, 2026-11 (Europe/Amsterdam): target missed",
        "100 x (1 - 300 / 2592000) = 99.98843",
        "confirmed beyond unauthenticated traps",
        "fibre f-ams-rtm-1 is cut (open; ticket TT-1 acknowledged)",
        "It explains 2 alarms: 2 on interface.",
        "link-down on interface/pe1/ge-0/0/1: major, raised ",
        "raise by trap (first-raise) at ",
        "link ge-0/0/1 is down (rule standard/link)",
        "SNMP v2c notification 1.3.6.1.6.3.1.1.5.3 with 3 values",
        "30 82 00 2a 02 01 01 04 06",
        "(17 more)",
        "confirmed (confirmed-by-poll) at ",
        "poll of pe1: answered, 2 interfaces, 1.25 ms",
    ):
        assert fact in said


def test_what_confirmed_an_alarm_is_shown_among_many_events(stores: Stores, reader: Reader) -> None:
    """Of a flapping alarm: what raised it, what confirmed it, what was said last. The rest is not repeated."""
    names = tuple(f"trap-1:{number}:0" for number in range(1, 9))
    value = replace(alarm(9), events=(names[0], *names[5:]), confirmed_at=NOW + 3 * S)
    changes = [
        replace(alarm_change(number), alarm=replace(value, revision=number), event=name, at=NOW + number * S)
        for number, name in enumerate(names, 1)
    ]
    stores.keep(*changes, *(event(number) for number in range(1, 9)))
    node = explained(reader, "al-1")
    assert [each["id"] for each in node["children"]] == ["trap-1:1:0", "trap-1:3:0", "trap-1:8:0"]


def test_an_incident_of_many_alarms_shows_the_confirming_one_first_and_counts_the_rest(stores: Stores, reader: Reader) -> None:
    """So that it fits one screen."""
    names = tuple(f"al-{number}" for number in range(1, 8))
    stores.keep(
        *(alarm_change(name=name) for name in names), event(1), replace(incident(), alarms=names), replace(outage(), confirmed_by="al-5")
    )
    node = explained(reader, "ou-1")["children"][0]
    assert [each["id"] for each in node["children"]] == ["al-5", "al-1", "al-2", ""]
    assert node["children"][-1]["title"] == "and 4 more alarms"


def test_an_outage_that_never_pays_says_so(stores: Stores, reader: Reader) -> None:
    """Not confirmed, planned, and lasting still."""
    stores.keep(incident(), replace(outage(), confirmed_by="", excluded="mw-1"))
    said = text(explained(reader, "ou-1"))
    assert "to now, not confirmed: never pays" in said
    assert "excluded: mw-1" in said


def test_a_target_that_was_met_needs_no_outage(stores: Stores, reader: Reader) -> None:
    stores.keep(replace(evaluation(), violated=False, outages=(), intervals=()))
    assert kinds(explained(reader, "ev-1")) == ["SLA evaluation"]
    assert "target met" in text(explained(reader, "ev-1"))


# lost links


@pytest.mark.parametrize(
    ("table", "kind", "name"),
    [("evaluation", "SLA evaluation", "ev-1"), ("outage", "outage", "ou-1"), ("incident", "incident", "in-1"), ("alarm", "alarm", "al-1")],
)
def test_a_link_that_expired_is_named_as_lost(stores: Stores, reader: Reader, table: str, kind: str, name: str) -> None:
    """The chain ends there, with what is missing and why; what is above it stands."""
    whole_chain(stores)
    stores.forget(table)
    node = explained(reader, "cr-1")
    assert kinds(node) == CHAIN[: CHAIN.index(kind) + 1]
    assert walk(node)[-1]["title"] == f"{name}: {GONE}"


def test_one_lost_of_several_is_not_passed_over(stores: Stores, reader: Reader) -> None:
    """An alarm and an outage among others: each in its place, not counted as merely not shown."""
    stores.keep(
        replace(evaluation(), outages=("ou-1", "ou-2")), outage(), replace(incident(), alarms=("al-1", "al-2")), alarm_change(), event(1)
    )
    said = text(explained(reader, "ev-1"))
    assert f"ou-2: {GONE}" in said
    assert f"al-2: {GONE}" in said
    assert "more alarms" not in said


def test_the_ledgers_copy_stands_in_for_an_evaluation_that_expired(stores: Stores, reader: Reader) -> None:
    """The ledger keeps its evidence for ever: the arithmetic survives the history, and is said to be a copy."""
    kept = asdict(evaluation()) | {"availability": "99.98843", "target": "99.99", "figure": "99.98843"}
    kept["intervals"] = []
    stores.enter_credit(evidence={"evaluation": kept})
    node = explained(reader, "cr-1")
    assert kinds(node) == ["credit", "SLA evaluation", "outage"]
    assert "not in the history; this is the copy that the ledger keeps" in text(node)
    assert "100 x (1 - 300 / 2592000) = 99.98843" in text(node)
    assert f"ou-1: {GONE}" in text(node)


@pytest.mark.parametrize("evidence", [{}, {"evaluation": ""}, {"evaluation": {}}, {"evaluation": "ev-9"}, {"note": "entered by hand"}])
def test_a_credit_with_thin_evidence_is_still_explained(stores: Stores, reader: Reader, evidence: Json) -> None:
    """Down to where it goes."""
    stores.enter_credit(evidence=evidence)
    node = explained(reader, "cr-1")
    assert kinds(node) == ["credit", "SLA evaluation"]
    assert GONE in text(node)


def test_an_event_that_expired_is_known_by_the_change_it_made(stores: Stores, reader: Reader) -> None:
    """The alarm's history and the journal still tell of it."""
    whole_chain(stores)
    stores.forget("event")
    said = text(explained(reader, "al-1"))
    assert "raised (first-raise) at " in said
    assert "30 82 00 2a" in said


def test_an_event_of_which_nothing_is_left_is_named(stores: Stores, reader: Reader) -> None:
    """Its id says where in the journal it was."""
    whole_chain(stores)
    for table in ("event", "alarm_change", "trap", "poll"):
        stores.forget(table)
    said = text(explained(reader, "al-1"))
    assert f"trap-1:1:0: {GONE}" in said
    assert "30 82 00 2a" in said


@pytest.mark.parametrize(
    "name", ["", "x", "a:b:c", "trap-1:1", ":1:0", "trap-1::0", "trap-1:-1:0", "trap-1:1e3:0", "../../etc:1:0", "a/b:1:0", "..:1:0"]
)
def test_an_event_id_that_is_not_ours_leads_nowhere(stores: Stores, reader: Reader, name: str) -> None:
    """It is named, and no file outside the journals is looked at."""
    stores.keep(replace(alarm_change(), alarm=replace(alarm(), events=(name,), confirmed_at=0), event="other"))
    said = text(explained(reader, "al-1"))
    assert f"{name}: {GONE}" in said
    assert "etc" not in name or "the journal cannot be read here (that is no collector's name)" in said


# the journal


def record_of(stores: Stores, reader: Reader) -> Json:
    """The datagram's node, when the history has the whole chain."""
    stores.keep(trap(1), event(1), alarm_change())
    return next(each for each in walk(explained(reader, "al-1")) if each["kind"] == "datagram")


def test_a_datagram_that_the_journal_no_longer_keeps_is_told_from_the_history(stores: Stores, reader: Reader) -> None:
    """What was read from it is still there, and which setting decides how long bytes are kept."""
    node = record_of(stores, reader)
    assert node["title"] == "trap-1:1: no longer kept in the journal (see traps.journal_bytes)"
    assert node["lines"] == ["SNMP v2c notification 1.3.6.1.6.3.1.1.5.3 with 3 values"]


def test_a_journal_of_another_format_is_said_to_be_unreadable(stores: Stores, reader: Reader) -> None:
    folder = stores.journal("trap-1", DATAGRAM)
    next(folder.glob("*.segment")).write_bytes(b"not a journal at all")
    assert "the journal cannot be read here" in record_of(stores, reader)["title"]


def test_a_foreign_file_among_the_segments_is_no_crash(stores: Stores, reader: Reader) -> None:
    (stores.journal("trap-1", DATAGRAM) / "notes.segment").write_text("x")
    assert "the journal cannot be read here" in record_of(stores, reader)["title"]


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_journal_is_no_crash(stores: Stores, reader: Reader, seed: int) -> None:
    """Whatever bytes were changed, the rest of the chain is told."""
    segment = next(stores.journal("trap-1", *[DATAGRAM] * 5).glob("*.segment"))
    data, chance = bytearray(segment.read_bytes()), random.Random(seed)
    for _ in range(1 + seed):
        data[chance.randrange(len(data))] = chance.randrange(256)
    segment.write_bytes(data)
    assert record_of(stores, reader)["title"].startswith("trap-1:1: ")


def test_bytes_that_come_later_are_found_by_the_same_reader(stores: Stores, reader: Reader) -> None:
    """A console lives long; the journal grows beside it."""
    stores.keep(trap(2), event(2), replace(alarm_change(), alarm=replace(alarm(), events=("trap-1:2:0",))))
    stores.journal("trap-1", b"first")
    assert "no longer kept" in text(explained(reader, "al-1"))
    stores.journal("trap-1", b"second")
    assert b"second".hex(" ") in text(explained(reader, "al-1"))


def test_a_community_is_masked_in_the_bytes_too(stores: Stores, reader: Reader) -> None:
    """It is a password, however weak; who may read evidence need not have it."""
    stores.keep(trap(1), event(1), replace(alarm_change(), alarm=replace(alarm(), events=("trap-1:1:0",))))
    stores.journal("trap-1", v2_trap(community=b"geheim"))
    shown = text(explained(reader, "al-1"))
    assert "04 06 ** ** ** ** ** ** a7" in " ".join(shown.split())
    assert b"geheim".hex(" ") not in shown


# names


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("cr-1aa", "cr-1aaa"),
        ("cr-1aaa", "cr-1aaa"),
        ("ev", "ev-1"),
        ("ou-1", "ou-1"),
        ("ou-12", "ou-12"),
        ("in", "in-1"),
        ("al-1", "al-1"),
    ],
)
def test_a_beginning_is_enough_when_it_is_of_one_name(stores: Stores, reader: Reader, name: str, found: str) -> None:
    """A whole name is that name, though another begins with it."""
    stores.keep(evaluation(), outage(), outage(name="ou-12"), incident(), alarm_change(), alarm_change(name="al-12"))
    stores.enter_credit("cr-1aaa")
    stores.enter_credit("cr-1bbb", period="2026-10")
    assert explained(reader, name)["id"] == found


def test_a_beginning_of_several_names_lists_them_with_their_kinds(stores: Stores, reader: Reader) -> None:
    """Across kinds too; nothing is chosen for the reader."""
    stores.keep(incident(name="ab-1"), outage(name="ab-2"), alarm_change(name="b"))
    stores.enter_credit("abc")
    node = explained(reader, "ab")
    assert node["kind"] == SEVERAL
    assert node["title"] == "ab is the beginning of more than one name; say more of it"
    assert [(each["kind"], each["id"]) for each in node["children"]] == [("credit", "abc"), ("outage", "ab-2"), ("incident", "ab-1")]


def test_a_beginning_of_very_many_names_lists_some(stores: Stores, reader: Reader) -> None:
    stores.keep(*(outage(name=f"ou-{number:02}") for number in range(15)))
    children = explained(reader, "ou-")["children"]
    assert [each["id"] for each in children[:-1]] == [f"ou-{number:02}" for number in range(10)]
    assert children[-1]["title"] == "and 1 more name"


@pytest.mark.parametrize("name", ["", "nothing", "%", "_", "'", "in-1'--", "\\", "\x00", "\u202e", "x" * 5000])
def test_what_has_no_name_is_not_found(stores: Stores, reader: Reader, name: str) -> None:
    """Wildcards, quotes and control characters are nothing but characters."""
    whole_chain(stores)
    assert reader.explain(name) is None


def test_who_cleared_it_is_told(stores: Stores, reader: Reader) -> None:
    """A clear that came from a poll instead of a trap."""
    cleared = alarm_change(2, is_cleared=True, at=NOW + 9 * S)
    assert cleared.alarm.cleared_by is EventSource.POLL
    value = replace(cleared.alarm, events=("trap-1:1:0", POLLED))
    stores.keep(alarm_change(), event(1), replace(cleared, alarm=value, event=POLLED, reason=Reason.LOST_CLEAR_SETTLED_BY_POLL))
    said = text(explained(reader, "al-1"))
    assert "cleared (lost-clear-settled-by-poll) at " in said
