"""The storm guard, over time: within limits nothing changes; over them no object's last state is lost, and others are not delayed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.trap import guard as module
from collectors.trap.guard import Guard, Scope
from pipeline.config.settings import GuardSettings
from pipeline.core.identity import Identity, by_variables
from pipeline.core.raw import RawTrap, SnmpVersion, ValueType, VarBind

DOWN, UP = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"
S = 10**9
START = 1_790_000_000 * S


def trap(sequence: int, at_s: float = 0.0, source: str = "127.20.0.1", port: int = 1, oid: str = DOWN) -> RawTrap:
    variables = (VarBind(f"1.3.6.1.2.1.2.2.1.1.{port}", ValueType.INTEGER, port),)
    return RawTrap("trap-1", sequence, START + round(at_s * S), source, SnmpVersion.V2C, oid, variables)


def by_port(trap: RawTrap) -> Identity:
    """As rules do: down and up are one object, order is kept within the port."""
    subject = (trap.source, trap.varbinds)
    return Identity(subject, subject)


def sequences(traps: Iterable[RawTrap]) -> list[int]:
    return [trap.sequence for trap in traps]


def at(seconds: float) -> int:
    return START + round(seconds * S)


TIGHT = GuardSettings(
    source_per_s=10, source_burst=20, object_per_s=1, object_burst=2, overall_per_s=100, rearm=0.5, rearm_s=3, held_max=50
)


def test_within_the_limits_everything_passes_at_once() -> None:
    guard = Guard(TIGHT, by_port)
    for place in range(20):
        assert sequences(guard.admit([trap(place + 1, place * 0.1, port=place)])) == [place + 1]
    assert (guard.held_count, guard.absorbed, guard.wake_s(), guard.news()) == (0, 0, None, [])


def test_a_flapping_object_is_compacted_to_its_last_state_and_others_of_its_device_pass() -> None:
    guard = Guard(TIGHT, by_port)
    flaps = [trap(place + 1, place * 0.01, oid=(DOWN, UP)[place % 2]) for place in range(12)]
    assert sequences(guard.admit(flaps)) == [1, 2]
    assert sequences(guard.admit([trap(13, 0.12, port=2)])) == [13]
    assert guard.wake_s() == pytest.approx(0.9)
    assert guard.due(at(1.0)) == []
    [last] = guard.due(at(1.03))
    assert (last.sequence, last.trap_oid, last.repeats) == (12, UP, 9)
    assert guard.absorbed == 9
    assert guard.storms(Scope.OBJECT) == ["127.20.0.1"]


def test_what_follows_something_held_waits_behind_it() -> None:
    """Also when there is room again: a clear never overtakes its raise, nor the other way round."""
    guard = Guard(TIGHT, by_variables)
    assert sequences(guard.admit([trap(1), trap(2), trap(3)])) == [1, 2]
    assert guard.admit([trap(4, 0.5, oid=UP), trap(5, 0.6, port=7)]) == []
    assert sequences(guard.due(at(1.1))) == [3, 4, 5]


def test_a_storming_source_does_not_delay_a_quiet_one() -> None:
    guard = Guard(TIGHT, by_port)
    number = 0
    for tick in range(300):
        number += 1
        guard.admit([trap(number, tick / 100, source="127.20.0.9", port=tick)])
        if tick % 50 == 25:
            number += 1
            assert number in sequences(guard.admit([trap(number, tick / 100, source="127.20.0.2", port=tick)]))
        guard.due(at(tick / 100))


def test_over_the_overall_limit_a_source_under_its_share_still_passes_at_once() -> None:
    """A thousand devices that speak at once exhaust the limit; one that has said little is not behind them."""
    loose = replace(TIGHT, source_per_s=1_000, source_burst=1_000, held_max=10_000)
    guard = Guard(loose, by_port)
    passed: Counter[str] = Counter()
    number = 0
    for tick in range(2_000):
        number += 1
        passed.update(one.source for one in guard.admit([trap(number, tick / 1_000, source="127.20.0.9", port=tick)]))
        if tick % 400 == 200:
            number += 1
            assert number in sequences(guard.admit([trap(number, tick / 1_000, source="127.20.0.2", port=tick)]))
    assert guard.storms(Scope.OVERALL) == [""]
    assert passed["127.20.0.9"] < 1_000
    assert [(storm.scope, storm.source, storm.began) for storm in guard.news() if storm.scope is Scope.OVERALL] == [
        (Scope.OVERALL, "", True)
    ]


def test_what_is_held_leaves_no_faster_than_the_overall_limit_the_sources_in_turn() -> None:
    guard = Guard(replace(TIGHT, held_max=10_000, source_burst=1), by_port)
    said = [trap(1 + place, 0, source=f"127.20.0.{place % 3 + 1}", port=place) for place in range(303)]
    assert len(guard.admit(said)) == 3
    first = guard.due(at(1.0))
    assert len(first) == 10
    assert Counter(one.source for one in first).most_common()[-1][1] >= 3
    later = [one for tenth in range(1, 40) for one in guard.due(at(1.0 + tenth / 10))]
    assert len(later) == 290
    for source in ("127.20.0.1", "127.20.0.2", "127.20.0.3"):
        of_one = [one.sequence for one in (*first, *later) if one.source == source]
        assert of_one == sorted(of_one)


def test_a_storm_begins_once_and_is_over_after_a_time_of_calm() -> None:
    guard = Guard(TIGHT, by_port)
    guard.admit([trap(1 + place, place / 100, port=place) for place in range(100)])
    [began] = guard.news()
    assert (began.scope, began.source, began.began) == (Scope.SOURCE, "127.20.0.1", True)
    assert began.at == trap(began.sequence, (began.sequence - 1) / 100).received_at
    assert guard.storms(Scope.SOURCE) == ["127.20.0.1"]
    for second in range(1, 9):
        guard.admit([trap(100 + second * 10 + place, second + place / 7, port=500 + place) for place in range(6)])
        guard.due(at(second + 1))
    assert guard.news() == []  # six a second are above half of the limit
    for second in range(10, 14):
        guard.admit([trap(200 + second, second, port=second)])
        guard.due(at(second + 0.99))
    [over] = guard.news()
    assert (over.scope, over.source, over.began) == (Scope.SOURCE, "127.20.0.1", False)
    assert guard.wake_s() is None


def test_more_than_may_be_held_is_passed_on_oldest_first_and_never_dropped() -> None:
    guard = Guard(TIGHT, by_port)
    out = guard.admit([trap(1 + place, 0, source=f"127.20.1.{place % 10}", port=place) for place in range(2_000)])
    assert guard.held_count <= TIGHT.held_max
    assert sorted(sequences([*out, *guard.release_all()])) == list(range(1, 2_001))
    assert guard.held_count == 0


def test_a_clock_that_is_set_back_or_forward_holds_nothing_for_ever() -> None:
    guard = Guard(TIGHT, by_port)
    guard.admit([trap(place) for place in range(1, 5)])
    assert guard.due(at(-3_600)) == []
    assert sequences(guard.due(at(-3_598.9))) == [4]
    assert sequences(guard.admit([trap(5, 7_200), trap(6, 7_200), trap(7, 7_200)])) == [5, 6]


def test_switched_off_it_lets_everything_pass_and_what_was_held_before_go() -> None:
    guard = Guard(replace(TIGHT, enabled=False), by_port)
    guard.hold_again(replace(trap(1), repeats=3))
    assert sequences(guard.admit([trap(place) for place in range(2, 500)])) == list(range(2, 500))
    [left] = guard.due(at(1.5))
    assert (left.sequence, left.repeats) == (1, 3)


def test_a_storm_from_before_a_restart_is_cleared_when_it_is_over() -> None:
    guard = Guard(TIGHT, by_port)
    guard.storm_again(Scope.SOURCE, "127.20.0.1")
    guard.due(at(0))
    assert guard.news() == []
    guard.due(at(2))
    guard.due(at(4))
    assert [(storm.source, storm.began) for storm in guard.news()] == [("127.20.0.1", False)]


def test_what_is_known_of_rates_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "METERS_MAX", 100)
    guard = Guard(TIGHT, by_port)
    for place in range(2_000):
        guard.admit([trap(place + 1, place / 1_000, source=f"10.0.{place // 250}.{place % 250}", port=place)])
        guard.due(at(place / 1_000))
        assert len(guard._objects) <= 101
        assert len(guard._sources) <= 101


said = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 1, 10, 100, 900]), st.integers(1, 3), st.integers(1, 4), st.sampled_from([DOWN, UP])), max_size=200
)
limits = st.builds(
    GuardSettings,
    source_per_s=st.floats(0.5, 50),
    source_burst=st.integers(1, 20),
    object_per_s=st.floats(0.5, 20),
    object_burst=st.integers(1, 5),
    overall_per_s=st.floats(1, 100),
    compact_s=st.floats(0.05, 2),
    held_max=st.integers(1, 20),
)


def told(steps: list[tuple[int, int, int, str]]) -> list[RawTrap]:
    moment, traps = 0.0, []
    for number, (passed_ms, device, port, oid) in enumerate(steps, 1):
        moment += passed_ms / 1_000
        traps.append(trap(number, moment, f"127.20.0.{device}", port, oid))
    return traps


def guarded(traps: list[RawTrap], guard: Guard, batch: int) -> list[RawTrap]:
    """What is published, in order: fed in batches, then left alone until nothing is held."""
    out: list[RawTrap] = []
    for first in range(0, len(traps), batch):
        some = traps[first : first + batch]
        out += guard.admit(some)
        out += guard.due(some[-1].received_at)
    moment = traps[-1].received_at if traps else START
    while (wake := guard.wake_s()) is not None and guard.held_count:
        moment += max(round(wake * S), 10_000_000)
        out += guard.due(moment)
    return out


@settings(max_examples=300, deadline=None)
@given(steps=said, chosen=limits, batch=st.integers(1, 40), ruled=st.booleans())
def test_nothing_is_lost_no_order_turned_and_every_last_state_told(
    steps: list[tuple[int, int, int, str]], chosen: GuardSettings, batch: int, ruled: bool
) -> None:
    """Whatever comes and whatever the limits: each is published or absorbed, and each port ends as it would without a guard."""
    traps = told(steps)
    guard = Guard(chosen, by_port if ruled else by_variables)
    out = guarded(traps, guard, batch)
    assert len(traps) == len(out) + guard.absorbed == len(out) + sum(one.repeats for one in out)
    assert guard.held_count == 0
    ports: dict[tuple[str, object], list[RawTrap]] = {}
    for one in out:
        ports.setdefault((one.source, one.varbinds), []).append(one)
    for one in traps:
        published = ports[one.source, one.varbinds]
        assert sequences(published) == sorted(sequences(published))
    last = {(one.source, one.varbinds): one for one in traps}
    assert {key: (one.sequence, one.trap_oid) for key, one in last.items()} == {
        key: (published[-1].sequence, published[-1].trap_oid) for key, published in ports.items()
    }


@settings(max_examples=100, deadline=None)
@given(steps=said, chosen=limits, batch=st.integers(1, 40))
def test_no_more_is_held_than_may_be_and_the_count_is_right(
    steps: list[tuple[int, int, int, str]], chosen: GuardSettings, batch: int
) -> None:
    guard = Guard(chosen, by_variables)
    traps = told(steps)
    for first in range(0, len(traps), batch):
        guard.admit(traps[first : first + batch])
        held = list(guard.held())
        assert len(held) == len(dict(held)) == guard.held_count <= chosen.held_max
