"""Which batches of an idempotent producer are new, repeated or out of order (KIP-98, the part without transactions).

Pure: a producer's memory of one partition is its last five batches, as many as a client may have in flight.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.embedded.broker.batch import Batch
from pipeline.embedded.broker.errors import Error, RefusedError

REMEMBERED = 5
_LAST_SEQUENCE = 2**31 - 1
_ENTRY = struct.Struct(">hiiq")


@dataclass(frozen=True)
class Appended:
    """A batch that is in the log: its epoch, first and last sequence number, and base offset."""

    epoch: int
    first: int
    last: int
    base_offset: int


History = tuple[Appended, ...]


def find_repeat(history: History, batch: Batch) -> int | None:
    """Return the base offset under which this very batch is stored already, or None for a new batch in order.

    Raises:
        RefusedError: INVALID_PRODUCER_EPOCH for an older incarnation, OUT_OF_ORDER_SEQUENCE_NUMBER for a hole.
    """
    if not history:
        return None
    newest = history[-1]
    if batch.producer_epoch < newest.epoch:
        raise RefusedError(Error.INVALID_PRODUCER_EPOCH)
    if batch.producer_epoch > newest.epoch:
        _expect(batch, 0)
        return None
    for known in history:
        if (known.epoch, known.first, known.last) == (batch.producer_epoch, batch.sequence, _last(batch)):
            return known.base_offset
    _expect(batch, _following(newest.last))
    return None


def remember(history: History, batch: Batch, base_offset: int) -> History:
    """Return the history with one more batch, the oldest forgotten."""
    entry = Appended(batch.producer_epoch, batch.sequence, _last(batch), base_offset)
    return (*history, entry)[-REMEMBERED:]


def pack(history: Iterable[Appended]) -> bytes:
    """Return the history as bytes for storage."""
    return b"".join(_ENTRY.pack(e.epoch, e.first, e.last, e.base_offset) for e in history)


def unpack(data: bytes) -> History:
    """Return the history from its bytes."""
    return tuple(Appended(*fields) for fields in _ENTRY.iter_unpack(data))


def _expect(batch: Batch, sequence: int) -> None:
    if batch.sequence != sequence:
        raise RefusedError(Error.OUT_OF_ORDER_SEQUENCE_NUMBER, f"sequence {batch.sequence} where {sequence} was to follow")


def _last(batch: Batch) -> int:
    return (batch.sequence + batch.count - 1) & _LAST_SEQUENCE


def _following(sequence: int) -> int:
    return (sequence + 1) & _LAST_SEQUENCE
