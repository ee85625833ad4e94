"""Many addresses asked side by side, so many at once and no more."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from collectors.discover.asker import Asked, Place


class Asks(Protocol):
    """What a sweep needs of an asker."""

    async def ask(self, place: Place) -> Asked:
        """Ask one address; never raises for what device or network do."""
        ...


async def sweep(places: Sequence[Place], asker: Asks, jobs: int, tell: Callable[[Asked], None]) -> tuple[Asked, ...]:
    """Ask all, ``jobs`` at once; ``tell`` hears of each as it ends. The results are in the order of ``places``."""
    found: dict[int, Asked] = {}
    waiting = iter(enumerate(places))

    async def work() -> None:
        for number, place in waiting:
            found[number] = await asker.ask(place)
            tell(found[number])

    async with asyncio.TaskGroup() as group:
        for _ in range(min(jobs, len(places))):
            group.create_task(work())
    return tuple(found[number] for number in range(len(places)))
