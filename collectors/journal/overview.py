"""What lies in a journal's folder, told without opening it for writing: how much, from when to when, how much of it waits."""

from dataclasses import dataclass
from pathlib import Path

from collectors.journal.reader import JournalReader
from collectors.journal.segment import Segment, headers


@dataclass(frozen=True, slots=True)
class Overview:
    """A journal as it lies on disk. Times are UTC nanoseconds, 0 when it is empty; ``waiting`` records are not published yet.

    ``first_at`` and ``last_at`` are those of the first and last record; a clock that was set back meanwhile does not sort them.
    """

    directory: Path
    segments: int
    first_sequence: int
    last_sequence: int
    first_at: int
    last_at: int
    bytes: int
    acknowledged: int

    @property
    def records(self) -> int:
        """How many records are kept."""
        return self.last_sequence - self.first_sequence + 1

    @property
    def waiting(self) -> int:
        """Records that are not published yet."""
        return max(self.last_sequence - self.acknowledged, 0)


def overview(directory: Path) -> Overview:
    """Look at a journal. Raises ``JournalError`` or ``OSError``."""
    reader = JournalReader(directory)
    segments = reader.segments
    last_sequence, last_at = _last(segments)
    acknowledged = reader.acknowledged
    return Overview(
        directory=directory,
        segments=len(segments),
        first_sequence=segments[0].first_sequence if segments else acknowledged + 1,
        last_sequence=last_sequence or acknowledged,
        first_at=next((at for segment in segments if (at := _first_at(segment))), 0),
        last_at=last_at,
        bytes=reader.bytes,
        acknowledged=acknowledged,
    )


def _first_at(segment: Segment) -> int:
    """When the first record of a segment was received; 0 when it has none."""
    return next((received_at for _, received_at, *_ in headers(segment)), 0)


def _last(segments: list[Segment]) -> tuple[int, int]:
    """Sequence and time of the newest record; the newest segment may be empty."""
    for segment in reversed(segments):
        sequence, at = segment.first_sequence - 1, 0
        for sequence, at, *_ in headers(segment):  # noqa: B007  the last one is asked for
            pass
        if at:
            return sequence, at
    return (segments[-1].first_sequence - 1 if segments else 0), 0
