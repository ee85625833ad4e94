"""Ticket effects carried to a ticket system: one ticket for each incident, whatever is killed in between."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec

from pipeline.config.problem import ConfigError
from pipeline.core.effect import Effect, EffectKind
from pipeline.core.obligation import TicketLink
from pipeline.core.reason import Reason
from pipeline.core.ticket import FINAL, TicketStatus
from pipeline.core.wording import plain
from pipeline.outputs.ports import Again, Delivery, Done, LinkPort, Poison, Refused
from pipeline.outputs.ticketing.system import CallFailedError, Change, Draft, NewNote, RemoteTicket, TicketSystem

log = logging.getLogger(__name__)

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
    ended_at: int = 0
    domain: str = ""


REOPEN_S = 86_400.0
_NANO = 1_000_000_000
_BY_PEOPLE = frozenset({Reason.ACKNOWLEDGED.value, Reason.UN_ACKNOWLEDGED.value, Reason.COMMENTED.value})


class TicketOutput:
    """Delivers ``ticket-open``, ``ticket-update`` and ``ticket-resolve``. ``system`` names the links; ``clock`` answers UTC nanoseconds.

    ``remarks`` adds to each description what only the time of writing knows: how much downtime the agreements still bear. A ticket is
    written without them when they cannot be had.

    A ticket is always looked for (by link, then by its key) before one is made, so a kill between the call and its record, or an
    answer that was lost, finds the ticket that is there.

    An incident that comes back more than ``reopen_s`` after its end, or whose ticket people have closed, gets a new ticket that names the
    old one. Its key is the incident's with the revision behind it.
    """

    def __init__(  # its parts, and how it is set
        self,
        system: str,
        remote: TicketSystem,
        store: LinkPort,
        clock: Callable[[], int] = time.time_ns,
        remarks: Remarks = no_remarks,
        reopen_s: float = REOPEN_S,
    ) -> None:
        self._remarks = remarks
        self._system = system
        self._remote = remote
        self._store = store
        self._clock = clock
        self._reopen_s = reopen_s

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
            return Done(_called(ticket), "the ticket was there")
        return Done(_called(await self._create(body, Draft(body.incident, body.ticket))))

    async def _update(self, effect: Effect, body: _Body) -> Delivery:
        if body.reopen and (again := await self._following(effect, body)):
            return again
        ticket = await self._locate(body)
        if ticket is None:
            return Done(_called(await self._create(body, Draft(body.incident, body.ticket))), "there was no ticket; opened")
        if body.reopen and (ticket.status in FINAL or self._is_late(effect, body)):
            return await self._follow(effect, body, ticket)
        if ticket.status in FINAL:
            return Refused(f"ticket {_called(ticket)} is {ticket.status.value}: it takes no more changes")
        reopened = body.reopen and ticket.status is TicketStatus.RESOLVED
        way = self._remote.way(ticket.status, TicketStatus.IN_PROGRESS) if reopened else ()
        await self._walk(ticket, way or (), effect, body)
        return Done(_called(ticket))

    async def _following(self, effect: Effect, body: _Body) -> Delivery | None:
        """The ticket that this effect made when it was delivered before."""
        link = await self._link_of(body)
        if link is not None and link.key == _key(effect, body):
            return Done(link.called, "the ticket was there")
        ticket = None
        if self._is_late(effect, body) or link is None or link.status in FINAL:
            ticket = await self._remote.find(_key(effect, body))
        if ticket is None:
            return None
        await self._link(body, ticket, key=_key(effect, body), previous=link.called if link else "")
        return Done(_called(ticket), "the ticket was there")

    async def _follow(self, effect: Effect, body: _Body, old: RemoteTicket) -> Delivery:
        """A new ticket that names the old one."""
        await self._link(body, old)
        draft = Draft(_key(effect, body), body.ticket, _called(old))
        ticket = await self._create(body, draft, previous=_called(old))
        return Done(_called(ticket), f"{_called(old)} is {old.status.value}; it continues in a new ticket")

    def _is_late(self, effect: Effect, body: _Body) -> bool:
        """Whether the incident came back too late for its old ticket."""
        return bool(body.ended_at) and effect.decided_at - body.ended_at > self._reopen_s * _NANO

    async def _resolve(self, effect: Effect, body: _Body) -> Delivery:
        ticket = await self._locate(body)
        if ticket is None:
            return Done(detail="no ticket was opened")
        way = self._remote.way(ticket.status, await self._goal(body))
        if way is None:
            return Done(_called(ticket), f"the ticket was {ticket.status.value} already")
        await self._walk(ticket, way, effect, body)
        return Done(_called(ticket))

    async def _goal(self, body: _Body) -> TicketStatus:
        """Closed when the ticket came to be only after the incident had ended: nobody worked on it, nobody need look."""
        link = await self._link_of(body)
        came_and_went = link is not None and 0 < body.resolved_at < link.linked_at
        return TicketStatus.CLOSED if came_and_went else TicketStatus.RESOLVED

    async def _walk(self, ticket: RemoteTicket, way: tuple[TicketStatus, ...], effect: Effect, body: _Body) -> None:
        """The note and what the ticket says go with the first step."""
        changes = [Change(status=status, reason=effect.reason, resolved_at=body.resolved_at) for status in way]
        if not any(note.key == effect.key for note in await self._remote.notes(ticket)):
            link = await self._link_of(body)
            draft = Draft((link.key if link else "") or body.incident, body.ticket, link.previous if link else "")
            note = NewNote(effect.key, body.note, effect.decided_at, effect.reason not in _BY_PEOPLE)
            changes[:1] = [replace(changes[0] if changes else Change(), draft=draft, note=note)]
        for change in changes:
            ticket = await self._remote.change(ticket, change)
            await self._link(body, ticket)

    async def _locate(self, body: _Body) -> RemoteTicket | None:
        link = await self._link_of(body)
        ticket = await self._remote.get(link.remote_id) if link else None
        if ticket is None:
            ticket = await self._remote.find((link.key if link else "") or body.incident)
        if ticket is not None:
            await self._link(body, ticket, link.key if link else "", link.previous if link else "")
        return ticket

    async def _create(self, body: _Body, draft: Draft, previous: str = "") -> RemoteTicket:
        """Made at most once: where the search lags behind, an attempt whose end nobody knows is waited for."""
        if self._remote.found_after_s:
            tried_at = await asyncio.to_thread(self._store.ticket_tried_at, self._system, draft.key)
            left_s = self._remote.found_after_s - (self._clock() - tried_at) / _NANO
            if tried_at and left_s > 0:
                raise CallFailedError(Again("whether a ticket was made is seen later: the system's search lags behind", left_s), 0)
            await asyncio.to_thread(self._store.try_ticket, self._system, draft.key, self._clock())
        ticket = await self._made(draft)
        await self._link(body, ticket, key=draft.key, previous=previous)
        return ticket

    async def _made(self, draft: Draft) -> RemoteTicket:
        try:
            return await self._remote.create(draft)
        except CallFailedError as error:
            if self._remote.found_after_s and 0 < error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                await asyncio.to_thread(self._store.forget_ticket_try, self._system, draft.key)
            raise
        except aiohttp.ClientConnectorError:  # nobody was reached
            if self._remote.found_after_s:
                await asyncio.to_thread(self._store.forget_ticket_try, self._system, draft.key)
            raise

    async def _link_of(self, body: _Body) -> TicketLink | None:
        return await asyncio.to_thread(self._store.ticket_of, body.incident, self._system)

    async def _link(self, body: _Body, ticket: RemoteTicket, key: str = "", previous: str = "") -> None:
        """Keep what was seen of the ticket; ``key`` and ``previous`` are kept of a ticket that is known."""
        now, known = self._clock(), await self._link_of(body)
        if known is not None and known.remote_id == ticket.id:
            key, previous = key or known.key, previous or known.previous
        link = TicketLink(
            body.incident,
            self._system,
            ticket.id,
            ticket.status.value,
            ticket.etag,
            linked_at=now,
            updated_at=now,
            number=ticket.number,
            key=key or body.incident,
            previous=previous,
            assignee=ticket.assignee,
            domain=body.domain,
        )
        await asyncio.to_thread(self._store.put_link, link)


def _key(effect: Effect, body: _Body) -> str:
    """By what a ticket is found that a reopening effect made: ``inc-1:r5``."""
    return f"{body.incident}:{effect.key.rpartition(':')[2]}"


def _called(ticket: RemoteTicket) -> str:
    return ticket.number or ticket.id
