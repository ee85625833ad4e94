"""Time as messages: a tick for every partition that this worker owns, so that what waits for time decides the same in a replay."""

import time
from collections.abc import Callable, Iterable

from pipeline.core.event import Tick
from pipeline.stream.guard import Send
from pipeline.wire import Topic


class Ticker:
    """Sends ticks to the topics whose folds wait for time: ``events`` often (settle times), ``outages`` seldom (a month's end)."""

    EVENTS_EVERY_S = 0.25
    OUTAGES_EVERY_S = 30.0

    def __init__(self, send: Send, owned: Callable[[Topic], Iterable[int]], now: Callable[[], int] = time.time_ns) -> None:
        self._send = send
        self._owned = owned
        self._now = now
        self._outages_due = 0

    async def tick(self) -> None:
        """Send what is due now."""
        now = self._now()
        await self._to(Topic.EVENTS, now)
        if now >= self._outages_due:
            self._outages_due = now + int(self.OUTAGES_EVERY_S * 1e9)
            await self._to(Topic.OUTAGES, now)

    async def _to(self, topic: Topic, now: int) -> None:
        for partition in self._owned(topic):
            await self._send(topic, partition, [Tick(now)])
