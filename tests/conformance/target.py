"""What the suite needs of a broker under test, and the aiokafka calls that most tests make."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

DEADLINE_S = 30.0


class Killable(Protocol):
    """A broker that can die and come back on the same port with the same data."""

    @property
    def bootstrap(self) -> str: ...

    def kill(self) -> None: ...

    def restart(self) -> None: ...


@dataclass(frozen=True)
class Item:
    """What to produce."""

    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Target:
    """A broker under test."""

    kind: str
    broker: Killable

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        client = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await client.start()
        try:
            yield client
        finally:
            await client.close()

    @contextlib.asynccontextmanager
    async def producer(self, **settings: Any) -> AsyncIterator[AIOKafkaProducer]:
        client = AIOKafkaProducer(bootstrap_servers=self.bootstrap, **settings)
        await client.start()
        try:
            yield client
        finally:
            await client.stop()

    @contextlib.asynccontextmanager
    async def consumer(self, *topics: str, **settings: Any) -> AsyncIterator[AIOKafkaConsumer]:
        client = AIOKafkaConsumer(*topics, bootstrap_servers=self.bootstrap, **settings)
        await client.start()
        try:
            yield client
        finally:
            await client.stop()

    async def create(self, topic: str, partitions: int = 4, **config: str) -> None:
        """Make a topic; settings are given with _ for the dots of their names."""
        given = {key.replace("_", "."): value for key, value in config.items()}
        async with self.admin() as admin:
            answer = await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=given)])
        assert answer.topic_errors[0][1] == 0, answer

    async def produce(self, topic: str, items: Iterable[Item], **settings: Any) -> list[Any]:
        """Send items and return where each went."""
        async with self.producer(**settings) as producer:
            sent = [
                await producer.send(topic, i.value, key=i.key, partition=i.partition, headers=list(i.headers), timestamp_ms=i.timestamp_ms)
                for i in items
            ]
            return list(await asyncio.gather(*sent))

    async def read(self, topic: str, partition: int, count: int, offset: int = 0) -> list[ConsumerRecord]:
        """Read that many records of a partition from an offset on, or what there is at the deadline."""
        place = TopicPartition(topic, partition)
        async with self.consumer() as consumer:
            consumer.assign([place])
            consumer.seek(place, offset)
            return await take(consumer, count)


async def take(consumer: AIOKafkaConsumer, count: int, deadline_s: float = DEADLINE_S) -> list[ConsumerRecord]:
    """Read that many records, or what there is at the deadline."""
    found: list[ConsumerRecord] = []
    ends_at = time.monotonic() + deadline_s
    while len(found) < count and time.monotonic() < ends_at:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found += records
    return found


async def until(holds: Callable[[], bool], *polled: AIOKafkaConsumer, deadline_s: float = DEADLINE_S) -> None:
    """Poll consumers, which keeps them in their groups, until something holds."""
    ends_at = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < ends_at, "this did not come true in time"
        await asyncio.gather(asyncio.sleep(0.05), *(c.getmany(timeout_ms=100) for c in polled))


def values(records: Iterable[ConsumerRecord]) -> list[bytes | None]:
    return [record.value for record in records]
