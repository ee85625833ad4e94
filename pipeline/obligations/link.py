"""Which ticket an incident has in which system, and which receivers are gone. Every function works inside its caller's transaction."""

from collections.abc import Collection

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from pipeline.core.obligation import TicketLink
from pipeline.obligations.schema import endpoint, ticket_link


def put_link(connection: Connection, link: TicketLink) -> None:
    """Keep a link, or what was newly seen of its ticket; ``linked_at`` stays that of the first time."""
    which = (ticket_link.c.incident == link.incident, ticket_link.c.system == link.system)
    seen = {"remote_id": link.remote_id, "status": link.status, "etag": link.etag, "updated_at": link.updated_at}
    if connection.execute(update(ticket_link).where(*which).values(seen)).rowcount == 0:
        connection.execute(insert(ticket_link).values(incident=link.incident, system=link.system, linked_at=link.linked_at, **seen))


def link_of(connection: Connection, system: str, incident: str) -> TicketLink | None:
    """The ticket of an incident in one system (any system when ``system`` is empty)."""
    query = select(ticket_link).where(ticket_link.c.incident == incident).order_by(ticket_link.c.linked_at)
    query = query.where(ticket_link.c.system == system) if system else query
    row = connection.execute(query).mappings().first()
    return _link(row) if row else None


def links_of(connection: Connection, incidents: Collection[str]) -> dict[str, TicketLink]:
    """Incident -> its first ticket, for those that have one."""
    found: dict[str, TicketLink] = {}
    query = select(ticket_link).where(ticket_link.c.incident.in_(incidents)).order_by(ticket_link.c.linked_at)
    for row in connection.execute(query).mappings():
        found.setdefault(row["incident"], _link(row))
    return found


def links(connection: Connection, limit: int) -> list[TicketLink]:
    """The latest links, newest first."""
    query = select(ticket_link).order_by(ticket_link.c.linked_at.desc(), ticket_link.c.incident).limit(limit)
    return [_link(row) for row in connection.execute(query).mappings()]


def _link(row: RowMapping) -> TicketLink:
    return TicketLink(**{name: row[name] for name in TicketLink.__slots__})


def disable_endpoint(connection: Connection, name: str, url: str, at: int, detail: str) -> None:
    """Remember that a receiver is gone; the first time stands."""
    if endpoint_gone(connection, name, url) is None:
        connection.execute(insert(endpoint).values(name=name, url=url, disabled_at=at, detail=detail))


def enable_endpoint(connection: Connection, name: str) -> bool:
    """Send to a receiver again; false when it was not disabled."""
    return connection.execute(delete(endpoint).where(endpoint.c.name == name)).rowcount > 0


def endpoint_gone(connection: Connection, name: str, url: str) -> str | None:
    """Why a receiver is disabled; ``None`` when it is not."""
    return connection.scalar(select(endpoint.c.detail).where(endpoint.c.name == name, endpoint.c.url == url))
