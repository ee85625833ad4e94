"""Taking messages off a topic and keeping what they hold: a message is committed only once it is kept, however often that must be tried."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from pipeline.bus import ConsumerRecord
from pipeline.outputs.pause import pause

log = logging.getLogger(__name__)

_BATCH = 500
_FETCH_MS = 200
PAUSE_S = 1.0


class Consumer(Protocol):
    """What is asked of a consumer group member; an aiokafka consumer is one."""

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[Any, Sequence[ConsumerRecord]]:
        """The next messages by partition; empty when none came in time."""

    async def commit(self) -> None:
        """Remember that everything fetched so far is done with."""


class Keeper:
    """Consumes until told to stop. ``keep`` is given each batch, again and again until it raises nothing; ``what`` names what it keeps.

    What was kept and not committed comes again after a kill: ``keep`` must take the same message twice.
    """

    def __init__(
        self, consumer: Consumer, keep: Callable[[Sequence[ConsumerRecord]], Awaitable[None]], what: str, pause_s: float = PAUSE_S
    ) -> None:
        self._consumer = consumer
        self._keep = keep
        self._what = what
        self._pause_s = pause_s

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set."""
        while not stop.is_set():
            batches = await self._consumer.getmany(timeout_ms=_FETCH_MS, max_records=_BATCH)
            records = [record for batch in batches.values() for record in batch]
            if records:
                await self._until_kept(records, stop)

    async def _until_kept(self, records: Sequence[ConsumerRecord], stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._keep(records)
                await self._consumer.commit()
            except Exception:
                told = "%s could not be kept; trying again in %.0f s (remedy: look at the database and the broker)"
                log.exception(told, self._what, self._pause_s)
                await pause(self._pause_s, stop)
            else:
                return
