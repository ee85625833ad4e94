"""The sink as a process: wait for the store and the broker, bring the schema in, write until stopped."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable

from pipeline import bus, telemetry
from pipeline.config.settings import COMPONENTS, HistorySettings, Settings
from pipeline.core.knowledge import KnowledgeSource
from pipeline.store.client import StoreClient, StoreError
from pipeline.store.cut_store import ClickHouseCutStore
from pipeline.store.places import Places
from pipeline.store.retention import apply_retention
from pipeline.store.schema import migrate
from pipeline.store.sink import Sink, SinkConfig
from pipeline.wire import Topic

log = logging.getLogger(__name__)

GROUP = "assure-sink"
FETCH_BYTES = 1_048_576
"""Rows wait for a flush at any rate, so messages may wait in the broker for one another."""


async def run_sink(settings: Settings, stop: asyncio.Event, knowledge: KnowledgeSource | None = None) -> None:
    """Write every topic to ClickHouse until ``stop``. Store and broker may come up later, go down and come back.

    ``knowledge`` says where devices stand, for roll-ups, and how precisely indicators are kept; without it, twelve binary digits.

    Serves metrics and readiness on its place after ``settings.metrics_port``. Raises ``SchemaError`` when the store was made by a later
    program, ``OSError`` when the metrics port is taken.
    """
    sink: Sink | None = None
    waiting_for = "the store"

    def readiness() -> str:
        return sink.not_ready() if sink else f"waiting for {waiting_for}"

    port = settings.metrics_port + COMPONENTS.index("sink")
    async with telemetry.serve_health(settings.metrics_host, port, readiness), StoreClient.writer(settings.history) as client:
        if not await _until_it_works(lambda: _prepare(client, settings.history), stop):
            return
        waiting_for = "the broker"
        if not await _until_it_works(lambda: bus.wait_until_up(settings.broker.bootstrap, within_s=5), stop):
            return
        store = ClickHouseCutStore(client, owner=f"{socket.gethostname()}:{os.getpid()}")
        async with bus.consumer(settings.broker.bootstrap, GROUP, tuple(Topic), min_bytes=FETCH_BYTES) as source:
            places = Places(knowledge, client)
            following = asyncio.create_task(places.follow())
            sink = Sink(SinkConfig(flush_ms=settings.history.flush_ms), source, store, stop, places.precision)
            try:
                await sink.run()
            finally:
                following.cancel()


async def _prepare(client: StoreClient, settings: HistorySettings) -> None:
    await migrate(client, settings.database)
    await apply_retention(client, settings)


async def _until_it_works(work: Callable[[], Awaitable[object]], stop: asyncio.Event) -> bool:
    """Try once a second until it works (true) or ``stop`` (false)."""
    while not stop.is_set():
        try:
            await work()
        except (StoreError, TimeoutError) as error:
            log.warning("%s; trying again", error)
            await _pause(stop)
        else:
            return True
    return False


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), 1.0)
    except TimeoutError:
        return
