"""The credit ledger's rows: added under one lock, never changed. Every function works inside its caller's transaction."""

import json
from collections.abc import Iterator

from sqlalchemy import Connection, RowMapping, Select, func, insert, select

from pipeline.core.ledger import AmountConflictError, Approval, Broken, Credit, Entry, canonical, chain, first_broken
from pipeline.obligations.engine import lock
from pipeline.obligations.schema import credit as table
from pipeline.obligations.schema import credit_approval

_NATURAL_KEY = ("contract", "service", "metric", "period", "revision")


def enter(connection: Connection, credit: Credit, at: int) -> Entry:
    """Add a credit; one that is there with the same amount is answered as it is.

    Raises ``AmountConflictError`` when the ledger has the same natural key with another amount, currency or key.
    """
    lock(connection, "ledger")
    known = _known(connection, credit)
    if known:
        return _same(known, credit)
    last = connection.execute(select(table).order_by(table.c.sequence.desc()).limit(1)).mappings().first()
    entry = chain(credit, _entry(last) if last else None, at)
    row = {name: getattr(credit, name) for name in Credit.__slots__} | {"evidence": canonical(credit.evidence)}
    hashes = {"previous_hash": entry.previous_hash, "entry_hash": entry.entry_hash}
    connection.execute(insert(table).values(sequence=entry.sequence, entered_at=at, **row, **hashes))
    return entry


def _known(connection: Connection, credit: Credit) -> Entry | None:
    query = select(table).where(*(table.c[name] == getattr(credit, name) for name in _NATURAL_KEY))
    row = (
        connection.execute(query).mappings().first()
        or connection.execute(select(table).where(table.c.key == credit.key)).mappings().first()
    )
    return _entry(row) if row else None


def _same(known: Entry, credit: Credit) -> Entry:
    have, come = ((value.key, value.amount_minor, value.currency) for value in (known.credit, credit))
    if have != come:
        raise AmountConflictError(
            f"entry {known.sequence} has {have[1]} {have[2]} (key {have[0]}), now came {come[1]} {come[2]} (key {come[0]}); "
            "the entry stands, a correction is a new revision"
        )
    return known


def entries(connection: Connection, customer: str, period: str, limit: int) -> list[Entry]:
    """The latest entries, newest first; of one customer or one period unless these are empty."""
    query = select(table).order_by(table.c.sequence.desc()).limit(limit)
    query = query.where(table.c.customer == customer) if customer else query
    return list(_read(connection, query.where(table.c.period == period) if period else query))


def count(connection: Connection) -> int:
    """How many entries the ledger has."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def entry_of(connection: Connection, key: str) -> Entry | None:
    """The entry whose key is ``key`` or, when only one does, begins with it."""
    query = select(table).where(table.c.key.startswith(key, autoescape=True)).order_by(table.c.sequence).limit(2)
    found = list(_read(connection, query))
    exact = [entry for entry in found if entry.credit.key == key]
    return (exact or found)[0] if len(exact or found) == 1 else None


def issued_minor(connection: Connection, contract: str, service: str, metric: str, period: str) -> int:
    """What the entries of all revisions of one period add up to, in minor units."""
    which = (table.c.contract == contract, table.c.service == service, table.c.metric == metric, table.c.period == period)
    return sum(connection.scalars(select(table.c.amount_minor).where(*which)))


def verify(connection: Connection) -> Broken | None:
    """Check the whole chain, and name the first bad entry."""
    return first_broken(_read(connection, select(table).order_by(table.c.sequence)))


def approve(connection: Connection, approval: Approval) -> None:
    """Keep one person's word on a credit. A second word, or one on an unknown credit, is refused."""
    connection.execute(insert(credit_approval).values({name: getattr(approval, name) for name in Approval.__slots__}))


def approvals(connection: Connection, key: str) -> list[Approval]:
    """What was said of a credit, in order."""
    query = select(credit_approval).where(credit_approval.c.key == key).order_by(credit_approval.c.at, credit_approval.c.person)
    return [Approval(**row) for row in connection.execute(query).mappings()]


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> Iterator[Entry]:
    return (_entry(row) for row in connection.execute(query).mappings())


def _entry(row: RowMapping) -> Entry:
    fields = {name: row[name] for name in Credit.__slots__} | {"evidence": json.loads(row["evidence"])}
    return Entry(row["sequence"], Credit(**fields), row["entered_at"], row["previous_hash"], row["entry_hash"])
