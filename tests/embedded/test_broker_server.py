"""The broker on its socket: it survives bad clients and a full disk, holds back the fast, and frees what the dead held."""

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, for_code

from pipeline.embedded.broker import Broker, BrokerConfig
from pipeline.embedded.broker.errors import Error
from pipeline.embedded.broker.messages import APIS, FETCH, PRODUCE, VERSIONS
from pipeline.embedded.broker.protocol import HEADER, INT32, Reader
from tests.support.batches import build

DEADLINE_S = 20


class Client:
    """A socket that speaks single requests, well formed or not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, key: int, version: int, body: bytes, correlation_id: int = 1) -> None:
        out: list[bytes] = []
        fields = {"api_key": key, "version": version, "correlation_id": correlation_id, "client_id": "test"}
        HEADER.write(fields, 0, out)
        data = b"".join(out) + body
        self.writer.write(struct.pack(">i", len(data)) + data)

    async def receive(self) -> Reader:
        """Return a reader behind the correlation id of the next response."""
        async with asyncio.timeout(DEADLINE_S):
            (size,) = struct.unpack(">i", await self.reader.readexactly(4))
            reader = Reader(await self.reader.readexactly(size))
        INT32.read(reader, 0)
        return reader

    async def ask(self, key: int, version: int, request: dict[str, Any]) -> dict[str, Any]:
        out: list[bytes] = []
        APIS[key].request.write(request, version, out)
        self.send(key, version, b"".join(out))
        return APIS[key].response.read(await self.receive(), version)

    async def produce(self, data: bytes, *, acks: int = -1) -> dict[str, Any]:
        answer = await self.ask(PRODUCE.key, 8, produce_request(data, acks))
        return dict(answer["topics"][0]["partitions"][0])

    async def is_closed(self) -> bool:
        async with asyncio.timeout(DEADLINE_S):
            return await self.reader.read() == b""


def produce_request(data: bytes, acks: int = -1) -> dict[str, Any]:
    return {"acks": acks, "topics": [{"name": "t", "partitions": [{"partition": 0, "records": data}]}]}


def fetch_request(offset: int, wait_ms: int) -> dict[str, Any]:
    place = {"partition": 0, "offset": offset, "max_bytes": 1 << 20}
    return {"max_wait_ms": wait_ms, "min_bytes": 1, "max_bytes": 1 << 20, "topics": [{"name": "t", "partitions": [place]}]}


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with Broker(BrokerConfig(tmp_path, port=0, max_frame_bytes=2_000_000, max_bytes=3_000_000)) as broker:
        yield broker


@pytest.fixture
async def client(broker: Broker) -> AsyncIterator[Client]:
    one = await connect(broker)
    await one.ask(3, 4, {"topics": ["t"], "allow_auto_topic_creation": True})
    yield one
    one.writer.close()


async def connect(broker: Broker) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", broker.port))


async def test_a_newer_client_learns_which_versions_are_spoken(client: Client) -> None:
    """KIP-511: the refusal itself tells the ranges, in the oldest form."""
    client.send(VERSIONS.key, 4, b"\x00")
    answer = VERSIONS.response.read(await client.receive(), 0)
    assert answer["error_code"] == Error.UNSUPPORTED_VERSION
    assert {k["api_key"]: (k["low"], k["high"]) for k in answer["api_keys"]}[0] == (3, 8)


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">i", 2_000_001),
        struct.pack(">i", -1),
        struct.pack(">i", 3) + b"abc",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        struct.pack(">ihhih", 10, 999, 0, 1, -1),
        struct.pack(">ihhih", 10, 0, 99, 1, -1),
        struct.pack(">ihhih", 10, 0, 8, 1, -1),
    ],
    ids=["too large", "negative", "too short", "HTTP", "TLS", "no such API", "no such version", "an empty produce"],
)
async def test_a_client_that_speaks_nonsense_is_cut_off_and_others_are_not(broker: Broker, client: Client, sent: bytes) -> None:
    stranger = await connect(broker)
    stranger.writer.write(sent)
    assert await stranger.is_closed()
    assert (await client.produce(build([(b"k", b"v")])))["error_code"] == Error.NONE


async def test_a_full_disk_is_answered_and_outlived(client: Client) -> None:
    """Producers are told KAFKA_STORAGE_ERROR, which they retry; readers go on; what fits later is taken."""
    batch = build([(b"k", b"x" * 900_000)])
    answers = [await client.produce(batch) for _ in range(6)]
    codes = [a["error_code"] for a in answers]
    assert codes[0] == Error.NONE
    assert codes[-1] == Error.KAFKA_STORAGE_ERROR == 56
    assert "disk" in answers[-1]["error_message"]
    assert for_code(56).retriable
    stored = codes.count(Error.NONE)
    small = await client.produce(build([(b"k", b"small")]))
    assert (small["error_code"], small["base_offset"]) == (Error.NONE, stored)
    fetched = await client.ask(FETCH.key, 11, fetch_request(0, 0))
    assert fetched["topics"][0]["partitions"][0]["high_watermark"] == stored + 1


async def test_without_acknowledgement_there_is_no_answer_but_there_is_a_record(client: Client) -> None:
    out: list[bytes] = []
    PRODUCE.request.write(produce_request(build([(b"k", b"v")]), acks=0), 8, out)
    client.send(PRODUCE.key, 8, b"".join(out))
    assert (await client.produce(build([(b"k", b"w")])))["base_offset"] == 1


async def test_requests_sent_ahead_are_answered_in_order(client: Client) -> None:
    out: list[bytes] = []
    PRODUCE.request.write(produce_request(build([(b"k", b"v")])), 8, out)
    for number in range(50):
        client.send(PRODUCE.key, 8, b"".join(out), correlation_id=number)
    answers = [PRODUCE.response.read(await client.receive(), 8) for _ in range(50)]
    assert [a["topics"][0]["partitions"][0]["base_offset"] for a in answers] == list(range(50))


async def test_a_client_that_does_not_read_is_not_read_from(broker: Broker, client: Client) -> None:
    """Its answers fill its socket; then its requests wait there, and the broker's memory does not grow."""
    await client.produce(build([(b"k", b"x" * 500_000)]))
    lazy = await connect(broker)
    out: list[bytes] = []
    FETCH.request.write(fetch_request(0, 0) | {"rack_id": "x" * 30_000}, 11, out)
    for _ in range(20_000):
        lazy.send(FETCH.key, 11, b"".join(out))
        if lazy.writer.transport.get_write_buffer_size() > 500_000:
            break
        await asyncio.sleep(0)
    held = lazy.writer.transport.get_write_buffer_size()
    assert held > 0
    assert (await client.produce(build([(b"k", b"v")])))["error_code"] == Error.NONE
    assert lazy.writer.transport.get_write_buffer_size() > 0
    lazy.writer.transport.abort()


async def test_the_members_of_a_lost_connection_are_gone_while_their_request_still_waits(broker: Broker) -> None:
    """A worker killed during its join does not hold up the next one until its session ends."""
    ask = {"group": "g", "session_ms": 60_000, "rebalance_ms": 60_000, "protocol_type": "consumer",
           "protocols": [{"name": "range", "metadata": b""}]}  # fmt: skip
    idle, waiting = await connect(broker), await connect(broker)
    assert (await idle.ask(11, 2, ask))["error_code"] == Error.NONE
    out: list[bytes] = []
    APIS[11].request.write(ask, 2, out)
    waiting.send(11, 2, b"".join(out))
    async with asyncio.timeout(DEADLINE_S):
        while len(broker._coordinator.groups["g"].members) < 2:  # noqa: ASYNC110 - the broker offers no event for it
            await asyncio.sleep(0.01)
    idle.writer.transport.abort()
    waiting.writer.transport.abort()
    alive = await connect(broker)
    second = await alive.ask(11, 2, ask)
    assert [m["member_id"] for m in second["members"]] == [second["member_id"]]
    alive.writer.close()


@pytest.mark.parametrize("sync", ["normal", "full"])
async def test_many_producers_share_commits_and_none_mixes_with_another(tmp_path: Path, sync: Any) -> None:
    async with Broker(BrokerConfig(tmp_path, port=0, sync=sync)) as broker:
        producers = [AIOKafkaProducer(bootstrap_servers=broker.bootstrap, enable_idempotence=True) for _ in range(5)]
        await asyncio.gather(*(p.start() for p in producers))

        async def send(number: int) -> None:
            for i in range(40):
                await producers[number].send_and_wait("t", b"%d:%d" % (number, i), partition=0)

        await asyncio.gather(*(send(n) for n in range(5)))
        await asyncio.gather(*(p.stop() for p in producers))
        place = TopicPartition("t", 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap)
        await consumer.start()
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        found = [(await asyncio.wait_for(consumer.getone(), DEADLINE_S)).value for _ in range(200)]
        await consumer.stop()
    for number in range(5):
        assert [v for v in found if v.startswith(b"%d:" % number)] == [b"%d:%d" % (number, i) for i in range(40)]


async def test_leaving_the_context_cuts_off_clients_that_wait(tmp_path: Path) -> None:
    async with Broker(BrokerConfig(tmp_path, port=0)) as broker:
        waiting = await connect(broker)
        await waiting.ask(3, 4, {"topics": ["t"], "allow_auto_topic_creation": True})
        out: list[bytes] = []
        FETCH.request.write(fetch_request(0, 600_000), 11, out)
        waiting.send(FETCH.key, 11, b"".join(out))
        await asyncio.sleep(0)
    assert await waiting.is_closed()
    with pytest.raises((KafkaError, OSError)):
        await connect(broker)
