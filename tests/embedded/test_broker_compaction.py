"""Compaction keeps the newest value of every key and the newest record of all; retention goes from the oldest end."""

import asyncio
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.embedded.broker import batch, compaction
from pipeline.embedded.broker.config import BrokerConfig
from pipeline.embedded.broker.housekeeping import Housekeeper
from pipeline.embedded.broker.log import Log
from pipeline.embedded.broker.records import read
from pipeline.embedded.broker.storage import Bounds, Place, Topic
from pipeline.embedded.broker.transaction import Row
from pipeline.embedded.broker.writer import Writer
from tests.support.batches import Pair, build

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000 + 2 * DAY_MS
KEYS = st.sampled_from([b"a", b"b", b"c", None])
PAIRS = st.tuples(KEYS, st.none() | st.binary(max_size=3))


def rows_of(batches: list[list[Pair]]) -> list[Row]:
    rows, base = [], 0
    for pairs in batches:
        rows.append(Row(base, base + len(pairs) - 1, 0, batch.place(build(pairs), base)))
        base += len(pairs)
    return rows


@given(st.lists(st.lists(PAIRS, min_size=1, max_size=6), min_size=1, max_size=8))
def test_replay_after_compaction_gives_the_same_table(batches: list[list[Pair]]) -> None:
    """Offsets, order and the partition's newest record stay; what a reader ends up with is the same."""
    rows = rows_of(batches)
    end = rows[-1].last + 1
    plan = compaction.plan(rows, end, tombstones_before_ms=NOW_MS)
    kept = [r for row in rows if (new := compaction.shrink(row, plan)[0]) for r in read(new.data)]
    before = [r for row in rows for r in read(row.data)]
    assert table(kept) == table(before)
    assert [r.offset for r in kept] == sorted(r.offset for r in kept)
    assert set(kept) <= set(before)
    assert kept[-1] == before[-1]
    assert [r for r in kept if r.key is None] == [r for r in before if r.key is None]
    older = [r.key for r in kept[:-1] if r.key is not None]
    assert len(older) == len(set(older))


def table(records: list[object]) -> dict[bytes, bytes]:
    rows: dict[bytes, bytes | None] = {r.key: r.value for r in records}  # type: ignore[attr-defined] # records
    return {k: v for k, v in rows.items() if v is not None}


@given(st.lists(st.lists(PAIRS, min_size=1, max_size=6), min_size=1, max_size=8))
def test_compacting_twice_changes_nothing_more(batches: list[list[Pair]]) -> None:
    rows = rows_of(batches)
    plan = compaction.plan(rows, rows[-1].last + 1, NOW_MS)
    once = [new for row in rows if (new := compaction.shrink(row, plan)[0])]
    again = compaction.plan(once, rows[-1].last + 1, NOW_MS)
    assert [compaction.shrink(row, again) for row in once] == [(row, 0) for row in once]


def test_a_tombstone_stays_for_a_time_so_that_slow_readers_see_it() -> None:
    rows = rows_of([[(b"a", b"1"), (b"a", None), (b"b", b"1")]])
    young = compaction.plan(rows, 3, tombstones_before_ms=1_700_000_000_000)
    old = compaction.plan(rows, 3, tombstones_before_ms=1_700_000_000_001)
    assert [r.value for r in read(compaction.shrink(rows[0], young)[0].data)] == [None, b"1"]  # type: ignore[union-attr] # kept
    assert [r.value for r in read(compaction.shrink(rows[0], old)[0].data)] == [b"1"]  # type: ignore[union-attr] # kept


class House:
    """A log with its housekeeper, and no broker around them."""

    def __init__(self, folder: Path, **settings: int) -> None:
        self.config = BrokerConfig(folder, compact_after_records=50, **settings)  # type: ignore[arg-type] # numbers
        self.log = Log(self.config)
        self.writer = Writer(self.log, lambda _: None, offload=False)
        self.keeper = Housekeeper(self.config, self.log, self.writer)

    async def __aenter__(self) -> Self:
        self.log.__enter__()
        self._task = asyncio.create_task(self.writer.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        self.log.__exit__(None, None, None)

    async def topic(self, **config: str) -> tuple[Topic, Place]:
        given = {key.replace("_", "."): value for key, value in config.items()}
        topic = await self.writer.write(lambda t: t.create("t", 1, given))
        return topic, (topic.id, 0)

    async def append(self, at: Place, *pairs: Pair, timestamp_ms: int = 1_700_000_000_000) -> None:
        parsed = batch.parse(build(pairs, timestamp_ms=timestamp_ms))
        await self.writer.write(lambda t: t.append(at, parsed))

    def records(self, at: Place) -> list[tuple[int, bytes | None]]:
        return [(r.offset, r.value) for data in self.log.read(at, self.log.bounds(at).start, 1 << 30) for r in read(data)]


async def test_a_round_compacts_a_partition_that_has_gained_enough(tmp_path: Path) -> None:
    async with House(tmp_path) as house:
        _, at = await house.topic(cleanup_policy="compact")
        for i in range(200):
            await house.append(at, (b"%d" % (i % 10), b"%d" % i))
        await house.keeper.round(NOW_MS)
        assert house.records(at) == [(i, b"%d" % i) for i in range(190, 200)]
        assert house.log.bounds(at) == Bounds(0, 200)
    async with House(tmp_path) as house:
        assert house.log.bounds(at) == Bounds(0, 200)


async def test_appends_pass_between_the_steps_of_a_compaction(tmp_path: Path) -> None:
    async with House(tmp_path) as house:
        topic, at = await house.topic(cleanup_policy="compact")
        for i in range(300):
            await house.append(at, (b"k%d" % (i % 2), b"%d" % i))
        compacting = asyncio.create_task(house.keeper.compact(topic, at, NOW_MS))
        appended = 300
        while not compacting.done():
            await house.append(at, (b"k0", b"%d" % appended))
            appended += 1
        assert compacting.result() == 298
        assert house.records(at)[:2] == [(298, b"298"), (299, b"299")]
        assert house.log.bounds(at).end == appended > 301


async def test_a_batch_of_a_codec_without_library_stays_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with House(tmp_path) as house:
        topic, at = await house.topic(cleanup_policy="compact")
        snappy = bytearray(build([(b"a", b"1")]))
        snappy[22] |= 2
        row = Row(0, 0, 0, batch.place(bytes(snappy), 0))
        await house.append(at, (b"a", b"1"))
        await house.writer.write(lambda t: t.replace(at, [0], [row]))
        await house.append(at, (b"a", b"2"), (b"a", b"3"))
        assert await house.keeper.compact(topic, at, NOW_MS) == 1
        assert house.log.read(at, 0, 1)[0] == row.data
        assert "without compression" in caplog.text


async def test_age_removes_the_oldest_but_never_the_newest_record(tmp_path: Path) -> None:
    async with House(tmp_path) as house:
        _, at = await house.topic(retention_ms="1000")
        for age_s in (10, 5, 0):
            await house.append(at, (None, b"%d" % age_s), timestamp_ms=NOW_MS - age_s * 1000)
        await house.keeper.round(NOW_MS)
        assert (house.records(at), house.log.bounds(at)) == ([(2, b"0")], Bounds(2, 3))
        await house.keeper.round(NOW_MS + DAY_MS)
        assert house.log.bounds(at) == Bounds(2, 3)


async def test_size_removes_the_oldest(tmp_path: Path) -> None:
    """As much stays as is to be kept at least, and less than one batch more."""
    async with House(tmp_path) as house:
        _, at = await house.topic(retention_bytes="5000", retention_ms="-1")
        for i in range(10):
            await house.append(at, (None, b"x" * 1000 + b"%d" % i), timestamp_ms=NOW_MS)
        await house.keeper.round(NOW_MS)
        assert [offset for offset, _ in house.records(at)] == [5, 6, 7, 8, 9]
        assert 5000 <= house.log.total_bytes(at) < 5000 + 1100


async def test_a_removed_topic_gives_its_space_back_in_steps(tmp_path: Path) -> None:
    async with House(tmp_path) as house:
        _, at = await house.topic()
        for _ in range(700):
            await house.append(at, (None, b"x" * 4000), timestamp_ms=NOW_MS)
        await house.writer.write(lambda t: t.delete("t"))
        for _ in range(6):
            await house.keeper.round(NOW_MS)
        assert (house.log.graves(), house.log.total_bytes(at)) == ([], 0)
        assert house.log.free_pages() <= 500
