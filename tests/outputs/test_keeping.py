"""A message is committed once it is kept, and not before."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pipeline.bus import ConsumerRecord
from pipeline.outputs.keeping import Keeper


def record(value: bytes) -> ConsumerRecord:
    return ConsumerRecord("effects", 0, 0, 0, 0, None, value, None, len(value), len(value), ())


class OneBatch:
    """A consumer that has one batch, and says when it was asked to commit."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.committed = 0
        self._batches = [{0: [record(b"a"), record(b"b")], 1: [record(b"c")]}]
        self._stop = stop

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[Any, Sequence[Any]]:
        assert (timeout_ms > 0, max_records > 0) == (True, True)
        if self._batches:
            return self._batches.pop()
        self._stop.set()
        return {}

    async def commit(self) -> None:
        self.committed += 1


async def test_a_batch_is_tried_until_it_is_kept_and_then_committed(caplog: pytest.LogCaptureFixture) -> None:
    stop, tried = asyncio.Event(), []
    consumer = OneBatch(stop)

    async def keep(records: Sequence[Any]) -> None:
        tried.append([each.value for each in records])
        assert consumer.committed == 0
        if len(tried) < 3:
            raise OSError("database is locked")

    await Keeper(consumer, keep, "effects", pause_s=0.0).run(stop)
    assert tried == [[b"a", b"b", b"c"]] * 3
    assert consumer.committed == 1
    assert [each.getMessage().partition(";")[0] for each in caplog.records] == ["effects could not be kept"] * 2


async def test_what_could_not_be_kept_before_the_end_is_not_committed() -> None:
    stop = asyncio.Event()
    consumer = OneBatch(stop)

    async def keep(_: Sequence[Any]) -> None:
        stop.set()
        raise OSError("disk full")

    await Keeper(consumer, keep, "effects", pause_s=0.0).run(stop)
    assert consumer.committed == 0
