"""Records go in and come out alike on every broker: order, offsets, keys, headers, tombstones, times, codecs, bounds."""

import asyncio

import confluent_kafka
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, OffsetOutOfRangeError

from tests.conformance.target import DEADLINE_S, Item, Target, take, values

MURMUR2_OF_FOUR = {b"a": 0, b"cell-1": 3, b"NR-4711": 1}


def numbered(count: int, partition: int | None = 0) -> list[Item]:
    return [Item(b"%d" % i, partition=partition) for i in range(count)]


async def test_a_partition_keeps_order_and_numbers_its_records_from_zero(target: Target, name: str) -> None:
    await target.create(name)
    sent = await target.produce(name, numbered(100, partition=2))
    found = await target.read(name, 2, 100)
    assert [s.offset for s in sent] == [r.offset for r in found] == list(range(100))
    assert values(found) == [b"%d" % i for i in range(100)]


async def test_order_holds_for_each_key(target: Target, name: str) -> None:
    await target.create(name)
    await target.produce(name, [Item(b"%d" % i, key=b"device-%d" % (i % 7)) for i in range(210)], linger_ms=5)
    async with target.consumer(name, auto_offset_reset="earliest") as consumer:
        found = await take(consumer, 210)
    for device in range(7):
        mine = [int(r.value or b"") for r in found if r.key == b"device-%d" % device]
        assert mine == list(range(device, 210, 7))


async def test_key_value_headers_time_and_tombstone_come_back_as_sent(target: Target, name: str) -> None:
    await target.create(name)
    headers = [("h", b"x"), ("h", b"y"), ("empty", b"")]
    await target.produce(name, [Item(b"v", b"k", 0, headers, timestamp_ms=1_700_000_000_123), Item(None, b"k", 0)])
    first, second = await target.read(name, 0, 2)
    assert (first.key, first.value, first.headers, first.timestamp) == (b"k", b"v", tuple(headers), 1_700_000_000_123)
    assert (second.key, second.value) == (b"k", None)


async def test_a_key_is_placed_by_murmur2_whatever_the_client(target: Target, name: str) -> None:
    """aiokafka and librdkafka put a key into the same partition, the one that Kafka's default partitioner chooses."""
    await target.create(name)
    await target.produce(name, [Item(b"v", key=key) for key in MURMUR2_OF_FOUR])
    placed: dict[bytes, int] = {}
    producer = confluent_kafka.Producer({"bootstrap.servers": target.bootstrap, "partitioner": "murmur2"})
    for key in MURMUR2_OF_FOUR:
        producer.produce(name, b"v", key=key, on_delivery=lambda _e, m: placed.update({m.key() or b"": m.partition()}))
    assert await asyncio.to_thread(producer.flush, DEADLINE_S) == 0
    async with target.consumer(name, auto_offset_reset="earliest") as consumer:
        found = await take(consumer, 6)
    assert placed == {r.key: r.partition for r in found} == MURMUR2_OF_FOUR


async def test_reading_may_start_anywhere(target: Target, name: str) -> None:
    await target.create(name)
    await target.produce(name, numbered(50), linger_ms=5)
    assert values(await target.read(name, 0, 20, offset=30)) == [b"%d" % i for i in range(30, 50)]


async def test_bounds_are_the_first_and_the_next_offset(target: Target, name: str) -> None:
    await target.create(name)
    await target.produce(name, numbered(50))
    here, empty = TopicPartition(name, 0), TopicPartition(name, 1)
    async with target.consumer() as consumer:
        assert await consumer.beginning_offsets([here, empty]) == {here: 0, empty: 0}
        assert await consumer.end_offsets([here, empty]) == {here: 50, empty: 0}


async def test_an_offset_beyond_the_end_is_out_of_range(target: Target, name: str) -> None:
    await target.create(name)
    await target.produce(name, numbered(1))
    place = TopicPartition(name, 0)
    async with target.consumer(auto_offset_reset="none") as consumer:
        consumer.assign([place])
        consumer.seek(place, 99)
        with pytest.raises(OffsetOutOfRangeError):
            await asyncio.wait_for(consumer.getone(), DEADLINE_S)


async def test_a_waiting_reader_is_woken_by_a_record(target: Target, name: str) -> None:
    """The reader's patience is a minute; it gets the record long before."""
    await target.create(name)
    place = TopicPartition(name, 0)
    async with target.consumer(fetch_max_wait_ms=60_000, request_timeout_ms=120_000) as consumer:
        consumer.assign([place])
        await consumer.seek_to_end(place)
        await consumer.position(place)
        waiting = asyncio.create_task(consumer.getone())
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done
        await target.produce(name, numbered(1))
        assert (await asyncio.wait_for(waiting, DEADLINE_S)).value == b"0"


async def test_the_first_record_since_a_time_is_found_inside_a_batch(target: Target, name: str) -> None:
    await target.create(name)
    sent = [Item(b"x", partition=0, timestamp_ms=1_700_000_000_000 + 1000 * i) for i in range(6)]
    await target.produce(name, sent, linger_ms=50)
    place = TopicPartition(name, 0)
    async with target.consumer() as consumer:
        found = await consumer.offsets_for_times({place: 1_700_000_002_500})
        later = await consumer.offsets_for_times({place: 1_800_000_000_000})
    assert (found[place].offset, found[place].timestamp) == (3, 1_700_000_003_000)
    assert later[place] is None


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_an_idempotent_librdkafka_producer_round_trips_each_codec(target: Target, name: str, codec: str) -> None:
    await target.create(name)
    settings = {"bootstrap.servers": target.bootstrap, "enable.idempotence": True, "linger.ms": 5, "compression.type": codec}
    assert await asyncio.to_thread(send_all, settings, name, 2000) == []
    found = await asyncio.to_thread(receive_all, target.bootstrap, name, 2000)
    assert sorted(found) == sorted(b"v%d" % i for i in range(2000))


def send_all(settings: dict[str, object], topic: str, count: int) -> list[object]:
    """Produce with librdkafka; return what failed."""
    failed: list[object] = []
    producer = confluent_kafka.Producer(settings)
    for i in range(count):
        producer.produce(topic, b"v%d" % i, key=b"%d" % (i % 7), on_delivery=lambda e, _m: e and failed.append(e))
    assert producer.flush(DEADLINE_S) == 0
    return failed


def receive_all(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """Consume as a librdkafka group."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[bytes] = []
    for _ in range(int(DEADLINE_S / 0.5)):
        found += [m.value() or b"" for m in consumer.consume(500, 0.5) if m.error() is None]
        if len(found) >= count:
            break
    consumer.close()
    return found


async def test_a_partition_of_many_megabytes_is_kept_whole(target: Target, name: str) -> None:
    await target.create(name)
    await target.produce(name, [Item(b"x" * 1000, partition=0)] * 10_000, linger_ms=10, max_batch_size=500_000)
    assert [r.offset for r in await target.read(name, 0, 10_000)] == list(range(10_000))


async def test_a_message_over_the_limit_is_refused_unless_the_topic_allows_it(target: Target, name: str) -> None:
    """The limit is Kafka's own: about one megabyte."""
    await target.create(name)
    await target.create(f"{name}-large", max_message_bytes="4000000")
    large = [Item(b"x" * 2_000_000, partition=0)]
    settings = {"max_request_size": 8_000_000, "max_batch_size": 8_000_000}
    with pytest.raises(MessageSizeTooLargeError):
        await target.produce(name, large, **settings)
    await target.produce(f"{name}-large", large, **settings)
    assert len((await target.read(f"{name}-large", 0, 1))[0].value or b"") == 2_000_000


async def test_a_reader_with_small_limits_still_gets_a_large_batch(target: Target, name: str) -> None:
    """KIP-74: progress is always possible."""
    await target.create(name)
    await target.produce(name, [Item(b"x" * 500_000, partition=0)] * 3, max_batch_size=600_000, max_request_size=600_000)
    place = TopicPartition(name, 0)
    async with target.consumer(fetch_max_bytes=1000, max_partition_fetch_bytes=1000) as consumer:
        consumer.assign([place])
        consumer.seek(place, 0)
        assert len(await take(consumer, 3)) == 3
