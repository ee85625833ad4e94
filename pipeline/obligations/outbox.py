"""Effects kept until they have ended, and their receipts. Every function works inside its caller's transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, and_, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.core.effect import Effect, EffectKind, Outcome, Receipt
from pipeline.core.ledger import canonical
from pipeline.core.obligation import EffectState, Stored, StoredEffect
from pipeline.obligations.schema import effect as outbox
from pipeline.obligations.schema import receipt as proofs

_KEYS_PER_QUERY = 500
_ENDED = {
    Outcome.DELIVERED: EffectState.DELIVERED,
    Outcome.REFUSED: EffectState.REFUSED,
    Outcome.DEAD: EffectState.DEAD,
}


def put(connection: Connection, effects: Sequence[Effect], at: int) -> Stored:
    """Keep effects whose key is new; a credit that comes again with another amount leaves a refused receipt."""
    known = _bodies(connection, [effect.key for effect in effects])
    fresh: dict[str, Effect] = {}
    conflicting = 0
    for effect in effects:
        if effect.key in known or effect.key in fresh:
            body = known[effect.key] if effect.key in known else fresh[effect.key].body
            conflicting += _refuse_other_amount(connection, effect, body, at)
        else:
            fresh[effect.key] = effect
    if fresh:
        connection.execute(insert_new(connection, outbox), [_row(effect, at) for effect in fresh.values()])
    return Stored(new=len(fresh), repeated=len(effects) - len(fresh) - conflicting, conflicting=conflicting)


def _bodies(connection: Connection, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        query = select(outbox.c.key, outbox.c.body).where(outbox.c.key.in_(keys[start : start + _KEYS_PER_QUERY]))
        found.update({key: json.loads(body) for key, body in connection.execute(query)})
    return found


def insert_new(connection: Connection, table: Table) -> Any:
    """An INSERT that leaves a row alone whose key is there."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def _row(effect: Effect, at: int) -> dict[str, Any]:
    return {
        "key": effect.key,
        "kind": effect.kind.value,
        "subject": effect.subject,
        "route": effect.route,
        "decided_at": effect.decided_at,
        "reason": effect.reason,
        "body": canonical(effect.body),
        "state": EffectState.PENDING.value,
        "attempts": 0,
        "next_attempt_at": 0,
        "leased_until": 0,
        "created_at": at,
        "ended_at": 0,
        "remote_id": "",
        "detail": "",
    }


def _refuse_other_amount(connection: Connection, effect: Effect, first: Mapping[str, Any], at: int) -> bool:
    def money(body: Mapping[str, Any]) -> tuple[Any, Any]:
        return body.get("amount_minor"), body.get("currency")

    if effect.kind is not EffectKind.CREDIT or money(effect.body) == money(first):
        return False
    detail = (
        f"came again with {money(effect.body)[0]} {money(effect.body)[1]}; the first was {money(first)[0]} {money(first)[1]} and stands"
    )
    add_receipt(connection, Receipt(effect.key, effect.kind, effect.subject, effect.route, Outcome.REFUSED, at, attempts=0, detail=detail))
    return True


def due_routes(connection: Connection, at: int) -> list[str]:
    """The routes that have something to do."""
    query = select(outbox.c.route).where(_is_due(at)).group_by(outbox.c.route).order_by(func.min(outbox.c.id))
    return list(connection.scalars(query))


def _is_due(at: int) -> Any:
    return and_(outbox.c.state == EffectState.PENDING.value, outbox.c.next_attempt_at <= at, outbox.c.leased_until <= at)


def claim(connection: Connection, route: str, limit: int, at: int, leased_until: int) -> list[StoredEffect]:
    """Take up to ``limit`` effects of a route that are due, oldest first, at most one of each subject: its first that has not ended.

    Nobody else gets them before ``leased_until``. The attempt is counted now, so that one which kills the process counts too.
    """
    earlier = outbox.alias()
    first_of_subject = ~exists().where(
        earlier.c.state == EffectState.PENDING.value,
        earlier.c.route == outbox.c.route,
        earlier.c.subject == outbox.c.subject,
        earlier.c.id < outbox.c.id,
    )
    query = select(outbox.c.id).where(_is_due(at), outbox.c.route == route, first_of_subject).order_by(outbox.c.id).limit(limit)
    ids = list(connection.scalars(query.with_for_update(skip_locked=True)))
    if not ids:
        return []
    taken = outbox.c.id.in_(ids)
    connection.execute(update(outbox).where(taken).values(attempts=outbox.c.attempts + 1, leased_until=leased_until))
    return read(connection, select(outbox).where(taken).order_by(outbox.c.id))


def release(connection: Connection) -> int:
    """Give up every lease; answers how many. Only for the one process that delivers."""
    return connection.execute(update(outbox).where(outbox.c.leased_until > 0).values(leased_until=0)).rowcount


def postpone(connection: Connection, key: str, next_attempt_at: int, detail: str) -> None:
    """Plan the next attempt of an effect."""
    values = {"next_attempt_at": next_attempt_at, "leased_until": 0, "detail": detail}
    connection.execute(update(outbox).where(outbox.c.key == key, outbox.c.state == EffectState.PENDING.value).values(values))


def finish(connection: Connection, receipt: Receipt) -> None:
    """End an effect as its receipt says, and keep the receipt; an effect that has ended already stays as it is."""
    values = {
        "state": _ENDED[receipt.outcome].value,
        "leased_until": 0,
        "ended_at": receipt.at,
        "remote_id": receipt.remote_id,
        "detail": receipt.detail,
    }
    pending = and_(outbox.c.key == receipt.key, outbox.c.state == EffectState.PENDING.value)
    if connection.execute(update(outbox).where(pending).values(values)).rowcount:
        add_receipt(connection, receipt)


def add_receipt(connection: Connection, receipt: Receipt) -> None:
    """Keep a receipt once."""
    row = {name: getattr(receipt, name) for name in Receipt.__slots__}
    row |= {"kind": receipt.kind.value, "outcome": receipt.outcome.value, "published": False}
    connection.execute(insert_new(connection, proofs), [row])


def unpublished(connection: Connection, limit: int) -> list[tuple[int, Receipt]]:
    """Receipts that the topic does not have yet, oldest first, with their row numbers."""
    query = select(proofs).where(~proofs.c.published).order_by(proofs.c.id).limit(limit)
    return [(row["id"], _receipt(row)) for row in connection.execute(query).mappings()]


def mark_published(connection: Connection, ids: Iterable[int]) -> None:
    """Remember that the topic has these receipts."""
    connection.execute(update(proofs).where(proofs.c.id.in_(list(ids))).values(published=True))


def receipts(connection: Connection, subject: str, limit: int) -> list[Receipt]:
    """The latest receipts, newest first; of one subject unless ``subject`` is empty."""
    query = select(proofs).order_by(proofs.c.id.desc()).limit(limit)
    query = query.where(proofs.c.subject == subject) if subject else query
    return [_receipt(row) for row in connection.execute(query).mappings()]


def last_notified(connection: Connection) -> list[Receipt]:
    """The last receipt of every route by which receivers of notifications are told."""
    last = select(func.max(proofs.c.id)).where(proofs.c.kind == EffectKind.NOTIFY.value).group_by(proofs.c.route)
    return [_receipt(row) for row in connection.execute(select(proofs).where(proofs.c.id.in_(last)).order_by(proofs.c.at)).mappings()]


def effect_of(connection: Connection, key: str) -> StoredEffect | None:
    """The effect with this key."""
    return next(iter(read(connection, select(outbox).where(outbox.c.key == key))), None)


def effects(connection: Connection, subject: str, limit: int) -> list[StoredEffect]:
    """A subject's effects in the order in which they were decided."""
    return read(connection, select(outbox).where(outbox.c.subject == subject).order_by(outbox.c.id).limit(limit))


def lane(connection: Connection, route: str, subject: str) -> list[StoredEffect]:
    """The effects of one route and subject in the order of decision: what is delivered one after the other."""
    return read(connection, select(outbox).where(outbox.c.subject == subject, outbox.c.route == route).order_by(outbox.c.id))


def dead_letters(connection: Connection, limit: int) -> list[StoredEffect]:
    """Effects that were given up, newest first."""
    dead = outbox.c.state == EffectState.DEAD.value
    return read(connection, select(outbox).where(dead).order_by(outbox.c.ended_at.desc(), outbox.c.id.desc()).limit(limit))


def pending_by_route(connection: Connection) -> dict[str, int]:
    """How many effects of each route have not ended."""
    query = select(outbox.c.route, func.count()).where(outbox.c.state == EffectState.PENDING.value).group_by(outbox.c.route)
    return {row[0]: row[1] for row in connection.execute(query)}


def revive(connection: Connection, key: str) -> bool:
    """Try a dead effect again, from its first attempt; false when there is none. What followed it may have been delivered meanwhile."""
    dead = and_(outbox.c.key == key, outbox.c.state == EffectState.DEAD.value)
    values = {"state": EffectState.PENDING.value, "attempts": 0, "next_attempt_at": 0, "ended_at": 0, "detail": "revived"}
    return connection.execute(update(outbox).where(dead).values(values)).rowcount > 0


def read(connection: Connection, query: Select[Any]) -> list[StoredEffect]:
    """The effects that a query of the outbox's table answers."""
    return [_stored(row) for row in connection.execute(query).mappings()]


def _stored(row: RowMapping) -> StoredEffect:
    effect = Effect(
        row["key"], EffectKind(row["kind"]), row["subject"], row["route"], row["decided_at"], row["reason"], json.loads(row["body"])
    )
    rest = {name: row[name] for name in ("attempts", "next_attempt_at", "created_at", "ended_at", "remote_id", "detail")}
    return StoredEffect(effect=effect, state=EffectState(row["state"]), **rest)


def _receipt(row: RowMapping) -> Receipt:
    values = {name: row[name] for name in Receipt.__slots__}
    return Receipt(**{**values, "kind": EffectKind(row["kind"]), "outcome": Outcome(row["outcome"])})
