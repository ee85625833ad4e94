"""The schedule spreads devices over the interval, asks each once per interval, and never twice at once."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.poll.schedule import NANOSECONDS, Schedule, offset_of, slot_after

INTERVAL = 10 * NANOSECONDS


def run(schedule: Schedule, begin: int, seconds: float, *, busy: frozenset[str] = frozenset()) -> tuple[list[str], list[str]]:
    """What is asked and skipped when time passes slot by slot; the polls of ``busy`` devices never end."""
    asked: list[str] = []
    skipped: list[str] = []
    while (slot := schedule.next_at()) is not None and slot <= begin + int(seconds * NANOSECONDS):
        due = schedule.due(slot)
        asked += due.ready
        skipped += due.skipped
        for device in due.ready:
            if device not in busy:
                schedule.done(device)
    return asked, skipped


def scheduled(*devices: str, now: int = 0) -> Schedule:
    """A schedule of ten seconds."""
    schedule = Schedule(10)
    schedule.set_devices(devices, now)
    return schedule


def test_devices_are_spread_over_the_interval() -> None:
    """A thousand devices fall into ten seconds about evenly: no second has half again as many as its share."""
    seconds = Counter(offset_of(f"device-{n}", INTERVAL) // NANOSECONDS for n in range(1000))
    assert set(seconds) == set(range(10))
    assert max(seconds.values()) < 150


def test_place_in_the_interval_is_the_devices_own() -> None:
    """Neither a restart nor other devices move it."""
    assert offset_of("pe1", INTERVAL) == offset_of("pe1", INTERVAL)
    alone, among = scheduled("pe1"), scheduled("pe1", *(f"d{n}" for n in range(50)))
    while among.due(among.next_at() or 0).ready != ("pe1",):
        pass
    assert alone.due(alone.next_at() or 0).ready == ("pe1",)
    assert (alone.next_at() or 0) % INTERVAL == offset_of("pe1", INTERVAL)


def test_every_device_is_asked_once_per_interval() -> None:
    """Over a minute each of fifty devices has six turns."""
    asked, skipped = run(scheduled(*(f"d{n}" for n in range(50))), 0, 60)
    assert set(Counter(asked).values()) == {6}
    assert skipped == []


def test_slow_device_loses_its_turns_and_nobody_elses() -> None:
    """A poll under way is not joined by a second one; the others keep their pace."""
    asked, skipped = run(scheduled("slow", "a", "b"), 0, 60, busy=frozenset({"slow"}))
    assert Counter(asked) == {"slow": 1, "a": 6, "b": 6}
    assert Counter(skipped) == {"slow": 5}


def test_device_has_turns_again_after_its_poll_ended() -> None:
    """Done means ready for the next slot."""
    schedule = scheduled("slow")
    run(schedule, 0, 20, busy=frozenset({"slow"}))
    schedule.done("slow")
    assert run(schedule, 20 * NANOSECONDS, 10) == (["slow"], [])


def test_missed_slots_are_not_made_up() -> None:
    """After a minute's standstill each device is asked once, not six times."""
    schedule = scheduled("a", "b")
    assert sorted(schedule.due(60 * NANOSECONDS).ready) == ["a", "b"]
    schedule.done("a")
    schedule.done("b")
    assert schedule.due(60 * NANOSECONDS).ready == ()


def test_inventory_may_change_while_polls_run() -> None:
    """New devices get slots, gone ones lose them, the rest keep theirs, and a running poll still counts as running."""
    schedule = scheduled("old", "stays")
    first = schedule.due(20 * NANOSECONDS)
    assert sorted(first.ready) == ["old", "stays"]
    schedule.set_devices(["stays", "new"], 20 * NANOSECONDS)
    assert schedule.devices == {"stays", "new"}
    asked, skipped = run(schedule, 20 * NANOSECONDS, 10)
    assert (asked, skipped) == (["new"], ["stays"])
    schedule.done("old")


def test_empty_schedule_has_no_next_slot() -> None:
    """Without devices there is nothing to wait for."""
    assert scheduled().next_at() is None
    assert scheduled().due(10**20) == ((), ())


@settings(deadline=None)
@given(device=st.text(min_size=1), interval=st.integers(1, 10**12), now=st.integers(0, 2**62))
def test_next_slot_is_within_one_interval(device: str, interval: int, now: int) -> None:
    """No device ever waits longer than the interval, whatever the clock says."""
    slot = slot_after(device, interval, now)
    assert now < slot <= now + interval
    assert slot % interval == offset_of(device, interval)
