"""Messages to customers: what was decided for one of them, how many went out lately, and to whom one went already.

Every function works inside its caller's transaction.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from pipeline.core.effect import EffectKind, Outcome
from pipeline.core.obligation import StoredEffect
from pipeline.obligations.outbox import insert_new, read
from pipeline.obligations.schema import effect, message_told, receipt


def sent_since(connection: Connection, routes: Sequence[str], at: int) -> int:
    """How many effects of these routes went out to somebody since a time (UTC nanoseconds)."""
    sent = (receipt.c.route.in_(routes), receipt.c.at >= at, receipt.c.outcome == Outcome.DELIVERED.value, receipt.c.remote_id != "")
    return connection.scalar(select(func.count()).select_from(receipt).where(*sent)) or 0


def told(connection: Connection, key: str) -> frozenset[str]:
    """The contacts that a message went to."""
    return frozenset(connection.scalars(select(message_told.c.contact).where(message_told.c.key == key)))


def told_to(connection: Connection, routes: Sequence[str], limit: int) -> list[tuple[str, str, int]]:
    """The latest messages of these routes that went to a contact, newest first: key, incident, when they went (UTC nanoseconds)."""
    at = func.min(message_told.c.at).label("at")
    query = (
        select(receipt.c.key, receipt.c.subject, at)
        .join(message_told, message_told.c.key == receipt.c.key)
        .where(receipt.c.route.in_(routes))
        .group_by(receipt.c.key, receipt.c.subject)
        .order_by(at.desc(), receipt.c.key)
        .limit(limit)
    )
    return [(row.key, row.subject, row.at) for row in connection.execute(query)]


def mark(connection: Connection, key: str, contact: str, at: int, remote_id: str) -> None:
    """Remember that a message went to a contact; the first time stands."""
    connection.execute(insert_new(connection, message_told), [{"key": key, "contact": contact, "at": at, "remote_id": remote_id}])


def decided(connection: Connection, incident: str, limit: int) -> list[StoredEffect]:
    """Messages that were decided, newest first; those of incidents whose id begins so."""
    query = select(effect).where(effect.c.kind == EffectKind.MESSAGE.value).order_by(effect.c.id.desc()).limit(limit)
    return read(connection, query.where(effect.c.subject.startswith(incident, autoescape=True)) if incident else query)
