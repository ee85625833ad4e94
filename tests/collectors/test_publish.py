"""Publishing: messages fit the broker, a broker that is silent is told of, and order never gives way."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from collectors.journal import Journal, JournalRecord
from collectors.publish import (
    MAX_MESSAGE,
    Connect,
    Message,
    Outgoing,
    Publisher,
    PublishLimits,
    PublishMetrics,
    Sender,
    SendError,
    kafka_sender,
    pack,
)
from pipeline import wire
from pipeline.core.raw import PollOutcome, RawPoll
from tests.support.collecting import FakeBroker, until
from tests.support.embedded import free_port


def polls(count: int, *, size: int = 10) -> list[RawPoll]:
    return [RawPoll("poll-1", place, 0, "x" * size, PollOutcome.TIMEOUT) for place in range(count)]


def test_a_batch_that_fits_is_one_message() -> None:
    [message] = pack(3, polls(1_000))
    assert message.partition == 3
    assert wire.decode(message.value) == polls(1_000)


def test_a_batch_that_does_not_fit_is_split_in_order() -> None:
    values = polls(100, size=60_000)
    messages = list(pack(0, values))
    assert len(messages) > 5
    assert all(len(message.value) <= MAX_MESSAGE for message in messages)
    assert [value for message in messages for value in wire.decode(message.value)] == values


def test_a_single_value_above_the_limit_is_not_split_for_ever() -> None:
    assert len(list(pack(0, polls(1, size=MAX_MESSAGE)))) == 1


def transform(records: Sequence[JournalRecord]) -> Outgoing:
    values = [RawPoll("poll-1", one.sequence, one.received_at, one.source, PollOutcome.TIMEOUT) for one in records]
    return Outgoing(tuple(pack(0, values)), len(values))


@asynccontextmanager
async def publishing(folder: Path, connect: Connect, **options: Any) -> AsyncIterator[tuple[Journal, Publisher]]:
    with Journal(folder, segment_bytes=65_536, journal_bytes=1_048_576) as journal:
        metrics = PublishMetrics("polls", CollectorRegistry())
        publisher = Publisher(journal, transform, connect, metrics, **options)
        running = asyncio.create_task(publisher.run())
        try:
            yield journal, publisher
        finally:
            running.cancel()
            await asyncio.wait([running])


def append(journal: Journal, count: int) -> list[JournalRecord]:
    entries = [(0, "127.20.0.1", b"%d" % place) for place in range(count)]
    first = journal.append_many(entries)
    journal.sync()
    return [JournalRecord(first + place, *entry) for place, entry in enumerate(entries)]


async def test_a_silent_broker_is_told_of_and_what_it_takes_later_is_in_order(tmp_path: Path) -> None:
    """A client that retries by itself never fails: readiness has to look at the clock."""
    broker, answers, clock = FakeBroker(), asyncio.Event(), [0.0]

    class Silent:
        async def send(self, messages: Sequence[Message]) -> None:
            await answers.wait()
            await broker.send(messages)

    @asynccontextmanager
    async def connect() -> AsyncIterator[Sender]:
        yield Silent()

    limits = PublishLimits(late_s=5.0)
    async with publishing(tmp_path, connect, limits=limits, now=lambda: clock[0]) as (journal, publisher):
        publisher.offer(append(journal, 10))
        await until(lambda: publisher._sending_since is not None, "sending")
        assert publisher.trouble == ""
        clock[0] = 5.1
        publisher.offer(append(journal, 10))
        assert publisher.trouble == "degraded: the broker does not answer; 20 records wait in the journal"
        answers.set()
        await until(lambda: journal.acknowledged == 20, "drained")
        assert publisher.trouble == ""
    assert [value.sequence for value in broker.values()] == list(range(1, 21))


async def test_the_first_record_leaves_at_once_and_what_follows_closely_shares_a_message(tmp_path: Path) -> None:
    """Behind the broker a message costs the same whatever is in it, so a storm must not come one by one."""
    broker = FakeBroker()
    async with publishing(tmp_path, broker.connect, limits=PublishLimits(pace_s=1.0)) as (journal, publisher):
        publisher.offer(append(journal, 1))
        await until(lambda: journal.acknowledged == 1, "the first")
        for _ in range(10):
            publisher.offer(append(journal, 1))
            await asyncio.sleep(0)
        await until(lambda: journal.acknowledged == 11, "those that followed")
    assert len(broker.rounds) == 2


async def test_whole_batches_do_not_wait_for_more(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with publishing(tmp_path, broker.connect, limits=PublishLimits(batch_records=5, pace_s=600)) as (journal, publisher):
        publisher.offer(append(journal, 20))
        await until(lambda: journal.acknowledged == 20, "drained")


@pytest.mark.parametrize("memory_bytes", [0, 1_000, 4_000, 33_554_432])
async def test_order_holds_whatever_fits_in_memory(tmp_path: Path, memory_bytes: int) -> None:
    """Some offers find room, some do not; failures come between them; the topic never sees a gap."""
    broker = FakeBroker()
    limits = PublishLimits(batch_records=7, memory_bytes=memory_bytes, retry_s=0.001, retry_cap_s=0.002)
    async with publishing(tmp_path, broker.connect, limits=limits) as (journal, publisher):
        for place in range(60):
            publisher.offer(append(journal, 5))
            if place % 13 == 0:
                broker.fail_after = 0
            if place % 7 == 0:
                await asyncio.sleep(0.002)
        await until(lambda: journal.acknowledged == 300, "drained")
    assert [value.sequence for value in broker.values()] == list(range(1, 301))


async def test_a_broker_that_is_not_there_is_a_send_error_that_names_it() -> None:
    bootstrap = f"127.0.0.1:{free_port()}"
    with pytest.raises(SendError, match=f"no broker at {bootstrap}"):
        async with kafka_sender(bootstrap, wire.Topic.RAW_POLLS):
            pass
