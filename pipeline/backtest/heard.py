"""What the collectors heard: their journals merged by time, each in the order of its sequences; and what is missing of them.

The journals are what a replay reads, and not the history: they have every datagram and every poll with all its values, so that trap rules,
KPIs and thresholds can be others, and that what a poll saw well is evidence again. The history has only what came of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from heapq import merge
from pathlib import Path

from collectors.journal import JournalCorruptError, JournalRecord
from collectors.journal.overview import overview
from collectors.journal.search import between
from collectors.trap.ber import DecodeError
from collectors.trap.inform import RepeatedInforms
from pipeline import wire
from pipeline.backtest.engine import Input
from pipeline.config.settings import Settings
from pipeline.core.idle import TICK_NS
from pipeline.core.raw import RawPoll
from pipeline.journaled import Wanted, collectors_of, decoded, decoder_of, select

Heard = tuple[int, str, int, Input]
"""When it came (UTC nanoseconds, never before what its collector heard earlier), collector, sequence, and what."""
Progress = Callable[[int], None]
"""Told to which time reading has come."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one journal; ``first_at`` (UTC nanoseconds) is 0 when nothing is. ``collects`` is ``traps`` or ``polls``."""

    collector: str
    collects: str
    folder: Path
    first_at: int = 0
    is_complete: bool = False
    """Whether its first record is the first that there ever was: nothing has left it."""


@dataclass
class Account:
    """What was read and what could not be: refused datagrams by reason, repeated INFORMs, polls of another version, damage."""

    notifications: int = 0
    polls: int = 0
    repeated_informs: int = 0
    unreadable_polls: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    damage: list[JournalCorruptError] = field(default_factory=list)


def kept(settings: Settings) -> list[Kept]:
    """Every collector of these settings, with what its journal keeps. Raises ``JournalError`` or ``OSError``."""
    found = []
    for collector, collects in collectors_of(settings).items():
        folder = settings.journal_dir(collector)
        one = Kept(collector, collects, folder)
        if folder.is_dir():
            seen = overview(folder)
            one = replace(one, first_at=seen.first_at, is_complete=seen.first_sequence == 1)
        found.append(one)
    return found


def heard(settings: Settings, journals: Iterable[Kept], starts_at: int, ends_at: int, account: Account) -> Iterator[Heard]:
    """Everything that was heard from ``starts_at`` on and before ``ends_at``, in order of time. Raises ``JournalError`` or ``OSError``."""
    wanted = Wanted(starts_at, ends_at)
    readers = (_notifications if each.collects == "traps" else _polls for each in journals)
    streams = [read(settings, each, wanted, account) for read, each in zip(readers, journals, strict=True) if each.folder.is_dir()]
    return merge(*streams, key=_place)


def in_stretches(found: Iterable[Heard], others: Iterable[Heard] = ()) -> Iterator[tuple[int, list[Input]]]:
    """What came, gathered by the tick that follows it: the tick's time, and what came up to it since the tick before."""
    until, gathered = 0, list[Input]()
    for at, _, _, item in merge(found, others, key=_place):
        tick = -(-at // TICK_NS) * TICK_NS
        if tick != until and gathered:
            yield until, gathered
            gathered = []
        until = tick
        gathered.append(item)
    if gathered:
        yield until, gathered


def _place(heard: Heard) -> tuple[int, str, int]:
    return heard[:3]


def _notifications(settings: Settings, journal: Kept, wanted: Wanted, account: Account) -> Iterator[Heard]:
    """Notifications as the collector passes them on; of an INFORM that its sender repeated, the first. Storms are not thinned out."""
    decoder, informs, came = decoder_of(settings, journal.collector), RepeatedInforms(), 0
    for found in select(journal.folder, journal.collector, wanted, account.damage.append):
        trap = decoded(decoder, found)
        if isinstance(trap, DecodeError):
            account.refused[trap.reason.value] += 1
        elif informs.is_repeated(trap):
            account.repeated_informs += 1
        else:
            account.notifications += 1
            came = max(came, trap.received_at)
            yield came, journal.collector, trap.sequence, trap


def _polls(settings: Settings, journal: Kept, wanted: Wanted, account: Account) -> Iterator[Heard]:  # noqa: ARG001  # as _notifications
    came = 0
    for record in between(journal.folder, wanted.starts_at, wanted.ends_at, account.damage.append):
        came = max(came, record.received_at)
        for poll in _of(record, account):
            account.polls += 1
            yield came, journal.collector, record.sequence, poll


def _of(record: JournalRecord, account: Account) -> list[RawPoll]:
    try:
        return [replace(poll, sequence=record.sequence) for poll in wire.decode(record.payload)]
    except wire.WireError:
        account.unreadable_polls += 1
        return []
