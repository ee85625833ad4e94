"""Lanes: whoever is slow or silent waits for its own kind, and nobody else waits for it."""

import asyncio

from collectors.poll.lane import Lanes
from tests.support.lab import until


async def hold(lanes: Lanes, device: str, until: asyncio.Event, begun: list[str]) -> None:
    """Hold a device's place until told."""
    async with lanes.place(device):
        begun.append(device)
        await until.wait()


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_quick_device_waits_for_none_that_is_slow_or_silent() -> None:
    """Two places; four known slow ones and four known silent ones hold what is theirs."""
    lanes, end, begun = Lanes(2, 60.0), asyncio.Event(), list[str]()
    for number in range(4):
        lanes.learn(f"slow{number}", answered=True, seconds=61.0)
        lanes.learn(f"silent{number}", answered=False)
    tasks = [asyncio.create_task(hold(lanes, f"{kind}{number}", end, begun)) for kind in ("slow", "silent") for number in range(4)]
    await settle()
    assert sorted(begun) == ["silent0", "slow0"]
    tasks.append(asyncio.create_task(hold(lanes, "quick", end, begun)))
    await settle()
    assert "quick" in begun
    end.set()
    await asyncio.gather(*tasks)
    assert len(begun) == 9


async def test_a_device_that_turns_slow_gives_its_place_back() -> None:
    """It goes on without one: those that wait get theirs after that time, however many turn slow at once."""
    lanes, end, begun = Lanes(2, 0.05), asyncio.Event(), list[str]()
    tasks = [asyncio.create_task(hold(lanes, f"d{number}", end, begun)) for number in range(8)]
    await settle()
    assert len(begun) == 2
    await until(lambda: len(begun) == 8)
    end.set()
    await asyncio.gather(*tasks)


async def test_a_place_is_given_back_once() -> None:
    """After slow ones there are as many places as before."""
    lanes, end, begun = Lanes(1, 0.3), asyncio.Event(), list[str]()
    slow = [asyncio.create_task(hold(lanes, name, end, begun)) for name in ("a", "b")]
    await until(lambda: begun == ["a", "b"])  # a has given its place back
    end.set()
    await asyncio.gather(*slow)
    stay = asyncio.Event()
    tasks = [asyncio.create_task(hold(lanes, name, stay, begun)) for name in ("c", "d")]
    await settle()
    assert begun == ["a", "b", "c"]
    stay.set()
    await asyncio.gather(*tasks)


async def test_pace_is_that_of_the_last_poll() -> None:
    """A device that answers quickly again is quick again; one that left is forgotten."""
    lanes, end, begun = Lanes(2, 1.0), asyncio.Event(), list[str]()
    lanes.learn("a", answered=False)
    lanes.learn("b", answered=False)
    lanes.learn("a", answered=True, seconds=0.1)
    lanes.forget_all_but(frozenset({"a"}))
    tasks = [asyncio.create_task(hold(lanes, name, end, begun)) for name in ("a", "b")]
    await settle()
    assert begun == ["a", "b"]
    end.set()
    await asyncio.gather(*tasks)
