"""Consumer groups share partitions, survive their members, and keep positions alike on every broker."""

import asyncio
import sys

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.conformance.target import Item, Target, take, until

QUICK = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "session_timeout_ms": 6000,
    "heartbeat_interval_ms": 300,
    "rebalance_timeout_ms": 10_000,
}


async def fill(target: Target, topic: str) -> None:
    """Ten records in each of four partitions."""
    await target.create(topic)
    await target.produce(topic, [Item(b"%d" % i, partition=i % 4) for i in range(40)])


async def test_a_group_resumes_where_it_committed_and_elsewhere_at_its_reset(target: Target, name: str) -> None:
    await fill(target, name)
    async with target.consumer(name, group_id=name, **QUICK) as consumer:
        assert len(await take(consumer, 40)) == 40
        await consumer.commit({TopicPartition(name, 0): 7})
    async with target.consumer(name, group_id=name, **QUICK) as consumer:
        assert await consumer.committed(TopicPartition(name, 0)) == 7
        assert await consumer.committed(TopicPartition(name, 1)) is None
        found = await take(consumer, 33)
    assert sorted(r.offset for r in found if r.partition == 0) == [7, 8, 9]
    assert sorted(r.offset for r in found if r.partition == 1) == list(range(10))


async def test_two_members_split_the_partitions_and_one_leaving_gives_them_back(target: Target, name: str) -> None:
    await fill(target, name)
    async with target.consumer(name, group_id=name, **QUICK) as stays:
        async with target.consumer(name, group_id=name, **QUICK) as leaves:
            await until(lambda: shares(stays, leaves) == [2, 2], stays, leaves)
            assert not stays.assignment() & leaves.assignment()
        await until(lambda: shares(stays) == [4], stays)


async def test_a_crashed_member_loses_its_partitions(target: Target, name: str) -> None:
    """The member is a process that is killed; nothing says goodbye for it."""
    await fill(target, name)
    crashed = await asyncio.create_subprocess_exec(sys.executable, "-c", MEMBER, target.bootstrap, name)
    async with target.consumer(name, group_id=name, **QUICK) as stays:
        try:
            await until(lambda: shares(stays) == [2], stays)
        finally:
            crashed.kill()
            await crashed.wait()
        await until(lambda: shares(stays) == [4], stays)


MEMBER = """
import asyncio, sys
from aiokafka import AIOKafkaConsumer

async def main():
    consumer = AIOKafkaConsumer(sys.argv[2], bootstrap_servers=sys.argv[1], group_id=sys.argv[2],
                                session_timeout_ms=6000, heartbeat_interval_ms=300)
    await consumer.start()
    while True:
        await consumer.getmany(timeout_ms=1000)

asyncio.run(main())
"""


async def test_a_member_of_an_old_generation_cannot_commit(target: Target, name: str) -> None:
    await fill(target, name)
    async with target.consumer(name, group_id=name, **QUICK) as consumer:
        await until(lambda: shares(consumer) == [4], consumer)
        consumer._coordinator.generation -= 1
        with pytest.raises(KafkaError):
            await consumer.commit({TopicPartition(name, 0): 1})
    async with target.consumer(group_id=name, **QUICK) as later:
        assert await later.committed(TopicPartition(name, 0)) is None


async def test_an_outsider_cannot_commit_for_a_group_that_has_members(target: Target, name: str) -> None:
    await fill(target, name)
    async with target.consumer(name, group_id=name, **QUICK) as member:
        await until(lambda: shares(member) == [4], member)
        async with target.consumer(group_id=name, enable_auto_commit=False) as outsider:
            outsider.assign([TopicPartition(name, 0)])
            with pytest.raises(KafkaError):
                await outsider.commit({TopicPartition(name, 0): 1})


async def test_a_reader_without_membership_commits_and_reads_on(target: Target, name: str) -> None:
    await fill(target, name)
    place = TopicPartition(name, 0)
    async with target.consumer(group_id=name, enable_auto_commit=False) as consumer:
        consumer.assign([place])
        await consumer.commit({place: 5})
    async with target.consumer(group_id=name, enable_auto_commit=False) as consumer:
        consumer.assign([place])
        assert [r.offset for r in await take(consumer, 5)] == [5, 6, 7, 8, 9]


async def test_groups_are_listed_and_described(target: Target, name: str) -> None:
    await fill(target, name)
    async with target.consumer(name, group_id=name, client_id="me", **QUICK) as consumer, target.admin() as admin:
        await until(lambda: shares(consumer) == [4], consumer)
        listed = [group for group, _ in await admin.list_consumer_groups()]
        described = (await admin.describe_consumer_groups([name]))[0].groups[0]
    assert name in listed
    assert (described[1], described[2], described[3]) == (name, "Stable", "consumer")
    assert [member[1] for member in described[5]] == ["me"]


@pytest.mark.slow
async def test_every_record_is_read_once_or_more_while_members_come_and_go(target: Target, name: str) -> None:
    """Commit after reading, across three rebalances: nothing is skipped."""
    await target.create(name)
    seen: set[bytes] = set()

    async def work(consumer: AIOKafkaConsumer, enough: int) -> None:
        while len(seen) < enough:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                seen.update(r.value for r in records)
            try:
                await consumer.commit()
            except KafkaError:
                continue  # the group is being shared anew; what was not committed is read again

    async def produce(start: int) -> None:
        await target.produce(name, [Item(b"%d" % i, key=b"%d" % i) for i in range(start, start + 200)])

    async with target.consumer(name, group_id=name, **QUICK) as first:
        await produce(0)
        await asyncio.wait_for(work(first, 200), 30)
        async with target.consumer(name, group_id=name, **QUICK) as second:
            await produce(200)
            await asyncio.wait_for(asyncio.gather(work(first, 400), work(second, 400)), 30)
        await produce(400)
        await asyncio.wait_for(work(first, 600), 30)
    assert seen == {b"%d" % i for i in range(600)}


def shares(*consumers: AIOKafkaConsumer) -> list[int]:
    return [len(c.assignment()) for c in consumers]
