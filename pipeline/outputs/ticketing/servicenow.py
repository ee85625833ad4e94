"""ServiceNow's incidents, by its Table API. The key is ``correlation_id``; a note is a work note that ends with the effect's key.

Work notes are read from ``sys_journal_field``: our user needs to be allowed to read that table.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from pipeline.config.output_settings import TicketSettings
from pipeline.core.ticket import TicketStatus
from pipeline.outputs.ports import Refused
from pipeline.outputs.ticketing.calls import Calls
from pipeline.outputs.ticketing.fields import filled
from pipeline.outputs.ticketing.system import NOTES_READ, CallFailedError, Change, Draft, Json, NewNote, RemoteNote, RemoteTicket
from pipeline.outputs.ticketing.texts import nanoseconds
from pipeline.outputs.ticketing.words import Words

_TABLE = "/api/now/table/incident"
_JOURNAL = "/api/now/table/sys_journal_field"
_FIELDS = "sys_id,number,state,hold_reason,correlation_id,assigned_to.user_name,sys_updated_by"
_TIME = "%Y-%m-%d %H:%M:%S"
_MARK = re.compile(r"\n\((ticket:[^\s()]+)\)\s*$")
DEFAULT_KEY_FIELD = "correlation_id"
DEFAULT_RESOLUTION = "Solution provided"
WORDS = Words(
    {
        TicketStatus.ACKNOWLEDGED: "1",
        TicketStatus.IN_PROGRESS: "2",
        TicketStatus.PENDING: "3",
        TicketStatus.HELD: "3",
        TicketStatus.RESOLVED: "6",
        TicketStatus.CLOSED: "7",
        TicketStatus.REJECTED: "8",
        TicketStatus.CANCELLED: "8",
    },
    {
        "1": TicketStatus.ACKNOWLEDGED,
        "2": TicketStatus.IN_PROGRESS,
        "3": TicketStatus.PENDING,
        "6": TicketStatus.RESOLVED,
        "7": TicketStatus.CLOSED,
        "8": TicketStatus.CANCELLED,
    },
)
"""The states of the incident table as they come."""
IMPACTS = {"critical": "1", "major": "2", "minor": "3", "warning": "3", "indeterminate": "3"}


class _Record(msgspec.Struct):
    sys_id: str
    number: str = ""
    state: str = "1"
    assigned: str = msgspec.field(default="", name="assigned_to.user_name")
    sys_updated_by: str = ""


class _One(msgspec.Struct):
    result: _Record


class _Many(msgspec.Struct):
    result: list[_Record]


class _Entry(msgspec.Struct):
    sys_id: str
    value: str = ""
    sys_created_by: str = ""
    sys_created_on: str = ""


class _Entries(msgspec.Struct):
    result: list[_Entry]


class ServiceNow:
    """The incidents of one instance."""

    found_after_s = 0.0

    def __init__(self, call: Calls, settings: TicketSettings) -> None:
        self._call = call
        self._settings = settings
        self._key_field = settings.key_field or DEFAULT_KEY_FIELD
        self._words = WORDS.with_settings(settings.statuses)

    async def find(self, key: str) -> RemoteTicket | None:
        """The oldest with this key. ``^`` would begin another condition: no key has one."""
        query = f"{self._key_field}={key.replace('^', '')}^ORDERBYsys_created_on"
        params = {"sysparm_query": query, "sysparm_limit": "1", "sysparm_fields": _FIELDS}
        found = (await self._call("GET", _TABLE, params=params)).read(_Many).result
        return self._ticket(found[0]) if found else None

    async def get(self, ticket_id: str) -> RemoteTicket | None:
        """One incident, by its ``sys_id``."""
        answer = await self._call("GET", _one(ticket_id), params={"sysparm_fields": _FIELDS})
        return None if answer.is_missing else self._ticket(answer.read(_One).result)

    async def create(self, draft: Draft) -> RemoteTicket:
        """A new incident."""
        fields: Json = {
            "short_description": draft.title,
            "description": draft.text,
            **self._weight(draft),
            **({"assignment_group": self._settings.project} if self._settings.project else {}),
            **filled(self._settings.fields, draft),
            self._key_field: draft.key,
        }
        return self._ticket((await self._call("POST", _TABLE, fields, params={"sysparm_fields": _FIELDS})).read(_One).result)

    async def notes(self, ticket: RemoteTicket) -> Sequence[RemoteNote]:
        """Work notes and comments of its journal."""
        query = f"name=incident^element_id={ticket.id}^elementINwork_notes,comments^ORDERBYDESCsys_created_on"
        params = {"sysparm_query": query, "sysparm_limit": str(NOTES_READ), "sysparm_fields": "sys_id,value,sys_created_by,sys_created_on"}
        found = (await self._call("GET", _JOURNAL, params=params)).read(_Entries).result
        return [_note(entry) for entry in reversed(found)]

    async def change(self, ticket: RemoteTicket, change: Change) -> RemoteTicket:
        """One PATCH: a work note is a field of the record too."""
        fields: Json = {}
        if change.draft:
            fields |= {"short_description": change.draft.title, "description": change.draft.text, **self._weight(change.draft)}
        if change.note:
            fields["work_notes"] = _marked(change.note)
        if change.status:
            fields["state"] = self._words.theirs[change.status]
        if change.status is TicketStatus.RESOLVED:
            fields |= {"close_code": self._settings.resolution or DEFAULT_RESOLUTION, "close_notes": f"All clear ({change.reason})."}
        answer = await self._call("PATCH", _one(ticket.id), fields, params={"sysparm_fields": _FIELDS})
        changed = self._ticket(answer.read(_One).result)
        if change.status and changed.status is not self._words.shown(change.status):
            raise CallFailedError(Refused(f"{changed.number} does not take the state {fields['state']}"), answer.status)
        return changed

    def way(self, status: TicketStatus, goal: TicketStatus) -> tuple[TicketStatus, ...] | None:
        """In one step; closed by way of resolved, which wants its close code."""
        way = self._words.way(status, goal)
        return (TicketStatus.RESOLVED, *way) if way == (TicketStatus.CLOSED,) and status is not TicketStatus.RESOLVED else way

    def _ticket(self, record: _Record) -> RemoteTicket:
        status = self._words.status(record.state)
        return RemoteTicket(record.sys_id, status, number=record.number, assignee=record.assigned, changed_by=record.sys_updated_by)

    def _weight(self, draft: Draft) -> Json:
        """Impact and urgency, of which ServiceNow makes the priority."""
        weight = self._settings.severities.get(draft.severity) or IMPACTS.get(draft.severity, "3")
        return {"impact": weight, "urgency": weight}


def _one(ticket_id: str) -> str:
    return f"{_TABLE}/{quote(ticket_id, safe='')}"


def _marked(note: NewNote) -> str:
    return f"{note.text}\n({note.key})"


def _note(entry: _Entry) -> RemoteNote:
    found = _MARK.search(entry.value)
    at = nanoseconds(entry.sys_created_on, _TIME)
    return RemoteNote(entry.sys_id, entry.sys_created_by, _MARK.sub("", entry.value), at, found[1] if found else "")
