"""Datagrams that are no notification: kept with their bytes and the reason, in a journal of their own, so that they can be replayed."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from collectors.journal import Entry, Journal, JournalReader, JournalRecord
from collectors.trap.ber import DecodeError

FOLDER = "quarantine"
REPLAYED = "replayed"
DETAIL_LIMIT = 200
SEQUENCE_DIGITS = 20
"""Those of the largest sequence, 64 bits."""


class Quarantined(NamedTuple):
    """One quarantined datagram; ``sequence`` is its place in the collector's journal."""

    sequence: int
    received_at: int
    source: str
    reason: str
    detail: str
    payload: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, str, str, bytes]).decode


def read(journal_dir: Path, sequence: int = 1) -> Iterator[Quarantined]:
    """What the collector with this journal holds in quarantine, from the quarantine's own ``sequence`` on."""
    for record in JournalReader(journal_dir / FOLDER).read_from(sequence):
        yield _unpacked(record)


def replayed(journal_dir: Path) -> frozenset[int]:
    """Sequences of quarantined datagrams that were published after all, once a decoder knew them. A line cut short tells nothing."""
    try:
        lines = (journal_dir / FOLDER / REPLAYED).read_text().splitlines()
    except FileNotFoundError:
        return frozenset()
    return frozenset(int(line) for line in lines if len(line) == SEQUENCE_DIGITS and line.isdecimal())


def mark_replayed(journal_dir: Path, sequences: Sequence[int]) -> None:
    """Remember, durably, that these were published: they are counted as such from now on. Written also while the collector runs.

    Begins on a line of its own, whatever an earlier write that was cut short left behind.
    """
    lines = "".join(f"\n{sequence:0{SEQUENCE_DIGITS}d}" for sequence in sequences) + "\n"
    with (journal_dir / FOLDER / REPLAYED).open("a") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def _unpacked(record: JournalRecord) -> Quarantined:
    sequence, reason, detail, payload = _decode(record.payload)
    return Quarantined(sequence, record.received_at, record.source, reason, detail, payload)


class Quarantine:
    """The quarantine of the collector whose journal lies in ``journal_dir``; a context manager.

    It keeps the newest ``quarantine_bytes``, and of these the last ``keep_days`` if that is more than 0. A datagram goes in once, however
    often its record is read again after a restart.
    """

    def __init__(self, journal_dir: Path, *, quarantine_bytes: int, keep_days: float = 0.0) -> None:
        self._journal = Journal(
            journal_dir / FOLDER, segment_bytes=quarantine_bytes // 4, journal_bytes=quarantine_bytes, keep_days=keep_days
        )
        self._highest = 0

    def __enter__(self) -> Self:
        """Open it. Raises as :class:`Journal`."""
        self._journal.__enter__()
        newest = self._newest()
        self._highest = newest.sequence if newest else 0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self._journal.__exit__(kind, error, trace)

    @property
    def count(self) -> int:
        """Datagrams ever quarantined."""
        return self._journal.last_sequence

    def put(self, refused: Sequence[tuple[JournalRecord, DecodeError]]) -> list[DecodeError]:
        """Keep, durably, those that are not there yet, and give their errors. Raises as :meth:`Journal.append_many`."""
        new = [(record, error) for record, error in refused if record.sequence > self._highest]
        if new:
            self._journal.append_many([_entry(record, error) for record, error in new])
            self._journal.acknowledge(self._journal.sync())
            self._highest = new[-1][0].sequence
        return [error for _, error in new]

    def _newest(self) -> Quarantined | None:
        record = self._journal.get(self._journal.last_sequence)
        return _unpacked(record) if record else None


def _entry(record: JournalRecord, error: DecodeError) -> Entry:
    body = (record.sequence, error.reason.value, error.detail[:DETAIL_LIMIT], record.payload)
    return record.received_at, record.source, _encode(body)
