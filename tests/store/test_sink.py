"""The sink writes each message's rows once: over replays, torn writes, an engine killed or down, and messages that cannot be read."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from pipeline import wire
from pipeline.bus import TopicPartition
from pipeline.config.settings import HistorySettings
from pipeline.core.event import Tick
from pipeline.store.client import StoreClient, StoreError
from pipeline.store.cut import Cut, Partition
from pipeline.store.cut_store import ClickHouseCutStore, CutStore, MemoryCutStore
from pipeline.store.sink import Sink, SinkConfig
from pipeline.wire import Topic
from tests.support.fake_source import FakeLog, FakeSource
from tests.support.history import embedded_history
from tests.support.history_samples import BESIDE, EVERY_KIND, NOW, S, alarm_change, kpis, trap

QUICK = SinkConfig(flush_ms=1, cut_rows=50, fetch_messages=7, retry_s=0.01, retry_cap_s=0.05)
TRAPS = Partition("raw.traps", 0)


async def drain(store: CutStore, source: FakeSource, config: SinkConfig = QUICK) -> Sink:
    """Let a sink write everything that the source has, then stop it."""
    stop = asyncio.Event()
    sink = Sink(config, source, store, stop)
    running = asyncio.create_task(sink.run())
    await asyncio.wait_for(source.drained.wait(), 60)
    stop.set()
    await asyncio.wait_for(running, 60)
    return sink


async def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; the caller bounds the wait."""
    while True:
        if condition():
            return
        await asyncio.sleep(0.002)


def real(client: StoreClient) -> ClickHouseCutStore:
    return ClickHouseCutStore(client, owner="test")


async def counts(client: StoreClient) -> dict[str, int]:
    """Rows by table, those that still repeat included: a repeat must not hide behind a merge."""
    tables = ("trap", "poll", "anomaly", "event", "alarm_change", "alarm", "incident_revision", "incident", "outage", "kpi", "evaluation")
    found = {}
    for table in (*tables, "effect", "receipt", "dead_letter", "quarantine_message"):
        found[table] = (await client.rows(f"SELECT count() AS n FROM `{table}`"))[0]["n"]
    for table in ("kpi_1m", "kpi_1h"):
        found[table] = (await client.rows(f"SELECT sum(samples) + sum(bad_samples) AS n FROM {table}"))[0]["n"]
    return found


def log_of_every_kind() -> FakeLog:
    log = FakeLog()
    for topic, items in (*EVERY_KIND.items(), *BESIDE.items()):
        log.send(topic, items)
    return log


def log_of_traps(count: int, per_message: int = 10) -> FakeLog:
    log = FakeLog()
    for first in range(0, count, per_message):
        log.send(Topic.RAW_TRAPS, [trap(first + step) for step in range(per_message)])
    return log


async def test_every_kind_has_its_table(client: StoreClient) -> None:
    """One value of each kind of each topic becomes rows, and the engine's roll-ups and present states follow."""
    await drain(real(client), FakeSource(log_of_every_kind()))
    found = await counts(client)
    assert found.pop("quarantine_message") == 0
    assert found.pop("anomaly") == 2
    assert found.pop("kpi") == found.pop("kpi_1m") == found.pop("kpi_1h") == 4
    assert set(found.values()) == {1}, found


async def test_replaying_every_topic_adds_no_row(client: StoreClient) -> None:
    """A group set back to the beginning, twice, leaves every table as it was, and the group's offsets where they belong."""
    log = log_of_every_kind()
    await drain(real(client), FakeSource(log))
    before = await counts(client)
    for _ in range(2):
        log.committed.clear()
        await drain(real(client), FakeSource(log, rewound=True))
    log.send(Topic.EVENTS, EVERY_KIND[Topic.EVENTS])
    await drain(real(client), FakeSource(log, rewound=True))
    assert await counts(client) == before | {"event": 2}
    assert log.committed[TopicPartition("events", 0)] == 2


async def test_new_messages_after_a_restart_are_written_once(client: StoreClient) -> None:
    """Between two runs nothing is lost and nothing doubled, although the cuts fall otherwise."""
    log = log_of_traps(100)
    await drain(real(client), FakeSource(log))
    for first in range(100, 300, 20):
        log.send(Topic.RAW_TRAPS, [trap(first + step) for step in range(20)])
    await drain(real(client), FakeSource(log), SinkConfig(flush_ms=1, cut_rows=70))
    assert (await counts(client))["trap"] == 300


async def test_a_torn_write_is_healed_with_the_same_boundaries(client: StoreClient) -> None:
    """A cut that was recorded, of which only some tables got their rows, is written again as it was, though more messages wait by now."""
    log = FakeLog()
    log.send(Topic.KPIS, [kpis()])
    log.send(Topic.KPIS, [kpis(NOW + S)])
    log.send_bytes(Topic.KPIS, b"poison")

    class Dying(ClickHouseCutStore):
        async def insert(self, table: str, columns: Any, token: str) -> None:
            if table == "quarantine_message":
                raise asyncio.CancelledError
            await super().insert(table, columns, token)

    stop = asyncio.Event()
    with pytest.raises(asyncio.CancelledError):
        await Sink(QUICK, FakeSource(log), Dying(client, "dying"), stop).run()
    torn = await counts(client)
    assert (torn["kpi"], torn["kpi_1m"], torn["quarantine_message"]) == (8, 8, 0)
    log.send(Topic.KPIS, [kpis(NOW + 2 * S)])
    await drain(real(client), FakeSource(log))
    healed = await counts(client)
    assert (healed["kpi"], healed["kpi_1m"], healed["kpi_1h"], healed["quarantine_message"]) == (12, 12, 12, 1)


async def test_a_write_that_worked_but_was_not_answered_is_not_doubled() -> None:
    """A time-out after the rows went in is tried again with the same token (the fake's `torn`)."""
    store = MemoryCutStore()
    store.failures = ["", "torn", "torn", "down", "torn", ""]
    await drain(store, FakeSource(log_of_traps(40)))
    assert len(store.tables["trap"]) == 40


async def test_an_unreadable_message_goes_to_quarantine_and_the_partition_goes_on(client: StoreClient) -> None:
    """Bytes that are no message, a later version, and a value that no column holds are kept with their reason; what follows is stored."""
    log = FakeLog()
    log.send_bytes(Topic.RAW_TRAPS, b"\xff\x00 no message")
    log.send_bytes(Topic.RAW_TRAPS, wire.pack((99, "trap", [])))
    log.send(Topic.RAW_TRAPS, [trap(at=2**63)])
    log.send_bytes(Topic.RAW_TRAPS, wire.pack((1, "trap", [])))
    log.send(Topic.RAW_TRAPS, [trap(5)])
    counted = ("assure_sink_messages_total", {"topic": "raw.traps", "outcome": "undecodable"})
    before = REGISTRY.get_sample_value(*counted) or 0
    await drain(real(client), FakeSource(log))
    same = "base64Decode(value) = unhex('FF00') || ' no message' AS same"
    kept = await client.rows(f"SELECT offset, reason, detail, {same} FROM quarantine_message ORDER BY offset")
    assert [(row["offset"], row["reason"]) for row in kept] == [
        (0, "undecodable"),
        (1, "undecodable"),
        (2, "handler-failed"),
        (3, "handler-failed"),
    ]
    assert "version 99" in kept[1]["detail"]
    assert kept[0]["same"]
    assert await client.rows("SELECT sequence FROM trap") == [{"sequence": 5}]
    assert (REGISTRY.get_sample_value(*counted) or 0) - before == 2


async def test_values_that_are_no_history_are_counted_not_stored() -> None:
    """Ticks make no row and no cut of their own."""
    log = FakeLog()
    log.send(Topic.EVENTS, [Tick(NOW)])
    counted = ("assure_sink_items_not_kept_total", {"kind": "Tick"})
    before = REGISTRY.get_sample_value(*counted) or 0
    store = MemoryCutStore()
    await drain(store, FakeSource(log))
    assert (store.tables, store.cuts) == ({}, {})
    assert (REGISTRY.get_sample_value(*counted) or 0) - before == 1


async def test_a_store_that_is_down_is_waited_for_without_reading_on() -> None:
    """While it does not answer, readiness says so, nothing is fetched, and afterwards everything is there."""
    store, source = MemoryCutStore(), FakeSource(log_of_traps(1_000))
    store.failures = ["", *["down"] * 20]
    stop = asyncio.Event()
    sink = Sink(QUICK, source, store, stop)
    running = asyncio.create_task(sink.run())
    async with asyncio.timeout(30):
        await until(lambda: "does not take rows" in sink.not_ready())
        assert sum(source._positions.values()) <= 2 * QUICK.fetch_messages
        await until(lambda: not sink.not_ready())
    source.drained.clear()
    await asyncio.wait_for(source.drained.wait(), 30)
    stop.set()
    await running
    assert len(store.tables["trap"]) == 1_000


async def test_stopping_while_the_store_is_down_does_not_hang() -> None:
    """What was read and not written stays uncommitted, for the next start."""
    log, store = log_of_traps(10), MemoryCutStore()
    store.failures = ["", *["down"] * 100_000]
    stop = asyncio.Event()
    sink = Sink(QUICK, FakeSource(log), store, stop)
    running = asyncio.create_task(sink.run())
    async with asyncio.timeout(30):
        await until(lambda: sink.not_ready() != "")
        stop.set()
        await running
    assert log.committed == {}


async def test_a_member_that_lost_its_partition_does_not_write_over_the_next() -> None:
    """A sink that slept while another wrote its partition takes up after what the other wrote."""
    log, store = log_of_traps(40), MemoryCutStore()
    sleeper_stop, sleeper_source = asyncio.Event(), FakeSource(log)
    sleeper = Sink(QUICK, sleeper_source, store, sleeper_stop)
    await sleeper._follow_assignment()
    await sleeper._accept(await sleeper_source.getmany(timeout_ms=1, max_records=2))
    await drain(store, FakeSource(log))
    sleeper_source.drained.clear()
    running = asyncio.create_task(sleeper.run())
    await asyncio.wait_for(sleeper_source.drained.wait(), 30)
    sleeper_stop.set()
    await running
    assert sorted(row["sequence"] for row in store.tables["trap"]) == list(range(40))


@pytest.mark.parametrize("later_messages", [1, 10])
async def test_an_emptied_broker_is_read_from_its_beginning(later_messages: int) -> None:
    """When offsets begin again, whether they are still behind what is stored or past it already, the new messages are stored."""
    store = MemoryCutStore()
    await drain(store, FakeSource(log_of_traps(40)))
    fresh = FakeLog()
    for number in range(later_messages):
        fresh.send_bytes(Topic.RAW_TRAPS, wire.encode([trap(1_000 + number)]), timestamp=1_800_000_000_000)
    await drain(store, FakeSource(fresh))
    assert len(store.tables["trap"]) == 40 + later_messages
    await drain(store, FakeSource(fresh, rewound=True))
    assert len(store.tables["trap"]) == 40 + later_messages


async def test_an_empty_store_is_filled_from_what_the_broker_still_has(client: StoreClient) -> None:
    """Committed offsets do not hide messages from a store that was restored empty."""
    log = log_of_traps(30)
    log.committed[TopicPartition("raw.traps", 0)] = 3
    await drain(real(client), FakeSource(log))
    assert (await counts(client))["trap"] == 30


async def test_the_fake_behaves_as_the_real_store(client: StoreClient) -> None:
    """Cuts and tokens answer alike in memory and in ClickHouse."""
    memory = MemoryCutStore()
    assert await exercise(memory) == await exercise(real(client))
    in_memory = [row["offset"] for row in memory.tables["quarantine_message"]]
    assert [row["offset"] for row in await client.rows("SELECT offset FROM quarantine_message ORDER BY offset")] == in_memory == [1, 3]


async def exercise(store: CutStore) -> list[dict[Partition, Cut]]:
    """Record cuts in and out of order, insert with new and repeated tokens; every answer about the last cuts."""
    first, second = Cut(TRAPS, 0, 0, 4, 7), Cut(TRAPS, 0, 5, 9, 8)
    answers = [await store.last_cuts([TRAPS])]
    for cut in (first, first.done(), second, first, first.done(), Cut(TRAPS, 1, 0, 1, 9, is_done=True)):
        await store.record([cut])
        answers.append(await store.last_cuts([TRAPS, Partition("events", 1)]))
    for offset, token in ((1, "a"), (1, "a"), (2, "a"), (3, "b")):
        await store.insert("quarantine_message", {name: [value] for name, value in _quarantined(offset).items()}, token)
    return answers


def _quarantined(offset: int) -> dict[str, Any]:
    return {"topic": "t", "partition": 0, "offset": offset, "recorded_at": NOW // 1_000_000, "reason": "r", "detail": "d", "value": ""}


async def test_an_engine_killed_amid_inserts_holds_each_row_once(tmp_path: Path) -> None:
    """Kill -9 of the engine three times while it takes rows: sent = rows = unique rows, in the roll-ups too."""
    with embedded_history(tmp_path) as history:
        async with StoreClient.writer(history.settings) as client:
            log = FakeLog()
            for number in range(400):
                log.send(Topic.RAW_TRAPS, [trap(number * 20 + step) for step in range(20)], partition=number % 2)
                log.send(Topic.KPIS, [kpis(NOW + number * S // 100)])
                log.send(Topic.ALARMS, [alarm_change(number + 1)])
            source, stop = FakeSource(log), asyncio.Event()
            sink = Sink(SinkConfig(flush_ms=1, cut_rows=200, fetch_messages=5, retry_s=0.02, retry_cap_s=0.2), source, real(client), stop)
            running = asyncio.create_task(sink.run())
            async with asyncio.timeout(120):
                for progress in (50, 120, 250):
                    await until(lambda: sum(log.committed.values()) >= progress)  # noqa: B023  # awaited before the next turn
                    await asyncio.to_thread(history.kill)
                    await until(lambda: sink.not_ready() != "")
                    await asyncio.to_thread(history.restart)
                await source.drained.wait()
                await until(lambda: sum(log.committed.values()) == 1_200)
            stop.set()
            await running
            found = await counts(client)
            assert (found["trap"], found["kpi"], found["kpi_1m"], found["kpi_1h"], found["alarm_change"]) == (
                8_000,
                1_600,
                1_600,
                1_600,
                400,
            )
            unique = await client.rows("SELECT uniqExact(collector, sequence) AS n FROM trap")
            assert unique == [{"n": 8_000}]


async def test_an_engine_that_is_away_for_long_costs_neither_memory_nor_a_value(tmp_path: Path) -> None:
    """However long it is down, no more is read than was; when it is back, every value of every indicator is in, once, at each level.

    Two hundred polls of twenty devices wait in the broker when it goes, and two hundred more come meanwhile: an hour of them, or a day.
    """
    tries = ("assure_sink_errors_total", {"reason": "store"})
    with embedded_history(tmp_path) as history:
        async with StoreClient.writer(history.settings) as client:
            log = FakeLog()
            polls(log, 0, 200)
            source, stop = FakeSource(log), asyncio.Event()
            config = SinkConfig(flush_ms=1, cut_rows=20, buffer_rows=40, fetch_messages=10, retry_s=0.01, retry_cap_s=0.05)
            sink = Sink(config, source, real(client), stop)
            running = asyncio.create_task(sink.run())
            async with asyncio.timeout(120):
                await until(lambda: sum(log.committed.values()) >= 20)
                await asyncio.to_thread(history.kill)
                await until(lambda: sink.not_ready() != "")
                read, tried = sum(source._positions.values()), REGISTRY.get_sample_value(*tries) or 0
                polls(log, 200, 400)
                await until(lambda: (REGISTRY.get_sample_value(*tries) or 0) >= tried + 20)
                assert sum(source._positions.values()) <= read + config.fetch_messages
                assert sink._buffered <= config.buffer_rows + config.fetch_messages * 3
                await asyncio.to_thread(history.restart)
                await until(lambda: sum(log.committed.values()) == 400)
            stop.set()
            await running
            found = await counts(client)
            assert (found["kpi"], found["kpi_1m"], found["kpi_1h"]) == (400 * 20 * 4,) * 3
            assert await client.rows("SELECT uniqExact(device, at, kpi) AS n FROM kpi_raw") == [{"n": 400 * 20 * 2}]


def polls(log: FakeLog, first: int, last: int) -> None:
    """Messages of the KPIs of twenty devices, one for each second."""
    for number in range(first, last):
        log.send(Topic.KPIS, [kpis(NOW - number * S, f"pe{device}") for device in range(20)])


async def test_a_client_without_a_server_says_which(tmp_path: Path) -> None:
    """A store that is not there is an error that names its address, not a crash."""
    async with StoreClient.writer(HistorySettings(port=1)) as client:
        with pytest.raises(StoreError, match=r"127\.0\.0\.1:1:"):
            await client.rows("SELECT 1")
