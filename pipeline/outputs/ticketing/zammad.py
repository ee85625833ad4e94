"""Zammad, by its REST API. The key is in the title; a note is an internal article whose subject is the effect's key.

The search may run on Elasticsearch, which lags behind.
"""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from pipeline.config.output_settings import TicketSettings
from pipeline.core.ticket import TicketStatus
from pipeline.outputs.ticketing.calls import Calls
from pipeline.outputs.ticketing.fields import filled
from pipeline.outputs.ticketing.system import NOTES_READ, OURS, Change, Draft, Json, NewNote, RemoteNote, RemoteTicket
from pipeline.outputs.ticketing.texts import nanoseconds, without_tags
from pipeline.outputs.ticketing.words import Words

_BASE = "/api/v1"
TOKEN_FORM = "Token token="  # noqa: S105  # the words before a token
DEFAULT_GROUP = "Users"
LAGS_S = 30.0
_PAGE = "100"
WORDS = Words(
    {
        TicketStatus.ACKNOWLEDGED: "new",
        TicketStatus.IN_PROGRESS: "open",
        TicketStatus.PENDING: "open",
        TicketStatus.HELD: "open",
        TicketStatus.RESOLVED: "closed",
        TicketStatus.CLOSED: "closed",
        TicketStatus.REJECTED: "closed",
        TicketStatus.CANCELLED: "closed",
    },
    {
        "new": TicketStatus.ACKNOWLEDGED,
        "open": TicketStatus.IN_PROGRESS,
        "pending reminder": TicketStatus.PENDING,
        "pending close": TicketStatus.PENDING,
        "closed": TicketStatus.RESOLVED,
        "merged": TicketStatus.CANCELLED,
        "removed": TicketStatus.CANCELLED,
    },
)
"""Zammad's pending states want a time, which we do not know. It reopens what is closed, so that is as resolved is to us."""
PRIORITIES = {"critical": "3 high", "major": "3 high", "minor": "2 normal", "warning": "1 low", "indeterminate": "1 low"}


class _Ticket(msgspec.Struct):
    id: int
    number: str = ""
    title: str = ""
    state: str = ""
    owner: str = ""
    updated_by: str = ""


class _Article(msgspec.Struct):
    id: int
    subject: str | None = None
    body: str | None = None
    content_type: str = "text/plain"
    created_by: str | None = None
    created_at: str = ""


class Zammad:
    """The tickets of one group (``project`` of the settings). With ``expand`` related things come by their names."""

    found_after_s = LAGS_S

    def __init__(self, call: Calls, settings: TicketSettings) -> None:
        self._call = call
        self._settings = settings
        self._words = WORDS.with_settings(settings.statuses)

    async def find(self, key: str) -> RemoteTicket | None:
        """By the key at the end of the title; what the search brings is looked at."""
        params = {"query": f'"{key}"', "expand": "true", "limit": "20", "sort_by": "created_at", "order_by": "asc"}
        found = (await self._call("GET", f"{_BASE}/tickets/search", params=params)).read(list[_Ticket])
        return next((self._ticket(each) for each in found if each.title.endswith(f"({key})")), None)

    async def get(self, ticket_id: str) -> RemoteTicket | None:
        """One ticket."""
        answer = await self._call("GET", _one(ticket_id), params={"expand": "true"})
        return None if answer.is_missing else self._ticket(answer.read(_Ticket))

    async def create(self, draft: Draft) -> RemoteTicket:
        """A new ticket with one internal article. Zammad wants a customer: our own user, unless the settings' fields name another."""
        fields: Json = {
            "title": draft.titled,
            "group": self._settings.project or DEFAULT_GROUP,
            "priority": self._priority(draft),
            **({"customer": self._settings.user} if self._settings.user else {}),
            **filled(self._settings.fields, draft),
            "article": _article(f"{OURS}{draft.key}:description", draft.text),
        }
        answer = await self._call("POST", f"{_BASE}/tickets", fields, params={"expand": "true"})
        return self._ticket(answer.read(_Ticket))

    async def notes(self, ticket: RemoteTicket) -> Sequence[RemoteNote]:
        """Its articles; what it was made with is one of ours."""
        answer = await self._call("GET", f"{_BASE}/ticket_articles/by_ticket/{quote(ticket.id, safe='')}", params={"expand": "true"})
        return [_note(article) for article in answer.read(list[_Article])[-NOTES_READ:]]

    async def change(self, ticket: RemoteTicket, change: Change) -> RemoteTicket:
        """One PUT: an article is a part of it."""
        fields: Json = {}
        if change.draft:
            fields |= {"title": change.draft.titled, "priority": self._priority(change.draft)}
        if change.status:
            fields["state"] = self._words.theirs[change.status]
        if change.note:
            fields["article"] = self._noted(change.note, change.draft)
        answer = await self._call("PUT", _one(ticket.id), fields, params={"expand": "true"})
        return self._ticket(answer.read(_Ticket))

    def way(self, status: TicketStatus, goal: TicketStatus) -> tuple[TicketStatus, ...] | None:
        """In one step; Zammad closes nothing further than closed, and opens it again."""
        return self._words.way(status, goal)

    @staticmethod
    def _noted(note: NewNote, draft: Draft | None) -> Json:
        return _article(note.key, note.told_with(draft))

    def _ticket(self, told: _Ticket) -> RemoteTicket:
        owner = "" if told.owner == "-" else told.owner
        status = self._words.status(told.state)
        return RemoteTicket(str(told.id), status, number=told.number, assignee=owner, changed_by=told.updated_by)

    def _priority(self, draft: Draft) -> str:
        return self._settings.severities.get(draft.severity) or PRIORITIES.get(draft.severity, "2 normal")


def _article(subject: str, text: str) -> Json:
    return {"subject": subject, "body": text, "type": "note", "internal": True, "content_type": "text/plain"}


def _note(article: _Article) -> RemoteNote:
    subject, body = article.subject or "", article.body or ""
    text = without_tags(body) if "html" in article.content_type else body
    key = subject if subject.startswith(OURS) else ""
    return RemoteNote(str(article.id), article.created_by or "", text, nanoseconds(article.created_at), key)


def _one(ticket_id: str) -> str:
    return f"{_BASE}/tickets/{quote(ticket_id, safe='')}"
