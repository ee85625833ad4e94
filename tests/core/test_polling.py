"""Polls of one device in order, repeated, late, from two collectors, and over a clock that steps."""

from dataclasses import replace

from pipeline.core.anomaly_alarm import AnomalyState
from pipeline.core.anomaly_rule import AnomalyRule, Sensitivity, Watching
from pipeline.core.kpi import Quality
from pipeline.core.polling import PollResult, PollState, fold
from pipeline.core.raw import RawPoll
from tests.support.polls import BEGIN, DIRECTORY, MEASURING, SECOND, cells, poll_of

HOUR = 3_600.0
TRAFFIC = AnomalyRule("traffic", ("in_utilisation",), Sensitivity.HIGH, low=0, high=1, grace_samples=100)
WATCHED = replace(MEASURING, watching=Watching((TRAFFIC,)))


def octets(seconds: float, count: int, *, at: float | None = None, sequence: int = 0, collector: str = "poll-1") -> RawPoll:
    """A poll taken so long after the first by the device's clock, and ``at`` by the collector's."""
    poll = poll_of(seconds, in_octets=(count, count))
    when = BEGIN + int((seconds if at is None else at) * SECOND)
    return replace(poll, polled_at=when, sequence=sequence or poll.sequence, collector=collector)


def folded(*polls: RawPoll) -> list[PollResult]:
    """What each poll means, in turn."""
    state, results = PollState(), []
    for poll in polls:
        results.append(fold(state, poll, DIRECTORY, (), MEASURING))
        state = results[-1].state
    return results


def rate(result: PollResult) -> tuple[float | None, Quality]:
    """The received bits a second of the first interface."""
    return next(cells(batch, "in_bps")[0] for batch in result.batches if "in_bps" in batch.columns)


def test_a_poll_that_was_folded_says_nothing_again() -> None:
    """Neither the last nor an earlier one; the state stays as it is."""
    first, second = octets(0, 0), octets(10, 1_000)
    results = folded(first, second, second, first)
    assert [result.report is None for result in results] == [False, False, True, True]
    assert results[3].state == results[1].state


def test_a_clock_that_is_set_costs_nothing() -> None:
    """Back or ahead, by an hour: states at once, rates by the agent's own time. Nothing waits for the clock to catch up."""
    for step in (-HOUR, HOUR):
        results = folded(
            octets(0, 0, sequence=1),
            octets(10, 1_000, sequence=2),
            octets(20, 2_000, at=20 + step, sequence=3),
            octets(30, 3_000, at=30 + step, sequence=4),
        )
        assert all(result.report is not None for result in results)
        assert [rate(result) for result in results] == [(None, Quality.MISSING), *[(800.0, Quality.GOOD)] * 3]


def test_a_late_poll_of_another_collector_is_left_out() -> None:
    """When a device changes hands, what its last owner still publishes is older than what is known."""
    results = folded(octets(20, 2_000, collector="poll-2"), octets(10, 1_000, collector="poll-1"), octets(30, 3_000, collector="poll-2"))
    assert results[1].report is None
    assert rate(results[2]) == (800.0, Quality.GOOD)


def test_a_journal_that_begins_anew_is_heard() -> None:
    """Sequences from 1 again, later by the clock."""
    results = folded(octets(0, 0, sequence=900), octets(10, 1_000, sequence=1))
    assert rate(results[1]) == (800.0, Quality.GOOD)


def test_what_is_unusual_stands_with_the_device_and_not_only_in_memory() -> None:
    """A worker that lost its memory still knows whose alarm stands, and clears it once."""
    state, memory = PollState(), AnomalyState()
    said: list[str] = []
    total, before = 0, b""
    for number in range(240):
        total += 900_000_000 if 150 <= number < 153 else 200_000_000
        result = fold(state, octets(10.0 * number, total), DIRECTORY, (), WATCHED, memory)
        state = result.state
        said += [event.signal.value for event in result.events if event.resource == "interface/pe1/ge-1"]
        if number == 155:  # the memory of before the burst, as a worker finds it that takes the device over
            memory = AnomalyState.from_bytes(before)
            memory.stand_as(state.unusual)
        if number == 149:
            before = memory.to_bytes()
    assert said == ["raise", "clear"]
    assert state.unusual == {}
