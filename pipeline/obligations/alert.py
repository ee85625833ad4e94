"""Alerts that stand in an Alertmanager, kept to be sent again. Every function works inside its caller's transaction."""

import json
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from pipeline.core.ledger import canonical
from pipeline.obligations.schema import standing_alert


def keep(connection: Connection, receiver: str, name: str, alert: dict[str, Any] | None) -> None:
    """Remember what stands under a name; ``None`` that nothing does."""
    connection.execute(delete(standing_alert).where(standing_alert.c.receiver == receiver, standing_alert.c.name == name))
    if alert is not None:
        connection.execute(insert(standing_alert).values(receiver=receiver, name=name, alert=canonical(alert)))


def standing(connection: Connection, receiver: str) -> list[dict[str, Any]]:
    """What stands at a receiver, by name."""
    query = select(standing_alert.c.alert).where(standing_alert.c.receiver == receiver).order_by(standing_alert.c.name)
    return [json.loads(text) for text in connection.scalars(query)]
