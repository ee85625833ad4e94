"""A sample is a rate only where two answers may be compared; everything else is a gap with its reason."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.profile import ColumnType, PollColumn, ProfileTable
from pipeline.core.raw import INTERFACES, PollOutcome, RawPoll, RawTable
from pipeline.core.sample import Quality, SeenTable, counterparts, elapsed_s, gauges, labels_of, sampled, was_restarted
from pipeline.core.unit import unit
from tests.support.polls import INTERFACE_TABLE, poll_of, table_of, unanswered

SPEEDS = {1: 1000, 2: 1000}
LINE_RATE = 125_000_000


@dataclass
class Found:
    """Counts a second of each counter, and their quality."""

    rates: dict[str, tuple[float | None, ...]]
    quality: dict[str, tuple[int, ...]]


def seen(poll: RawPoll, spec: ProfileTable = INTERFACE_TABLE) -> SeenTable:
    """The table of interfaces as a poll saw it."""
    table = poll.table(INTERFACES)
    return SeenTable(poll.polled_at, poll.uptime_ticks, table, labels_of(table, spec))


def sample(previous: RawPoll | None, present: RawPoll, speeds: dict[int, int], spec: ProfileTable = INTERFACE_TABLE) -> Found:
    """The rates between two polls, in counts a second."""
    earlier = seen(previous, spec) if previous is not None and previous.outcome is PollOutcome.ANSWERED else None
    now = seen(present, spec)
    found = sampled(earlier, now, spec, np.array([speeds.get(int(index), 0) * 1e6 for index in now.table.indexes]))
    counters = [column for column in spec.columns if column.type.counter_bits]
    factors = {column.name: unit(column.unit).factor for column in counters}
    rates = {name: found.values[f"rate({name})"] / factor for name, factor in factors.items()}
    return Found(
        {name: tuple(None if math.isnan(each) else each for each in values.tolist()) for name, values in rates.items()},
        {name: tuple(found.quality[f"rate({name})"].tolist()) for name in factors},
    )


def without(poll: RawPoll, column: str) -> RawPoll:
    """A poll of an agent that lacks a column of the interfaces."""
    table = poll.table(INTERFACES)
    columns = {name: values for name, values in table.columns.items() if name != column}
    return replace(poll, tables={INTERFACES: RawTable(table.indexes, columns)})


def octets(before: int | None, after: int | None, *, seconds: float = 10.0, **poll: object) -> tuple[float | None, int]:
    """Rate and quality of one interface's in_octets between two polls."""
    first = poll_of(0, indexes=(1,), in_octets=(before,))
    present = poll_of(seconds, indexes=(1,), in_octets=(after,), **poll)  # type: ignore[arg-type]  # options of a test
    found = sample(first, present, SPEEDS)
    return found.rates["in_octets"][0], found.quality["in_octets"][0]


@pytest.mark.parametrize(
    ("before", "after", "rate", "quality"),
    [
        (0, 1000, 100.0, Quality.GOOD),
        (5000, 5000, 0.0, Quality.GOOD),
        (2**64 - 500, 500, 100.0, Quality.GOOD),  # Counter64 wraps
        (10**12, 100, None, Quality.RESET),  # counters began anew under a running agent
        (0, 10 * LINE_RATE, LINE_RATE, Quality.GOOD),
        (0, 12 * LINE_RATE, None, Quality.RESET),  # faster than the line, even with a cached answer
        (None, 1000, None, Quality.MISSING),
        (1000, None, None, Quality.MISSING),
    ],
)
def test_counter_steps(before: int | None, after: int | None, rate: float | None, quality: Quality) -> None:
    """A step is a rate when the line could carry it, wrapped or not."""
    assert octets(before, after) == (rate, quality)


def test_errors_wrap_at_32_bits() -> None:
    """ifInErrors is a Counter32."""
    found = sample(poll_of(0, in_errors=(2**32 - 5, 7)), poll_of(10, in_errors=(15, 7)), SPEEDS)
    assert (found.rates["in_errors"], found.quality["in_errors"]) == ((2.0, 0.0), (0, 0))


def test_profile_may_say_that_octets_are_32_bits() -> None:
    """An old agent's ifInOctets wraps after 4 GiB."""
    before, after = poll_of(0, in_octets=(2**32 - 500, 0)), poll_of(10, in_octets=(500, 0))
    old = PollColumn("in_octets", "1.3.6.1.2.1.2.2.1.10", ColumnType.COUNTER32, "octet", wire_bits=8)
    assert sample(before, after, SPEEDS, replace(INTERFACE_TABLE, columns=(old,))).rates["in_octets"] == (100.0, 0.0)


def test_undeclared_speed_still_refuses_the_impossible() -> None:
    """Without a speed, what no line carries is a reset."""
    first, present = poll_of(0, in_octets=(0, 10**12)), poll_of(10, in_octets=(10 * LINE_RATE * 100, 100))
    assert sample(first, present, {}).quality["in_octets"] == (Quality.GOOD, Quality.RESET)


@pytest.mark.parametrize("uptime_s", [0.0, 5.0, 8.5])
def test_restart_of_the_agent_is_a_gap(uptime_s: float) -> None:
    """An agent that runs for less time than passed since the last poll has lost its counters, however they look."""
    assert octets(1000, 2000, uptime_s=uptime_s) == (None, Quality.RESET)


@pytest.mark.parametrize(
    ("before_s", "after_s", "seconds", "restarted"),
    [
        (1000, 1010, 10, False),
        (1000, 5, 10, True),
        (5, 7, 60, True),  # up five seconds, restarted, up seven seconds a minute later
        (2**32 / 100 - 4, 6, 10, False),  # 497 days: the uptime itself wraps
        (2**32 / 100 - 4, 300, 10, True),
        (1000, 1000.5, 1, False),
        (0.2, 9.6, 10, False),  # booted just before the first poll; clocks differ a little
        (0.2, 8, 10, False),  # exactly the slack of a second and a tenth
        (0.2, 7.99, 10, True),
        (1000, 1000, 0.5, False),
    ],
)
def test_restart_is_told_from_a_wrapped_uptime(before_s: float, after_s: float, seconds: float, restarted: bool) -> None:
    """sysUpTime going back means a restart, unless it shows exactly the time that passed."""
    assert was_restarted(int(before_s * 100), int(after_s * 100), seconds) is restarted


def test_agent_without_uptime_is_judged_by_its_counters() -> None:
    """What cannot be known is not assumed."""
    first = replace(poll_of(0, in_octets=(0, 10**12)), uptime_ticks=None)
    present = replace(poll_of(10, in_octets=(1000, 0)), uptime_ticks=None)
    assert sample(first, present, SPEEDS).quality["in_octets"] == (Quality.GOOD, Quality.RESET)


@pytest.mark.parametrize(("before", "after"), [(None, 86_410), (86_400, None)])
def test_uptime_known_once_tells_of_no_restart(before: int | None, after: int | None) -> None:
    """One uptime alone compares with nothing."""
    assert not was_restarted(before, after, 10)


def test_agent_without_discontinuity_times_is_believed() -> None:
    """Most agents never set ifCounterDiscontinuityTime: its absence on either side is no reset."""
    first, present = poll_of(0, in_octets=(0, 0)), poll_of(10, in_octets=(1000, 2000), discontinuity_ticks=(5, 5))
    for left_out in ((first, present), (present, first)):
        bare = without(left_out[0], "discontinuity_ticks")
        pair = (bare, present) if left_out[0] is first else (first, bare)
        assert sample(*pair, SPEEDS).rates["in_octets"] == (100.0, 200.0)


def test_column_that_only_one_answer_had_is_missing() -> None:
    """A rate needs both values."""
    with_it, bare = {"in_errors": (1, 1)}, {}
    for before, after in ((with_it, bare), (bare, with_it)):
        found = sample(poll_of(0, **before), poll_of(10, **after), SPEEDS)  # type: ignore[arg-type]  # columns of a test
        assert set(found.quality["in_errors"]) == {Quality.MISSING}


def test_line_rate_has_a_second_of_grace() -> None:
    """An agent that answers from a cache may show eleven seconds' octets in ten, and five percent more; not one octet above."""
    limit = 11 * LINE_RATE * 105 // 100
    assert octets(0, limit)[1] == Quality.GOOD
    assert octets(0, limit + 1)[1] == Quality.RESET


def test_errors_cannot_outnumber_the_smallest_frames() -> None:
    """A gigabit carries at most a thousand million bits of 672-bit frames a second."""
    most = int(11 * 1.05 * 1e9 / 672)
    for errors, quality in ((most, Quality.GOOD), (most + 1, Quality.RESET)):
        found = sample(poll_of(0, in_errors=(0, 0)), poll_of(10, in_errors=(errors, 0)), SPEEDS)
        assert found.quality["in_errors"][0] == quality


def test_rate_is_stale_only_beyond_its_limit() -> None:
    """A quarter of an hour still counts."""
    assert octets(0, 900, seconds=900) == (1.0, Quality.GOOD)
    assert octets(0, 901, seconds=901) == (None, Quality.STALE)


def test_octets_are_64_bits_and_the_stored_numbers_of_qualities_never_change() -> None:
    """What ClickHouse holds is read with these numbers."""
    assert {column.name: column.type.counter_bits for column in INTERFACE_TABLE.columns if column.type.counter_bits} == {
        "in_octets": 64,
        "out_octets": 64,
        "in_errors": 32,
        "out_errors": 32,
    }
    assert {quality.name: quality.value for quality in Quality} == {"GOOD": 0, "MISSING": 1, "RESET": 2, "STALE": 3, "BLIND": 4}


def test_discontinuity_is_a_gap_of_that_interface_only() -> None:
    """ifCounterDiscontinuityTime that changed makes a reset of one row."""
    first = poll_of(0, in_octets=(0, 0), discontinuity_ticks=(0, 0))
    present = poll_of(10, in_octets=(1000, 1000), discontinuity_ticks=(8_640_500, 0))
    found = sample(first, present, SPEEDS)
    assert (found.rates["in_octets"], found.quality["in_octets"]) == ((None, 100.0), (Quality.RESET, Quality.GOOD))


def test_rows_are_matched_by_index_not_by_place() -> None:
    """An interface that came, went or moved within the table keeps its own counters."""
    first = poll_of(0, indexes=(1, 2, 9), in_octets=(0, 5000, 7))
    found = sample(first, poll_of(10, indexes=(2, 1, 3), in_octets=(6000, 2000, 4)), SPEEDS)
    assert found.rates["in_octets"] == (100.0, 200.0, None)
    assert found.quality["in_octets"] == (Quality.GOOD, Quality.GOOD, Quality.MISSING)


@pytest.mark.parametrize("previous", [None, unanswered(), poll_of(10), poll_of(20)])
def test_first_repeated_or_late_poll_has_no_rate(previous: RawPoll | None) -> None:
    """Without an earlier answer there is nothing to compare with."""
    found = sample(previous, poll_of(10, in_octets=(1, 2)), SPEEDS)
    assert set(found.quality["in_octets"]) == {Quality.MISSING}
    assert set(found.rates["in_octets"]) == {None}


def test_rate_over_too_long_a_time_is_stale() -> None:
    """A mean over an hour is no answer about now."""
    assert octets(0, 1000, seconds=3600) == (None, Quality.STALE)


def test_column_that_the_agent_lacks_is_missing() -> None:
    """A profile's column that no answer had is missing for every row."""
    found = sample(poll_of(0), poll_of(10), SPEEDS)
    assert set(found.quality["out_errors"]) == {Quality.MISSING}


@settings(deadline=None)
@given(
    before=st.integers(0, 2**64 - 1),
    after=st.integers(0, 2**64 - 1),
    uptimes=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    seconds=st.floats(0.1, 2000),
)
def test_no_rate_is_ever_negative_or_above_what_the_line_carries(before: int, after: int, uptimes: tuple[int, int], seconds: float) -> None:
    """Whatever an agent says, a good sample is possible and a bad one has no value."""
    first = replace(poll_of(0, indexes=(1,), in_octets=(before,)), uptime_ticks=uptimes[0])
    present = replace(poll_of(seconds, indexes=(1,), in_octets=(after,)), uptime_ticks=uptimes[1])
    found = sample(first, present, SPEEDS)
    rate, quality = found.rates["in_octets"][0], found.quality["in_octets"][0]
    assert (rate is None) is (quality != Quality.GOOD)
    passed = elapsed_s(seconds, *uptimes)
    assert rate is None or 0 <= rate <= LINE_RATE * 1.06 * (passed + 1) / passed


def test_row_keeps_its_counter_when_its_index_changes() -> None:
    """ifIndex may be renumbered (RFC 2863 section 3.1.5): a row is known by its name, and one under an old index is no old row."""
    first = poll_of(0, indexes=(1, 2), if_name=("ge-1", "ge-2"), in_octets=(1_000, 9_000_000))
    found = sample(first, poll_of(10, indexes=(1, 7), if_name=("ge-2", "ge-1"), in_octets=(9_001_000, 2_000)), {})
    assert found.rates["in_octets"] == (100.0, 100.0)
    swapped = sample(first, poll_of(10, indexes=(1, 2), if_name=("xe-9", "ge-2"), in_octets=(50, 9_000_000)), {})
    assert swapped.quality["in_octets"] == (Quality.MISSING, Quality.GOOD)


def test_name_of_a_row_is_the_first_that_it_has_and_no_two_are_alike() -> None:
    """Without a name the index serves; a name that stands twice is told apart by it."""
    spec = replace(INTERFACE_TABLE, label="{if_name}|if{index}")
    assert labels_of(table_of((1, 2, 3), if_name=("ge-1", None, "")), spec) == ("ge-1", "if2", "if3")
    assert labels_of(table_of((1, 2, 3), if_name=("a", "a", "b")), spec) == ("a 1", "a 2", "b")
    assert labels_of(table_of((4,)), spec) == ("if4",)


def test_gauges_are_in_base_units_with_gaps() -> None:
    """1,000 Mbit/s are 10^9 bit/s; what the device did not give is no value, and neither is a column of another length."""
    table = table_of((1, 2), speed=(1000, None), oper_status=(1, 2, 3))
    found = gauges(table, INTERFACE_TABLE)
    np.testing.assert_array_equal(found["speed"], [1e9, np.nan])
    np.testing.assert_array_equal(found["oper_status"], [np.nan, np.nan])
    np.testing.assert_array_equal(found["admin_status"], [np.nan, np.nan])


def test_rows_without_a_counterpart_have_none() -> None:
    """A name that was not there before."""
    assert counterparts(("a", "b"), ("b", "c")).tolist() == [1, -1]
    assert counterparts((), ("a",)).tolist() == [-1]


@pytest.mark.parametrize(
    ("by_clock", "before_s", "after_s", "passed"),
    [
        (10, 1000, 1010, 10),
        (10.5, 1000, 1010, 10.5),  # clocks differ a little
        (310, 1000, 1010, 10),  # set ahead by five minutes: the agent's own time tells
        (-290, 1000, 1010, 10),  # set back
        (-290, 1000, 1000, 0),  # and an agent whose time stands still: nothing tells
        (60, 1000, 1000, 60),
        (60, None, 1000, 60),
        (-60, 1000, None, 0),
        (60, 1000, 5, 60),  # went back: a restart or a wrap, judged elsewhere
    ],
)
def test_time_is_the_clocks_unless_the_agent_knows_better(
    by_clock: float, before_s: int | None, after_s: int | None, passed: float
) -> None:
    """A collector's clock that is set makes no false rate, and costs none where the agent tells its uptime."""
    ticks = [None if each is None else each * 100 for each in (before_s, after_s)]
    assert elapsed_s(by_clock, *ticks) == passed
