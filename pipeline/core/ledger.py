"""The credit ledger: entries that are never changed, each chained to the one before by a hash."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

GENESIS = "0" * 64
"""The hash before the first entry."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit to be entered. Its natural key is (contract, service, metric, period, revision); ``key`` is the UUIDv5 of it.

    ``amount_minor`` is in minor units of ``currency`` and is negative only in an adjustment. ``dry_run`` entries are computed and kept
    but never posted. ``evidence`` is JSON-ready.
    """

    key: str
    contract: str
    service: str
    metric: str
    period: str
    revision: int
    customer: str
    amount_minor: int
    currency: str
    reason: str
    dry_run: bool
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A credit as the ledger has it: its place in the chain, when it was entered (UTC nanoseconds), its hash and the one before."""

    sequence: int
    credit: Credit
    entered_at: int
    previous_hash: str
    entry_hash: str


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's word on a credit: ``approved`` or not, with a comment. A person speaks once on each credit."""

    key: str
    person: str
    approved: bool
    comment: str
    at: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that does not fit the chain, and why."""

    sequence: int
    key: str
    why: str


class AmountConflictError(Exception):
    """A credit that the ledger has with another amount: one of the two computations is wrong, and a person must look."""


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def hash_of(sequence: int, credit: Credit, entered_at: int, previous_hash: str) -> str:
    """SHA-256 (hex) over the entry's every field and the hash before it."""
    fields = [sequence, previous_hash, entered_at, *(getattr(credit, name) for name in Credit.__slots__)]
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


def chain(credit: Credit, last: Entry | None, entered_at: int) -> Entry:
    """The entry that follows ``last`` (``None``: the first)."""
    sequence = last.sequence + 1 if last else 1
    previous_hash = last.entry_hash if last else GENESIS
    return Entry(sequence, credit, entered_at, previous_hash, hash_of(sequence, credit, entered_at, previous_hash))


def first_broken(entries: Iterable[Entry]) -> Broken | None:
    """Walk the chain in order and name the first entry that was changed, added or follows one that was removed."""
    previous_hash = GENESIS
    for sequence, entry in enumerate(entries, start=1):
        if entry.sequence != sequence:
            return Broken(entry.sequence, entry.credit.key, f"entry {sequence} is missing before it")
        if entry.previous_hash != previous_hash:
            return Broken(entry.sequence, entry.credit.key, "it is not chained to the entry before it")
        if hash_of(entry.sequence, entry.credit, entry.entered_at, entry.previous_hash) != entry.entry_hash:
            return Broken(entry.sequence, entry.credit.key, "its content is not what was entered")
        previous_hash = entry.entry_hash
    return None
