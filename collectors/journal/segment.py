"""One file of the journal: eight bytes that name the format, then records with consecutive sequences, the first being the file's name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collectors.journal.error import JournalError
from collectors.journal.record import JournalRecord, decode, head

MAGIC = b"assurej1"
SUFFIX = ".segment"
CHUNK = 1_048_576


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment file and the sequence of its first record."""

    first_sequence: int
    path: Path


def path_of(directory: Path, first_sequence: int) -> Path:
    """The file whose first record is ``first_sequence``; names sort as sequences do."""
    return directory / f"{first_sequence:020d}{SUFFIX}"


def segments_in(directory: Path) -> list[Segment]:
    """The segments of a journal, oldest first; empty when the folder does not exist."""
    return [Segment(int(path.stem), path) for path in sorted(directory.glob(f"*{SUFFIX}"))]


def scan(segment: Segment, sequence: int | None = None, offset: int = len(MAGIC)) -> Iterator[tuple[JournalRecord, int]]:
    """Good records with the offset at which each ends, from ``offset``, where record ``sequence`` begins (default: the first).

    Ends at the first record that is not whole, fails its checksum or has not the sequence that its place asks for. Raises
    ``JournalError`` for a file of another format.
    """
    expected = segment.first_sequence if sequence is None else sequence
    with segment.path.open("rb") as file:
        _check_magic(segment.path, file.read(len(MAGIC)))
        file.seek(offset)
        buffer, at = b"", 0
        while chunk := file.read(CHUNK):
            buffer, at = buffer[at:] + chunk, 0
            while found := decode(buffer, at):
                record, end = found
                if record.sequence != expected:
                    return
                offset += end - at
                at = end
                expected += 1
                yield record, offset


def headers(segment: Segment) -> Iterator[tuple[int, int, bytes, int]]:
    """Sequence and time of each record, and where it lies in which buffer: as :func:`scan` without checksums, and several times faster.

    Ends at the first record that is not whole or has not the sequence that its place asks for. Raises ``JournalError`` as :func:`scan`.
    """
    expected = segment.first_sequence
    with segment.path.open("rb") as file:
        _check_magic(segment.path, file.read(len(MAGIC)))
        buffer, at = b"", 0
        while chunk := file.read(CHUNK):
            buffer, at = buffer[at:] + chunk, 0
            while found := head(buffer, at):
                sequence, received_at, end = found
                if sequence != expected:
                    return
                yield sequence, received_at, buffer, at
                at = end
                expected += 1


def _check_magic(path: Path, magic: bytes) -> None:
    """Refuse another format; a file cut off within its first bytes is a torn tail, and empty."""
    if not MAGIC.startswith(magic):
        raise JournalError(f"{path} is no journal segment of this version: it begins with {magic!r}. Move it out of the folder")
