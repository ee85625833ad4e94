"""A state report says what a poll proves, and nothing more."""

import pytest

from pipeline.core.directory import Directory
from pipeline.core.raw import PollOutcome
from pipeline.core.report import state_report
from tests.support.polls import DIRECTORY, inventory_of, poll_of, unanswered

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
