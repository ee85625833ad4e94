"""Reading a journal, also while another process appends to it."""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from collectors.journal import watermark
from collectors.journal.error import JournalCorruptError
from collectors.journal.record import JournalRecord, skip
from collectors.journal.segment import CHUNK, MAGIC, Segment, scan, segments_in

STRIDE = 256
"""Every how many records the place of one is remembered."""


MAX_PLACES = 128
"""Segments whose places are remembered at most."""


class JournalReader:
    """A journal's folder, read only. It holds no file open between calls, so old segments may go while it is in use."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._places: dict[Path, list[int]] = {}

    @property
    def segments(self) -> list[Segment]:
        """The segments, oldest first."""
        return segments_in(self.directory)

    @property
    def acknowledged(self) -> int:
        """The highest sequence that has been published; 0 for none."""
        return watermark.read(self.directory)

    @property
    def first_sequence(self) -> int:
        """The oldest sequence still kept; one above ``last_sequence`` when nothing is."""
        segments = self.segments
        return segments[0].first_sequence if segments else self.last_sequence + 1

    @property
    def last_sequence(self) -> int:
        """The newest sequence in the journal; 0 when nothing was ever written. Scans the newest segment."""
        segments = self.segments
        if not segments:
            return self.acknowledged
        last = segments[-1].first_sequence - 1
        for record, _ in scan(segments[-1]):
            last = record.sequence
        return last

    @property
    def bytes(self) -> int:
        """How much the segments take on disk."""
        return sum(segment.path.stat().st_size for segment in self.segments)

    def get(self, sequence: int) -> JournalRecord | None:
        """The record of this sequence; ``None`` when it is not (or no longer) kept, or damaged."""
        segments = self.segments
        place = bisect_right([segment.first_sequence for segment in segments], sequence) - 1
        if place < 0:
            return None
        near, offset = self._near(segments[place], sequence)
        for record, _ in scan(segments[place], near, offset):
            if record.sequence == sequence:
                return record
        return None

    def read_from(self, sequence: int) -> Iterator[JournalRecord]:
        """Records from ``sequence`` (or the oldest kept after it) to the newest.

        Raises ``JournalCorruptError`` at damage inside a sealed segment; a torn end of the newest one is simply the end.
        """
        segments = self.segments
        begin = max(bisect_right([segment.first_sequence for segment in segments], sequence) - 1, 0)
        for place in range(begin, len(segments)):
            sealed_before = segments[place + 1].first_sequence if place + 1 < len(segments) else None
            yield from self._read_segment(segments[place], sequence, sealed_before)

    def _read_segment(self, segment: Segment, sequence: int, sealed_before: int | None) -> Iterator[JournalRecord]:
        near, offset = self._near(segment, sequence)
        try:
            size = segment.path.stat().st_size
            for record, end in scan(segment, near, offset):
                offset = end
                near = record.sequence + 1
                if record.sequence >= sequence:
                    yield record
        except FileNotFoundError:
            return  # retention took it while we were on the way
        if sealed_before is not None and offset < size:
            raise JournalCorruptError(segment.path, near, sealed_before)

    def _near(self, segment: Segment, sequence: int) -> tuple[int, int]:
        """A remembered record at or before ``sequence`` and its offset."""
        if len(self._places) > MAX_PLACES:
            self._places.clear()
        places = self._places.setdefault(segment.path, [len(MAGIC)])
        wanted = max(sequence - segment.first_sequence, 0) // STRIDE
        if wanted >= len(places):
            self._extend(segment, places, wanted)
        index = min(wanted, len(places) - 1)
        return segment.first_sequence + index * STRIDE, places[index]

    @staticmethod
    def _extend(segment: Segment, places: list[int], wanted: int) -> None:
        """Walk the record lengths, remembering every ``STRIDE``-th offset, until ``wanted`` is known or the file ends."""
        try:
            file = segment.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            offset, count, buffer, at = places[-1], 0, b"", 0
            file.seek(offset)
            while len(places) <= wanted and (chunk := file.read(CHUNK)):
                buffer, at = buffer[at:] + chunk, 0
                while len(places) <= wanted and (end := skip(buffer, at)) is not None:
                    offset, at, count = offset + end - at, end, count + 1
                    if count % STRIDE == 0:
                        places.append(offset)
