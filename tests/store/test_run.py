"""The sink's process on a real broker and a real engine: started before its store, fed through Kafka, restarted, set back."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import bus
from pipeline.config.settings import COMPONENTS, BrokerSettings, Settings
from pipeline.knowing import FileKnowledge
from pipeline.store.client import Connection, StoreError
from pipeline.store.queries import Queries
from pipeline.store.run import GROUP, run_sink
from pipeline.wire import Topic, encode
from tests.support.embedded import embedded_broker
from tests.support.history import HistoryProcess, free_port
from tests.support.history_samples import EVERY_KIND, NOW, S, kpis, trap
from tests.support.stores import INVENTORY

BATCHES = 50


async def until(question: Callable[[], Any], answer: object, within_s: float = 60) -> None:
    """Ask again until the answer is right; the last answer is the failure."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        try:
            found = await asyncio.to_thread(question)
        except (StoreError, OSError) as error:
            found = error
        if found == answer:
            return
        assert asyncio.get_running_loop().time() < deadline, f"{found!r} is not {answer!r}"
        await asyncio.sleep(0.05)


def readiness(settings: Settings) -> str:
    port = settings.metrics_port + COMPONENTS.index("sink")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return str(answer.read().decode().strip())
    except urllib.error.HTTPError as error:
        return str(error.read().decode().strip())


async def feed(settings: Settings) -> None:
    """One message of every kind, and batches of traps and indicators over all partitions."""
    async with bus.producer(settings.broker.bootstrap) as producer:
        for topic, items in EVERY_KIND.items():
            await producer.send_and_wait(topic.value, encode(items), partition=0)
        for number in range(BATCHES):
            partition = number % settings.broker.partitions
            traps = [trap(1_000 + number * 10 + step) for step in range(10)]
            await producer.send_and_wait(Topic.RAW_TRAPS.value, encode(traps), partition=partition)
            await producer.send_and_wait(Topic.KPIS.value, encode([kpis(NOW - (number + 1) * S)]), partition=partition)


async def rewind(settings: Settings) -> None:
    """Set the sink's group back to the beginning of everything."""
    async with bus.consumer(settings.broker.bootstrap, GROUP, tuple(Topic)) as member:
        await member.getmany(timeout_ms=2_000, max_records=1)
        await member.commit(dict.fromkeys(member.assignment(), 0))


@pytest.mark.slow
async def test_the_sink_comes_up_before_its_store_and_stores_each_row_once(tmp_path: Path) -> None:
    """Waiting for the store, then ready, with the inventory's places.

    A second run over a group set back to the beginning adds no row; each end is clean.
    """
    history = HistoryProcess(tmp_path / "history")
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "all.yaml").write_text(INVENTORY)
    with embedded_broker(tmp_path / "broker") as broker:
        settings = Settings(
            data_dir=tmp_path,
            inventory_dir=tmp_path / "inventory",
            metrics_port=free_port() - COMPONENTS.index("sink"),
            broker=BrokerSettings(bootstrap=broker.bootstrap),
            history=replace(history.settings, flush_ms=50),
        )
        await bus.create_topics(broker.bootstrap, partitions=settings.broker.partitions, replication=1)
        await feed(settings)
        connection = Connection.writer(settings.history)
        queries = Queries(connection)
        rolled_up = "SELECT sum(samples + bad_samples) AS n FROM kpi_1h"

        def state() -> tuple[int, int, int]:
            counts = queries.counts()
            return counts["trap"], counts["kpi"], connection.rows(rolled_up)[0]["n"]

        expected = (BATCHES * 10 + 1, (BATCHES + 1) * 4, (BATCHES + 1) * 4)
        try:
            stop = asyncio.Event()
            running = asyncio.create_task(run_sink(settings, stop, FileKnowledge(settings)))
            await until(lambda: readiness(settings), "waiting for the store")
            await asyncio.to_thread(history.start)
            await until(state, expected)
            await until(lambda: readiness(settings), "ready")
            await until(lambda: connection.rows("SELECT device, site FROM place_current"), [{"device": "pe1", "site": "ams"}])
            needs = "SELECT DISTINCT service FROM service_resource_current WHERE resource = 'interface/pe1/ge-0/0/1' ORDER BY service"
            assert [row["service"] for row in await asyncio.to_thread(connection.rows, needs)] == ["acme-vpn-1", "beta-1"]
            stop.set()
            await running
            before = queries.counts()
            await rewind(settings)
            stop = asyncio.Event()
            running = asyncio.create_task(run_sink(settings, stop))
            async with bus.producer(settings.broker.bootstrap) as producer:
                for partition in range(settings.broker.partitions):
                    await producer.send_and_wait(Topic.RAW_TRAPS.value, encode([trap(9_000 + partition)]), partition=partition)
            await until(queries.unique_traps, {"trap-1": expected[0] + settings.broker.partitions})
            stop.set()
            await running
            assert queries.counts() == before | {"trap": before["trap"] + settings.broker.partitions}
        finally:
            stop.set()
            connection.close()
            history.kill()
