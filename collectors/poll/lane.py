"""How many polls run at once: devices that do not answer wait in a lane of their own, so that they never hold up the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Lanes:
    """``in_flight`` places for devices that answered last time, a quarter of that for those that did not."""

    def __init__(self, in_flight: int) -> None:
        self._answering = asyncio.Semaphore(max(1, in_flight))
        self._silent = asyncio.Semaphore(max(1, in_flight // 4))
        self._silent_devices: set[str] = set()

    @asynccontextmanager
    async def place(self, device: str) -> AsyncIterator[None]:
        """Wait for a place in the device's lane and hold it."""
        async with self._silent if device in self._silent_devices else self._answering:
            yield

    def learn(self, device: str, *, answered: bool) -> None:
        """Remember how the device's poll ended, for its next turn."""
        if answered:
            self._silent_devices.discard(device)
        else:
            self._silent_devices.add(device)

    def forget_all_but(self, devices: frozenset[str]) -> None:
        """Drop what is known of devices that left the inventory."""
        self._silent_devices &= devices
