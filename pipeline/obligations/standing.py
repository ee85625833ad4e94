"""Notifications that stand in an Alertmanager, kept to be sent again. Every function works inside its caller's transaction."""

import json
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from pipeline.core.ledger import canonical
from pipeline.obligations.schema import standing_notification as table


def keep(connection: Connection, receiver: str, name: str, notification: dict[str, Any] | None) -> None:
    """Remember what stands under a name; ``None`` that nothing does."""
    connection.execute(delete(table).where(table.c.receiver == receiver, table.c.name == name))
    if notification is not None:
        connection.execute(insert(table).values(receiver=receiver, name=name, notification=canonical(notification)))


def all_of(connection: Connection, receiver: str) -> list[dict[str, Any]]:
    """What stands at a receiver, by name."""
    query = select(table.c.notification).where(table.c.receiver == receiver).order_by(table.c.name)
    return [json.loads(text) for text in connection.scalars(query)]
