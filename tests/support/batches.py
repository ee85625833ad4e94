"""Record batches as a producer would send them."""

from collections.abc import Iterable

from aiokafka.record.default_records import DefaultRecordBatchBuilder

Pair = tuple[bytes | None, bytes | None]


def build(
    pairs: Iterable[Pair], *, timestamp_ms: int = 1_700_000_000_000, producer: tuple[int, int, int] = (-1, -1, -1), codec: int = 0
) -> bytes:
    """Return a batch of (key, value) records; `producer` is (id, epoch, first sequence number)."""
    pid, epoch, sequence = producer
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=codec, is_transactional=False, producer_id=pid, producer_epoch=epoch,
        base_sequence=sequence, batch_size=1 << 24,
    )  # fmt: skip
    for offset, (key, value) in enumerate(pairs):
        builder.append(offset, timestamp_ms, key, value, [])
    return bytes(builder.build())
