"""Remedies' rows: each once by its name, moved from state to state only as it was read.

Every function works inside its caller's transaction.
"""

import json
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from pipeline.core.ledger import canonical
from pipeline.core.obligation import StoredRemedy
from pipeline.core.remedy import RemedyState
from pipeline.obligations.outbox import insert_new
from pipeline.obligations.schema import remedy as table


def propose(connection: Connection, new: StoredRemedy) -> StoredRemedy:
    """Keep a remedy; one whose name is there stays as it is."""
    row = {name: getattr(new, name) for name in StoredRemedy.__slots__} | {"state": new.state.value, "body": canonical(new.body)}
    connection.execute(insert_new(connection, table), [row])
    kept = get(connection, new.name)
    assert kept is not None, "it was there or is there now"
    return kept


def get(connection: Connection, name: str) -> StoredRemedy | None:
    """The remedy of this name."""
    row = connection.execute(select(table).where(table.c.name == name)).mappings().first()
    return _remedy(row) if row else None


def move(connection: Connection, name: str, came_from: RemedyState, values: dict[str, Any]) -> bool:
    """Write ``values`` (``state`` among them) if it still stands as ``came_from``; false when somebody was faster."""
    which = (table.c.name == name, table.c.state == came_from.value)
    plain = {key: value.value if isinstance(value, RemedyState) else value for key, value in values.items()}
    return connection.execute(update(table).where(*which).values(plain)).rowcount > 0


def over(connection: Connection, name: str, over_at: int, polled_at: int) -> None:
    """The incident ended; what was not started is over with it."""
    connection.execute(update(table).where(table.c.name == name).values(over_at=over_at, polled_at=polled_at))
    waiting = table.c.state.in_([RemedyState.PROPOSED.value, RemedyState.APPROVED.value])
    connection.execute(update(table).where(table.c.name == name, waiting).values(state=RemedyState.OVER.value, ended_at=over_at))


def starts(connection: Connection, rule: str, since: int) -> list[tuple[int, str]]:
    """When a rule started its action since a time, and on which resource."""
    query = select(table.c.started_at, table.c.resource).where(table.c.rule == rule, table.c.started_at > since)
    return [(row[0], row[1]) for row in connection.execute(query)]


def latest(connection: Connection, incident: str, limit: int) -> list[StoredRemedy]:
    """The latest remedies, newest first; of one incident, or all."""
    query = select(table).order_by(table.c.proposed_at.desc(), table.c.name).limit(limit)
    query = query.where(table.c.incident == incident) if incident else query
    return [_remedy(row) for row in connection.execute(query).mappings()]


def _remedy(row: RowMapping) -> StoredRemedy:
    values = {name: row[name] for name in StoredRemedy.__slots__}
    return StoredRemedy(**{**values, "state": RemedyState(row["state"]), "body": json.loads(row["body"])})
