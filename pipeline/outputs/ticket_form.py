"""What the built-in ticket book accepts and shows: TMF621 v4 JSON <-> :class:`BookTicket`. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from pipeline.core.obligation import BookTicket, Note, StatusChange
from pipeline.core.ticket import TRANSITIONS, TicketStatus
from pipeline.core.wording import rfc3339
from pipeline.outputs.ticketing.tmf621 import PATH

NOTE_LIMIT = 10_000
_READ_ONLY = frozenset({"id", "href", "creationDate", "lastUpdate", "statusChange", "statusChangeDate"})
"""TMF621 v4 ``TroubleTicket_Update`` leaves these out: the server fills them."""
_REQUIRED = ("description", "severity", "ticketType")
_APART = frozenset({"externalId", "status", "note", "statusChangeReason"})
"""Kept outside of the stored fields."""


class FormError(Exception):
    """A request that the book refuses; it becomes a TMF630 error body with this HTTP status."""

    def __init__(self, status: HTTPStatus, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


class _Reference(msgspec.Struct):
    id: str
    referred_type: str = msgspec.field(name="@referredType")


class _Entity(_Reference):
    role: str


class _NoteForm(msgspec.Struct):
    text: str = ""
    id: str = ""
    author: str = ""


class _Form(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """The writable fields of a ticket, for their types; the values are kept as they came."""

    name: str | None = None
    description: str | None = None
    severity: str | None = None
    ticket_type: str | None = None
    external_id: str | None = None
    priority: str | None = None
    status: TicketStatus | None = None
    status_change_reason: str | None = None
    expected_resolution_date: str | None = None
    requested_resolution_date: str | None = None
    resolution_date: str | None = None
    note: list[_NoteForm] | None = None
    related_entity: list[_Entity] | None = None
    related_party: list[_Reference] | None = None
    attachment: list[dict[str, Any]] | None = None
    channel: dict[str, Any] | None = None
    trouble_ticket_relationship: list[dict[str, Any]] | None = None
    type: str | None = msgspec.field(default=None, name="@type")
    base_type: str | None = msgspec.field(default=None, name="@baseType")
    schema_location: str | None = msgspec.field(default=None, name="@schemaLocation")


def new_ticket(data: bytes, at: int) -> BookTicket:
    """The ticket that a POST asks for, without a number yet. Raises ``FormError``."""
    given, form = _read(data)
    missing = [name for name in _REQUIRED if not given.get(name)]
    if missing:
        raise FormError(HTTPStatus.BAD_REQUEST, "missing attribute", f"a new ticket wants {', '.join(missing)}")
    if form.status not in {None, TicketStatus.ACKNOWLEDGED}:
        raise FormError(HTTPStatus.BAD_REQUEST, "wrong status", "a new ticket is acknowledged; change its status afterwards")
    status = TicketStatus.ACKNOWLEDGED.value
    return BookTicket(
        number="",
        external_id=form.external_id or "",
        status=status,
        fields=_fields(given),
        created_at=at,
        updated_at=at,
        changes=(StatusChange(status, form.status_change_reason or "created", at),),
        notes=_notes(form.note or (), (), at),
    )


def changed_ticket(ticket: BookTicket, data: bytes, at: int) -> BookTicket:
    """``ticket`` after a JSON merge patch (RFC 7396): ``null`` removes a field; notes are added, never replaced. Raises ``FormError``.

    A status that the lifecycle does not allow next is a conflict (409).
    """
    given, form = _read(data)
    if form.external_id is not None and form.external_id != ticket.external_id:
        raise FormError(HTTPStatus.BAD_REQUEST, "fixed attribute", "externalId is given once, when a ticket is made")
    emptied = [name for name in _REQUIRED if name in given and not given[name]]
    if emptied:
        raise FormError(HTTPStatus.BAD_REQUEST, "missing attribute", f"a ticket wants {', '.join(emptied)}")
    fields = {name: value for name, value in {**ticket.fields, **_fields(given)}.items() if value is not None}
    notes = (*ticket.notes, *_notes(form.note or (), ticket.notes, at))
    changed = replace(ticket, fields=fields, notes=notes, updated_at=at)
    return _with_status(changed, form, at)


def _with_status(ticket: BookTicket, form: _Form, at: int) -> BookTicket:
    status, now = form.status, TicketStatus(ticket.status)
    if status is None or status is now:
        return ticket
    if status not in TRANSITIONS[now]:
        after = ", ".join(sorted(TRANSITIONS[now])) or "nothing: it is final"
        raise FormError(
            HTTPStatus.CONFLICT, "status transition", f"{ticket.number} is {now.value}; after that comes {after}, not {status.value}"
        )
    step = StatusChange(status.value, form.status_change_reason or "", at)
    return replace(ticket, status=status.value, changes=(*ticket.changes, step))


def _read(data: bytes) -> tuple[dict[str, Any], _Form]:
    try:
        given = msgspec.json.decode(data, type=dict[str, Any])
        read_only = sorted(_READ_ONLY & given.keys())
        if read_only:
            raise FormError(HTTPStatus.BAD_REQUEST, "read-only attribute", f"the server fills {', '.join(read_only)}")
        return given, msgspec.convert(given, _Form)
    except msgspec.MsgspecError as error:
        raise FormError(HTTPStatus.BAD_REQUEST, "malformed body", str(error)) from error


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in _APART}


def _notes(forms: Iterable[_NoteForm], known: tuple[Note, ...], at: int) -> tuple[Note, ...]:
    have = {note.id for note in known}
    count = len(known)
    fresh = [form for form in forms if form.text and form.id not in have]
    return tuple(
        Note(form.id or str(count + number), form.author, form.text[:NOTE_LIMIT], at) for number, form in enumerate(fresh, start=1)
    )


def shown(ticket: BookTicket) -> dict[str, Any]:
    """The ticket as TMF621 v4 JSON."""
    view: dict[str, Any] = {
        "id": ticket.number,
        "href": f"{PATH}/{ticket.number}",
        **{name: value for name, value in ticket.fields.items() if value is not None},
        "status": ticket.status,
        "creationDate": rfc3339(ticket.created_at),
        "lastUpdate": rfc3339(ticket.updated_at),
        "statusChange": [{"status": step.status, "changeReason": step.reason, "changeDate": rfc3339(step.at)} for step in ticket.changes],
        "note": [{"id": note.id, "author": note.author, "date": rfc3339(note.at), "text": note.text} for note in ticket.notes],
        "@type": ticket.fields.get("@type") or "TroubleTicket",
    }
    if ticket.external_id:
        view["externalId"] = ticket.external_id
    if ticket.changes:
        last = ticket.changes[-1]
        view |= {"statusChangeDate": rfc3339(last.at), "statusChangeReason": last.reason}
    return view
