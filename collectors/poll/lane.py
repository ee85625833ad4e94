"""How many polls run at once. Devices that are slow, or do not answer, wait in lanes of their own: they never hold up the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto


class Pace(Enum):
    """How a device's last poll went."""

    QUICK = auto()
    SLOW = auto()
    SILENT = auto()


class _Held:
    """A place that is given back once."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._is_held = True

    def give_back(self) -> None:
        if self._is_held:
            self._is_held = False
            self._places.release()


class Lanes:
    """``in_flight`` places for quick devices, half as many each for slow and for silent ones.

    Slow is a poll of ``slow_s`` or longer. A quick device that turns slow gives its place back after that time and goes on without one: so
    however many do so at once, nobody waits longer for them.
    """

    def __init__(self, in_flight: int, slow_s: float) -> None:
        half = max(1, in_flight // 2)
        self._places = {
            Pace.QUICK: asyncio.Semaphore(max(1, in_flight)),
            Pace.SLOW: asyncio.Semaphore(half),
            Pace.SILENT: asyncio.Semaphore(half),
        }
        self._slow_s = slow_s
        self._paces: dict[str, Pace] = {}

    @asynccontextmanager
    async def place(self, device: str) -> AsyncIterator[None]:
        """Wait for a place in the device's lane and hold it."""
        pace = self._paces.get(device, Pace.QUICK)
        places = self._places[pace]
        await places.acquire()
        if pace is not Pace.QUICK:
            try:
                yield
            finally:
                places.release()
            return
        held = _Held(places)
        timer = asyncio.get_running_loop().call_later(self._slow_s, held.give_back)
        try:
            yield
        finally:
            timer.cancel()
            held.give_back()

    def learn(self, device: str, *, answered: bool, seconds: float = 0.0) -> None:
        """Remember how the device's poll went, for its next turn."""
        if not answered:
            self._paces[device] = Pace.SILENT
        elif seconds >= self._slow_s:
            self._paces[device] = Pace.SLOW
        else:
            self._paces.pop(device, None)

    def forget_all_but(self, devices: frozenset[str]) -> None:
        """Drop what is known of devices that are not polled any more."""
        self._paces = {device: pace for device, pace in self._paces.items() if device in devices}
