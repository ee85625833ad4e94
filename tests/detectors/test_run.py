"""The whole process on the embedded broker and ClickHouse: a model from the history; one alarm raised and cleared, through restarts."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from pipeline import bus, wire
from pipeline.config.settings import BrokerSettings, DetectorSettings, Settings
from pipeline.core.anomaly_batch import AnomalyBatch
from pipeline.core.event import Event, Signal
from pipeline.core.inventory import Device, Inventory
from pipeline.detectors.run import Scheduled, run_detectors
from pipeline.detectors.training import Outcome
from pipeline.store.client import Connection
from pipeline.store.element import ElementHistory
from pipeline.training import shelf_of, train_all, training_due_in_s
from pipeline.wire import Topic
from tests.support.element_history import INDEX, MadeHistory, S, batches, store
from tests.support.embedded import BrokerProcess, embedded_broker, free_port
from tests.support.history import HistoryProcess, embedded_history

NOW = time.time_ns() // (3_600 * S) * 3_600 * S
INVENTORY = Inventory("v", devices={name: Device(name, "", "", role="core", domain="north") for name in ("pe1", "pe2")})
Watched = tuple[Settings, MadeHistory]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    with embedded_history(tmp_path_factory.mktemp("history")) as running:
        yield running


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    with embedded_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="module")
def made(history: HistoryProcess) -> MadeHistory:
    """Four days of two elements, in ClickHouse."""
    found = MadeHistory(2, 4, NOW, step_s=120)
    connection = Connection.writer(history.settings)
    store(connection, found)
    connection.close()
    return found


@pytest.fixture(scope="module")
def watched(history: HistoryProcess, broker: BrokerProcess, made: MadeHistory, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Settings of an installation whose model was trained from its history."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        inventory_dir=Path(),
        metrics_port=free_port() - 6,
        broker=BrokerSettings(bootstrap=broker.bootstrap),
        history=history.settings,
        detectors=DetectorSettings(score_every_s=0.05, odd_samples=3, normal_samples=2),
    )
    with ElementHistory.of(history.settings) as reads:
        [trained] = train_all(settings, reads, INVENTORY, now=NOW)
    assert trained.outcome is Outcome.FIRST, trained.told
    asyncio.run(bus.create_topics(broker.bootstrap, partitions=4, replication=1))
    return settings, made


@asynccontextmanager
async def running(settings: Settings, *schedule: Scheduled) -> AsyncIterator[None]:
    stop = asyncio.Event()
    with ElementHistory.of(settings.history) as reads:
        work = asyncio.create_task(run_detectors(settings, lambda: INVENTORY, reads, schedule, stop))
        try:
            yield
        finally:
            stop.set()
            await work


async def send(settings: Settings, *messages: list[Any]) -> None:
    async with bus.producer(settings.broker.bootstrap) as producer:
        for message in messages:
            await producer.send_and_wait(Topic.KPIS.value, wire.encode(message), partition=bus.partition_of("pe1", 4))


async def events(settings: Settings, enough: int) -> list[Event]:
    """All events that were told, once there are so many."""
    found: list[Event] = []
    deadline = time.monotonic() + 60
    async with bus.reader(settings.broker.bootstrap, Topic.EVENTS, from_start=True) as reader:
        while time.monotonic() < deadline and len(found) < enough:
            for records in (await reader.getmany(timeout_ms=100)).values():
                found += [value for record in records for value in wire.decode(record.value)]
    return found


async def until_read(settings: Settings) -> None:
    """Wait until everything that was sent is judged and committed."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (await bus.lag(settings.broker.bootstrap, "assure-detectors")).get(Topic.KPIS.value, 1) == 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not everything was read")


def polls(made: MadeHistory, first: int, pattern: str) -> list[list[Any]]:
    """Polls of pe1 from sequence ``first`` on, an hour of ordinary vectors as their base: ``x`` is odd (CPU high, traffic low)."""
    at, values = made.rows["pe1"]
    found = []
    for place, each in enumerate(pattern):
        vector = values[-30 + (first + place) % 30].copy()
        if each == "x":
            vector[[INDEX["cpu_mean"], INDEX["cpu_highest"]]] = 0.9, 0.97
            for name in ("in_utilisation_mean", "in_utilisation_highest", "out_utilisation_mean", "out_utilisation_highest"):
                vector[INDEX[name]] *= 0.2
        found.append(batches("pe1", int(at[-1]) + (first + place) * 60 * S, vector, 10_000 + first + place))
    return found


async def test_an_element_unlike_itself_is_told_once_and_cleared_through_restarts(watched: Watched) -> None:
    settings, made = watched
    first, second, third = polls(made, 1, "...xx"), polls(made, 6, "xx"), polls(made, 8, "x....")
    async with running(settings):
        await send(settings, *first)
        await until_read(settings)
    async with running(settings):  # two odd ones are remembered
        await send(settings, *second)
        [raised] = await events(settings, 1)
        await until_read(settings)
    async with running(settings):
        await send(settings, *second, *third)  # some of it again
        told = await events(settings, 2)
        await until_read(settings)
    assert [event.signal for event in told] == [Signal.RAISE, Signal.CLEAR]
    assert told[0] == raised
    assert (raised.id, raised.domain, raised.resource) == ("poll-1:10006:kpi-vector:pe1", "north", "device/pe1")
    assert "CPU" in raised.text
    assert raised.rule.startswith("forest/core/")
    assert told[1].sequence == 10_010


async def test_what_was_odd_goes_to_the_store_as_the_single_series_anomalies_do(watched: Watched) -> None:
    settings, _ = watched
    found: list[AnomalyBatch] = []
    async with bus.reader(settings.broker.bootstrap, Topic.KPIS, from_start=True) as reader:
        for records in (await reader.getmany(timeout_ms=3_000)).values():
            found += [each for record in records for each in wire.decode(record.value) if isinstance(each, AnomalyBatch)]
    assert {each.source for each in found} == {"forest"}
    assert {each.sequence for each in found} == {10_004, 10_005, 10_006, 10_007, 10_008}
    assert "cpu_utilisation" in found[0].kpis


async def test_without_a_file_the_history_tells_which_alarms_stand(watched: Watched, history: HistoryProcess, tmp_path: Path) -> None:
    """A new disk: the alarm is cleared all the same."""
    settings, made = watched
    fresh = replace(settings, data_dir=tmp_path, metrics_port=free_port() - 6)
    (tmp_path / "models").symlink_to(settings.data_dir / "models")
    connection = Connection.writer(history.settings)
    row = {"id": "al-1", "revision": 1, "resource": "device/pe1", "alarm_type": "anomaly", "qualifier": "kpi-vector", "device": "pe1"}
    connection.insert("alarm_change", {name: [value] for name, value in {**row, "is_cleared": False, "change": "raised"}.items()})
    connection.close()
    before = len(await events(settings, 2))
    async with running(fresh):
        await send(fresh, *polls(made, 40, "...."))
        told = await events(fresh, before + 1)
    assert (told[-1].signal, told[-1].sequence) == (Signal.CLEAR, 10_041)


async def test_what_cannot_be_read_or_is_not_known_is_counted_and_passed_over(watched: Watched) -> None:
    settings, made = watched
    at, values = made.rows["pe2"]
    stranger = batches("unknown", int(at[-1]), values[-1], 1)
    async with running(settings), aiohttp.ClientSession() as session:
        async with bus.producer(settings.broker.bootstrap) as producer:
            await producer.send_and_wait(Topic.KPIS.value, b"junk", partition=0)
        await send(settings, stranger)
        await until_read(settings)
        async with session.get(f"http://127.0.0.1:{settings.metrics_port_of('detectors')}/metrics") as response:
            text = await response.text()
        async with session.get(f"http://127.0.0.1:{settings.metrics_port_of('detectors')}/readyz") as response:
            assert response.status == 200
    assert 'assure_detector_messages_total{outcome="unreadable"} 1.0' in text
    assert 'assure_element_vectors_total{outcome="no-model"}' in text
    assert "assure_element_models 1.0" in text


async def test_scheduled_work_is_done_when_due_and_a_failure_stops_nothing(watched: Watched) -> None:
    settings, _ = watched
    done = asyncio.Event()
    loop, calls = asyncio.get_running_loop(), list[str]()

    def fails() -> str:
        calls.append("fails")
        raise OSError("the history does not answer")

    def works() -> str:
        calls.append("works")
        loop.call_soon_threadsafe(done.set)
        return "fine"

    never = Scheduled("never", 0, lambda: 0.0, fails)
    async with running(settings, Scheduled("first", 1, lambda: 0.0, fails), Scheduled("second", 1, lambda: 0.05, works), never):
        await asyncio.wait_for(done.wait(), 30)
    assert calls == ["fails", "works"]


async def test_a_model_that_begins_to_run_is_taken_up_without_a_restart(watched: Watched) -> None:
    settings, made = watched
    shelf = shelf_of(settings)
    with ElementHistory.of(settings.history) as reads:
        train_all(settings, reads, INVENTORY, now=NOW + 5 * S)
    newest = shelf.versions("core")[0]
    assert newest.decision == "not-better"
    before = len(await events(settings, 2))
    async with running(settings):
        await send(settings, *polls(made, 60, "."))
        await until_read(settings)
        shelf.use("core", newest.version)
        await send(settings, *polls(made, 61, "xxx"))
        told = await events(settings, before + 1)
    assert told[-1].rule == f"forest/core/{newest.version}"


async def test_a_model_that_was_tampered_with_judges_nothing(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    settings, made = watched
    shelf = shelf_of(settings)
    path = settings.data_dir / "models" / "core" / shelf.running("core") / "manifest.json"
    whole = path.read_text()
    path.write_text(json.dumps({**json.loads(whole), "sha256": "0" * 64}))
    try:
        async with running(settings):
            await send(settings, *polls(made, 80, "xxx"))
            await until_read(settings)
    finally:
        path.write_text(whole)
    assert "is not what was written" in caplog.text
    assert all(event.sequence < 10_080 for event in await events(settings, 1))


async def test_the_history_is_told_of_every_version(watched: Watched, history: HistoryProcess) -> None:
    settings, _ = watched
    connection = Connection.viewer(history.settings)
    rows = connection.rows("SELECT name, version, is_running, score, decision, devices FROM model_current ORDER BY version")
    connection.close()
    assert [(row["name"], row["decision"], row["devices"]) for row in rows] == [("core", "first", 2), ("core", "not-better", 2)]
    assert all(0 < row["score"] <= 1 for row in rows)
    assert training_due_in_s(settings) > 3_600


async def test_vectors_from_the_history_are_those_of_the_polls(watched: Watched, history: HistoryProcess) -> None:
    """The same features, whether made of a poll or read from the roll-ups; the store keeps 12 significant binary digits."""
    _, made = watched
    at, values = made.rows["pe2"]
    with ElementHistory.of(history.settings) as reads:
        [read] = reads.readings(["pe2"], int(at[-40]), int(at[-1]) + S, 1)
        seen = reads.seen(int(at[0]), NOW)["pe2"]
        halves = [part.at.tolist() for part in (next(reads.readings(["pe2"], int(at[0]), NOW, 2)) for _ in range(2))]
    assert read.at.tolist() == at[-40:].tolist()
    np.testing.assert_allclose(read.values, values[-40:], rtol=3e-3, atol=2e-3)
    assert (seen.minutes, seen.first_at, seen.last_at) == (len(at), int(at[0]), int(at[-1]))
    assert halves[0] == halves[1]
    assert 0.4 < len(halves[0]) / len(at) < 0.6
