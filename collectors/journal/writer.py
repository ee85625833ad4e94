"""Appending to a journal: one process, one open segment, all or nothing for each batch."""

import errno
import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from collectors.journal.error import JournalError, JournalFailedError, JournalFullError, JournalLockedError
from collectors.journal.reader import JournalReader
from collectors.journal.record import Entry, JournalRecord, encode
from collectors.journal.segment import MAGIC, path_of, scan, segments_in
from collectors.journal.watermark import Watermark

log = logging.getLogger(__name__)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DAY_NS = 86_400 * 10**9
SEGMENTS_BY_AGE = 8
"""With a bound on age, a segment holds at most this part of it."""
_sync_file = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


@dataclass(frozen=True, slots=True)
class Recovery:
    """What opening found: the sequence of the last good record and how many bytes of a torn tail were cut off after it."""

    last_sequence: int
    torn_bytes: int


class Journal:
    """The journal in ``directory``, opened for appending; a context manager that holds an advisory lock.

    A segment is sealed at about ``segment_bytes``. Everything kept stays under ``journal_bytes``: acknowledged segments are deleted, oldest
    first, when room is wanted or, if ``keep_days`` is more than 0, when what they hold is older than that; unacknowledged ones never are.
    ``append_many``, then :meth:`sync`, then the batch may be promised
    to anybody. Only one of the two may run at a time; :meth:`sync` may run in a thread.
    """

    def __init__(self, directory: Path, *, segment_bytes: int, journal_bytes: int, keep_days: float = 0.0) -> None:
        self.directory = directory
        self.recovery = Recovery(0, 0)
        self.last_sequence = 0
        self.synced_sequence = 0
        self.bytes = 0
        self._segment_bytes = min(segment_bytes, max(journal_bytes // 4, 1))
        self._journal_bytes = journal_bytes
        self._keep_ns = int(keep_days * _DAY_NS)
        self._began_at = 0
        self._reader = JournalReader(directory)
        self._lock = self._file = -1
        self._held = ExitStack()
        self._size = 0
        self._sealed: list[tuple[Path, int, int]] = []
        self._watermark: Watermark
        self._path: Path
        self._failed = False

    def __enter__(self) -> Self:
        """Lock, cut off a torn tail, find the next sequence. Raises ``JournalLockedError`` or ``JournalError``."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as stack:
            self._lock = _lock(self.directory)
            stack.callback(os.close, self._lock)
            self._watermark = Watermark(self.directory)
            stack.callback(self._watermark.close)
            self._recover()
            stack.callback(lambda: os.close(self._file))
            self._held = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Sync what was appended, unless the disk has failed, and let go of the lock."""
        try:
            if not self._failed and self.synced_sequence < self.last_sequence:
                self.sync()
        finally:
            self._held.close()

    @property
    def acknowledged(self) -> int:
        """The highest sequence that has been published; 0 for none."""
        return self._watermark.sequence

    def append_many(self, entries: Sequence[Entry]) -> int:
        """Write a batch and give its first sequence; the others follow without a gap. It is durable after :meth:`sync`.

        Raises ``JournalFullError`` (nothing was written, try again later) or ``JournalFailedError`` (end the process).
        """
        first = self.last_sequence + 1
        data = b"".join(map(encode, count(first), entries))
        if self._size > len(MAGIC) and (self._size + len(data) > self._segment_bytes or self._is_old(entries)):
            self._roll(len(data))
        else:
            self._make_room(len(data))
        self._write(data)
        self.last_sequence += len(entries)
        if self._keep_ns and entries:
            self._began_at = self._began_at or entries[0][0]
            self._retire(entries[-1][0] - self._keep_ns)
        return first

    def sync(self) -> int:
        """Make everything appended durable; gives the last durable sequence. Raises ``JournalFailedError``: never try again."""
        upto = self.last_sequence
        self._guard()
        try:
            _sync_file(self._file)
        except OSError as error:
            raise self._failure("cannot sync", error) from error
        self.synced_sequence = max(self.synced_sequence, upto)
        return self.synced_sequence

    def acknowledge(self, sequence: int) -> None:
        """Everything up to ``sequence`` has been published. Raises ``JournalError`` for a sequence that was never written."""
        if sequence > self.last_sequence:
            raise JournalError(f"{self.directory}: sequence {sequence} acknowledged, but the last written is {self.last_sequence}")
        self._watermark.advance(sequence)

    def read_from(self, sequence: int) -> Iterator[JournalRecord]:
        """As :meth:`JournalReader.read_from`, up to what is durable."""
        for record in self._reader.read_from(sequence):
            if record.sequence > self.synced_sequence:
                return
            yield record

    def get(self, sequence: int) -> JournalRecord | None:
        """As :meth:`JournalReader.get`."""
        return self._reader.get(sequence)

    def _recover(self) -> None:
        segments = segments_in(self.directory)
        sizes = [segment.path.stat().st_size for segment in segments]
        self.bytes = sum(sizes)
        bounds = zip(segments, segments[1:], sizes, strict=False)
        self._sealed = [(segment.path, after.first_sequence - 1, size) for segment, after, size in bounds]
        last, good = 0, 0
        if segments:
            last, good = segments[-1].first_sequence - 1, len(MAGIC)
            for record, good in scan(segments[-1]):  # noqa: B007  the last good end is asked for below
                last = record.sequence
                self._began_at = self._began_at or record.received_at
        self.recovery = Recovery(last, max(sizes[-1] - good, 0) if segments else 0)
        self.last_sequence = self.synced_sequence = max(last, self.acknowledged)
        if segments and last == self.last_sequence:
            self._reopen(segments[-1].path, sizes[-1], good)
        else:
            self._seal_lost(segments[-1].path if segments else None, last, sizes)
            self._create()

    def _seal_lost(self, path: Path | None, last: int, sizes: list[int]) -> None:
        """The newest segment ends before what was published: it is sealed, so that no sequence is given out twice."""
        if path is not None:
            self._sealed.append((path, last, sizes[-1]))

    def _reopen(self, path: Path, size: int, good: int) -> None:
        """Go on in the newest segment, behind its last good record."""
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._size = good
        if size > good:
            log.warning("%s: cut off %d bytes after sequence %d that were not written whole", path, size - good, self.last_sequence)
        os.ftruncate(self._file, good)
        os.pwrite(self._file, MAGIC, 0)
        os.lseek(self._file, good, os.SEEK_SET)
        self.bytes += good - size
        self.sync()

    def _create(self) -> None:
        """Begin a segment for the next sequence. Raises ``JournalFullError`` when the disk has no room, leaving no file behind."""
        path = path_of(self.directory, self.last_sequence + 1)
        file = -1
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.write(file, MAGIC)
            os.fsync(file)
            _sync_folder(self.directory)
        except OSError as error:
            if file >= 0:
                os.close(file)
            path.unlink(missing_ok=True)
            raise self._refusal("cannot begin a segment", error) from error
        if self._file >= 0:
            os.close(self._file)
        self._file, self._path, self._size, self._began_at = file, path, len(MAGIC), 0
        self.bytes += len(MAGIC)

    def _roll(self, wanted: int) -> None:
        """Seal the open segment and begin the next, with room for ``wanted`` bytes."""
        self._make_room(wanted + len(MAGIC))
        self.sync()
        sealed = (self._path, self.last_sequence, self._size)
        self._create()
        self._sealed.append(sealed)

    def _make_room(self, wanted: int) -> None:
        """Delete acknowledged segments until ``wanted`` bytes fit under the bound. Raises ``JournalFullError`` when they cannot."""
        self._guard()
        while self.bytes + wanted > self._journal_bytes:
            if not self._sealed or self._sealed[0][1] > self.acknowledged:
                waiting = self.last_sequence - self.acknowledged
                raise JournalFullError(
                    f"{self.directory}: {self.bytes} of {self._journal_bytes} bytes hold {waiting} records that are not published yet; "
                    "bring the broker back or raise journal_bytes"
                )
            path, _, size = self._sealed.pop(0)
            path.unlink(missing_ok=True)
            self.bytes -= size

    def _is_old(self, entries: Sequence[Entry]) -> bool:
        """Whether the open segment is to be sealed by age, so that what it holds can go when its time has come."""
        return bool(self._keep_ns and self._began_at and entries and entries[-1][0] - self._began_at > self._keep_ns // SEGMENTS_BY_AGE)

    def _retire(self, before: int) -> None:
        """Delete acknowledged segments that were last written before this time. One that cannot be deleted is tried again next time."""
        while self._sealed and self._sealed[0][1] <= self.acknowledged:
            path, _, size = self._sealed[0]
            try:
                if path.stat().st_mtime_ns >= before:
                    return
                path.unlink()
            except FileNotFoundError:
                pass
            except OSError as error:
                log.warning("%s is past its time, but cannot be deleted: %s", path, error.strerror)
                return
            del self._sealed[0]
            self.bytes -= size

    def _write(self, data: bytes) -> None:
        """Write all of ``data``, or put the file back as it was."""
        view, written = memoryview(data), 0
        try:
            while written < len(data):
                written += os.write(self._file, view[written:])
        except OSError as error:
            self._undo()
            raise self._refusal("cannot append", error) from error
        self._size += len(data)
        self.bytes += len(data)

    def _undo(self) -> None:
        try:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
        except OSError as error:
            raise self._failure("cannot cut off half a batch", error) from error

    def _refusal(self, what: str, error: OSError) -> JournalError:
        if error.errno in _NO_ROOM:
            return JournalFullError(f"{self.directory}: {what}: {error.strerror}; make room on the disk")
        return self._failure(what, error)

    def _failure(self, what: str, error: OSError) -> JournalFailedError:
        self._failed = True
        return JournalFailedError(f"{self.directory}: {what}: {error.strerror}; check the disk, then start the collector again")

    def _guard(self) -> None:
        if self._failed:
            raise JournalFailedError(f"{self.directory}: the disk failed before; start the collector again")


def _lock(directory: Path) -> int:
    file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise JournalLockedError(f"{directory} is in use by another collector; stop it, or give this one a name of its own") from error
    return file


def _sync_folder(directory: Path) -> None:
    """Make a new file's name durable (the file's own sync does not)."""
    file = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
