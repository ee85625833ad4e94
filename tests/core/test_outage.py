"""Outages: exact intervals, each with its state, revised as evidence comes and never overlapping for one service of one incident."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.outage import Felt, Outage, ServiceState, derive, episode, split_at_window

DOWN, LOST = ServiceState.DOWN, ServiceState.REDUNDANCY_LOST


def felt(state: ServiceState = DOWN, since: int = 10, until: int = 0, **fields: str) -> Felt:
    return Felt("s", "acme", "gold", state, since, until, **fields)


def step(before: tuple[Outage, ...], *now: Felt, at: int = 100, revised: bool = False) -> tuple[Outage, ...]:
    return derive(before, now, "i1", "fibre/f1", at, revised=revised)


def shown(outages: tuple[Outage, ...]) -> list[tuple[ServiceState, int, int]]:
    return [(one.state, one.started_at, one.ended_at) for one in outages]


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([(10, 0)], (10, 0)),
        ([(10, 20)], (10, 20)),
        ([(10, 20), (12, 30)], (10, 30)),
        ([(10, 0), (12, 30)], (10, 0)),
        ([(10, 20), (30, 40)], (30, 40)),
        ([(10, 20), (30, 0)], (30, 0)),
        ([(10, 0), (30, 40), (35, 50)], (10, 0)),
    ],
)
def test_an_episode_is_the_latest_unbroken_stretch(intervals: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    """From the first alarm of it to the last clear; 0 while any stands."""
    assert episode(intervals) == expected


def test_an_outage_opens_once_and_ends_once() -> None:
    """The same feeling twice is one outage with one revision; its end is the next."""
    first = step((), felt())
    assert step(first, felt()) == first
    ended = step(first, felt(until=50))
    assert shown(ended) == [(DOWN, 10, 50)]
    assert (ended[0].id, ended[0].revision) == (first[0].id, 2)
    assert step(ended, felt(until=50)) == ended


def test_earlier_evidence_moves_the_start_and_keeps_the_outage() -> None:
    """A late trap says since when; the outage is the same."""
    first = step((), felt())
    moved = step(first, felt(since=5))
    assert (shown(moved), moved[0].id) == ([(DOWN, 5, 0)], first[0].id)


def test_a_second_failure_is_a_second_outage() -> None:
    """What ended stays as it was."""
    ended = step(step((), felt()), felt(until=50))
    assert shown(step(ended, felt(since=70))) == [(DOWN, 10, 50), (DOWN, 70, 0)]


def test_a_change_of_state_ends_one_and_begins_another_at_that_moment() -> None:
    """Another incident took the other leg, or gave it back: no overlap and no gap."""
    lost = step((), felt(LOST))
    down = step(lost, felt(DOWN), at=60)
    assert shown(down) == [(LOST, 10, 60), (DOWN, 60, 0)]
    assert shown(step(down, felt(LOST), at=80)) == [(LOST, 10, 60), (DOWN, 60, 80), (LOST, 80, 0)]


def test_time_spent_in_another_state_is_not_taken_back() -> None:
    """Down, then one leg back, then down again: the minutes between are not downtime, whenever the alarms began."""
    outages = step(step((), felt(DOWN)), felt(LOST), at=60)
    outages = step(outages, felt(DOWN), at=80)
    assert shown(outages) == [(DOWN, 10, 60), (LOST, 60, 80), (DOWN, 80, 0)]
    ended = step(outages, felt(DOWN, until=90), at=95)
    assert shown(ended) == [(DOWN, 10, 60), (LOST, 60, 80), (DOWN, 80, 90)]
    assert step(ended, felt(DOWN, until=90), at=99) == ended


def test_what_no_longer_follows_is_withdrawn_when_the_cause_was_another() -> None:
    """A withdrawn outage has no length; one that another incident ended has."""
    first = step((), felt())
    assert shown(step(first, revised=True)) == [(DOWN, 10, 10)]
    assert shown(step(first, at=60)) == [(DOWN, 10, 60)]


def test_a_confirmation_stays() -> None:
    """What a poll once proved of this outage is not unproved by the next alarm."""
    confirmed = step(step((), felt()), felt(confirmed_by="alarm-1"))
    assert confirmed[0].confirmed_by == "alarm-1"
    assert step(confirmed, felt())[0].confirmed_by == "alarm-1"


def test_a_window_excludes_what_lies_in_it_and_not_what_overruns() -> None:
    """Cut at the window's end."""
    assert [(one.since_at, one.until_at, one.excluded) for one in split_at_window(felt(until=90), "mw", 50)] == [
        (10, 50, "mw"),
        (50, 90, ""),
    ]
    assert [(one.since_at, one.until_at, one.excluded) for one in split_at_window(felt(until=40), "mw", 50)] == [(10, 40, "mw")]
    planned = step((), felt(excluded="mw"))
    assert shown(step(planned, *split_at_window(felt(), "mw", 50))) == [(DOWN, 10, 50), (DOWN, 50, 0)]


@given(st.lists(st.tuples(st.sampled_from((DOWN, LOST, None)), st.integers(1, 20)), max_size=8))
def test_the_outages_of_a_service_never_overlap(steps: list[tuple[ServiceState | None, int]]) -> None:
    """However its state changes, every moment belongs to one outage at most."""
    outages: tuple[Outage, ...] = ()
    now = 10
    for state, later in steps:
        now += later
        outages = step(outages, *([felt(state, since=now)] if state else []), at=now)
    spans = sorted((one.started_at, one.ended_at or now + 1) for one in outages)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
    assert len({one.id for one in outages}) == len(outages)
