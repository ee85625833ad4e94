"""Kafka for everything but Faust: partition choice, one producer, one consumer group, its lag. The only aiokafka code but ``stream/``'s."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.partitioner import murmur2

from pipeline.core.operation import Operation
from pipeline.wire import Topic, encode

log = logging.getLogger(__name__)

SESSION_MS = 10_000
"""How long the broker waits for a group's member that falls silent."""
_MEMBER: dict[str, Any] = {
    "enable_auto_commit": False,
    "session_timeout_ms": SESSION_MS,
    "heartbeat_interval_ms": SESSION_MS // 5,
    "fetch_max_wait_ms": 200,
}
"""What every member of a consumer group has: nothing is committed by itself, and one that falls silent is known so soon."""

__all__ = [
    "ConsumerRecord",
    "TopicPartition",
    "consumer",
    "create_topics",
    "has_topic",
    "lag",
    "operation_messages",
    "partition_of",
    "producer",
    "wait_until_up",
]


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as Kafka's default partitioner chooses it (murmur2 of the key's UTF-8, sign bit cleared)."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def operation_messages(operation: Operation, domains: Iterable[str], partitions: int) -> list[tuple[int, bytes]]:
    """An operation as messages for topic ``events``: one for each domain that it is for, with the partition where that domain is folded."""
    return [(partition_of(domain, partitions), encode([replace(operation, domain=domain)])) for domain in domains]


async def wait_until_up(bootstrap: str, *, within_s: float) -> None:
    """Return when the broker answers. Raises ``TimeoutError`` that names the address after ``within_s`` seconds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2_000)
        try:
            await admin.start()
        except (KafkaConnectionError, OSError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"no Kafka broker answers at {bootstrap} within {within_s:.0f} s: {error}") from error
            await asyncio.sleep(0.1)
        else:
            return
        finally:
            await admin.close()


async def create_topics(bootstrap: str, *, partitions: int, replication: int) -> None:
    """Declare every topic of :class:`pipeline.wire.Topic`; one that exists is left as it is. Raises the broker's error otherwise."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(topic.value, partitions, replication) for topic in Topic])
    finally:
        await admin.close()
    for topic, code, *_ in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"cannot create topic {topic}")


async def has_topic(bootstrap: str, topic: Topic) -> bool:
    """Whether the broker has a topic; asking does not make it. Raises the client's error when the broker does not answer."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await admin.start()
        return topic.value in await admin.list_topics()
    finally:
        await admin.close()


@asynccontextmanager
async def _running(client: AIOKafkaProducer | AIOKafkaConsumer) -> AsyncIterator[None]:
    """Start, and give the sockets back at the end, also when starting failed."""
    try:
        await client.start()
        yield
    finally:
        await client.stop()


@asynccontextmanager
async def producer(bootstrap: str, *, linger_ms: int = 0) -> AsyncIterator[AIOKafkaProducer]:
    """A producer whose sends are acknowledged by all replicas and not doubled by its own retries."""
    client = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=linger_ms,
        max_request_size=16_777_216,
        max_batch_size=131_072,
    )
    async with _running(client):
        yield client


@asynccontextmanager
async def consumer(bootstrap: str, group: str, topics: Sequence[Topic], *, min_bytes: int = 1) -> AsyncIterator[AIOKafkaConsumer]:
    """A member of a consumer group that starts at the earliest offset and commits only when told to.

    The broker answers when it has ``min_bytes``, or after 0.2 s: fewer, larger answers for one that is in no hurry.
    """
    client = AIOKafkaConsumer(
        *(topic.value for topic in topics),
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        **_MEMBER,
        fetch_min_bytes=min_bytes,
        max_partition_fetch_bytes=8_388_608,
    )
    async with _running(client):
        yield client


async def publish(bootstrap: str, topic: Topic, messages: Iterable[tuple[int, bytes]]) -> None:
    """Send messages, each to its partition, and wait until the broker has them. Raises ``OSError`` when it does not answer."""
    try:
        async with producer(bootstrap) as client:
            for partition, message in messages:
                await client.send_and_wait(topic.value, message, partition=partition)
    except KafkaError as error:
        raise ConnectionError(f"no broker answers at {bootstrap}") from error


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc]  # the client publishes no types
    """Passes on which partitions a member has. What it loses in a rebalance it keeps until it is given others."""

    def __init__(self, told: Callable[[frozenset[int]], None]) -> None:
        self._told = told

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing: somebody should have them at any time."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._told(frozenset(place.partition for place in assigned))


@asynccontextmanager
async def member(bootstrap: str, group: str, topic: Topic, told: Callable[[frozenset[int]], None]) -> AsyncIterator[AIOKafkaConsumer]:
    """A member of a group that shares a topic's partitions, and reads from now on; ``told`` hears which are its own.

    Nothing is committed. A member that falls silent loses its partitions to the others after ten seconds.
    """
    client = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="latest",
        **_MEMBER,
    )
    client.subscribe([topic.value], listener=_Assignments(told))
    async with _running(client):
        yield client


@asynccontextmanager
async def reader(bootstrap: str, topic: Topic, *, from_start: bool) -> AsyncIterator[AIOKafkaConsumer]:
    """All partitions of one topic outside of any group, from its start or its end; nothing is committed."""
    client = AIOKafkaConsumer(
        topic.value, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest" if from_start else "latest"
    )
    async with _running(client):
        yield client


async def lag(bootstrap: str, group: str) -> dict[str, int]:
    """Topic -> messages that a consumer group has not committed yet; empty for a group that never committed.

    Raises ``OSError`` when the broker does not answer.
    """
    try:
        committed = await _committed(bootstrap, group)
        ends = await _ends(bootstrap, list(committed)) if committed else {}
    except KafkaError as error:
        raise ConnectionError(f"no broker answers at {bootstrap}") from error
    behind: dict[str, int] = {}
    for place, offset in committed.items():
        behind[place.topic] = behind.get(place.topic, 0) + max(ends[place] - offset, 0)
    return behind


async def _committed(bootstrap: str, group: str) -> dict[TopicPartition, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await admin.start()
        return {place: found.offset for place, found in (await admin.list_consumer_group_offsets(group)).items()}
    finally:
        await admin.close()


async def _ends(bootstrap: str, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    client = AIOKafkaConsumer(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    async with _running(client):
        ends: dict[TopicPartition, int] = await client.end_offsets(places)
    return ends
