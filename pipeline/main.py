"""The composition root: which part is made of what. It reads top to bottom; a process imports only the part that it runs."""

# Imports stand inside the functions on purpose: the collectors hold no database client, and a child starts in half the time.
# ruff: noqa: PLC0415

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from pipeline.config.settings import Settings

Runner = Callable[[Settings, asyncio.Event], Awaitable[None]]


async def run_part(name: str, settings: Settings, stop: asyncio.Event) -> None:
    """Run one of the processes of :attr:`Settings.processes` until ``stop`` is set."""
    if name in NEED_TOPICS:
        await _declare_topics(settings)
    await PARTS[name.partition("-")[0]](settings.of_process(name), stop)


async def _declare_topics(settings: Settings) -> None:
    """Topics get their partitions before anybody reads them; collectors do not wait for this: their journals do."""
    from pipeline import bus

    await bus.wait_until_up(settings.broker.bootstrap, within_s=60)
    await bus.create_topics(settings.broker.bootstrap, partitions=settings.broker.partitions, replication=settings.broker.replication)


async def traps(settings: Settings, stop: asyncio.Event) -> None:
    """Datagrams -> journal -> storm guard -> ``raw.traps``. Rules and inventory are read beside: no datagram waits for them."""
    from collectors.trap.collector import run
    from pipeline.knowing import FileKnowledge, KnowledgeBeside

    knowledge = KnowledgeBeside(FileKnowledge(settings))
    following = asyncio.create_task(knowledge.follow())
    try:
        await run(settings, stop, knowledge.current)
    finally:
        following.cancel()


async def polls(settings: Settings, stop: asyncio.Event) -> None:
    """Agents -> journal -> ``raw.polls``."""
    from functools import partial

    from collectors.poll.collector import run
    from pipeline.config.rule_set import load_profiles
    from pipeline.core.profile_book import choose
    from pipeline.inventory.present import PresentInventory
    from pipeline.resources import data_dir

    source = PresentInventory(settings)
    profiles = load_profiles(settings.rules_dir or data_dir("rules"))
    await run(settings, source.current, stop, partial(choose, profiles))


async def worker(settings: Settings, stop: asyncio.Event) -> None:
    """``raw.*`` -> events, alarms, incidents, outages, evaluations, effects. It stops when files can no more be followed."""
    from pipeline.knowing import FileKnowledge, KnowledgeAhead
    from pipeline.stream.worker import run_worker

    knowledge = KnowledgeAhead(FileKnowledge(settings))
    following = asyncio.create_task(knowledge.follow())
    following.add_done_callback(lambda _: stop.set())
    try:
        await run_worker(settings, knowledge, stop)
    finally:
        following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def sink(settings: Settings, stop: asyncio.Event) -> None:
    """Every topic -> ClickHouse."""
    from pipeline.knowing import FileKnowledge
    from pipeline.store.run import run_sink

    await run_sink(settings, stop, FileKnowledge(settings))


async def outputs(settings: Settings, stop: asyncio.Event) -> None:
    """``effects`` -> tickets, webhooks, ledger -> ``receipts``. What asks others over HTTP is here: sources of the inventory too."""
    from pipeline.fetching import follow
    from pipeline.inventory.present import PresentInventory
    from pipeline.obligations import Obligations
    from pipeline.outputs.run import run_outputs
    from pipeline.remarking import agreements

    following = asyncio.create_task(follow(settings, stop))
    try:
        with Obligations(settings.obligations_url()) as store, agreements(settings, store) as remarks:
            await run_outputs(settings, store, stop, remarks, PresentInventory(settings).current)
    finally:
        following.cancel()


async def api(settings: Settings, stop: asyncio.Event) -> None:
    """History and obligations -> console and JSON; what people do by it, or in tickets -> obligations and ``events``."""
    from pipeline.api.server import run_api
    from pipeline.api.ticket_notice import TicketNotices
    from pipeline.config.rule_set import PlanSource
    from pipeline.crediting import Crediting
    from pipeline.inventory.present import PresentInventory
    from pipeline.northbound import Northbound
    from pipeline.obligations import Obligations
    from pipeline.operating import Operating
    from pipeline.reading import Reader
    from pipeline.resources import data_dir

    current = PresentInventory(settings).current
    with Reader(settings) as reader, Obligations(settings.obligations_url()) as store, Northbound(settings, store, current) as northbound:
        plans = PlanSource(settings.rules_dir or data_dir("rules")).current
        operating = Operating(settings.broker, reader, store, current, plans=plans)
        crediting, notices = Crediting(store, settings.billing), TicketNotices(settings.tickets, store)
        await run_api(settings, reader, stop, operating, operating, crediting, northbound, store, notices)


async def detectors(settings: Settings, stop: asyncio.Event) -> None:
    """``kpis`` -> ``events`` of elements that are unlike themselves; history -> models and the capacity forecast."""
    from pipeline.detectors.run import Scheduled, run_detectors
    from pipeline.forecasting import forecast_due_in_s, write_forecast
    from pipeline.inventory.present import PresentInventory
    from pipeline.store.element import ElementHistory
    from pipeline.training import train_by_schedule, training_due_in_s

    own, source = settings.detectors, PresentInventory(settings)
    with ElementHistory.of(settings.history) as history:
        schedule = (
            Scheduled(
                "training",
                own.train_every_hours,
                partial(training_due_in_s, settings),
                partial(train_by_schedule, settings, history, source.current),
            ),
            Scheduled(
                "forecast",
                own.forecast_every_hours,
                partial(forecast_due_in_s, settings, history),
                partial(write_forecast, settings, history, source.current),
            ),
        )
        await run_detectors(settings, source.current, history, schedule, stop)


NEED_TOPICS = frozenset({"worker", "sink", "outputs", "detectors"})
PARTS: dict[str, Runner] = {
    "traps": traps,
    "polls": polls,
    "worker": worker,
    "sink": sink,
    "outputs": outputs,
    "api": api,
    "detectors": detectors,
}
