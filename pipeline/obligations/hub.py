"""Registrations of who is told of events. Every function works inside its caller's transaction."""

from sqlalchemy import Connection, RowMapping, select, update

from pipeline.core.obligation import Hub
from pipeline.obligations.schema import hub as table


def add(connection: Connection, new: Hub, most: int) -> bool:
    """Keep a registration; false when there are ``most`` in force already."""
    if len(in_force(connection)) >= most:
        return False
    connection.execute(table.insert(), [{name: getattr(new, name) for name in Hub.__slots__}])
    return True


def in_force(connection: Connection, api: str = "") -> list[Hub]:
    """Registrations that have not ended, oldest first; of one API or of all."""
    query = select(table).where(table.c.ended_at == 0).order_by(table.c.registered_at, table.c.id)
    return [_hub(row) for row in connection.execute(query.where(table.c.api == api) if api else query).mappings()]


def get(connection: Connection, name: str) -> Hub | None:
    """The registration with this id, ended ones too."""
    row = connection.execute(select(table).where(table.c.id == name)).mappings().first()
    return _hub(row) if row is not None else None


def end(connection: Connection, name: str, at: int, detail: str) -> bool:
    """Tell them no more; false when there is no such registration in force."""
    values = {"ended_at": at, "detail": detail}
    return connection.execute(update(table).where(table.c.id == name, table.c.ended_at == 0).values(values)).rowcount > 0


def _hub(row: RowMapping) -> Hub:
    return Hub(**{name: row[name] for name in Hub.__slots__})
