"""The records inside a batch: read, and packed again after compaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiokafka.errors import UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from pipeline.embedded.broker.batch import place
from pipeline.embedded.broker.transaction import Row

_NO_LIMIT = 1 << 30


class CodecMissingError(Exception):
    """The batch is compressed with a codec that has no library here; its records cannot be read."""


@dataclass(frozen=True)
class Record:
    """One record: offset in its partition, time in ms, key, value (None is a tombstone) and headers."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def read(data: bytes) -> Iterator[Record]:
    """Yield the records of one batch.

    Raises:
        CodecMissingError: The batch cannot be decompressed here.
    """
    try:
        batch = MemoryRecords(data).next_batch()
        for r in batch or ():
            yield Record(r.offset, r.timestamp, r.key, r.value, tuple(r.headers))
    except (UnsupportedCodecError, RuntimeError) as error:
        raise CodecMissingError(str(error)) from error


def pack(records: Sequence[Record]) -> Row:
    """Return an uncompressed batch of those records at those offsets, holes included.

    Source: message format 2, where each record carries its distance from the base offset.
    """
    base = records[0].offset
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=_NO_LIMIT,
    )  # fmt: skip
    for r in records:
        builder.append(r.offset - base, r.timestamp_ms, r.key, r.value, list(r.headers))
    newest = max(r.timestamp_ms for r in records)
    return Row(base, records[-1].offset, newest, place(bytes(builder.build()), base))
