"""How fetched messages reach the streams: at half the CPU of Faust's own loop, with the same promises.

Faust 0.15.3 races every delivery against the rebalance signal, at the price of four tasks a message. A delivery nearly always
ends without waiting for anything; so here it is stepped in place, and the race is run only for one that really waits.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine, Generator
from typing import Any

from faust.types import TP
from mode import Service

FETCHING = "FETCHING"
FETCH_S = 0.5
"""Patience of one fetch; a rebalance waits for the one that is under way."""
_YIELD_EVERY = 100


class Begun(Awaitable[Any]):
    """The rest of a coroutine that was stepped by hand and has asked to wait; awaiting it carries it to its end.

    The rest may run in another task than the first step, so the coroutine must not enter `asyncio.timeout` (or `wait_for`,
    which is made of it from Python 3.12 on) in that step. Faust's delivery does so only in `ProducerBuffer.flush_atmost`,
    which `transport.DrainingBuffer` does without.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], asked: Any) -> None:
        self._coroutine = coroutine
        self._asked = asked

    def __await__(self) -> Generator[Any, Any, Any]:
        asked = self._asked
        try:
            while True:
                try:
                    answer = yield asked
                except GeneratorExit:
                    self._coroutine.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - it belongs to the coroutine, cancellation included
                    asked = self._coroutine.throw(error)
                else:
                    asked = self._coroutine.send(answer)
        except StopIteration as end:
            return end.value


def begin(coroutine: Coroutine[Any, Any, Any]) -> Begun | None:
    """Run a coroutine until it ends (None) or must wait (the rest, to be awaited)."""
    try:
        asked = coroutine.send(None)
    except StopIteration:
        return None
    return Begun(coroutine, asked)


class FastDelivery:
    """Mixed into a Faust consumer before its base: replaces the loop that Faust's fetcher runs."""

    async def _drain_messages(self: Any, fetcher: Service) -> None:
        """Deliver until the consumer or its fetcher stops; an end of the broker connection while stopping is no error."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                self.diag.set_flag(FETCHING)
                fetched = self.getmany(timeout=FETCH_S)
                await self.sleep(0)  # getmany may return at once, again and again
                await self._deliver_all(fetched)
                self.diag.unset_flag(FETCHING)
        except (*self.consumer_stopped_errors, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise
            self.log.info("Delivery ends with the app")
        except Exception:
            self.log.exception("Delivery failed")
            raise
        finally:
            self.diag.unset_flag(FETCHING)

    async def _deliver_all(self: Any, fetched: AsyncIterator[tuple[TP, Any]]) -> None:
        delivered = 0
        if self.should_stop:
            return
        async for tp, message in fetched:
            delivered += 1
            if delivered % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
            if await self._is_next(tp, message):
                await self._commit_when_due()
                rest = begin(self.callback(message))
                if rest is not None:
                    await self.wait_first(rest, self.suspend_flow.wait())
                self._read_offset[tp] = message.offset

    async def _is_next(self: Any, tp: TP, message: Any) -> bool:
        """Tell whether the message was not read before, and note the hole that compaction left before it."""
        read = self._read_offset[tp]
        if read is not None and message.offset < read:
            return False
        if read and message.offset - read > 1 and self.app.topics.acks_enabled_for(message.topic):
            await self._add_gap(tp, read + 1, message.offset)
        return True

    async def _commit_when_due(self: Any) -> None:
        if self._commit_every is not None and self._n_acked >= self._commit_every:
            self._n_acked = 0
            await self.commit()
