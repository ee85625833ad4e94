"""Ticket effects carried to a TMF621 system: one ticket for each incident, whatever is killed in between."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from pipeline.config.problem import ConfigError
from pipeline.core.effect import Effect, EffectKind
from pipeline.core.obligation import TicketLink
from pipeline.core.ticket import TRANSITIONS, TicketStatus, path
from pipeline.core.wording import plain, rfc3339
from pipeline.outputs.ports import Again, Delivery, Done, LinkPort, Poison, Refused
from pipeline.outputs.tmf621 import CallFailedError, RemoteTicket, TroubleTickets

log = logging.getLogger(__name__)

AUTHOR = "assurance-pipeline"
_ONCE = frozenset({"externalId", "ticketType"})
"""Fields that are given when a ticket is made, and never after."""


ASK_WITHIN_S = 3.0
"""How long the history may take to tell what agreements still bear; a ticket does not wait longer."""


class Suffered(msgspec.Struct, frozen=True):
    """A service of a ticket: how it fares, since when (UTC nanoseconds), by which planned work, and whether it still does."""

    service: str
    state: str
    since_at: int
    excluded: str = ""
    lasts: bool = True


Remarks = Callable[[Sequence[Suffered]], list[str]]
"""What is known of the agreements of a ticket's services, in lines. Called in a thread.

Raises ``OSError``, ``ConfigError`` or ``ValueError`` when nobody can tell.
"""


def no_remarks(_: Sequence[Suffered]) -> list[str]:
    """Nothing is known of any agreement."""
    return []


class _Body(msgspec.Struct):
    incident: str
    ticket: dict[str, Any]
    note: str = ""
    resolved_at: int = 0
    services: list[Suffered] = []
    reopen: bool = False


class TicketOutput:
    """Delivers ``ticket-open``, ``ticket-update`` and ``ticket-resolve``. ``system`` names the links; ``clock`` answers UTC nanoseconds.

    ``remarks`` adds to each description what only the time of writing knows: how much downtime the agreements still bear. A ticket is
    written without them when they cannot be had.

    A ticket is always looked for (by link, then by ``externalId``) before one is made, so a kill between the call and its record, or an
    answer that was lost, finds the ticket that is there.
    """

    def __init__(
        self,
        system: str,
        remote: TroubleTickets,
        store: LinkPort,
        clock: Callable[[], int] = time.time_ns,
        remarks: Remarks = no_remarks,
    ) -> None:
        self._remarks = remarks
        self._system = system
        self._remote = remote
        self._store = store
        self._clock = clock

    async def deliver(self, effect: Effect) -> Delivery:
        """Bring the ticket to where the effect wants it; where it is already, nothing is sent."""
        try:
            body = msgspec.convert(effect.body, _Body)
        except msgspec.ValidationError as error:
            return Poison(str(error))
        steps = {
            EffectKind.TICKET_OPEN: self._open,
            EffectKind.TICKET_UPDATE: self._update,
            EffectKind.TICKET_RESOLVE: self._resolve,
        }
        step = steps.get(effect.kind)
        if step is None:
            return Poison(f"{effect.kind.value} is no work for a ticket system")
        body = await self._remarked(body)
        try:
            return await step(effect, body)
        except CallFailedError as error:
            return self._meaning(error)

    async def _remarked(self, body: _Body) -> _Body:
        """The same with what agreements still bear at the end of its description."""
        try:
            lines = await asyncio.wait_for(asyncio.to_thread(self._remarks, body.services), ASK_WITHIN_S)
        except (OSError, ConfigError, ValueError) as error:  # TimeoutError is an OSError
            log.warning("a ticket is written without what its agreements still bear: %s", error or "no answer in time")
            lines = ["Agreements: not known at the time of writing"] if body.services else []
        text = "\n".join([str(body.ticket.get("description", "")), *map(plain, lines)])
        return msgspec.structs.replace(body, ticket={**body.ticket, "description": text}) if lines else body

    @staticmethod
    def _meaning(error: CallFailedError) -> Delivery:
        if error.status in {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}:
            return Again(f"somebody changed the ticket meanwhile: {error.delivery.detail}")
        return error.delivery

    async def _open(self, _effect: Effect, body: _Body) -> Delivery:
        ticket = await self._locate(body)
        if ticket is not None:
            return Done(ticket.id, "the ticket was there")
        return Done((await self._create(body)).id)

    async def _update(self, effect: Effect, body: _Body) -> Delivery:
        ticket = await self._locate(body)
        if ticket is None:
            return Done((await self._create(body)).id, "there was no ticket; opened")
        if not TRANSITIONS[ticket.status]:
            return Refused(f"ticket {ticket.id} is {ticket.status.value}: it takes no more changes")
        way = path(ticket.status, TicketStatus.IN_PROGRESS) if body.reopen and ticket.status is TicketStatus.RESOLVED else ()
        await self._walk(ticket, way or (), effect, body)
        return Done(ticket.id)

    async def _resolve(self, effect: Effect, body: _Body) -> Delivery:
        ticket = await self._locate(body)
        if ticket is None:
            return Done(detail="no ticket was opened")
        way = path(ticket.status, await self._goal(body))
        if way is None:
            return Done(ticket.id, f"the ticket was {ticket.status.value} already")
        await self._walk(ticket, way, effect, body)
        return Done(ticket.id)

    async def _goal(self, body: _Body) -> TicketStatus:
        """Closed when the ticket came to be only after the incident had ended: nobody worked on it, nobody need look."""
        link = await asyncio.to_thread(self._store.ticket_of, body.incident, self._system)
        came_and_went = link is not None and 0 < body.resolved_at < link.linked_at
        return TicketStatus.CLOSED if came_and_went else TicketStatus.RESOLVED

    async def _walk(self, ticket: RemoteTicket, way: tuple[TicketStatus, ...], effect: Effect, body: _Body) -> None:
        patches: list[dict[str, Any]] = [self._step(status, effect, body) for status in way]
        if not ticket.has_note(effect.key):
            note = {"id": effect.key, "author": AUTHOR, "date": rfc3339(effect.decided_at), "text": body.note}
            fields = {name: value for name, value in body.ticket.items() if name not in _ONCE}
            patches[:1] = [{**fields, "note": [*ticket.notes, note], **(patches[0] if patches else {})}]
        for patch in patches:
            ticket = await self._remote.change(ticket, patch)
            await self._link(body, ticket)

    @staticmethod
    def _step(status: TicketStatus, effect: Effect, body: _Body) -> dict[str, Any]:
        patch = {"status": status.value, "statusChangeReason": effect.reason}
        if status is TicketStatus.RESOLVED and body.resolved_at:
            patch["resolutionDate"] = rfc3339(body.resolved_at)
        return patch

    async def _locate(self, body: _Body) -> RemoteTicket | None:
        link = await asyncio.to_thread(self._store.ticket_of, body.incident, self._system)
        ticket = await self._remote.get(link.remote_id) if link else None
        if ticket is None:
            ticket = await self._remote.find(body.incident)
        if ticket is not None:
            await self._link(body, ticket)
        return ticket

    async def _create(self, body: _Body) -> RemoteTicket:
        ticket = await self._remote.create(body.ticket)
        await self._link(body, ticket)
        return ticket

    async def _link(self, body: _Body, ticket: RemoteTicket) -> None:
        now = self._clock()
        link = TicketLink(body.incident, self._system, ticket.id, ticket.status.value, ticket.etag, linked_at=now, updated_at=now)
        await asyncio.to_thread(self._store.put_link, link)
