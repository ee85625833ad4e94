"""What the sink asks of the store, as ClickHouse does it, and a fake in memory that behaves the same."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from pipeline.store.client import StoreClient, StoreError
from pipeline.store.cut import Cut, Partition
from pipeline.store.packed import COLUMNS, Packed
from pipeline.store.row import Columns


class CutStore(Protocol):
    """Rows by token, and the cuts they belong to. Every method raises ``StoreError`` when it may not have worked."""

    async def last_cuts(self, partitions: Sequence[Partition]) -> dict[Partition, Cut]:
        """The last cut of each partition that has one."""

    async def record(self, cuts: Sequence[Cut]) -> None:
        """Make these the last cuts of their partitions, unless later ones are known."""

    async def insert(self, table: str, block: Columns | Packed, token: str) -> None:
        """Add rows once for a token."""


class ClickHouseCutStore:
    """The real one. ``owner`` names this process in the table, for people who look."""

    def __init__(self, client: StoreClient, owner: str) -> None:
        self._client = client
        self._owner = owner

    async def last_cuts(self, partitions: Sequence[Partition]) -> dict[Partition, Cut]:
        """As the protocol says."""
        rows = await self._client.rows(
            "SELECT topic, partition, epoch, first_offset, last_offset, first_timestamp_ms, is_done FROM sink_cut FINAL"
            " WHERE (topic, partition) IN arrayZip({topics:Array(String)}, {numbers:Array(UInt32)})",
            {"topics": [each.topic for each in partitions], "numbers": [each.partition for each in partitions]},
        )
        cuts = [Cut(partition=Partition(row.pop("topic"), row.pop("partition")), **row) for row in rows]
        return {cut.partition: cut for cut in cuts}

    async def record(self, cuts: Sequence[Cut]) -> None:
        """As the protocol says; ``ReplacingMergeTree`` keeps the highest version."""
        now = datetime.now(UTC)
        columns: dict[str, list[Any]] = {
            "topic": [cut.partition.topic for cut in cuts],
            "partition": [cut.partition.partition for cut in cuts],
            "owner": [self._owner] * len(cuts),
            "cut_at": [now] * len(cuts),
        }
        for name in ("epoch", "first_offset", "last_offset", "first_timestamp_ms", "is_done", "version"):
            columns[name] = [getattr(cut, name) for cut in cuts]
        await self._client.insert("sink_cut", columns)

    async def insert(self, table: str, block: Columns | Packed, token: str) -> None:
        """As the protocol says."""
        if isinstance(block, Packed):
            await self._client.insert_native(table, COLUMNS, block.native(), token=token)
        else:
            await self._client.insert(table, block, token=token)


class MemoryCutStore:
    """The fake: tables as lists of rows. ``failures`` are those of the next calls: before (``down``) or after (``torn``) they worked."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.cuts: dict[Partition, Cut] = {}
        self.failures: list[str] = []
        self._tokens: set[str] = set()

    async def last_cuts(self, partitions: Sequence[Partition]) -> dict[Partition, Cut]:
        """As the protocol says."""
        return {partition: self.cuts[partition] for partition in partitions if partition in self.cuts}

    async def record(self, cuts: Sequence[Cut]) -> None:
        """As the protocol says."""
        failure = self._fail_before()
        for cut in cuts:
            known = self.cuts.get(cut.partition)
            if known is None or known.version <= cut.version:
                self.cuts[cut.partition] = cut
        self._fail_after(failure)

    async def insert(self, table: str, block: Columns | Packed, token: str) -> None:
        """As the protocol says; a packed batch is one row."""
        failure = self._fail_before()
        if token not in self._tokens:
            self._tokens.add(token)
            rows = self.tables.setdefault(table, [])
            if isinstance(block, Packed):
                rows += [{"batch": batch} for batch in block.batches]
            else:
                rows += [dict(zip(block, values, strict=True)) for values in zip(*block.values(), strict=True)]
        self._fail_after(failure)

    def _fail_before(self) -> str:
        failure = self.failures.pop(0) if self.failures else ""
        if failure == "down":
            raise StoreError("down")
        return failure

    def _fail_after(self, failure: str) -> None:
        if failure == "torn":
            raise StoreError("torn")
