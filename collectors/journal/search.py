"""Finding records by when they were received. Sequences grow, clocks do not always: one that was set back hides nothing here."""

from collections.abc import Callable, Iterator
from pathlib import Path

from collectors.journal.error import JournalCorruptError
from collectors.journal.record import JournalRecord, decode
from collectors.journal.segment import Segment, headers, segments_in

OnDamage = Callable[[JournalCorruptError], None]


def between(directory: Path, starts_at: int, ends_at: int, on_damage: OnDamage) -> Iterator[JournalRecord]:
    """Records received from ``starts_at`` on and before ``ends_at`` (UTC nanoseconds), in the order of their sequences.

    Looks at the time of every record that is kept, and reads and checks those that it gives. Damage is told and left behind. A segment
    that retention takes meanwhile is left out. Raises ``JournalError`` for a file of another format.
    """
    segments = segments_in(directory)
    for place, segment in enumerate(segments):
        after = segments[place + 1].first_sequence if place + 1 < len(segments) else None
        try:
            yield from _of(segment, after, starts_at, ends_at, on_damage)
        except FileNotFoundError:
            continue


def _of(segment: Segment, after: int | None, starts_at: int, ends_at: int, on_damage: OnDamage) -> Iterator[JournalRecord]:
    sequence = segment.first_sequence - 1
    for sequence, received_at, buffer, at in headers(segment):
        if starts_at <= received_at < ends_at:
            if found := decode(buffer, at):
                yield found[0]
            else:
                on_damage(JournalCorruptError(segment.path, sequence, sequence + 1))
    if after is not None and sequence + 1 < after:
        on_damage(JournalCorruptError(segment.path, sequence + 1, after))
