"""How reading goes on after a rebalance: exactly at the committed offsets, with nothing fetched and thrown away behind them.

Faust 0.15.3 has three holes here. Each leaves messages unhandled until the next rebalance, while newer ones are handled:

1. It resumes the partitions, then seeks them to the committed offsets, and last empties the queues of its streams. What is
   fetched in between goes with the queues. Here partitions stay paused until the flow is resumed, which is the last step.
2. A fetch is given the live set of active partitions. When that set is emptied meanwhile, the driver takes it for "all", and what
   is fetched is dropped although reading has moved on. Here a fetch has its own copy, and a seek waits until no fetch is under way.
3. A partition without a committed offset is not sought at all. Here it goes back to its beginning.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from faust.transport.drivers.aiokafka import ensure_aiokafka_TP
from faust.types import TP

_EARLIEST = "earliest"


class Resumption:
    """Mixed into a Faust consumer before its base."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._resuming: set[TP] = set()
        self._between_fetches = asyncio.Event()
        self._between_fetches.set()
        super().__init__(*args, **kwargs)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Note the partitions for `resume_flow`, which Faust calls after this and after all that must come between."""
        self._resuming |= set(tps)

    def pause_partitions(self: Any, tps: Iterable[TP]) -> None:
        """Pause partitions, those too whose queue is full: it is emptied next, which must not make them flow."""
        paused = set(tps)
        self._resuming -= paused
        self._buffered_partitions -= paused
        super().pause_partitions(paused)  # type: ignore[misc] # the base is the consumer

    def resume_flow(self: Any) -> None:
        """Let the noted partitions flow, with those that did before."""
        resumed, self._resuming = self._resuming, set()
        super().resume_partitions(resumed)  # type: ignore[misc] # as above
        super().resume_flow()  # type: ignore[misc] # as above

    async def perform_seek(self: Any) -> None:
        """Put every source partition back to its committed offset, or to its beginning where there is none."""
        await self._between_fetches.wait()
        await super().perform_seek()  # type: ignore[misc] # as above
        if self.app.conf.consumer_auto_offset_reset == _EARLIEST:
            fresh = [tp for tp in self.assignment() if not self._read_offset[tp] and not self._is_changelog_tp(tp)]
            if fresh:
                await self._thread.seek_to_beginning(*map(ensure_aiokafka_TP, fresh))

    async def _getmany(self: Any, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:  # noqa: ASYNC109 - Faust's
        """Fetch from the partitions that are active now; keep what is still wanted when it comes."""
        asked = None if active_partitions is None else frozenset(active_partitions)
        self._between_fetches.clear()
        try:
            fetched: dict[TP, list[Any]] = await super()._getmany(asked, timeout)  # type: ignore[misc] # as above
        finally:
            self._between_fetches.set()
        if asked is None:
            return fetched
        wanted = self._get_active_partitions() | self._buffered_partitions
        return {tp: records for tp, records in fetched.items() if tp in wanted}
