"""The outputs process: delivers effects, publishes receipts, keeps answers to operations, and serves the built-in ticket book."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from yarl import URL

from pipeline import bus, telemetry
from pipeline.config.settings import COMPONENTS, Settings, TicketSettings
from pipeline.core.effect import Effect, EffectKind
from pipeline.outputs.billing import BillingOutput
from pipeline.outputs.delivery import Choose, Deliveries
from pipeline.outputs.intake import Intake, ReceiptPublisher
from pipeline.outputs.metrics import process_metrics
from pipeline.outputs.operations import AnswerIntake, OperationPublisher
from pipeline.outputs.ports import ObligationsPort, Output
from pipeline.outputs.ticket_book import TicketBook
from pipeline.outputs.ticketing.connect import open_system
from pipeline.outputs.ticketing.system import TicketSystem
from pipeline.outputs.ticketing.watch import TicketWatch
from pipeline.outputs.tickets import Remarks, TicketOutput, no_remarks
from pipeline.outputs.webhook import WebhookOutput, open_sessions
from pipeline.wire import Topic

GROUP = "outputs"
ANSWERS_GROUP = "outputs-answers"
_BROKER_PATIENCE_S = 60.0
ANY = "*"


def chooser(outputs: Mapping[tuple[EffectKind, str], Output]) -> Choose:
    """Look an effect's output up by kind and route, then by kind and any route."""

    def choose(effect: Effect) -> Output | None:
        return outputs.get((effect.kind, effect.route)) or outputs.get((effect.kind, ANY))

    return choose


@asynccontextmanager
async def open_outputs(
    settings: Settings, store: ObligationsPort, system: TicketSystem, remarks: Remarks = no_remarks
) -> AsyncIterator[Choose]:
    """The outputs that the settings name, with their HTTP sessions; ``remarks`` go into tickets.

    Tickets go to the one ``system`` of the settings, whatever the routing calls it.
    """
    async with open_sessions() as sessions:
        name, reopen_s = settings.tickets.system.value, settings.tickets.reopen_hours * 3_600
        tickets = TicketOutput(name, system, store, remarks=remarks, reopen_s=reopen_s)
        webhooks = WebhookOutput(settings.webhooks, sessions, store)
        billing = BillingOutput(store, posting=settings.billing.posting)
        yield chooser(
            {
                (EffectKind.TICKET_OPEN, ANY): tickets,
                (EffectKind.TICKET_UPDATE, ANY): tickets,
                (EffectKind.TICKET_RESOLVE, ANY): tickets,
                (EffectKind.NOTIFY, ANY): webhooks,
                (EffectKind.CREDIT, ANY): billing,
            }
        )


async def run_outputs(settings: Settings, store: ObligationsPort, stop: asyncio.Event, remarks: Remarks = no_remarks) -> None:
    """Run until ``stop`` is set. ``store`` is open; topics exist; ``remarks`` go into tickets.

    Raises ``TimeoutError`` without a broker, ``OSError`` for a port that is taken, ``ValueError`` for settings that cannot be followed.
    """
    bootstrap = settings.broker.bootstrap
    await bus.wait_until_up(bootstrap, within_s=_BROKER_PATIENCE_S)
    if settings.broker.embedded:
        # One machine has one outputs process: whoever held a lease is dead.
        await asyncio.to_thread(store.release)
    async with AsyncExitStack() as stack:
        if settings.tickets.built_in:
            host, port = _listen(settings.tickets)
            await stack.enter_async_context(TicketBook(store).serve(host, port))
        system = await stack.enter_async_context(open_system(settings.tickets))
        choose = await stack.enter_async_context(open_outputs(settings, store, system, remarks))
        producer = await stack.enter_async_context(bus.producer(bootstrap))
        consumer = await stack.enter_async_context(bus.consumer(bootstrap, GROUP, [Topic.EFFECTS]))
        answering = await stack.enter_async_context(bus.consumer(bootstrap, ANSWERS_GROUP, [Topic.ANSWERS]))
        answers = AnswerIntake(answering, producer, store)
        operations = OperationPublisher(producer, store, settings.broker.partitions)
        publisher = ReceiptPublisher(producer, store, process_metrics(), settings.broker.partitions)
        deliveries = Deliveries(store, choose, process_metrics(), receipted=publisher.wake.set)
        intake = Intake(consumer, producer, store, process_metrics(), stored=deliveries.wake.set)
        watch = TicketWatch(settings.tickets.system.value, system, store, settings.tickets.poll_s, settings.tickets.user)
        health_port = settings.metrics_port + COMPONENTS.index("outputs")
        await stack.enter_async_context(telemetry.serve_health(settings.metrics_host, health_port, lambda: deliveries.problem))
        await _work((intake, deliveries, answers, operations, watch), publisher, stop)


def _listen(tickets: TicketSettings) -> tuple[str, int]:
    url = URL(tickets.url)
    if url.scheme != "http" or not url.host or not url.port:
        raise ValueError(f"tickets.url: the built-in ticket book wants http://HOST:PORT, not {tickets.url}")
    return url.host, url.port


class _Worker(Protocol):
    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set."""


async def _work(workers: Sequence[_Worker], publisher: ReceiptPublisher, stop: asyncio.Event) -> None:
    """All until ``stop``; the publisher of receipts outlives the others, so that the last receipts are told."""
    delivered = asyncio.Event()
    async with asyncio.TaskGroup() as publishing:
        publishing.create_task(publisher.run(delivered))
        async with asyncio.TaskGroup() as working:
            for worker in workers:
                working.create_task(worker.run(stop))
        delivered.set()
