"""The credit ledger's entries: added under one lock, never changed. Every function works inside its caller's transaction."""

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Table, func, insert, select, tuple_

from pipeline.core.ledger import (
    SWITCH,
    AmountConflictError,
    Broken,
    Credit,
    Entry,
    Link,
    Step,
    StepEntry,
    StepKind,
    canonical,
    chain,
    chain_step,
    first_broken,
)
from pipeline.core.posting import follow
from pipeline.obligations.engine import lock
from pipeline.obligations.schema import credit as table
from pipeline.obligations.schema import credit_state as states
from pipeline.obligations.schema import credit_step as steps

_PERIOD = ("contract", "service", "metric", "period")
"""With the revision: the natural key."""
_KEYS_PER_QUERY = 500


def enter(connection: Connection, credits_: Sequence[Credit], at: int) -> list[Entry]:
    """Add credits; one that is there with the same amount is answered as it is.

    What is added to a period that was entered in dry run is dry run too, until somebody adopts that. Raises ``AmountConflictError`` when
    the ledger has the same natural key with another amount, currency or key; then none of them is added.
    """
    lock(connection, "ledger")
    end, entered = end_of(connection), []
    for start in range(0, len(credits_), _KEYS_PER_QUERY):
        chunk = credits_[start : start + _KEYS_PER_QUERY]
        known = _Known(connection, chunk)
        fresh: list[Entry] = []
        for credit in chunk:
            entry = known.entry_of(credit)
            if entry is None:
                rehearsed = not credit.dry_run and known.is_rehearsed(credit)
                entry = chain(replace(credit, dry_run=True) if rehearsed else credit, end, at)
                end = Link(entry.sequence, entry.entry_hash)
                known.add(entry)
                fresh.append(entry)
            entered.append(_same(entry, credit))
        if fresh:
            connection.execute(insert(table), [_entry_row(entry) for entry in fresh])
    return entered


def _entry_row(entry: Entry) -> dict[str, Any]:
    row = {name: getattr(entry.credit, name) for name in Credit.__slots__} | {"evidence": canonical(entry.credit.evidence)}
    hashes = {"previous_hash": entry.previous_hash, "entry_hash": entry.entry_hash}
    return {"sequence": entry.sequence, "entered_at": entry.entered_at, **row, **hashes}


class _Known:
    """What the ledger has of the periods of some credits, and of their keys; grows by what is added."""

    def __init__(self, connection: Connection, credits_: Sequence[Credit]) -> None:
        periods = list({_period_of(credit) for credit in credits_})
        of_periods = select(table).where(tuple_(*(table.c[name] for name in _PERIOD)).in_(periods))
        entries_ = [*_read(connection, of_periods), *entries_of(connection, [credit.key for credit in credits_])]
        self._live = {key for key, row in rows_of(connection, states, [entry.key for entry in entries_]).items() if row["live"]}
        self._by_key: dict[str, Entry] = {}
        self._by_period: dict[tuple[str, ...], dict[int, Entry]] = {}
        for entry in entries_:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Know one more."""
        self._by_key[entry.key] = entry
        self._by_period.setdefault(_period_of(entry.credit), {})[entry.credit.revision] = entry

    def entry_of(self, credit: Credit) -> Entry | None:
        """The entry with this credit's natural key or, when there is none, with its key."""
        return self._by_period.get(_period_of(credit), {}).get(credit.revision) or self._by_key.get(credit.key)

    def is_rehearsed(self, credit: Credit) -> bool:
        """Whether the same period has an entry in dry run that nobody has adopted."""
        same = self._by_period.get(_period_of(credit), {}).values()
        return any(entry.credit.dry_run and entry.key not in self._live for entry in same)


def _period_of(credit: Credit) -> tuple[str, ...]:
    return tuple(getattr(credit, name) for name in _PERIOD)


def _same(known: Entry, credit: Credit) -> Entry:
    have, come = ((value.key, value.amount_minor, value.currency) for value in (known.credit, credit))
    if have != come:
        raise AmountConflictError(
            f"entry {known.sequence} has {have[1]} {have[2]} (key {have[0]}), now came {come[1]} {come[2]} (key {come[0]}); "
            "the entry stands, a correction is a new revision"
        )
    return known


def _of_period(contract: str, service: str, metric: str, period: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.contract == contract, table.c.service == service, table.c.metric == metric, table.c.period == period


def add_step(connection: Connection, step: Step, at: int) -> StepEntry:
    """Chain a step that was found to be allowed. The caller holds the ledger's lock."""
    entry = chain_step(step, end_of(connection), at)
    connection.execute(insert(steps), [_step_row(entry)])
    return entry


def add_steps(connection: Connection, given: Sequence[Step], at: int) -> None:
    """Chain steps that were found to be allowed, one after the other. The caller holds the ledger's lock."""
    end, rows = end_of(connection), []
    for step in given:
        entry = chain_step(step, end, at)
        end = Link(entry.sequence, entry.entry_hash)
        rows.append(_step_row(entry))
    if rows:
        connection.execute(insert(steps), rows)


def _step_row(entry: StepEntry) -> dict[str, Any]:
    row = {name: getattr(entry.step, name) for name in Step.__slots__} | {"kind": entry.step.kind.value}
    hashes = {"previous_hash": entry.previous_hash, "entry_hash": entry.entry_hash}
    return {"sequence": entry.sequence, "entered_at": entry.entered_at, **row, **hashes}


def end_of(connection: Connection) -> Link:
    """The end of the chain."""
    ends = (
        connection.execute(select(each.c.sequence, each.c.entry_hash).order_by(each.c.sequence.desc()).limit(1)).first()
        for each in (table, steps)
    )
    return max((Link(*end) for end in ends if end), key=lambda link: link.sequence, default=Link())


def entries(connection: Connection, customer: str, period: str, limit: int) -> list[Entry]:
    """The latest entries, newest first; of one customer or one period unless these are empty."""
    query = select(table).order_by(table.c.sequence.desc()).limit(limit)
    query = query.where(table.c.customer == customer) if customer else query
    return list(_read(connection, query.where(table.c.period == period) if period else query))


def count(connection: Connection) -> int:
    """How many credits the ledger has."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def entry_of(connection: Connection, key: str) -> Entry | None:
    """The entry whose key is ``key`` or, when only one does, begins with it."""
    query = select(table).where(table.c.key.startswith(key, autoescape=True)).order_by(table.c.sequence).limit(2)
    found = list(_read(connection, query))
    exact = [entry for entry in found if entry.credit.key == key]
    return (exact or found)[0] if len(exact or found) == 1 else None


def entries_of(connection: Connection, keys: Sequence[str]) -> list[Entry]:
    """The entries with these keys, in their order."""
    return sorted((_entry(row) for row in rows_of(connection, table, keys).values()), key=lambda entry: entry.sequence)


def steps_of(connection: Connection, keys: Sequence[str]) -> dict[str, list[StepEntry]]:
    """What was done about these credits, in order, by key."""
    found: dict[str, list[StepEntry]] = {key: [] for key in keys}
    for row in sorted(_rows(connection, steps, keys), key=lambda row: row["sequence"]):
        found[row["key"]].append(_step(row))
    return found


def rows_of(connection: Connection, which: Table, keys: Sequence[str]) -> dict[str, RowMapping]:
    """The rows of a table by their keys, of which each has one."""
    return {row["key"]: row for row in _rows(connection, which, keys)}


def _rows(connection: Connection, which: Table, keys: Sequence[str]) -> Iterator[RowMapping]:
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        yield from connection.execute(select(which).where(which.c.key.in_(keys[start : start + _KEYS_PER_QUERY]))).mappings()


def switched(connection: Connection) -> list[StepEntry]:
    """When posting was paused and resumed, in order."""
    return steps_of(connection, [SWITCH])[SWITCH]


def issued_minor(connection: Connection, contract: str, service: str, metric: str, period: str) -> int:
    """What the entries of all revisions of one period add up to, in minor units."""
    return sum(connection.scalars(select(table.c.amount_minor).where(*_of_period(contract, service, metric, period))))


def verify(connection: Connection) -> Broken | None:
    """Check the whole chain, that every step was allowed when it was taken, and that states are as the steps left them.

    Answers the first bad entry.
    """
    broken = first_broken(_everything(connection))
    if broken:
        return broken
    standings, broken = follow(_everything(connection))
    if broken:
        return broken
    for row in connection.execute(select(states).order_by(states.c.key)).mappings():
        found = standings.get(row["key"])
        if found is None or (found.state.value, found.live) != (row["state"], row["live"]):
            return Broken(0, row["key"], f"it is kept as {row['state']}, its steps make it {found.state if found else 'unknown'}")
    return None


def _everything(connection: Connection) -> Iterator[Entry | StepEntry]:
    """Credits and steps in the order of the chain."""
    done = (_step(row) for row in connection.execute(select(steps).order_by(steps.c.sequence)).mappings())
    return heapq.merge(_read(connection, select(table).order_by(table.c.sequence)), done, key=lambda entry: entry.sequence)


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> Iterator[Entry]:
    return (_entry(row) for row in connection.execute(query).mappings())


def _entry(row: RowMapping) -> Entry:
    fields = {name: row[name] for name in Credit.__slots__} | {"evidence": json.loads(row["evidence"])}
    return Entry(row["sequence"], Credit(**fields), row["entered_at"], row["previous_hash"], row["entry_hash"])


def _step(row: RowMapping) -> StepEntry:
    fields = {name: row[name] for name in Step.__slots__} | {"kind": StepKind(row["kind"])}
    return StepEntry(row["sequence"], Step(**fields), row["entered_at"], row["previous_hash"], row["entry_hash"])
