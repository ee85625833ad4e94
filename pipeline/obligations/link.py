"""Which ticket an incident has in which system, and which receivers are gone. Every function works inside its caller's transaction."""

from collections.abc import Collection

from sqlalchemy import Connection, RowMapping, and_, delete, insert, or_, select, update

from pipeline.core.obligation import TicketLink
from pipeline.core.ticket import FINAL
from pipeline.obligations.schema import endpoint, ticket_attempt, ticket_link

_FINAL = tuple(status.value for status in FINAL)


_SEEN = ("remote_id", "status", "etag", "updated_at", "number", "key", "previous", "assignee", "domain")


def put_link(connection: Connection, link: TicketLink) -> None:
    """Keep a link, or what was newly seen of its ticket; ``linked_at`` stays that of the first time, unless it is another ticket."""
    which = (ticket_link.c.incident == link.incident, ticket_link.c.system == link.system)
    seen = {name: getattr(link, name) for name in _SEEN}
    same = ticket_link.c.remote_id == link.remote_id
    if connection.execute(update(ticket_link).where(*which, same).values(seen)).rowcount:
        return
    anew = {**seen, "linked_at": link.linked_at, "looked_at": 0, "asked_at": 0}
    if connection.execute(update(ticket_link).where(*which).values(anew)).rowcount == 0:
        connection.execute(insert(ticket_link).values(incident=link.incident, system=link.system, **anew))


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


def to_look_at(connection: Connection, system: str, looked_before: int, updated_after: int, limit: int) -> list[TicketLink]:
    """Tickets that people may have changed: looked at longest ago, or told of since; none that is final, or has long been still."""
    told = ticket_link.c.asked_at > ticket_link.c.looked_at
    lives = and_(ticket_link.c.status.not_in(_FINAL), ticket_link.c.updated_at >= updated_after)
    which = (ticket_link.c.system == system, or_(told, and_(lives, ticket_link.c.looked_at < looked_before)))
    query = select(ticket_link).where(*which).order_by(ticket_link.c.looked_at, ticket_link.c.incident).limit(limit)
    return [_link(row) for row in connection.execute(query).mappings()]


def looked(connection: Connection, link: TicketLink, at: int) -> None:
    """Remember when a ticket was looked at."""
    which = (ticket_link.c.incident == link.incident, ticket_link.c.system == link.system, ticket_link.c.remote_id == link.remote_id)
    connection.execute(update(ticket_link).where(*which).values(looked_at=at))


def ask(connection: Connection, system: str, name: str, at: int) -> bool:
    """Have a ticket looked at soon, by its id or its number; false when no incident has it."""
    named = or_(ticket_link.c.remote_id == name, ticket_link.c.number == name)
    return connection.execute(update(ticket_link).where(ticket_link.c.system == system, named).values(asked_at=at)).rowcount > 0


def tried_at(connection: Connection, system: str, key: str) -> int:
    """When a ticket with this key was last asked for; 0 for never."""
    query = select(ticket_attempt.c.tried_at).where(ticket_attempt.c.system == system, ticket_attempt.c.key == key)
    return connection.scalar(query) or 0


def try_ticket(connection: Connection, system: str, key: str, at: int) -> None:
    """Remember that a ticket with this key is asked for now."""
    forget_try(connection, system, key)
    connection.execute(insert(ticket_attempt).values(system=system, key=key, tried_at=at))


def forget_try(connection: Connection, system: str, key: str) -> None:
    """It was certainly not made, or is known now."""
    connection.execute(delete(ticket_attempt).where(ticket_attempt.c.system == system, ticket_attempt.c.key == key))


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
