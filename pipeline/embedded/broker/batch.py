"""The header of a record batch (message format 2), read and patched in place; the records inside stay opaque.

Layout: base offset q, length i, leader epoch i, magic b, CRC-32C I, attributes h, last offset delta i, first timestamp q,
max timestamp q, producer id q, producer epoch h, base sequence i, record count i. The CRC covers attributes onwards, so
that a broker may set the base offset and the leader epoch without touching it.
"""

import struct
from dataclasses import dataclass

from aiokafka.record.util import calc_crc32c

from pipeline.embedded.broker.errors import Error, RefusedError

_HEADER = struct.Struct(">qiibIhiqqqhii")
_PREFIX = struct.Struct(">qii")
_LENGTH_ENDS_AT = 12
_CRC_FROM = 21
_MAGIC = 2
_CODEC_BITS = 0x07
_TRANSACTION_BITS = 0x30
NO_PRODUCER = -1


@dataclass(frozen=True)
class Batch:
    """One record batch as a producer sent it.

    Attributes:
        data: The whole batch, header included.
        count: Offsets that it takes: its last offset delta plus one.
        max_timestamp_ms: Newest record time inside, milliseconds since 1970.
        producer_id: -1 when the producer is not idempotent.
        producer_epoch: Incarnation of the producer.
        sequence: Sequence number of the first record.
        codec: Compression: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    """

    data: bytes
    count: int
    max_timestamp_ms: int
    producer_id: int
    producer_epoch: int
    sequence: int
    codec: int


def parse(records: bytes) -> Batch:
    """Check the records of one partition of a produce request: since version 3 exactly one batch.

    Raises:
        RefusedError: CORRUPT_MESSAGE for a bad length or checksum, UNSUPPORTED_FOR_MESSAGE_FORMAT for formats 0 and 1,
            INVALID_RECORD for an empty, transactional or control batch, or more than one.
    """
    end = _LENGTH_ENDS_AT + _length(records)
    if end > len(records):
        raise RefusedError(Error.CORRUPT_MESSAGE, "a record batch is cut short")
    if end < len(records):
        raise RefusedError(Error.INVALID_RECORD, "a produce request carries one record batch for a partition")
    return _check(records)


def place(data: bytes, base_offset: int) -> bytes:
    """Return the batch at its offset in the log (leader epoch 0)."""
    length = _length(data)
    return _PREFIX.pack(base_offset, length, 0) + data[_PREFIX.size :]


def _length(records: bytes) -> int:
    if len(records) < _HEADER.size:
        raise RefusedError(Error.CORRUPT_MESSAGE, "a record batch is shorter than its header")
    (length,) = struct.unpack_from(">i", records, _LENGTH_ENDS_AT - 4)
    if length < _HEADER.size - _LENGTH_ENDS_AT:
        raise RefusedError(Error.CORRUPT_MESSAGE, f"a record batch claims {length} bytes")
    return int(length)


def _check(data: bytes) -> Batch:
    _, _, _, magic, crc, attributes, delta, _, newest, pid, epoch, sequence, _ = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise RefusedError(Error.UNSUPPORTED_FOR_MESSAGE_FORMAT, f"message format {magic}; only 2 is spoken")
    if calc_crc32c(memoryview(data)[_CRC_FROM:]) != crc:
        raise RefusedError(Error.CORRUPT_MESSAGE, "a record batch fails its checksum")
    if attributes & _TRANSACTION_BITS or delta < 0:
        raise RefusedError(Error.INVALID_RECORD, "transactional, control and empty batches are not taken")
    return Batch(data, delta + 1, newest, pid, epoch, sequence, attributes & _CODEC_BITS)
