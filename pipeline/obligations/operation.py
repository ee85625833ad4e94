"""The audit trail of what people did: kept before it is published, answered later. Every function works inside its caller's transaction."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, update

from pipeline.core.obligation import StoredOperation
from pipeline.core.operation import Answer, Operation, OperationKind, Outcome
from pipeline.core.reason import Reason
from pipeline.obligations.outbox import insert_new
from pipeline.obligations.schema import operation as table
from pipeline.obligations.schema import operation_answer as answers

_PLAIN = ("id", "kind", "at", "operator", "via", "target", "text", "reason_kind", "until", "starts_at", "period")


def put(connection: Connection, operation: Operation, domains: Sequence[str]) -> StoredOperation:
    """Keep an operation for these domains; one whose id is there stays as it is, and is answered as it stands."""
    row = {name: getattr(operation, name) for name in _PLAIN} | {"kind": operation.kind.value, "published": False}
    row |= {"resources": json.dumps(operation.resources), "domains": json.dumps(list(domains))}
    connection.execute(insert_new(connection, table), [row])
    kept = get(connection, operation.id)
    assert kept is not None, "it was there or is there now"
    return kept


def answer(connection: Connection, given: Iterable[Answer]) -> None:
    """Keep what became of operations; the first answer of a domain stands."""
    rows = [
        {
            "operation": each.operation.id,
            "domain": each.operation.domain,
            "outcome": each.outcome.value,
            "reason": each.reason.value,
            "detail": each.detail,
            "answered_at": each.answered_at,
        }
        for each in given
    ]
    if rows:
        connection.execute(insert_new(connection, answers), rows)


def get(connection: Connection, name: str) -> StoredOperation | None:
    """The operation with this id."""
    return next(iter(_read(connection, select(table).where(table.c.id == name))), None)


def latest(connection: Connection, target: str, kinds: Collection[OperationKind], limit: int) -> list[StoredOperation]:
    """The latest operations, newest first; of one target and of some kinds unless these are empty."""
    query = select(table).order_by(table.c.at.desc(), table.c.row_id.desc()).limit(limit)
    query = query.where(table.c.target == target) if target else query
    return _read(connection, query.where(table.c.kind.in_([kind.value for kind in kinds])) if kinds else query)


def unpublished(connection: Connection, given_before: int, limit: int) -> list[StoredOperation]:
    """Operations given before a time (UTC nanoseconds) that the topic does not have yet, in the order in which they were kept."""
    return _read(connection, select(table).where(~table.c.published, table.c.at <= given_before).order_by(table.c.row_id).limit(limit))


def mark_published(connection: Connection, names: Collection[str]) -> None:
    """Remember that the topic has these operations."""
    connection.execute(update(table).where(table.c.id.in_(list(names))).values(published=True))


def _read(connection: Connection, query: Select[Any]) -> list[StoredOperation]:
    rows = list(connection.execute(query).mappings())
    operations = {row["id"]: _operation(row) for row in rows}
    told: dict[str, list[Answer]] = {}
    names = list(operations)
    for first in range(0, len(names), 500):
        wanted = select(answers).where(answers.c.operation.in_(names[first : first + 500])).order_by(answers.c.domain)
        for row in connection.execute(wanted).mappings():
            told.setdefault(row["operation"], []).append(_answer(operations[row["operation"]], row))
    return [
        StoredOperation(operations[row["id"]], tuple(json.loads(row["domains"])), tuple(told.get(row["id"], ())), row["published"])
        for row in rows
    ]


def _operation(row: RowMapping) -> Operation:
    plain = {name: row[name] for name in _PLAIN} | {"kind": OperationKind(row["kind"])}
    return Operation(**plain, domain="", resources=tuple(json.loads(row["resources"])))


def _answer(operation: Operation, row: RowMapping) -> Answer:
    of_domain = replace(operation, domain=row["domain"])
    return Answer(of_domain, Outcome(row["outcome"]), Reason(row["reason"]), row["detail"], row["answered_at"])
