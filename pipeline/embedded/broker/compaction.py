"""Compaction of a partition (cleanup.policy=compact): the newest record of each key stays, in pure steps.

First `newest_by_key` looks at all batches, then `shrink` rewrites one batch at a time; records that arrive meanwhile only
make more of the old ones superfluous. The newest record of a partition always stays: a Faust table has recovered when it
has read exactly that one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.embedded.broker import records
from pipeline.embedded.broker.records import CodecMissingError, Record
from pipeline.embedded.broker.transaction import Row


@dataclass(frozen=True)
class Plan:
    """What to keep.

    Attributes:
        newest: Offset of the newest record of each key.
        end: The partition's end when the plan was made; records from there on are not looked at.
        tombstones_before_ms: Tombstones older than this go (`delete.retention.ms`).
        unreadable: Batches whose codec has no library here; they stay whole.
    """

    newest: dict[bytes, int]
    end: int
    tombstones_before_ms: int
    unreadable: int = 0

    def keeps(self, record: Record) -> bool:
        """Tell whether a record stays; one without a key is nobody's former value."""
        if record.offset >= self.end - 1 or record.key is None:
            return True
        if self.newest.get(record.key) != record.offset:
            return False
        return record.value is not None or record.timestamp_ms >= self.tombstones_before_ms


def plan(rows: Iterable[Row], end: int, tombstones_before_ms: int) -> Plan:
    """Return the plan for batches given oldest first."""
    newest: dict[bytes, int] = {}
    unreadable = 0
    for row in rows:
        try:
            newest.update({r.key: r.offset for r in records.read(row.data) if r.key is not None})
        except CodecMissingError:
            unreadable += 1
    return Plan(newest, end, tombstones_before_ms, unreadable)


def shrink(row: Row, by: Plan) -> tuple[Row | None, int]:
    """Return the batch without superfluous records (None when nothing is left), and how many records went."""
    try:
        found = list(records.read(row.data))
    except CodecMissingError:
        return row, 0
    kept = [r for r in found if by.keeps(r)]
    dropped = len(found) - len(kept)
    if not dropped:
        return row, 0
    return (records.pack(kept) if kept else None), dropped
