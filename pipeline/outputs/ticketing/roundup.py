"""Roundup 2.x, by its REST API. The key is in the title; a note is a message whose ``messageid`` is made of the effect's key.

A message is made first and put on the issue after it: one that a kill left alone is found by its ``messageid`` and put there later.
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
from pipeline.outputs.ticketing.system import AUTHOR, NOTES_READ, CallFailedError, Change, Draft, Json, RemoteNote, RemoteTicket
from pipeline.outputs.ticketing.texts import nanoseconds
from pipeline.outputs.ticketing.words import Words

_BASE = "/rest/data"
_OURS = f"@{AUTHOR}"
_DATE = "%Y-%m-%d.%H:%M:%S"
WORDS = Words(
    {
        TicketStatus.ACKNOWLEDGED: "unread",
        TicketStatus.IN_PROGRESS: "in-progress",
        TicketStatus.PENDING: "need-eg",
        TicketStatus.HELD: "deferred",
        TicketStatus.RESOLVED: "resolved",
        TicketStatus.CLOSED: "resolved",
        TicketStatus.REJECTED: "resolved",
        TicketStatus.CANCELLED: "resolved",
    },
    {
        "unread": TicketStatus.ACKNOWLEDGED,
        "chatting": TicketStatus.ACKNOWLEDGED,  # a tracker says so by itself as soon as there is a second message, be it ours
        "in-progress": TicketStatus.IN_PROGRESS,
        "testing": TicketStatus.IN_PROGRESS,
        "need-eg": TicketStatus.PENDING,
        "deferred": TicketStatus.HELD,
        "done-cbb": TicketStatus.RESOLVED,
        "resolved": TicketStatus.RESOLVED,
    },
)
PRIORITIES = {"critical": "critical", "major": "urgent", "minor": "bug", "warning": "wish", "indeterminate": "wish"}


class _Named(msgspec.Struct):
    name: str = ""
    username: str = ""


class _Item(msgspec.Struct):
    id: str


class _Issue(msgspec.Struct):
    title: str | None = None
    status: _Named | None = None
    assignedto: _Named | None = None
    actor: _Named | None = None
    messages: list[_Item] = []


class _IssueItem(msgspec.Struct):
    id: str
    attributes: _Issue
    etag: str = msgspec.field(default="", name="@etag")


class _OneIssue(msgspec.Struct):
    data: _IssueItem


class _Made(msgspec.Struct):
    data: _Item


class _Listed(msgspec.Struct):
    id: str
    title: str | None = None
    author: _Named | None = None
    date: str | None = None
    messageid: str | None = None


class _Collection(msgspec.Struct):
    collection: list[_Listed]


class _Many(msgspec.Struct):
    data: _Collection


class _Content(msgspec.Struct):
    data: str


class _OneContent(msgspec.Struct):
    data: _Content


class Roundup:
    """The issues of one tracker, as ``user`` of the settings, who is the author of messages."""

    found_after_s = 0.0

    def __init__(self, call: Calls, settings: TicketSettings) -> None:
        self._call = call
        self._settings = settings
        self._words = WORDS.with_settings(settings.statuses)

    async def find(self, key: str) -> RemoteTicket | None:
        """By the key at the end of the title; the search is for a part of it, so what comes is looked at."""
        ending = f"({key})"
        found = await self._list("issue", [("title", ending), ("@fields", "title"), ("@sort", "id")])
        name = next((each.id for each in found if (each.title or "").endswith(ending)), None)
        return await self.get(name) if name else None

    async def get(self, ticket_id: str) -> RemoteTicket | None:
        """One issue, with its entity tag."""
        params = {"@fields": "title,status,assignedto,actor,messages", "@verbose": "2"}
        answer = await self._call("GET", _one("issue", ticket_id), params=params)
        if answer.is_missing:
            return None
        found = answer.read(_OneIssue).data
        issue = found.attributes
        status = self._words.status(issue.status.name) if issue.status else TicketStatus.ACKNOWLEDGED
        assignee, actor = issue.assignedto or _Named(), issue.actor or _Named()
        messages = tuple(each.id for each in issue.messages)
        return RemoteTicket(found.id, status, found.etag, assignee=assignee.username, changed_by=actor.username, raw=messages)

    async def create(self, draft: Draft) -> RemoteTicket:
        """A new issue with one message, the description."""
        message = await self._message(f"{draft.key}:description", draft.text)
        fields: Json = {
            "title": draft.titled,
            "priority": self._priority(draft),
            "status": self._words.theirs[TicketStatus.ACKNOWLEDGED],
            "messages": [message],
            **filled(self._settings.fields, draft),
        }
        made = (await self._call("POST", f"{_BASE}/issue", fields)).read(_Made)
        return await self._read_back(made.data.id)

    async def notes(self, ticket: RemoteTicket) -> Sequence[RemoteNote]:
        """The issue's messages; of ours only the key is read, of others the text."""
        names: list[str] = sorted(ticket.raw, key=int)[-NOTES_READ:]
        if not names:
            return []
        wanted = [*(("id", name) for name in names), ("@fields", "author,date,messageid"), ("@verbose", "2"), ("@sort", "id")]
        return [await self._note(each) for each in await self._list("msg", wanted)]

    async def _note(self, told: _Listed) -> RemoteNote:
        author, at = (told.author or _Named()).username, nanoseconds(told.date or "", _DATE)
        if (told.messageid or "").endswith(_OURS):
            return RemoteNote(told.id, author, at=at, key=(told.messageid or "").removesuffix(_OURS))
        content = await self._call("GET", f"{_one('msg', told.id)}/content")
        return RemoteNote(told.id, author, "" if content.is_missing else content.read(_OneContent).data.data, at)

    async def change(self, ticket: RemoteTicket, change: Change) -> RemoteTicket:
        """A message put on the issue, then the rest in one PATCH."""
        if change.note:
            message = await self._message(change.note.key, change.note.told_with(change.draft))
            ticket = await self._patch(ticket, {"@op": "add", "messages": [message]})
        fields: Json = {}
        if change.draft:
            fields |= {"title": change.draft.titled, "priority": self._priority(change.draft)}
        if change.status:
            fields["status"] = self._words.theirs[change.status]
        return await self._patch(ticket, {"@op": "replace", **fields}) if fields else ticket

    async def _message(self, key: str, text: str) -> str:
        """The id of the message with this key, made if there is none."""
        found = await self._list("msg", [("messageid", f"{key}{_OURS}"), ("@fields", "messageid")])
        name = next((each.id for each in found if each.messageid == f"{key}{_OURS}"), None)
        if name is None:
            body = {"content": text, "author": self._settings.user, "messageid": f"{key}{_OURS}", "type": "text/plain"}
            name = (await self._call("POST", f"{_BASE}/msg", body)).read(_Made).data.id
        return name

    async def _patch(self, ticket: RemoteTicket, fields: Json) -> RemoteTicket:
        await self._call("PATCH", _one("issue", ticket.id), fields, headers={"If-Match": ticket.etag})
        return await self._read_back(ticket.id)

    async def _read_back(self, ticket_id: str) -> RemoteTicket:
        ticket = await self.get(ticket_id)
        if ticket is None:
            raise CallFailedError(Refused(f"issue {ticket_id} is gone"), 404)
        return ticket

    async def _list(self, kind: str, params: list[tuple[str, str]]) -> list[_Listed]:
        return (await self._call("GET", f"{_BASE}/{kind}", params=params)).read(_Many).data.collection

    def way(self, status: TicketStatus, goal: TicketStatus) -> tuple[TicketStatus, ...] | None:
        """In one step; the usual tracker closes nothing further than resolved."""
        return self._words.way(status, goal)

    def _priority(self, draft: Draft) -> Any:
        return self._settings.severities.get(draft.severity) or PRIORITIES.get(draft.severity, "wish")


def _one(kind: str, name: str) -> str:
    return f"{_BASE}/{kind}/{quote(name, safe='')}"
