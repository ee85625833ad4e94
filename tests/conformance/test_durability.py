"""What was acknowledged survives kill -9 of the broker: records, positions, topics, and the memory of idempotent producers."""

import asyncio
import time

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError

from tests.conformance.target import DEADLINE_S, Item, Target, take, values

pytestmark = pytest.mark.slow


async def test_records_positions_and_settings_survive_kill_9(target: Target, name: str) -> None:
    await target.create(name, retention_ms="123456789")
    await target.produce(name, [Item(b"%d" % i, partition=0) for i in range(30)])
    async with target.consumer(name, group_id=name, enable_auto_commit=False, auto_offset_reset="earliest") as consumer:
        await take(consumer, 30)
        await consumer.commit({TopicPartition(name, 0): 11})
    target.broker.kill()
    target.broker.restart()
    assert values(await target.read(name, 0, 30)) == [b"%d" % i for i in range(30)]
    async with target.consumer(name, group_id=name, enable_auto_commit=False, auto_offset_reset="earliest") as consumer:
        assert await consumer.committed(TopicPartition(name, 0)) == 11
        assert [r.offset for r in await take(consumer, 19)] == list(range(11, 30))
    sent = await target.produce(name, [Item(b"after", partition=0)])
    assert sent[0].offset == 30


async def test_an_idempotent_producer_at_work_during_kill_9_loses_and_repeats_nothing(target: Target, name: str) -> None:
    await target.create(name)
    failed: list[object] = []
    acknowledged: list[int] = []
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": target.bootstrap, "enable.idempotence": True, "linger.ms": 1, "batch.num.messages": 20}
    )

    def delivered(error: object, message: confluent_kafka.Message) -> None:
        failed.append(error) if error else acknowledged.append(message.offset() or 0)

    def work() -> None:
        for i in range(3000):
            producer.produce(name, b"%d" % i, partition=0, on_delivery=delivered)
            producer.poll(0.001 if i % 20 == 0 else 0)
            if i in {1000, 2000}:
                target.broker.kill()
                target.broker.restart()
        assert producer.flush(DEADLINE_S * 2) == 0

    await asyncio.to_thread(work)
    assert failed == []
    assert values(await target.read(name, 0, 3000)) == [b"%d" % i for i in range(3000)]
    async with target.consumer() as consumer:
        assert await consumer.end_offsets([TopicPartition(name, 0)]) == {TopicPartition(name, 0): 3000}


async def test_a_running_group_goes_on_after_the_broker_died(target: Target, name: str) -> None:
    """A member may have to join again first (Kafka remembers members, the embedded broker does not); then it commits as before."""
    await target.create(name)
    settings = {"enable_auto_commit": False, "auto_offset_reset": "earliest"}
    async with target.consumer(name, group_id=name, session_timeout_ms=6000, heartbeat_interval_ms=300, **settings) as consumer:
        await target.produce(name, [Item(b"before", partition=0)])
        assert values(await take(consumer, 1)) == [b"before"]
        await consumer.commit()
        target.broker.kill()
        target.broker.restart()
        await target.produce(name, [Item(b"after", partition=0)])
        assert values(await take(consumer, 1)) == [b"after"]
        await commit_when_member_again(consumer, {TopicPartition(name, 0): 2})
        assert await consumer.committed(TopicPartition(name, 0)) == 2


async def commit_when_member_again(consumer: AIOKafkaConsumer, positions: dict[TopicPartition, int]) -> None:
    ends_at = time.monotonic() + DEADLINE_S
    while True:
        try:
            return await consumer.commit(positions)
        except CommitFailedError:
            assert time.monotonic() < ends_at
            await consumer.getmany(timeout_ms=200)
