"""Jira Cloud, by its REST API v3. The key is a label; a note is a comment that carries the effect's key as a property.

Texts are documents in Atlassian's format, whose text nodes know no markup. Jira's search lags behind: a ticket that was just made is not
found at once.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

import msgspec

from pipeline.config.output_settings import TicketSettings
from pipeline.core.ticket import TicketStatus, path
from pipeline.outputs.ports import Refused
from pipeline.outputs.ticketing.calls import Calls
from pipeline.outputs.ticketing.fields import filled
from pipeline.outputs.ticketing.system import NOTES_READ, CallFailedError, Change, Draft, Json, NewNote, RemoteNote, RemoteTicket
from pipeline.outputs.ticketing.texts import nanoseconds

_BASE = "/rest/api/3"
_FIELDS = "status,assignee,labels"
_PROPERTY = "assurance-pipeline"
_TITLE_LIMIT = 250
_SPACES = re.compile(r"\s")
DEFAULT_ISSUE_TYPE = "Incident"
LAGS_S = 60.0
_BY_CATEGORY = {"new": TicketStatus.ACKNOWLEDGED, "indeterminate": TicketStatus.IN_PROGRESS, "done": TicketStatus.RESOLVED}
_BY_NAME = {
    "pending": TicketStatus.PENDING,
    "waiting for customer": TicketStatus.PENDING,
    "waiting for support": TicketStatus.ACKNOWLEDGED,
    "on hold": TicketStatus.HELD,
    "blocked": TicketStatus.HELD,
    "closed": TicketStatus.CLOSED,
    "canceled": TicketStatus.CANCELLED,
    "cancelled": TicketStatus.CANCELLED,
    "declined": TicketStatus.REJECTED,
    "rejected": TicketStatus.REJECTED,
}
"""Statuses that say more than their category."""


class _Category(msgspec.Struct):
    key: str = ""


class _Status(msgspec.Struct):
    name: str = ""
    category: _Category = msgspec.field(default_factory=_Category, name="statusCategory")


class _Person(msgspec.Struct):
    account: str = msgspec.field(default="", name="accountId")
    name: str = msgspec.field(default="", name="displayName")


class _Fields(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)
    assignee: _Person | None = None
    labels: list[str] = []


class _Issue(msgspec.Struct):
    key: str
    fields: _Fields = msgspec.field(default_factory=_Fields)


class _Found(msgspec.Struct):
    issues: list[_Issue] = []


class _Made(msgspec.Struct):
    key: str


class _Transition(msgspec.Struct):
    id: str
    to: _Status


class _Transitions(msgspec.Struct):
    transitions: list[_Transition]


class _Value(msgspec.Struct):
    effect: str = ""


class _Property(msgspec.Struct):
    key: str = ""
    value: object = None


class _Comment(msgspec.Struct):
    id: str
    body: Json | None = None
    author: _Person | None = None
    created: str = ""
    properties: list[_Property] = []


class _Comments(msgspec.Struct):
    comments: list[_Comment]


class Jira:
    """The issues of one project (``project`` of the settings)."""

    found_after_s = LAGS_S

    def __init__(self, call: Calls, settings: TicketSettings) -> None:
        self._call = call
        self._settings = settings
        self._own = {word.lower(): status for status, word in settings.statuses.items()}

    async def find(self, key: str) -> RemoteTicket | None:
        """By the label; answers are checked."""
        label = _label(key)
        params = {"jql": f'labels = "{label}" ORDER BY created ASC', "fields": _FIELDS, "maxResults": "5"}
        found = (await self._call("GET", f"{_BASE}/search/jql", params=params)).read(_Found)
        return next((self._ticket(issue) for issue in found.issues if label in issue.fields.labels), None)

    async def get(self, ticket_id: str) -> RemoteTicket | None:
        """One issue, by its key."""
        answer = await self._call("GET", _one(ticket_id), params={"fields": _FIELDS})
        return None if answer.is_missing else self._ticket(answer.read(_Issue))

    async def create(self, draft: Draft) -> RemoteTicket:
        """A new issue."""
        own = filled(self._settings.fields, draft)
        fields: Json = {
            "project": {"key": self._settings.project},
            "issuetype": {"name": self._settings.issue_type or DEFAULT_ISSUE_TYPE},
            **self._said(draft),
            **own,
            "labels": [*own.get("labels", []), _label(draft.key)],
        }
        made = (await self._call("POST", f"{_BASE}/issue", {"fields": fields})).read(_Made)
        return await self._read_back(made.key)

    async def notes(self, ticket: RemoteTicket) -> Sequence[RemoteNote]:
        """Its latest comments."""
        params = {"orderBy": "-created", "maxResults": str(NOTES_READ), "expand": "properties"}
        found = (await self._call("GET", f"{_one(ticket.id)}/comment", params=params)).read(_Comments).comments
        return [_note(comment) for comment in reversed(found)]

    async def change(self, ticket: RemoteTicket, change: Change) -> RemoteTicket:
        """A comment, then the fields, then as many transitions as it takes."""
        if change.note:
            await self._comment(ticket, change.note)
        if change.draft:
            await self._call("PUT", _one(ticket.id), {"fields": self._said(change.draft)})
        if change.status:
            await self._walk(ticket, change.status)
        return await self._read_back(ticket.id)

    async def _comment(self, ticket: RemoteTicket, note: NewNote) -> None:
        body = {"body": document(note.text), "properties": [{"key": _PROPERTY, "value": {"effect": note.key}}]}
        await self._call("POST", f"{_one(ticket.id)}/comment", body)

    async def _walk(self, ticket: RemoteTicket, goal: TicketStatus) -> None:
        """Along the project's workflow: to the goal if a transition leads there, else a step of our lifecycle nearer."""
        status = ticket.status
        for _ in TicketStatus:
            if status is goal:
                return
            answer = await self._call("GET", f"{_one(ticket.id)}/transitions")
            by_status: dict[TicketStatus, _Transition] = {}
            for each in answer.read(_Transitions).transitions:
                by_status.setdefault(self._status(each.to), each)
            wanted = (goal, *(path(status, goal) or ()))
            if goal is TicketStatus.CLOSED:
                wanted = (*wanted, TicketStatus.RESOLVED)  # most workflows know one end
            step = next((each for each in wanted if each in by_status), None)
            if step is None or step is status:
                if goal is TicketStatus.CLOSED and status is TicketStatus.RESOLVED:
                    return
                names = ", ".join(transition.to.name for transition in by_status.values()) or "nowhere"
                told = f"{ticket.id}'s workflow leads from {status.value} to {names}, not to {goal.value}: set tickets.statuses"
                raise CallFailedError(Refused(told), answer.status)
            await self._transit(ticket, by_status[step], step)
            status = step

    async def _transit(self, ticket: RemoteTicket, transition: _Transition, status: TicketStatus) -> None:
        body: Json = {"transition": {"id": transition.id}}
        if status is TicketStatus.RESOLVED and self._settings.resolution:
            body["fields"] = {"resolution": {"name": self._settings.resolution}}
        await self._call("POST", f"{_one(ticket.id)}/transitions", body)

    async def _read_back(self, ticket_id: str) -> RemoteTicket:
        ticket = await self.get(ticket_id)
        if ticket is None:
            raise CallFailedError(Refused(f"issue {ticket_id} is gone"), 404)
        return ticket

    def way(self, status: TicketStatus, goal: TicketStatus) -> tuple[TicketStatus, ...] | None:
        """To the goal; the steps between are the workflow's own. What people closed for good stays so."""
        final = {TicketStatus.CLOSED, TicketStatus.REJECTED, TicketStatus.CANCELLED}
        if status is goal:
            return ()
        return None if status in final else (goal,)

    def _status(self, status: _Status) -> TicketStatus:
        name = status.name.lower()
        by_category = _BY_CATEGORY.get(status.category.key, TicketStatus.IN_PROGRESS)
        return self._own.get(name) or _BY_NAME.get(name) or by_category

    def _ticket(self, issue: _Issue) -> RemoteTicket:
        assignee = issue.fields.assignee.name if issue.fields.assignee else ""
        return RemoteTicket(issue.key, self._status(issue.fields.status), assignee=assignee)

    def _said(self, draft: Draft) -> Json:
        priority = self._settings.severities.get(draft.severity)
        return {
            "summary": draft.title[:_TITLE_LIMIT],
            "description": document(draft.text),
            **({"priority": {"name": priority}} if priority else {}),
        }


def document(text: str) -> Json:
    """Lines of plain text as a document: a paragraph for each."""
    lines = [line for line in text.splitlines() if line] or [" "]
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in lines]}


def text_of(node: object) -> str:
    """A document's text, a line for each block."""
    return "\n".join(line for line in "".join(_parts(node)).splitlines() if line.strip())


def _parts(node: object) -> Iterable[str]:
    if not isinstance(node, dict):
        return
    kind, attributes = node.get("type"), node.get("attrs")
    if kind == "text":
        yield str(node.get("text", ""))
    elif kind == "mention" and isinstance(attributes, dict):
        yield str(attributes.get("text", ""))
    elif kind == "hardBreak":
        yield "\n"
    inner = node.get("content")
    for child in inner if isinstance(inner, list) else ():
        yield from _parts(child)
    if kind in {"paragraph", "heading", "codeBlock", "listItem"}:
        yield "\n"


def _label(key: str) -> str:
    """Labels hold no spaces, and stand in quotes in a search."""
    return _SPACES.sub("_", key).replace('"', "")


def _one(ticket_id: str) -> str:
    return f"{_BASE}/issue/{quote(ticket_id, safe='')}"


def _note(comment: _Comment) -> RemoteNote:
    ours = [each.value for each in comment.properties if each.key == _PROPERTY and isinstance(each.value, dict)]
    key = str(ours[0].get("effect", "")) if ours else ""
    author = comment.author.name if comment.author else ""
    return RemoteNote(comment.id, author, text_of(comment.body), nanoseconds(comment.created), key)
