"""Delivers ``message`` effects: judged again when due, put into the customer's words, sent to each contact once."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from pipeline.config.message_check import Messages
from pipeline.config.message_template import TemplateFailedError, fill, values_of
from pipeline.core.effect import Effect
from pipeline.core.inventory import Channel, Contact, Customer, Inventory
from pipeline.core.notice import FALLBACK, Past, Send, Skip, Stage, Wait, follow_up, judge, reference_of, route_of, routes_of
from pipeline.core.obligation import EffectState, StoredEffect
from pipeline.outputs.ports import Again, Delivery, Done, MessagePort, Poison, Refused

HOUR_NS = 3_600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """What one contact is to read; ``key`` is the same for the same message to the same contact, however often it is tried."""

    key: str
    contact: Contact
    customer: str
    subject: str
    text: str
    language: str


class Sender(Protocol):
    """One way to tell a contact."""

    async def send(self, message: Message) -> Delivery:
        """Send it; sending it twice should be seen as once by its key. Connection errors may be raised: they mean again."""


class _Body(msgspec.Struct, forbid_unknown_fields=False):
    customer: str
    stage: Stage
    due_at: int
    services: list[dict[str, Any]]
    number: int = 0


class MessageOutput:
    """``messages`` and ``inventory`` answer what is in force now; ``senders`` are by channel; ``clock`` answers UTC nanoseconds."""

    def __init__(
        self,
        messages: Callable[[], Messages],
        inventory: Callable[[], Inventory],
        senders: Mapping[Channel, Sender],
        store: MessagePort,
        *,
        sending: bool,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._messages = messages
        self._inventory = inventory
        self._senders = senders
        self._store = store
        self._sending = sending
        self._clock = clock

    async def deliver(self, effect: Effect) -> Delivery:
        """Send it, wait until it is due, or leave it out with a reason. In dry run all is done but sending."""
        try:
            body = msgspec.convert(effect.body, _Body)
        except msgspec.ValidationError as error:
            return Poison(str(error))
        messages, inventory = await asyncio.to_thread(self._known)
        customer = inventory.customers.get(body.customer)
        if customer is None or not customer.contacts:
            return Done(detail=f"{body.customer} has no contacts")
        now = self._clock()
        verdict, newest = await asyncio.to_thread(self._judge, effect, body, messages.notices.most_per_hour, now)
        match verdict:
            case Skip(why):
                return Done(detail=why)
            case Wait(seconds, why):
                return Again(why, seconds, planned=True)
            case Send():
                return await self._tell(effect, {**newest, "stage": body.stage}, customer, messages, inventory)

    def _known(self) -> tuple[Messages, Inventory]:
        return self._messages(), self._inventory()

    def _judge(self, effect: Effect, body: _Body, most_per_hour: int, now: int) -> tuple[Send | Wait | Skip, Mapping[str, Any]]:
        """The verdict, and the newest word on what the customer feels: a progress that is due by time tells of now."""
        route = route_of(body.customer)
        lane = self._store.lane(route, effect.subject)
        place = next((place for place, one in enumerate(lane) if one.effect.key == effect.key), len(lane))
        sent = self._store.sent_since(routes_of(body.customer), now - HOUR_NS)
        earlier, later = [_past(one) for one in lane[:place]], [_past(one) for one in lane[place + 1 :]]
        verdict = judge(body.stage, body.due_at, earlier, later, now, may_send=sent < most_per_hour)
        of_now = lane[-1].effect.body if place == len(lane) and lane else effect.body
        return verdict, of_now

    async def _tell(
        self, effect: Effect, body: Mapping[str, Any], customer: Customer, messages: Messages, inventory: Inventory
    ) -> Delivery:
        try:
            language, subject, text = words(messages, effect.subject, body, customer, inventory)
        except TemplateFailedError as error:
            return Refused(str(error))
        if not self._sending:
            await self._plan_next(effect)
            return Done(effect.key, f"dry run: '{subject}' to {contacts_text(customer)} (to send: messages.sending: true)")
        told = await asyncio.to_thread(self._store.message_told, effect.key)
        refused: list[str] = []
        for contact in customer.contacts:
            if _name(contact) in told:
                continue
            message = Message(f"{effect.key}:{_name(contact)}", contact, customer.display_name, subject, text, language)
            match await self._send(message):
                case Done(remote_id, _):
                    await asyncio.to_thread(self._store.mark_message, effect.key, _name(contact), self._clock(), remote_id)
                case Again() as again:
                    return again
                case Refused(detail) | Poison(detail):
                    refused.append(f"{contact.channel.value}: {detail}")
        if len(refused) == len(customer.contacts):
            return Refused("; ".join(refused))
        await self._plan_next(effect)
        return Done(effect.key, "; ".join([f"'{subject}' to {contacts_text(customer)}", *refused]))

    async def _send(self, message: Message) -> Delivery:
        sender = self._senders.get(message.contact.channel)
        if sender is None:
            return Refused(f"the settings name no {message.contact.channel.value}")
        return await sender.send(message)

    async def _plan_next(self, effect: Effect) -> None:
        if effect.body["stage"] in {Stage.FIRST, Stage.PROGRESS}:
            now = self._clock()
            following = follow_up(effect, int(effect.body.get("number", 0)) + 1, now)
            if following is not None:
                await asyncio.to_thread(self._store.put_effects, [following], now)


def _past(stored: StoredEffect) -> Past:
    pending = stored.state is EffectState.PENDING
    return Past(stored.effect.key, Stage(stored.effect.body["stage"]), pending=pending, sent=bool(stored.remote_id))


def words(messages: Messages, incident: str, body: Mapping[str, Any], customer: Customer, inventory: Inventory) -> tuple[str, str, str]:
    """Language, subject and text of what a customer is told. Raises ``TemplateFailedError`` for what cannot be said.

    Args:
        messages: the rules in force.
        incident: its id, of which customers are told the beginning.
        body: of the effect (:func:`pipeline.core.notice.notices`), with the ``stage`` that is told.
        customer: whose language and time zone.
        inventory: what the customer's services are called.
    """
    language = messages.languages.get(customer.language) or messages.languages.get(FALLBACK)
    if language is None:
        raise TemplateFailedError(f"no messages in {customer.language}, nor in {FALLBACK}: add rules/messages/{customer.language}.yaml")
    descriptions = {name: service.description for name, service in inventory.services.items() if service.customer == customer.name}
    about = {"name": customer.display_name, "timezone": customer.timezone}
    values = values_of(language, {**body, "reference": reference_of(incident)}, about, descriptions)
    return language.language, *fill(language, Stage(body["stage"]).value, values)


def _name(contact: Contact) -> str:
    return f"{contact.channel.value}:{contact.address}"


def contacts_text(customer: Customer) -> str:
    """How many contacts by which channels: receipts go into the history, addresses do not."""
    channels = [contact.channel.value for contact in customer.contacts]
    return ", ".join(f"{channels.count(each)} by {each}" for each in dict.fromkeys(channels))
