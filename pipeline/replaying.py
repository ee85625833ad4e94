"""Reading a journal's notifications again by other rules: which events would differ, and putting those back on ``raw.traps``.

A replayed notification keeps its identity ``(collector, sequence)`` and the time at which it was received, so the history holds it once.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from collectors.publish import Sender, pack
from collectors.trap import quarantine
from collectors.trap.ber import DecodeError
from collectors.trap.decode import TrapDecoder
from pipeline.bus import partition_of
from pipeline.core.directory import Directory
from pipeline.core.event import Event
from pipeline.core.mib import MibIndex
from pipeline.core.normalize import normalize
from pipeline.core.raw import RawTrap
from pipeline.core.rule import RuleBook
from pipeline.journaled import Found, decoded

BATCH = 1_000
EXAMPLES = 5
NO_RULE, IN_QUARANTINE, NOT_STORED = "(no rule)", "(in quarantine)", "(not in the history)"
"""What stands in place of a rule's name."""


Pace = Callable[[int], Awaitable[None]]
"""Told how many were just published; returns when more may be."""


class Told(NamedTuple):
    """What an event says, less its text and varbinds: what an alarm depends on."""

    rule: str
    signal: str
    alarm_type: str
    severity: str
    resource: str
    qualifier: str

    @classmethod
    def of(cls, event: Event) -> "Told":
        """What a notification says by some rules."""
        return cls(event.rule, event.signal.value, event.alarm_type, event.severity.name.lower(), str(event.resource), event.qualifier)

    @classmethod
    def stored(cls, row: Mapping[str, Any]) -> "Told":
        """What the history holds."""
        return cls(*(str(row[name]) for name in cls._fields))

    @property
    def named(self) -> str:
        """The rule, or that there was none."""
        return self.rule or NO_RULE


class Example(NamedTuple):
    """One notification whose event differs; ``None`` where it was in quarantine."""

    trap: RawTrap
    before: Told | None
    after: Told


@dataclass
class Difference:
    """What other rules make of the same notifications, counted as they are read; :meth:`add` in order of sequence."""

    notifications: int = 0
    missing: int = 0
    differing: int = 0
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    now_known: Counter[str] = field(default_factory=Counter)
    now_unknown: Counter[str] = field(default_factory=Counter)
    still_unknown: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)

    def add(self, trap: RawTrap, before: Told | None, after: Told, *, quarantined: bool = False) -> bool:
        """Count one; whether it differs. What the history should have and has not is counted apart and differs in nothing."""
        self.notifications += 1
        self.after[after.named] += 1
        if before is None and not quarantined:
            self.missing += 1
            self.before[NOT_STORED] += 1
            return False
        self.before[before.named if before else IN_QUARANTINE] += 1
        if not after.rule:
            (self.now_unknown if before and before.rule else self.still_unknown)[trap.trap_oid] += 1
        elif before and not before.rule:
            self.now_known[trap.trap_oid] += 1
        if before == after:
            return False
        self.differing += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(Example(trap, before, after))
        return True

    @property
    def rules(self) -> Iterator[tuple[str, int, int]]:
        """Rule, events before, events after; those that changed most first."""
        names = self.before.keys() | self.after.keys()
        yield from sorted(
            ((name, self.before[name], self.after[name]) for name in names), key=lambda row: (-abs(row[2] - row[1]), -row[2], row[0])
        )


def told_by(traps: Sequence[RawTrap], rules: RuleBook, directory: Directory, mibs: MibIndex) -> list[Told]:
    """What each notification says by these rules, as the worker would normalise it."""
    return [Told.of(normalize(trap, rules, directory, mibs)[0]) for trap in traps]


def stored_by_sequence(rows: Iterable[Mapping[str, Any]]) -> dict[int, Told]:
    """The history's events by sequence. Of two with one identity (an earlier replay moved it to another resource) the one with a rule."""
    found: dict[int, Told] = {}
    for row in rows:
        told = Told.stored(row)
        if row["sequence"] not in found or told.rule:
            found[row["sequence"]] = told
    return found


Before = Callable[[Sequence[RawTrap]], Mapping[int, Told]]
"""Gives, by sequence, what notifications of one collector were taken for; those that it does not know are left out."""
After = Callable[[Sequence[RawTrap]], Sequence[Told]]
"""Gives what each of them is taken for by other rules."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Up to which sequence a journal is published, what of its quarantine was replayed before, and whether everything is wanted again."""

    acknowledged: int
    replayed: frozenset[int] = frozenset()
    everything: bool = False


@dataclass
class Chosen:
    """What reading one journal again met: how many records, how many of them wait, why some are refused; and what is to be published."""

    read: int = 0
    waiting: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    sequences: set[int] = field(default_factory=set)


def choose(found: Iterable[Found], decoder: TrapDecoder, before: Before, after: After, scope: Scope, difference: Difference) -> Chosen:
    """Read notifications again and compare. What waits to be published is left out: it will be read by the present rules anyway."""
    chosen = Chosen()
    for batch in _batches(found):
        ready = [each for each in batch if each.record.sequence <= scope.acknowledged]
        chosen.read += len(batch)
        chosen.waiting += len(batch) - len(ready)
        traps, aside = _decoded(decoder, ready, chosen.refused)
        known = before(traps) if traps else {}
        for trap, told in zip(traps, after(traps), strict=True):
            quarantined = trap.sequence in aside and trap.sequence not in scope.replayed
            differs = difference.add(trap, known.get(trap.sequence), told, quarantined=quarantined)
            if differs or scope.everything:
                chosen.sequences.add(trap.sequence)
    return chosen


def _decoded(decoder: TrapDecoder, found: Iterable[Found], refused: Counter[str]) -> tuple[list[RawTrap], set[int]]:
    """The notifications, and the sequences of those that are in quarantine; what is refused is counted by reason."""
    traps: list[RawTrap] = []
    aside: set[int] = set()
    for each in found:
        trap = decoded(decoder, each)
        if isinstance(trap, DecodeError):
            refused[trap.reason.value] += 1
            continue
        traps.append(trap)
        if each.refused:
            aside.add(trap.sequence)
    return traps, aside


def _batches(found: Iterable[Found]) -> Iterator[list[Found]]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH)):
        yield batch


async def publish(found: Iterable[Found], folder: Path, decoder: TrapDecoder, sender: Sender, partitions: int, pace: Pace) -> None:
    """Put records of the journal in ``folder`` back on ``raw.traps``, in order. Raises ``SendError``.

    What came from quarantine is remembered as published once the broker has it.
    """
    for batch in _batches(found):
        traps, aside = _decoded(decoder, batch, Counter())
        by_partition: dict[int, list[RawTrap]] = {}
        for trap in traps:
            by_partition.setdefault(partition_of(trap.source, partitions), []).append(trap)
        await sender.send([message for place, values in by_partition.items() for message in pack(place, values)])
        if released := sorted(aside - quarantine.replayed(folder)):
            quarantine.mark_replayed(folder, released)
        await pace(len(traps))
