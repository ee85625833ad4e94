"""Produce, fetch and list offsets."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pipeline.embedded.broker import batch, records, topics
from pipeline.embedded.broker.batch import Batch
from pipeline.embedded.broker.errors import Error, RefusedError
from pipeline.embedded.broker.handlers import Body, Connection, Core
from pipeline.embedded.broker.log import StorageError
from pipeline.embedded.broker.records import CodecMissingError
from pipeline.embedded.broker.storage import Place
from pipeline.embedded.broker.transaction import Transaction

_MOST_BYTES = 64 * 1024 * 1024
_DISK_FULL = "the broker's log could not be written (is its disk full?)"


class DataApi:
    """The handlers that move records."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def produce(self, request: Body, _connection: Connection) -> Body | None:
        """Append batches; answered after the commit, or not at all when the client wants no answer (acks=0)."""
        answers = await asyncio.gather(*(
            self._append(topic["name"], part["partition"], part["records"])
            for topic in request["topics"]
            for part in topic["partitions"]
        ))  # fmt: skip
        following = iter(answers)
        body = {"topics": _map_partitions(request["topics"], lambda _name, _part: next(following))}
        return body if request["acks"] else None

    async def fetch(self, request: Body, connection: Connection) -> Body:
        """Return records, waiting up to the client's time for its minimum of bytes; read again only once enough have arrived."""
        deadline = time.monotonic() + request["max_wait_ms"] / 1000
        wanted = [at for t in request["topics"] for p in t["partitions"] if (at := self._core.place(t["name"], p["partition"]))]
        while True:
            arrived = asyncio.Event()
            self._core.arrivals.watch(wanted, arrived)
            try:
                body, size, urgent = self._read(request)
                left = deadline - time.monotonic()
                if urgent or size >= request["min_bytes"] or left <= 0 or connection.closed.is_set():
                    return body
                wants = self._core.log.appended(wanted) + request["min_bytes"] - size
                while left > 0 and not connection.closed.is_set() and self._core.log.appended(wanted) < wants:
                    arrived.clear()
                    await _first(left, arrived, connection.closed)
                    left = deadline - time.monotonic()
            finally:
                self._core.arrivals.forget(wanted, arrived)

    async def list_offsets(self, request: Body, _connection: Connection) -> Body:
        """Return the earliest or the next offset, or that of the first record since a time."""
        return {"topics": _map_partitions(request["topics"], self._offset_at)}

    async def _append(self, name: str, part: int, data: bytes) -> Body:
        answer: Body = {"base_offset": -1, "log_append_time_ms": -1, "log_start_offset": -1}
        try:
            at = self._core.existing(name, part)
            checked = self._checked(name, data)
            answer["base_offset"] = await self._core.writer.write(lambda t: _append(t, name, at, checked))
            answer["log_start_offset"] = self._core.log.bounds(at).start
        except RefusedError as error:
            answer |= {"error_code": error.code, "error_message": str(error)}
        except StorageError:
            answer |= {"error_code": Error.KAFKA_STORAGE_ERROR, "error_message": _DISK_FULL}
        return answer

    def _checked(self, name: str, data: bytes) -> Batch:
        limit = topics.settings_of(self._core.log.topics[name], self._core.config).max_batch_bytes
        if len(data) > limit:
            raise RefusedError(Error.MESSAGE_TOO_LARGE, f"a batch of {len(data)} bytes; the topic takes {limit} (max.message.bytes)")
        return batch.parse(data)

    def _read(self, request: Body) -> tuple[Body, int, bool]:
        """Return the response, the bytes of records in it, and whether it holds an error to be told at once."""
        size, urgent = 0, False
        most = min(request["max_bytes"], _MOST_BYTES)

        def read(name: str, asked: Body) -> Body:
            nonlocal size, urgent
            answer = self._read_partition(name, asked, most - size, first=size == 0)
            size += len(answer["records"])
            urgent = urgent or answer["error_code"] != Error.NONE
            return answer

        return {"topics": _map_partitions(request["topics"], read)}, size, urgent

    def _read_partition(self, name: str, asked: Body, room: int, *, first: bool) -> Body:
        """Read one partition; the response's first batch is given even when it is larger than the client's limits (KIP-74)."""
        at = self._core.place(name, asked["partition"])
        answer: Body = {"error_code": Error.NONE, "high_watermark": -1, "last_stable_offset": -1, "log_start_offset": -1,
                        "preferred_read_replica": -1, "records": b""}  # fmt: skip
        if at is None:
            return answer | {"error_code": Error.UNKNOWN_TOPIC_OR_PARTITION}
        bounds, offset = self._core.log.bounds(at), asked["offset"]
        answer |= {"high_watermark": bounds.end, "last_stable_offset": bounds.end, "log_start_offset": bounds.start}
        if not bounds.start <= offset <= bounds.end:
            return answer | {"error_code": Error.OFFSET_OUT_OF_RANGE}
        if offset < bounds.end and (room > 0 or first):
            found = self._core.log.read(at, offset, min(asked["max_bytes"], room))
            if first or sum(map(len, found)) <= room:
                answer["records"] = b"".join(found)
        return answer

    def _offset_at(self, name: str, asked: Body) -> Body:
        at = self._core.place(name, asked["partition"])
        if at is None:
            return {"error_code": Error.UNKNOWN_TOPIC_OR_PARTITION, "timestamp": -1, "offset": -1}
        bounds = self._core.log.bounds(at)
        match asked["timestamp"]:
            case -1:
                return {"timestamp": -1, "offset": bounds.end}
            case -2:
                return {"timestamp": -1, "offset": bounds.start}
            case since_ms:
                return self._first_since(at, since_ms)

    def _first_since(self, at: Place, since_ms: int) -> Body:
        row = self._core.log.first_since(at, since_ms)
        if row is None:
            return {"timestamp": -1, "offset": -1}
        with suppress(CodecMissingError):
            for record in records.read(row.data):
                if record.timestamp_ms >= since_ms:
                    return {"timestamp": record.timestamp_ms, "offset": record.offset}
        return {"timestamp": row.timestamp_ms, "offset": row.base}


def _append(transaction: Transaction, name: str, at: Place, checked: Batch) -> int:
    topic = transaction.topic(name)
    if topic is None or topic.id != at[0]:
        raise RefusedError(Error.UNKNOWN_TOPIC_OR_PARTITION)
    return transaction.append(at, checked)


def _map_partitions(asked: list[Body], answer: Callable[[str, Body], Body]) -> list[Body]:
    """Answer every partition of a request of the usual shape: topics, and in each its partitions."""
    return [
        {
            "name": topic["name"],
            "partitions": [{"partition": p["partition"], **answer(topic["name"], p)} for p in topic["partitions"]],
        }
        for topic in asked
    ]


async def _first(seconds: float, *events: asyncio.Event) -> None:
    """Return when one of the events is set or the time is over."""
    tasks: list[asyncio.Task[Any]] = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
