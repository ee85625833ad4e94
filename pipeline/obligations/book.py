"""The built-in ticket book's rows. Every function works inside its caller's transaction."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select, update

from pipeline.core.ledger import canonical
from pipeline.core.obligation import BookTicket, Note, StatusChange
from pipeline.obligations.outbox import insert_new
from pipeline.obligations.schema import ticket, ticket_note


def number_of(row_id: int) -> str:
    """A ticket's number as people say it: ``TT-000001``."""
    return f"TT-{row_id:06d}"


def create(connection: Connection, new: BookTicket) -> BookTicket | None:
    """Add a ticket (its ``number`` is given here) with its notes; ``None`` when another has its ``external_id``."""
    values = _values(new) | {"external_id": new.external_id or None, "created_at": new.created_at}
    row_id = connection.scalar(insert_new(connection, ticket).returning(ticket.c.id), values)
    if row_id is None:
        return None
    _add_notes(connection, row_id, new.notes)
    return get(connection, number_of(row_id))


def change(connection: Connection, changed: BookTicket) -> BookTicket | None:
    """Write a ticket that was read at revision ``changed.revision``; ``None`` when it is gone or has been changed since.

    Notes are only ever added: one whose id the ticket has is left as it is.
    """
    row_id = _row_id(changed.number)
    same = (ticket.c.id == row_id, ticket.c.revision == changed.revision)
    values = _values(changed) | {"revision": changed.revision + 1}
    if connection.execute(update(ticket).where(*same).values(values)).rowcount == 0:
        return None
    _add_notes(connection, row_id, changed.notes)
    return get(connection, changed.number)


def _values(value: BookTicket) -> dict[str, Any]:
    return {
        "status": value.status,
        "fields": canonical(value.fields),
        "changes": canonical([asdict(step) for step in value.changes]),
        "updated_at": value.updated_at,
        "revision": value.revision,
    }


def _add_notes(connection: Connection, row_id: int, notes: Sequence[Note]) -> None:
    rows = [{"ticket_id": row_id, "note_id": note.id, "author": note.author, "text": note.text, "at": note.at} for note in notes]
    if rows:
        connection.execute(insert_new(connection, ticket_note), rows)


def get(connection: Connection, number: str) -> BookTicket | None:
    """The ticket with this number."""
    return next(iter(_read(connection, select(ticket).where(ticket.c.id == _row_id(number)))), None)


def find(connection: Connection, external_id: str, status: str, offset: int, limit: int) -> tuple[int, list[BookTicket]]:
    """How many tickets match, and one page of them in order of number; an empty filter matches all."""
    filters = [*([ticket.c.external_id == external_id] if external_id else []), *([ticket.c.status == status] if status else [])]
    total = connection.scalar(select(func.count()).select_from(ticket).where(*filters)) or 0
    return total, _read(connection, select(ticket).where(*filters).order_by(ticket.c.id).offset(offset).limit(limit))


def _row_id(number: str) -> int:
    digits = number.removeprefix("TT-")
    known = digits.isascii() and digits.isdigit() and len(digits) < len("9" * 18) and number_of(int(digits)) == number
    return int(digits) if known else 0


def _read(connection: Connection, query: Select[Any]) -> list[BookTicket]:
    rows = list(connection.execute(query).mappings())
    wanted = (
        select(ticket_note)
        .where(ticket_note.c.ticket_id.in_([row["id"] for row in rows]))
        .order_by(ticket_note.c.at, ticket_note.c.note_id)
    )
    notes: dict[int, list[Note]] = {}
    for note in connection.execute(wanted).mappings():
        notes.setdefault(note["ticket_id"], []).append(Note(note["note_id"], note["author"], note["text"], note["at"]))
    return [_ticket(row, notes.get(row["id"], [])) for row in rows]


def _ticket(row: RowMapping, notes: Sequence[Note]) -> BookTicket:
    return BookTicket(
        number=number_of(row["id"]),
        external_id=row["external_id"] or "",
        status=row["status"],
        fields=json.loads(row["fields"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        revision=row["revision"],
        changes=tuple(StatusChange(**step) for step in json.loads(row["changes"])),
        notes=tuple(notes),
    )
