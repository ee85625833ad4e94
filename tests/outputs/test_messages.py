"""Customers are told once, in their language and time zone, when it is due; by a real store and a messaging system over HTTP."""

from collections.abc import AsyncIterator, Mapping, Sequence
from email.message import EmailMessage

import pytest
from aiohttp import ClientSession

from pipeline.config.message_check import Messages, load_messages
from pipeline.config.secret import Secret
from pipeline.core.effect import Effect, Outcome, Receipt
from pipeline.core.inventory import Channel, Contact, Customer, Inventory, Service, Tier
from pipeline.core.notice import MINUTE_NS, notices
from pipeline.obligations import Obligations
from pipeline.outputs.messaging.mail import MailSender
from pipeline.outputs.messaging.message import MessageOutput, Sender
from pipeline.outputs.messaging.tmf681 import CommunicationMessages
from pipeline.outputs.ports import Again, Delivery, Done, Refused
from pipeline.resources import data_dir
from tests.core.test_notice import DOWN, ENDED, FIRST, START
from tests.support.messaging import FakeMessaging

MAIL, APP = Contact(Channel.TMF681, "noc@acme.example", "NOC"), Contact(Channel.TMF681, "+31201234567")
ACME = Customer("acme", "Acme <b>Ltd</b>", Tier.GOLD, "Europe/Amsterdam", "nl", (MAIL, APP))
INVENTORY = Inventory(
    "v1",
    customers={"acme": ACME},
    services={"acme-vpn": Service("acme-vpn", "acme", "c1", "vpn", (), "VPN Amsterdam - Frankfurt")},
)
MESSAGES = load_messages(data_dir("rules"))


class Clock:
    now = START + 2 * MINUTE_NS

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def messaging() -> AsyncIterator[tuple[FakeMessaging, str]]:
    fake = FakeMessaging()
    async with fake.server() as server:
        yield fake, str(server.make_url("")).rstrip("/")


def output(
    store: Obligations, clock: Clock, senders: Mapping[Channel, Sender], *, messages: Messages = MESSAGES, sending: bool = True
) -> MessageOutput:
    return MessageOutput(lambda: messages, lambda: INVENTORY, senders, store, sending=sending, clock=clock)


def decided(store: Obligations, clock: Clock, *steps: Effect) -> None:
    store.put_effects(steps, clock.now)


async def carried(store: Obligations, out: MessageOutput, clock: Clock, effect: Effect) -> Delivery:
    """Deliver once, and keep the receipt as the delivery loop does."""
    answer = await out.deliver(effect)
    if isinstance(answer, Done):
        receipt = Receipt(effect.key, effect.kind, effect.subject, effect.route, Outcome.DELIVERED, clock.now, answer.remote_id)
        store.finish(receipt)
    return answer


def first() -> Effect:
    return notices(FIRST, None, MESSAGES.notices, INVENTORY.customers, START + 10**9)[0]


def restored() -> Effect:
    return notices(ENDED, FIRST, MESSAGES.notices, INVENTORY.customers, ENDED.resolved_at)[0]


async def test_each_contact_is_told_in_the_customers_language_and_time(
    store: Obligations, clock: Clock, session: ClientSession, messaging: tuple[FakeMessaging, str]
) -> None:
    """And no name of the network's, nor markup of the customer's name, is in it."""
    fake, url = messaging
    out = output(store, clock, {Channel.TMF681: CommunicationMessages(session, url, Secret("t"), "service@example.com", clock)})
    decided(store, clock, first())
    answer = await carried(store, out, clock, first())
    assert isinstance(answer, Done)
    assert answer.detail == "'[inc-1] Uw dienst is buiten werking' to 2 by tmf681"
    assert [one["messageType"] for one in fake.sent] == ["Email", "SMS"]
    assert fake.sent[0]["receiver"] == [{"name": "NOC", "email": "noc@acme.example"}]
    text = fake.sent[0]["content"]
    assert "VPN Amsterdam - Frankfurt: buiten werking sinds 18-11-2026 12:06 CET" in text
    assert "een beschadigde glasvezelkabel" in text
    assert "f-ams-fra" not in text
    assert "<b>" not in text


async def test_restoration_is_told_with_the_cause_only_to_whom_was_told_before(
    store: Obligations, clock: Clock, session: ClientSession, messaging: tuple[FakeMessaging, str]
) -> None:
    fake, url = messaging
    out = output(store, clock, {Channel.TMF681: CommunicationMessages(session, url, Secret(), "service@example.com", clock)})
    decided(store, clock, first(), restored())
    assert await carried(store, out, clock, first()) == Done(detail="over before it was told")
    assert await carried(store, out, clock, restored()) == Done(detail="nothing was told before")
    assert fake.sent == []


async def test_progress_is_told_while_it_lasts_and_not_after(
    store: Obligations, clock: Clock, session: ClientSession, messaging: tuple[FakeMessaging, str]
) -> None:
    fake, url = messaging
    out = output(store, clock, {Channel.TMF681: CommunicationMessages(session, url, Secret(), "service@example.com", clock)})
    decided(store, clock, first())
    await carried(store, out, clock, first())
    (lasting,) = store.lane("customer:acme:lasting", "inc-1")
    waiting = await carried(store, out, clock, lasting.effect)
    assert waiting == Again("not due yet", 30 * 60.0, planned=True)
    clock.now += 30 * MINUTE_NS
    assert isinstance(await carried(store, out, clock, lasting.effect), Done)
    assert fake.sent[-1]["subject"].endswith("Wij werken nog aan de storing")
    after = store.lane("customer:acme:lasting", "inc-1")[-1]
    decided(store, clock, restored())
    clock.now += 60 * MINUTE_NS
    assert isinstance(await carried(store, out, clock, restored()), Done)
    assert "De oorzaak was een beschadigde glasvezelkabel" in fake.sent[-1]["content"]
    count = len(fake.sent)
    assert await carried(store, out, clock, after.effect) == Done(detail="nothing was told before")
    assert len(fake.sent) == count


async def test_a_kill_between_sending_and_keeping_sends_nothing_twice(
    store: Obligations, clock: Clock, session: ClientSession, messaging: tuple[FakeMessaging, str]
) -> None:
    """The messaging system kept the second contact's message and the answer was lost: it is found again by its key."""
    fake, url = messaging
    out = output(store, clock, {Channel.TMF681: CommunicationMessages(session, url, Secret(), "service@example.com", clock)})
    decided(store, clock, first())
    fake.die_after_keeping = True
    assert isinstance(await carried(store, out, clock, first()), Again)
    assert isinstance(await carried(store, out, clock, first()), Done)
    assert isinstance(await carried(store, out, clock, first()), Done)
    assert sorted(one["receiver"][0].get("email", one["receiver"][0].get("phoneNumber")) for one in fake.sent) == [
        "+31201234567",
        "noc@acme.example",
    ]


@pytest.mark.parametrize(("status", "kind"), [(503, Again), (500, Again), (422, Refused)])
async def test_a_messaging_system_that_fails_is_asked_again_or_not(
    store: Obligations, clock: Clock, session: ClientSession, messaging: tuple[FakeMessaging, str], status: int, kind: type[Delivery]
) -> None:
    fake, url = messaging
    fake.failures = [status, status]
    out = output(store, clock, {Channel.TMF681: CommunicationMessages(session, url, Secret(), "service@example.com", clock)})
    decided(store, clock, first())
    assert isinstance(await carried(store, out, clock, first()), kind)
    assert fake.sent == []


async def test_no_customer_gets_more_messages_within_an_hour_than_the_rules_say(
    store: Obligations, clock: Clock, session: ClientSession, messaging: tuple[FakeMessaging, str]
) -> None:
    """What must be told waits; it goes out when the hour is over."""
    fake, url = messaging
    out = output(store, clock, {Channel.TMF681: CommunicationMessages(session, url, Secret(), "service@example.com", clock)})
    for number in range(MESSAGES.notices.most_per_hour):
        key = f"message:other-{number}:acme:first:r1"
        decided(store, clock, Effect(key, first().kind, f"other-{number}", "customer:acme", START, "x", first().body))
        store.finish(Receipt(key, first().kind, f"other-{number}", "customer:acme", Outcome.DELIVERED, clock.now, "sent"))
    decided(store, clock, first())
    assert isinstance(await carried(store, out, clock, first()), Again)
    clock.now += 61 * MINUTE_NS
    assert isinstance(await carried(store, out, clock, first()), Done)
    assert fake.sent


async def test_dry_run_words_everything_and_sends_nothing(store: Obligations, clock: Clock) -> None:
    out = output(store, clock, {}, sending=False)
    decided(store, clock, first())
    answer = await carried(store, out, clock, first())
    assert isinstance(answer, Done)
    assert answer.detail.startswith("dry run: '[inc-1] Uw dienst is buiten werking' to 2 by tmf681")


async def test_a_channel_that_the_settings_do_not_name_is_told(store: Obligations, clock: Clock) -> None:
    decided(store, clock, first())
    answer = await output(store, clock, {}).deliver(first())
    assert answer == Refused("tmf681: the settings name no tmf681; tmf681: the settings name no tmf681")


class Postman:
    """Keeps mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def post(self, message: EmailMessage, to: Sequence[str]) -> Delivery:
        assert [message["To"]] == list(to)
        self.mails.append(message)
        return Done()


async def test_mail_is_plain_has_one_receiver_and_an_id_that_stays(store: Obligations, clock: Clock) -> None:
    """A repeat after a kill is the same mail to a mailbox."""
    postman = Postman()
    contact = Contact(Channel.EMAIL, "noc@acme.example")
    inventory = Inventory("v1", customers={"acme": Customer("acme", "Acme", Tier.GOLD, contacts=(contact,))})
    sender = MailSender(postman, "Service <service@example.com>")
    for _ in range(2):
        out = MessageOutput(lambda: MESSAGES, lambda: inventory, {Channel.EMAIL: sender}, store, sending=True, clock=clock)
        store.put_effects([first()], clock.now)
        await out.deliver(Effect(**{**_fields(first()), "key": "k"}))
    ids = {mail["Message-ID"] for mail in postman.mails}
    assert len(ids) == 1
    assert postman.mails[0]["To"] == "noc@acme.example"
    assert postman.mails[0].get_content_type() == "text/plain"
    assert postman.mails[0]["Auto-Submitted"] == "auto-generated"


def _fields(effect: Effect) -> dict[str, object]:
    return {name: getattr(effect, name) for name in Effect.__slots__}


def test_the_impact_of_these_tests_is_one_of_acmes() -> None:
    assert DOWN.customer in INVENTORY.customers
