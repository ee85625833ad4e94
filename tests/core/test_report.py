"""A state report says what a poll proves, and nothing more."""

from dataclasses import replace

import pytest

from pipeline.core.directory import Directory
from pipeline.core.polling import PollState, fold
from pipeline.core.raw import PollOutcome, RawPoll
from pipeline.core.report import state_report
from tests.support.polls import BEGIN, DIRECTORY, MEASURING, SECOND, inventory_of, poll_of, table_of, unanswered

GE1 = "interface/pe1/ge-1"


@pytest.mark.parametrize(
    ("admin", "oper", "up", "down"),
    [
        (1, 1, (GE1,), ()),
        (1, 2, (), (GE1,)),
        (1, 7, (), (GE1,)),  # lowerLayerDown
        (1, 6, (), (GE1,)),  # notPresent
        (1, 3, (), ()),  # testing
        (1, 4, (), ()),  # unknown
        (1, 5, (), ()),  # dormant
        (2, 2, (), ()),  # switched off on purpose
        (2, 1, (), ()),
        (None, 1, (), ()),
        (1, None, (), ()),
    ],
)
def test_states_of_an_interface(admin: int | None, oper: int | None, up: tuple[str, ...], down: tuple[str, ...]) -> None:
    """Up and down are said only of what is meant to be up and has a state."""
    report = state_report(poll_of(indexes=(1,), admin_status=(admin,), oper_status=(oper,)), DIRECTORY)
    assert (report.up, report.down, report.reachable) == (up, down, True)


def test_report_names_its_poll() -> None:
    """Evidence leads back to the collector's journal."""
    poll = poll_of(5)
    report = state_report(poll, DIRECTORY)
    assert (report.device, report.polled_at, report.collector, report.sequence, report.domain) == (
        "pe1",
        poll.polled_at,
        "poll-1",
        6,
        "default",
    )


def test_silent_device_is_unreachable_and_its_interfaces_unknown() -> None:
    """No answer proves nothing of an interface."""
    report = state_report(unanswered(), DIRECTORY)
    assert (report.reachable, report.up, report.down) == (False, (), ())


def test_garbled_device_is_there() -> None:
    """A malformed answer is an answer: the device is not unreachable."""
    assert state_report(unanswered(outcome=PollOutcome.MALFORMED), DIRECTORY).reachable


def test_undeclared_rows_are_left_out() -> None:
    """An interface without a resource cannot be evidence for one."""
    assert state_report(poll_of(indexes=(77,)), DIRECTORY).up == ()
    assert state_report(poll_of(), Directory.of(inventory_of())).up == ()


def with_peers(rows: dict[str, tuple[int | None, int | None]], seconds: float = 0.0) -> RawPoll:
    """A poll that saw these BGP peers: address -> (bgpPeerAdminStatus, bgpPeerState)."""
    columns = {"peer_admin_status": tuple(admin for admin, _ in rows.values()), "peer_state": tuple(state for _, state in rows.values())}
    return replace(poll_of(seconds), tables=poll_of(seconds).tables | {"bgp_peers": table_of(tuple(rows), **columns)})


@pytest.mark.parametrize(
    ("admin", "state", "expected"),
    [
        (2, 6, "up"),
        (2, 1, "down"),
        (2, 5, "down"),
        (1, 1, ""),
        (1, 6, ""),
        (None, 6, ""),
        (2, None, ""),
        (2, 7, ""),
        (2, 0, ""),
    ],
)
def test_a_peer_is_up_when_established(admin: int | None, state: int | None, expected: str) -> None:
    """Started and established is up, started and anything else is down; stopped by order, or unknown, is neither."""
    report = state_report(with_peers({"192.0.2.9": (admin, state)}), DIRECTORY)
    found = "up" if "peer/pe1/192.0.2.9" in report.up else "down" if "peer/pe1/192.0.2.9" in report.down else ""
    assert found == expected


@pytest.mark.parametrize("index", ["", "1.2.3", "1.2.3.4.5", "300.1.1.1", "1.2.3.4x"])
def test_what_is_no_peers_address_is_left_out(index: str) -> None:
    assert state_report(with_peers({index: (2, 1)}), DIRECTORY).down == ()


def test_a_peer_that_no_poll_saw_up_is_marked() -> None:
    """Down, but no evidence by itself."""
    poll = with_peers({"192.0.2.9": (2, 1), "192.0.2.10": (2, 3)})
    report = state_report(poll, DIRECTORY, peers_seen_up=("192.0.2.10",))
    assert report.down == ("peer/pe1/192.0.2.9", "peer/pe1/192.0.2.10")
    assert report.never_up == ("peer/pe1/192.0.2.9",)


def test_peers_are_remembered_while_the_device_has_them() -> None:
    """Seen up once, down is a loss; taken out of the device and put in again, it begins anew. A poll without the table says nothing."""
    state = PollState()
    marks = []
    for second, rows in enumerate([{"192.0.2.9": (2, 6)}, None, {"192.0.2.9": (2, 1)}, {"192.0.2.8": (2, 6)}, {"192.0.2.9": (2, 1)}]):
        poll = poll_of(second) if rows is None else with_peers(rows, second)  # type: ignore[arg-type]  # a literal of a test
        result = fold(state, poll, DIRECTORY, (), MEASURING)
        assert result.report is not None
        marks.append((result.report.down, result.report.never_up))
        state = result.state
    lost = ("peer/pe1/192.0.2.9",)
    assert marks == [((), ()), ((), ()), (lost, ()), ((), ()), (lost, lost)]


def test_a_restart_shows_in_the_uptime() -> None:
    """The moment at which the agent began anew, once; a poll without an answer before it has nothing to compare."""
    first = fold(PollState(), poll_of(0, uptime_s=86_400), DIRECTORY, (), MEASURING)
    assert first.report is not None
    assert first.report.restarted_at == 0
    second = fold(first.state, poll_of(30, uptime_s=12), DIRECTORY, (), MEASURING)
    assert second.report is not None
    assert second.report.restarted_at == BEGIN + 18 * SECOND
    third = fold(second.state, poll_of(60, uptime_s=42), DIRECTORY, (), MEASURING)
    assert third.report is not None
    assert third.report.restarted_at == 0


def test_a_poll_on_suspicion_tells_of_states_only() -> None:
    """No indicator of a moment between two turns; the next turn is compared with the turn before."""
    state = fold(PollState(), poll_of(0), DIRECTORY, (), MEASURING).state
    asked = fold(state, replace(poll_of(12), on_suspicion=True), DIRECTORY, (), MEASURING)
    assert (asked.batches, asked.state.seen, asked.state.answered_at) == ((), state.seen, state.answered_at)
    assert asked.report is not None
    assert asked.report.on_suspicion
    assert fold(asked.state, poll_of(30), DIRECTORY, (), MEASURING).batches == fold(state, poll_of(30), DIRECTORY, (), MEASURING).batches
