"""Counters grow as real ones do: by the hour, never backwards, the same for the same seed, and not at all when nothing is sent."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.lab.traffic import DAY_S, NANOSECONDS, SILENCE, Curve, Meter, daily, steady

AUGUST = 1_787_000_000 * NANOSECONDS
GIGABIT = 125_000_000.0

seeds = st.integers(0, 10_000)
instants = st.integers(0, 400 * int(DAY_S) * 1000).map(lambda ms: AUGUST + ms * 1_000_000)


@given(seeds, instants)
def test_the_everyday_rate_is_positive_and_well_below_capacity(seed: int, at: int) -> None:
    assert 0 < daily(seed, "ams-p1/et-0/0/0", GIGABIT).rate(at) < 0.6 * GIGABIT


@given(seeds, instants, instants)
def test_a_counter_never_goes_back(seed: int, one: int, other: int) -> None:
    meter = Meter(17, AUGUST, daily(seed, "x", GIGABIT))
    earlier, later = sorted((one, other))
    assert 17 <= meter.read(earlier) <= meter.read(later)


@given(seeds, instants)
def test_over_a_short_while_the_count_is_the_rate(seed: int, at: int) -> None:
    curve = daily(seed, "x", GIGABIT)
    counted = curve.total(AUGUST, at + 3 * NANOSECONDS) - curve.total(AUGUST, at)
    assert abs(counted - 3 * curve.rate(at)) < 0.02 * counted


def test_a_day_brings_the_mean() -> None:
    curve = Curve(mean=1000.0, swing=0.5, phase=1.0)
    assert abs(curve.total(AUGUST, AUGUST + int(DAY_S) * NANOSECONDS) - 1000 * DAY_S) <= 1


def test_changing_the_curve_keeps_the_count() -> None:
    meter = Meter(0, 0, steady(10)).turn(SILENCE, 5 * NANOSECONDS).turn(steady(1), 50 * NANOSECONDS)
    assert [meter.read(second * NANOSECONDS) for second in (50, 60)] == [50, 60]


def test_the_same_curve_leaves_the_meter_alone_so_that_no_fraction_is_lost() -> None:
    meter = Meter(0, 0, steady(0.3))
    assert meter.turn(steady(0.3), NANOSECONDS) is meter


def test_the_same_seed_gives_the_same_traffic_and_another_seed_another() -> None:
    assert daily(1, "x", GIGABIT) == daily(1, "x", GIGABIT)
    assert daily(1, "x", GIGABIT) != daily(2, "x", GIGABIT)
    assert daily(1, "x", GIGABIT) != daily(1, "y", GIGABIT)
