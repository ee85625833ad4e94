"""The outputs process: delivers effects, publishes receipts, keeps answers to operations, and serves the built-in ticket book."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Protocol

from yarl import URL

from pipeline import bus, telemetry, wire
from pipeline.config.message_check import MessageSource
from pipeline.config.output_settings import TicketSettings
from pipeline.config.receiver_settings import ReceiverKind
from pipeline.config.settings import COMPONENTS, Settings
from pipeline.core.effect import Effect, EffectKind
from pipeline.core.inventory import Channel, Inventory
from pipeline.core.obligation import StoredRemedy
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId
from pipeline.core.suspicion import Question
from pipeline.outputs.actor import actor_of
from pipeline.outputs.address import check_url
from pipeline.outputs.billing import BillingOutput, Poster, billing_system
from pipeline.outputs.delivery import Choose, Deliveries
from pipeline.outputs.hub import EventIntake, HubOutput
from pipeline.outputs.intake import Intake, Producer, ReceiptPublisher
from pipeline.outputs.messaging.mail import MailSender
from pipeline.outputs.messaging.message import MessageOutput, Sender
from pipeline.outputs.messaging.tmf681 import CommunicationMessages
from pipeline.outputs.metrics import process_metrics
from pipeline.outputs.notifying.alertmanager import open_keeper
from pipeline.outputs.notifying.email import Email
from pipeline.outputs.notifying.output import NotifyOutput, notifiers
from pipeline.outputs.operations import AnswerIntake, OperationPublisher
from pipeline.outputs.ports import ObligationsPort, Output
from pipeline.outputs.remedy import RemedyOutput
from pipeline.outputs.ticket_book import TicketBook
from pipeline.outputs.ticketing.connect import open_system
from pipeline.outputs.ticketing.system import TicketSystem
from pipeline.outputs.ticketing.watch import TicketWatch
from pipeline.outputs.tickets import Remarks, TicketOutput, no_remarks
from pipeline.outputs.webhook import Sessions, WebhookOutput, open_sessions
from pipeline.resources import data_dir
from pipeline.wire import Topic

GROUP = "outputs"
ANSWERS_GROUP = "outputs-answers"
EVENTS_GROUP = "outputs-events"
TOLD = (Topic.ALARMS, Topic.INCIDENTS, Topic.EVALUATIONS)
"""What systems that have registered are told of."""
_BROKER_PATIENCE_S = 60.0
ANY = "*"


def no_inventory() -> Inventory:
    """Nobody is known, so no customer is told."""
    return Inventory("")


def chooser(outputs: Mapping[tuple[EffectKind, str], Output]) -> Choose:
    """Look an effect's output up by kind and route, then by kind and any route."""

    def choose(effect: Effect) -> Output | None:
        return outputs.get((effect.kind, effect.route)) or outputs.get((effect.kind, ANY))

    return choose


@asynccontextmanager
async def open_outputs(
    settings: Settings,
    store: ObligationsPort,
    system: TicketSystem,
    remarks: Remarks = no_remarks,
    inventory: Callable[[], Inventory] = no_inventory,
    ask: Callable[[StoredRemedy], Awaitable[None]] | None = None,
) -> AsyncIterator[Choose]:
    """The outputs that the settings name, with their HTTP sessions; ``remarks`` go into tickets; ``inventory`` says who is a customer.

    Tickets go to the one ``system`` of the settings, whatever the routing calls it.
    """
    async with open_sessions() as sessions:
        name, reopen_s = settings.tickets.system.value, settings.tickets.reopen_hours * 3_600
        tickets = TicketOutput(name, system, store, remarks=remarks, reopen_s=reopen_s)
        webhooks = WebhookOutput(settings.webhooks, sessions, store)
        receivers = notifiers(settings.receivers, sessions, store)
        notify = NotifyOutput(receivers, webhooks, settings.api.url)
        billing = BillingOutput(store, posting=settings.billing.posting)
        actors = {action.name: actor_of(action, sessions) for action in settings.remedies.actions}
        messages = _messages(settings, store, sessions, inventory)
        yield chooser(
            {
                (EffectKind.TICKET_OPEN, ANY): tickets,
                (EffectKind.TICKET_UPDATE, ANY): tickets,
                (EffectKind.TICKET_RESOLVE, ANY): tickets,
                (EffectKind.NOTIFY, ANY): notify,
                (EffectKind.CREDIT, ANY): billing,
                (EffectKind.MESSAGE, ANY): messages,
                (EffectKind.REMEDY, ANY): RemedyOutput(actors, store, acting=settings.remedies.acting, ask=ask),
                (EffectKind.EVENT, ANY): HubOutput(settings.api, sessions, store),
            }
        )


def _messages(settings: Settings, store: ObligationsPort, sessions: Sessions, inventory: Callable[[], Inventory]) -> MessageOutput:
    own = settings.messages
    senders: dict[Channel, Sender] = {}
    if own.tmf681_url:
        session = sessions.private if own.allow_private else sessions.public
        url = str(check_url(own.tmf681_url, allow_private=own.allow_private))
        senders[Channel.TMF681] = CommunicationMessages(session, url, own.tmf681_token, own.sender)
    mail = next((one for one in settings.receivers if one.name == own.mail and one.kind is ReceiverKind.EMAIL), None)
    if mail is not None:
        senders[Channel.EMAIL] = MailSender(Email(mail), mail.sender)
    words = MessageSource(settings.rules_dir or data_dir("rules"))
    return MessageOutput(words.current, inventory, senders, store, sending=own.sending)


async def run_outputs(
    settings: Settings,
    store: ObligationsPort,
    stop: asyncio.Event,
    remarks: Remarks = no_remarks,
    inventory: Callable[[], Inventory] = no_inventory,
) -> None:
    """Run until ``stop`` is set. ``store`` is open; topics exist; the rest is as :func:`open_outputs` has it.

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
        producer = await stack.enter_async_context(bus.producer(bootstrap))
        asked = partial(_ask, producer, settings.broker.partitions)
        choose = await stack.enter_async_context(open_outputs(settings, store, system, remarks, inventory, asked))
        consumer = await stack.enter_async_context(bus.consumer(bootstrap, GROUP, [Topic.EFFECTS]))
        answering = await stack.enter_async_context(bus.consumer(bootstrap, ANSWERS_GROUP, [Topic.ANSWERS]))
        changing = await stack.enter_async_context(bus.consumer(bootstrap, EVENTS_GROUP, TOLD))
        answers = AnswerIntake(answering, producer, store)
        operations = OperationPublisher(producer, store, settings.broker.partitions)
        publisher = ReceiptPublisher(producer, store, process_metrics(), settings.broker.partitions)
        deliveries = Deliveries(store, choose, process_metrics(), receipted=publisher.wake.set)
        intake = Intake(consumer, producer, store, process_metrics(), stored=deliveries.wake.set)
        events = EventIntake(changing, store, stored=deliveries.wake.set)
        watch = TicketWatch(settings.tickets.system.value, system, store, settings.tickets.poll_s, settings.tickets.user)
        health_port = settings.metrics_port + COMPONENTS.index("outputs")
        await stack.enter_async_context(telemetry.serve_health(settings.metrics_host, health_port, lambda: deliveries.problem))
        keeper = await stack.enter_async_context(open_keeper(settings.receivers, store))
        billing = billing_system(settings, await stack.enter_async_context(open_sessions()))
        posting = (Poster(store, billing, settings.billing, process_metrics()),) if billing else ()
        await _work((intake, deliveries, answers, operations, keeper, events, watch, *posting), publisher, stop)


async def _ask(producer: Producer, partitions: int, remedy: StoredRemedy) -> None:
    """Have the device polled at once on which something was done."""
    device = str(remedy.body.get("device", ""))
    if device:
        question = Question(device, remedy.started_at, ResourceId(remedy.resource), Reason.REMEDIED)
        partition = bus.partition_of(device, partitions)
        await producer.send_and_wait(Topic.QUESTIONS.value, wire.encode([question]), partition=partition)


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
