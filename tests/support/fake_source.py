"""A consumer group member without a broker: messages in lists, offsets kept, set back at will."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline import wire
from pipeline.bus import TopicPartition


@dataclass(frozen=True)
class Record:
    """What the sink reads of a message."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes


@dataclass
class FakeLog:
    """The broker's part: partitions of messages."""

    records: dict[TopicPartition, list[Record]] = field(default_factory=dict)
    committed: dict[TopicPartition, int] = field(default_factory=dict)

    def send(self, topic: str, items: Sequence[Any], partition: int = 0) -> None:
        """Append one message of values."""
        self.send_bytes(topic, wire.encode(items), partition)

    def send_bytes(self, topic: str, value: bytes, partition: int = 0, timestamp: int = 1_790_000_000_000) -> None:
        """Append one message of bytes."""
        log = self.records.setdefault(TopicPartition(topic, partition), [])
        log.append(Record(topic, partition, len(log), timestamp + len(log), value))


class FakeSource:
    """One member that has every partition of the log. `drained` is set when it has given all there was."""

    def __init__(self, log: FakeLog, *, rewound: bool = False) -> None:
        self._log = log
        self._positions = {key: 0 if rewound else log.committed.get(key, 0) for key in log.records}
        self._paused: set[TopicPartition] = set()
        self.held = set(log.records)
        self.drained = asyncio.Event()

    def assignment(self) -> set[TopicPartition]:
        return set(self.held)

    async def getmany(self, *_: TopicPartition, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Record]]:
        await asyncio.sleep(0)
        found: dict[TopicPartition, list[Record]] = {}
        for key in sorted(self.held - self._paused):
            position = self._positions.setdefault(key, 0)
            records = self._log.records[key][position : position + max_records]
            if records:
                found[key] = records
                self._positions[key] = position + len(records)
        if not found:
            self.drained.set()
            await asyncio.sleep(min(timeout_ms, 5) / 1000)
        return found

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {key: self._log.records[key][0].offset if self._log.records[key] else 0 for key in partitions}

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {key: len(self._log.records[key]) for key in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[partition] = offset

    def pause(self, *partitions: TopicPartition) -> None:
        self._paused |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self._paused -= set(partitions)

    def highwater(self, partition: TopicPartition) -> int:
        return len(self._log.records[partition])

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._log.committed.update(offsets)
