"""Events to whoever has registered for them: changes become effects of the outbox, and each is sent once more until it is taken.

The body is the event as TM Forum writes it; its headers carry the same as a CloudEvent in binary mode, so that either kind of receiver
knows what came and whether it came before. With a secret in the settings it is signed as other webhooks are.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from pipeline import wire
from pipeline.bus import ConsumerRecord
from pipeline.config.settings import ApiSettings
from pipeline.core.effect import Effect, EffectKind
from pipeline.core.ledger import canonical
from pipeline.core.obligation import Hub
from pipeline.core.text import shown
from pipeline.outputs.address import AddressRefusedError, check_url
from pipeline.outputs.http import failure
from pipeline.outputs.intake import why_unstorable
from pipeline.outputs.keeping import Consumer, Keeper
from pipeline.outputs.ports import Delivery, Done, HubPort, Poison, Refused
from pipeline.outputs.webhook import Sessions, sign
from pipeline.tmf.event import event_of
from pipeline.tmf.form import SYSTEM, Json
from pipeline.tmf.matching import matches
from pipeline.tmf.subscription import filters_of

log = logging.getLogger(__name__)

TOO_FAR_BEHIND = 100_000
"""Events that wait for one receiver; with more of them it is told no more."""
_GONE = 410
_NS_PER_MS = 1_000_000


class _Body(msgspec.Struct):
    hub: str
    event: Json


class EventIntake:
    """Consumes changes into the outbox, for each registration that wants them. ``clock`` answers UTC nanoseconds."""

    def __init__(self, consumer: Consumer, store: HubPort, *, stored: Callable[[], None], clock: Callable[[], int] = time.time_ns) -> None:
        self._consumer = consumer
        self._store = store
        self._stored = stored
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set."""
        await Keeper(self._consumer, self._keep, "events").run(stop)

    async def _keep(self, records: Sequence[ConsumerRecord]) -> None:
        hubs = await asyncio.to_thread(self._store.hubs)
        if not hubs:
            return
        effects = [effect for record in records for effect in effects_of(record, hubs)]
        if effects:
            await asyncio.to_thread(self._store.put_effects, effects, self._clock())
            await self._end_those_behind(hubs)
            self._stored()

    async def _end_those_behind(self, hubs: Sequence[Hub]) -> None:
        waiting = await asyncio.to_thread(self._store.pending)
        for hub in hubs:
            if waiting.get(route_of(hub), 0) > TOO_FAR_BEHIND:
                log.error("registration %s is ended: more than %d events wait for %s", hub.id, TOO_FAR_BEHIND, hub.callback)
                await asyncio.to_thread(self._store.end_hub, hub.id, self._clock(), f"more than {TOO_FAR_BEHIND} events waited")


def effects_of(record: ConsumerRecord, hubs: Sequence[Hub]) -> list[Effect]:
    """What a message's values owe to registrations that were there before it; a message that nobody can read is for the sink to keep."""
    since = [hub for hub in hubs if hub.registered_at <= (record.timestamp or 0) * _NS_PER_MS]
    if not since:
        return []
    try:
        found = [event for value in wire.decode(record.value or b"") if (event := event_of(value))]
    except wire.WireError:
        return []
    wanted = [(hub, filters_of(hub.api, hub.query)) for hub in since]
    made = [
        _effect(hub, subject, event, (record.timestamp or 0) * _NS_PER_MS)
        for api, subject, event in found
        for hub, filters in wanted
        if hub.api == api and matches({"eventType": event["eventType"], **event["event"]}, filters)
    ]
    return [effect for effect in made if not why_unstorable(effect)]


def route_of(hub: Hub) -> str:
    """The outbox's route for a registration: receivers do not wait for each other."""
    return f"hub:{hub.id}"


def _effect(hub: Hub, subject: str, event: Json, at: int) -> Effect:
    key = f"event:{hub.id}:{event['eventType']}:{event['eventId']}"
    return Effect(key, EffectKind.EVENT, subject, route_of(hub), at, "registered", {"hub": hub.id, "event": event})


class HubOutput:
    """Delivers ``event`` effects to the callbacks of registrations. ``clock`` answers UTC nanoseconds."""

    def __init__(self, settings: ApiSettings, sessions: Sessions, store: HubPort, clock: Callable[[], int] = time.time_ns) -> None:
        self._settings = settings
        self._sessions = sessions
        self._store = store
        self._clock = clock

    async def deliver(self, effect: Effect) -> Delivery:
        """POST the event; 410 ends the registration."""
        try:
            body = msgspec.convert(effect.body, _Body)
        except msgspec.ValidationError as error:
            return Poison(str(error))
        hub = await asyncio.to_thread(self._store.hub, body.hub)
        if hub is None or hub.ended_at:
            return Refused("the registration has ended")
        try:
            return await self._post(hub, body.event)
        except AddressRefusedError as error:
            return Refused(f"{shown(hub.callback)}: {error}")

    async def _post(self, hub: Hub, event: Json) -> Delivery:
        target = check_url(hub.callback, allow_private=self._settings.hubs_private)
        payload = canonical(event)
        session = self._sessions.private if self._settings.hubs_private else self._sessions.public
        headers = self._headers(event, payload)
        async with session.post(target, data=payload.encode(), headers=headers, allow_redirects=False) as response:
            if 200 <= response.status < 300:  # noqa: PLR2004  # HTTP's success
                return Done(detail=f"{response.status} from {target.host}")
            if response.status == _GONE:
                await asyncio.to_thread(self._store.end_hub, hub.id, self._clock(), "it answered 410 Gone")
                return Refused(f"{target.host} answered 410 Gone; the registration has ended")
            return await failure(response, self._clock())

    def _headers(self, event: Json, payload: str) -> Mapping[str, str]:
        headers = {
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-id": str(event["eventId"]),
            "ce-type": str(event["eventType"]),
            "ce-source": SYSTEM,
            "ce-time": str(event["eventTime"]),
        }
        return headers | (sign(self._settings.hubs_secret, str(event["eventId"]), payload, self._clock()) or {})
