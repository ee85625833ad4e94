"""The credit ledger: credits and what was done about them, never changed, each chained to the one before by a hash."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

GENESIS = "0" * 64
"""The hash before the first entry."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit to be entered. Its natural key is (contract, service, metric, period, revision); ``key`` is the UUIDv5 of it.

    ``amount_minor`` is in minor units of ``currency`` and is negative only in an adjustment. ``dry_run`` entries are computed and kept
    but never posted, unless a person adopts them. ``evidence`` is JSON-ready.
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


class StepKind(StrEnum):
    """What can be done about a credit after it was entered, and about posting as a whole."""

    APPROVE = "approve"
    REJECT = "reject"
    ADOPT = "adopt"
    POSTING = "posting"
    POSTED = "posted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    RETRY = "retry"
    REVERSED = "reversed"
    PAUSE = "pause"
    RESUME = "resume"


SWITCH = ""
"""The key of the steps that are about posting as a whole: pause and resume."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done about the credit with this ``key``: by whom (``person``: a name, or ``billing:SYSTEM``), and what was said.

    ``needed`` is how many people must approve by the limits that held when an approval was given; 0 in other steps. ``remote_id`` is the
    billing system's name for what was posted.
    """

    key: str
    kind: StepKind
    person: str
    comment: str = ""
    needed: int = 0
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A credit as the ledger has it: its place in the chain, when it was entered (UTC nanoseconds), its hash and the one before."""

    sequence: int
    credit: Credit
    entered_at: int
    previous_hash: str
    entry_hash: str

    @property
    def key(self) -> str:
        """The key of the credit."""
        return self.credit.key


@dataclass(frozen=True, slots=True)
class StepEntry:
    """A step as the ledger has it: in the same chain as the credits."""

    sequence: int
    step: Step
    entered_at: int
    previous_hash: str
    entry_hash: str

    @property
    def key(self) -> str:
        """The key of the credit that the step is about; :data:`SWITCH` for posting as a whole."""
        return self.step.key


@dataclass(frozen=True, slots=True)
class Link:
    """The end of the chain: what the next entry is chained to."""

    sequence: int = 0
    entry_hash: str = GENESIS


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


def hash_of(sequence: int, content: Credit | Step, entered_at: int, previous_hash: str) -> str:
    """SHA-256 (hex) over the entry's every field and the hash before it."""
    fields = [sequence, previous_hash, entered_at, *(getattr(content, name) for name in content.__slots__)]
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


def chain(credit: Credit, last: Link, entered_at: int) -> Entry:
    """The entry of a credit that follows ``last``."""
    sequence = last.sequence + 1
    return Entry(sequence, credit, entered_at, last.entry_hash, hash_of(sequence, credit, entered_at, last.entry_hash))


def chain_step(step: Step, last: Link, entered_at: int) -> StepEntry:
    """The entry of a step that follows ``last``."""
    sequence = last.sequence + 1
    return StepEntry(sequence, step, entered_at, last.entry_hash, hash_of(sequence, step, entered_at, last.entry_hash))


def first_broken(entries: Iterable[Entry | StepEntry]) -> Broken | None:
    """Walk the chain in order and name the first entry that was changed, added or follows one that was removed."""
    previous_hash = GENESIS
    for sequence, entry in enumerate(entries, start=1):
        content = entry.credit if isinstance(entry, Entry) else entry.step
        if entry.sequence != sequence:
            return Broken(entry.sequence, entry.key, f"entry {sequence} is missing before it")
        if entry.previous_hash != previous_hash:
            return Broken(entry.sequence, entry.key, "it is not chained to the entry before it")
        if hash_of(entry.sequence, content, entry.entered_at, entry.previous_hash) != entry.entry_hash:
            return Broken(entry.sequence, entry.key, "its content is not what was entered")
        previous_hash = entry.entry_hash
    return None
