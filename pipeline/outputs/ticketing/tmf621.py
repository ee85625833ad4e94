"""TMF621 v4 trouble tickets. The key is ``externalId``; a note is known by its ``id``; statuses follow the standard's lifecycle."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from pipeline.core.ticket import TicketStatus, path
from pipeline.core.wording import rfc3339
from pipeline.outputs.ticketing.calls import Answered, Calls
from pipeline.outputs.ticketing.system import AUTHOR, NOTES_READ, Change, Draft, Json, RemoteNote, RemoteTicket
from pipeline.outputs.ticketing.texts import nanoseconds

PATH = "/tmf-api/troubleTicket/v4/troubleTicket"
_ONCE = frozenset({"externalId", "ticketType"})
"""Fields that are given when a ticket is made, and never after."""


class _Answer(msgspec.Struct):
    id: str | int
    status: TicketStatus = TicketStatus.ACKNOWLEDGED
    note: list[dict[str, Any]] | None = None
    external_id: str | None = msgspec.field(default=None, name="externalId")


class TroubleTickets:
    """The trouble tickets at ``base`` (``http://host:port``)."""

    found_after_s = 0.0

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str,
        clock: Callable[[], int] = time.time_ns,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._call = Calls(session, base, headers, clock)

    async def find(self, key: str) -> RemoteTicket | None:
        """By ``externalId``; answers are checked, since a server may ignore a filter that it does not know."""
        found = (await self._call("GET", PATH, params={"externalId": key})).read(list[_Answer])
        return next((_ticket(answer, "") for answer in found if answer.external_id == key), None)

    async def get(self, ticket_id: str) -> RemoteTicket | None:
        """One ticket, with its entity tag."""
        answer = await self._call("GET", _one(ticket_id))
        return None if answer.is_missing else _read(answer)

    async def create(self, draft: Draft) -> RemoteTicket:
        """A new ticket, with the one that it continues beside it."""
        fields: Json = {**draft.fields, "externalId": draft.key}
        if draft.continues:
            fields["troubleTicketRelationship"] = [{"id": draft.continues, "relationshipType": "continues"}]
        return _read(await self._call("POST", PATH, fields))

    async def notes(self, ticket: RemoteTicket) -> Sequence[RemoteNote]:
        """They came with the ticket."""
        return [_note(each) for each in ticket.raw[-NOTES_READ:]]

    async def change(self, ticket: RemoteTicket, change: Change) -> RemoteTicket:
        """One JSON merge patch (RFC 7396), unless the ticket was changed since it was read. It would replace the notes: they go along."""
        fields: Json = {}
        if change.draft:
            fields |= {name: value for name, value in change.draft.fields.items() if name not in _ONCE}
        if change.note:
            note = {"id": change.note.key, "author": AUTHOR, "date": rfc3339(change.note.at), "text": change.note.text}
            fields["note"] = [*ticket.raw, note]
        if change.status:
            fields |= {"status": change.status.value, "statusChangeReason": change.reason}
        if change.status is TicketStatus.RESOLVED and change.resolved_at:
            fields["resolutionDate"] = rfc3339(change.resolved_at)
        headers = {"If-Match": ticket.etag} if ticket.etag else None
        answer = await self._call("PATCH", _one(ticket.id), fields, headers=headers, content_type="application/merge-patch+json")
        return _read(answer)

    def way(self, status: TicketStatus, goal: TicketStatus) -> tuple[TicketStatus, ...] | None:
        """Step by step, as the standard's lifecycle has it."""
        return path(status, goal)


def _one(ticket_id: str) -> str:
    return f"{PATH}/{quote(ticket_id, safe='')}"


def _read(answer: Answered) -> RemoteTicket:
    return _ticket(answer.read(_Answer), answer.etag)


def _ticket(answer: _Answer, etag: str) -> RemoteTicket:
    return RemoteTicket(str(answer.id), answer.status, etag, raw=tuple(answer.note or ()))


def _note(told: Json) -> RemoteNote:
    name, author = str(told.get("id", "")), str(told.get("author", ""))
    key = name if author == AUTHOR else ""
    return RemoteNote(name, author, str(told.get("text", "")), nanoseconds(str(told.get("date", ""))), key)
