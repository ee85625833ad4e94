"""Request Tracker 5, by its REST2. The key is in a custom field of the queue; a note is a comment whose subject is the effect's key.

A comment is for staff; what requestors are to read they are told elsewhere. RT answers 200 and says in words what it did not do, so each
change is read back.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from pipeline.config.output_settings import TicketSettings
from pipeline.core.ticket import TicketStatus
from pipeline.outputs.ports import Refused
from pipeline.outputs.ticketing.calls import Calls
from pipeline.outputs.ticketing.fields import filled
from pipeline.outputs.ticketing.system import NOTES_READ, OURS, CallFailedError, Change, Draft, Json, NewNote, RemoteNote, RemoteTicket
from pipeline.outputs.ticketing.texts import nanoseconds, without_tags
from pipeline.outputs.ticketing.words import Words

_BASE = "/REST/2.0"
TOKEN_FORM = "token"  # noqa: S105  # the word before a token
DEFAULT_QUEUE = "General"
DEFAULT_KEY_FIELD = "Incident"
WORDS = Words(
    {
        TicketStatus.ACKNOWLEDGED: "new",
        TicketStatus.IN_PROGRESS: "open",
        TicketStatus.PENDING: "stalled",
        TicketStatus.HELD: "stalled",
        TicketStatus.RESOLVED: "resolved",
        TicketStatus.CLOSED: "resolved",
        TicketStatus.REJECTED: "rejected",
        TicketStatus.CANCELLED: "rejected",
    },
    {
        "new": TicketStatus.ACKNOWLEDGED,
        "open": TicketStatus.IN_PROGRESS,
        "stalled": TicketStatus.PENDING,
        "resolved": TicketStatus.RESOLVED,
        "rejected": TicketStatus.REJECTED,
        "deleted": TicketStatus.CANCELLED,
    },
)
PRIORITIES = {"critical": "100", "major": "80", "minor": "50", "warning": "20", "indeterminate": "0"}


class _User(msgspec.Struct):
    id: str = ""


class _Ticket(msgspec.Struct):
    id: str | int
    status: str = msgspec.field(default="", name="Status")
    owner: _User = msgspec.field(default_factory=_User, name="Owner")
    last_updated_by: _User = msgspec.field(default_factory=_User, name="LastUpdatedBy")


class _Made(msgspec.Struct):
    id: str | int


class _Page(msgspec.Struct):
    items: list[_Made]


class _Attachment(msgspec.Struct):
    id: str | int
    content: str = msgspec.field(default="", name="Content")
    content_type: str = msgspec.field(default="", name="ContentType")
    subject: str = msgspec.field(default="", name="Subject")
    filename: str = msgspec.field(default="", name="Filename")
    transaction: str | int = msgspec.field(default=0, name="TransactionId")
    creator: _User = msgspec.field(default_factory=_User, name="Creator")
    created: str = msgspec.field(default="", name="Created")


class _Attachments(msgspec.Struct):
    items: list[_Attachment]
    total: int = 0


class _Field(msgspec.Struct):
    name: str = ""


class _Queue(msgspec.Struct):
    ticket_custom_fields: list[_Field] = msgspec.field(default_factory=list, name="TicketCustomFields")


class RequestTracker:
    """The tickets of one queue (``project`` of the settings)."""

    found_after_s = 0.0

    def __init__(self, call: Calls, settings: TicketSettings) -> None:
        self._call = call
        self._queue = settings.project or DEFAULT_QUEUE
        self._key_field = settings.key_field or DEFAULT_KEY_FIELD
        self._settings = settings
        self._words = WORDS.with_settings(settings.statuses)

    async def find(self, key: str) -> RemoteTicket | None:
        """By the custom field; whichever queue people have moved it to."""
        query = f"'CF.{{{_quoted(self._key_field)}}}' = '{_quoted(key)}'"
        page = (await self._call("GET", f"{_BASE}/tickets", params={"query": query, "orderby": "id"})).read(_Page)
        return await self.get(str(page.items[0].id)) if page.items else None

    async def get(self, ticket_id: str) -> RemoteTicket | None:
        """One ticket, with its entity tag."""
        answer = await self._call("GET", _one(ticket_id))
        if answer.is_missing:
            return None
        ticket = answer.read(_Ticket)
        owner = "" if ticket.owner.id == "Nobody" else ticket.owner.id
        status = self._words.status(ticket.status)
        return RemoteTicket(str(ticket.id), status, answer.etag, assignee=owner, changed_by=ticket.last_updated_by.id)

    async def create(self, draft: Draft) -> RemoteTicket:
        """A new ticket; refused when the queue has no such custom field, since it could not be found again."""
        fields: Json = {
            "Queue": self._queue,
            "Subject": draft.title,
            "Content": draft.text,
            "ContentType": "text/plain",
            "Priority": self._priority(draft),
            **filled(self._settings.fields, draft),
        }
        fields["CustomFields"] = {**fields.get("CustomFields", {}), self._key_field: draft.key}
        if not await self._has_key_field():
            told = f"queue '{self._queue}' has no custom field '{self._key_field}' for tickets: add one, or set tickets.key_field"
            raise CallFailedError(Refused(told), 400)
        if draft.continues:
            fields["RefersTo"] = draft.continues
        made = (await self._call("POST", f"{_BASE}/ticket", fields)).read(_Made)
        return await self._read_back(str(made.id))

    async def _has_key_field(self) -> bool:
        queue = await self._call("GET", f"{_BASE}/queue/{quote(self._queue, safe='')}")
        if queue.is_missing:
            raise CallFailedError(Refused(f"there is no queue '{self._queue}': set tickets.project"), queue.status)
        fields = queue.read(_Queue).ticket_custom_fields
        return any(each.name == self._key_field for each in fields)

    async def notes(self, ticket: RemoteTicket) -> Sequence[RemoteNote]:
        """Comments and correspondence; what the ticket was made with is none."""
        params = {
            "fields": "Content,ContentType,Subject,Filename,TransactionId,Creator,Created",
            "orderby": "id",
            "order": "DESC",
            "per_page": str(NOTES_READ),
        }
        page = (await self._call("GET", f"{_one(ticket.id)}/attachments", params=params)).read(_Attachments)
        first = min((int(each.transaction) for each in page.items), default=0) if page.total <= NOTES_READ else 0
        told: dict[int, _Attachment] = {}
        for each in sorted(page.items, key=lambda one: one.content_type != "text/plain"):
            if each.content_type in {"text/plain", "text/html"} and not each.filename and int(each.transaction) != first:
                told.setdefault(int(each.transaction), each)  # of one message in two forms, the plainer
        return [_note(told[name]) for name in sorted(told)]

    async def change(self, ticket: RemoteTicket, change: Change) -> RemoteTicket:
        """A comment, then the rest in one PUT."""
        if change.note:
            await self._comment(ticket, change.note, change.draft)
            ticket = await self._read_back(ticket.id)
        fields: Json = {}
        if change.draft:
            fields |= {"Subject": change.draft.title, "Priority": self._priority(change.draft)}
        if change.status:
            fields["Status"] = self._words.theirs[change.status]
        if not fields:
            return ticket
        answer = await self._call("PUT", _one(ticket.id), fields, headers={"If-Match": ticket.etag} if ticket.etag else None)
        changed = await self._read_back(ticket.id)
        if change.status and changed.status is not self._words.shown(change.status):
            told = "; ".join(map(str, answer.read(list[Any])))
            raise CallFailedError(Refused(f"ticket {ticket.id} does not become {fields['Status']}: {told}"), answer.status)
        return changed

    async def _comment(self, ticket: RemoteTicket, note: NewNote, draft: Draft | None) -> None:
        body = {"Subject": note.key, "Content": note.told_with(draft), "ContentType": "text/plain"}
        await self._call("POST", f"{_one(ticket.id)}/comment", body)

    async def _read_back(self, ticket_id: str) -> RemoteTicket:
        ticket = await self.get(ticket_id)
        if ticket is None:
            raise CallFailedError(Refused(f"ticket {ticket_id} is gone"), 404)
        return ticket

    def way(self, status: TicketStatus, goal: TicketStatus) -> tuple[TicketStatus, ...] | None:
        """In one step; RT closes nothing further than resolved."""
        return self._words.way(status, goal)

    def _priority(self, draft: Draft) -> str:
        return self._settings.severities.get(draft.severity) or PRIORITIES.get(draft.severity, "0")


def _one(ticket_id: str) -> str:
    return f"{_BASE}/ticket/{quote(ticket_id, safe='')}"


def _quoted(text: str) -> str:
    """Inside the quotes of TicketSQL."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _note(told: _Attachment) -> RemoteNote:
    text = without_tags(told.content) if told.content_type == "text/html" else told.content
    key = told.subject if told.subject.startswith(OURS) else ""
    return RemoteNote(str(told.transaction), told.creator.id, text, nanoseconds(told.created), key)
