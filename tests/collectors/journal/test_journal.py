"""The journal keeps what it promised over kill -9, torn writes, full disks and failing disks, and never gives a sequence out twice."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.journal import (
    Entry,
    Journal,
    JournalCorruptError,
    JournalError,
    JournalFailedError,
    JournalFullError,
    JournalLockedError,
    JournalReader,
    JournalRecord,
    record,
    writer,
)

SEGMENT = 4_096
BOUND = 40_960


def entries(count: int, *, start: int = 0, size: int = 100) -> list[Entry]:
    return [(1_000 + place, f"127.20.0.{place % 250}", b"%06d" % place + bytes(size - 6)) for place in range(start, start + count)]


def open_journal(folder: Path, *, segment_bytes: int = SEGMENT, journal_bytes: int = BOUND) -> Journal:
    return Journal(folder, segment_bytes=segment_bytes, journal_bytes=journal_bytes)


def fill(journal: Journal, batches: int, *, each: int = 10) -> None:
    for batch in range(batches):
        journal.append_many(entries(each, start=batch * each))
        journal.sync()


def payload_numbers(records: Iterator[JournalRecord]) -> list[int]:
    return [int(found.payload[:6]) for found in records]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path) as opened:
        yield opened


def test_sequences_begin_at_one_and_follow_each_other_over_batches_and_restarts(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        assert journal.append_many(entries(3)) == 1
        assert journal.append_many(entries(2)) == 4
    with open_journal(tmp_path) as journal:
        assert journal.append_many(entries(1)) == 6
        assert journal.sync() == 6


def test_a_record_comes_back_as_it_went_in(journal: Journal) -> None:
    first = journal.append_many([(-5, "2001:db8::1", b""), (7, "127.0.0.1", b"\x00\xff" * 500)])
    journal.sync()
    assert journal.get(first) == JournalRecord(1, -5, "2001:db8::1", b"")
    assert list(journal.read_from(2)) == [JournalRecord(2, 7, "127.0.0.1", b"\x00\xff" * 500)]
    assert journal.get(0) is None
    assert journal.get(3) is None


@given(
    sequence=st.integers(0, 2**64 - 1),
    received_at=st.integers(-(2**63), 2**63 - 1),
    source=st.text(max_size=60),
    payload=st.binary(max_size=300),
    before=st.binary(max_size=9),
)
def test_the_format_reads_what_it_wrote_anywhere_in_a_buffer(
    sequence: int, received_at: int, source: str, payload: bytes, before: bytes
) -> None:
    source = source.encode(errors="ignore").decode()
    data = record.encode(sequence, (received_at, source, payload))
    assert record.decode(before + data + b"more", len(before)) == ((sequence, received_at, source, payload), len(before) + len(data))


@given(payload=st.binary(min_size=1, max_size=60), place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_one_changed_byte_makes_a_record_bad(payload: bytes, place: int, flip: int) -> None:
    data = bytearray(record.encode(9, (1, "127.0.0.1", payload)))
    data[place % len(data)] ^= flip
    assert record.decode(bytes(data), 0) is None


def test_a_source_that_does_not_fit_is_an_error_of_the_caller(journal: Journal) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        journal.append_many([(1, "x" * 256, b"")])
    assert journal.last_sequence == 0


def test_reading_stops_at_what_is_durable(journal: Journal) -> None:
    """Nothing may be published that a power cut could take back."""
    journal.append_many(entries(2))
    assert list(journal.read_from(1)) == []
    journal.sync()
    assert payload_numbers(journal.read_from(1)) == [0, 1]


def test_every_cut_of_the_tail_opens_at_the_last_whole_record(tmp_path: Path) -> None:
    """kill -9 or a power cut may leave any prefix of the last batch."""
    whole = tmp_path / "whole"
    with open_journal(whole) as journal:
        journal.append_many(entries(3, size=20))
    [segment] = JournalReader(whole).segments
    data = segment.path.read_bytes()
    size = (len(data) - 8) // 3
    for cut in range(len(data)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / segment.path.name).write_bytes(data[:cut])
        with open_journal(folder) as journal:
            good = max(cut - 8, 0) // size
            assert journal.recovery.last_sequence == good
            assert journal.recovery.torn_bytes == max(cut - 8 - good * size, 0)
            assert journal.append_many(entries(1, start=50)) == good + 1
            journal.sync()
            assert payload_numbers(journal.read_from(1)) == [*range(good), 50]


def test_a_segment_is_sealed_at_its_size_and_reading_crosses_segments(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        fill(journal, 20)
        assert payload_numbers(journal.read_from(37)) == list(range(36, 200))
        assert len(JournalReader(tmp_path).segments) >= 5
        assert all(journal.get(number).payload.startswith(b"%06d" % (number - 1)) for number in range(1, 201))  # type: ignore[union-attr]  # a miss fails the test too
        assert journal.bytes == JournalReader(tmp_path).bytes


def test_history_stays_until_room_is_wanted_and_then_goes_oldest_first(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for batch in range(60):
            journal.append_many(entries(10, start=batch * 10))
            journal.acknowledge(journal.sync())
            assert journal.bytes <= BOUND
        reader = JournalReader(tmp_path)
        assert reader.first_sequence > 1
        assert reader.bytes > BOUND - 2 * SEGMENT
        assert payload_numbers(journal.read_from(1)) == list(range(reader.first_sequence - 1, 600))


def test_a_full_journal_refuses_the_whole_batch_and_overwrites_nothing(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        with pytest.raises(JournalFullError, match="not published yet; bring the broker back or raise journal_bytes"):
            fill(journal, 1_000)
        last = journal.last_sequence
        assert payload_numbers(journal.read_from(1)) == list(range(last))
        journal.acknowledge(last)
        assert journal.append_many(entries(10)) == last + 1


def test_the_watermark_survives_restarts_and_a_torn_write(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        fill(journal, 1)
        journal.acknowledge(4)
        journal.acknowledge(9)
        journal.acknowledge(2)
        assert journal.acknowledged == 9
    file = tmp_path / "acknowledged"
    newest = bytearray(file.read_bytes())
    newest[12] ^= 0xFF  # the slot of the newest value
    file.write_bytes(newest)
    with open_journal(tmp_path) as journal:
        assert journal.acknowledged == 4


def test_what_was_never_written_cannot_be_acknowledged(journal: Journal) -> None:
    with pytest.raises(JournalError, match="sequence 1 acknowledged, but the last written is 0"):
        journal.acknowledge(1)


def test_a_published_sequence_is_not_given_out_again_when_the_newest_segment_is_damaged(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        fill(journal, 2, each=5)
        journal.acknowledge(10)
    [segment] = JournalReader(tmp_path).segments
    os.truncate(segment.path, segment.path.stat().st_size // 2)
    with open_journal(tmp_path) as journal:
        assert journal.append_many(entries(1)) == 11
        journal.sync()
        assert [found.sequence for found in journal.read_from(11)] == [11]


def test_damage_in_a_sealed_segment_is_named_with_where_to_go_on(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        fill(journal, 10)
        first, second, *_ = JournalReader(tmp_path).segments
        data = bytearray(first.path.read_bytes())
        data[len(data) // 2] ^= 1
        first.path.write_bytes(data)
        reading = JournalReader(tmp_path).read_from(1)
        with pytest.raises(JournalCorruptError) as caught:
            list(reading)
        assert caught.value.next_sequence == second.first_sequence
        assert 1 < caught.value.lost_from < second.first_sequence
        assert next(journal.read_from(second.first_sequence)).sequence == second.first_sequence


def test_two_processes_never_append_to_one_journal(tmp_path: Path) -> None:
    with open_journal(tmp_path), pytest.raises(JournalLockedError, match="in use by another collector"), open_journal(tmp_path):
        pass
    with open_journal(tmp_path) as journal:
        assert journal.append_many(entries(1)) == 1


def test_a_file_of_another_format_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / f"{1:020d}.segment").write_bytes(b"GIF89a not a journal")
    with pytest.raises(JournalError, match="no journal segment of this version"), open_journal(tmp_path):
        pass


def test_a_reader_follows_while_another_appends(journal: Journal, tmp_path: Path) -> None:
    reader = JournalReader(tmp_path)
    assert reader.last_sequence == 0
    for batch in range(25):
        journal.append_many(entries(10, start=batch * 10))
        assert reader.last_sequence == (batch + 1) * 10
        found = reader.get(batch * 10 + 5)
        assert found is not None
        assert found.payload.startswith(b"%06d" % (batch * 10 + 4))


def test_a_reader_of_nothing_finds_nothing(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path / "absent")
    assert (reader.last_sequence, reader.first_sequence, reader.bytes, list(reader.read_from(1)), reader.get(1)) == (0, 1, 0, [], None)


def test_a_failed_sync_is_fatal_and_never_tried_again(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed fdatasync the kernel may have thrown the pages away: a second success would be a lie."""
    calls: list[int] = []

    def fail(file: int) -> None:
        calls.append(file)
        raise OSError(errno.EIO, "Input/output error")

    journal.append_many(entries(1))
    monkeypatch.setattr(writer, "_sync_file", fail)
    for _ in range(2):
        with pytest.raises(JournalFailedError):
            journal.sync()
    with pytest.raises(JournalFailedError):
        journal.append_many(entries(1))
    assert len(calls) == 1


class ShortDisk:
    """A disk that takes ``room`` bytes more, as ``os.write`` would show it: a short write first, then the error."""

    def __init__(self, room: int, monkeypatch: pytest.MonkeyPatch, error: int = errno.ENOSPC) -> None:
        self.room = room
        self._write = os.write
        self._error = error
        monkeypatch.setattr(os, "write", self)

    def __call__(self, file: int, data: bytes) -> int:
        taken = min(self.room, len(data))
        if not taken:
            raise OSError(self._error, os.strerror(self._error))
        self.room -= taken
        return self._write(file, data[:taken])


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_refuses_without_half_a_batch_and_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    with open_journal(tmp_path) as journal:
        fill(journal, 1)
        disk = ShortDisk(777, monkeypatch, error)
        with pytest.raises(JournalFullError, match="make room on the disk"):
            journal.append_many(entries(10, start=500))
        disk.room = 1_000_000
        assert journal.append_many(entries(5, start=10)) == 11
        journal.sync()
    with open_journal(tmp_path) as journal:
        assert journal.recovery.torn_bytes == 0
        assert payload_numbers(journal.read_from(1)) == list(range(15))


def test_a_disk_full_at_the_beginning_of_a_segment_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_journal(tmp_path) as journal:
        disk = ShortDisk(1_000_000, monkeypatch)
        while journal._size + 1_360 <= SEGMENT:
            fill(journal, 1)
        disk.room = 0
        for _ in range(2):
            with pytest.raises(JournalFullError, match="cannot begin a segment"):
                journal.append_many(entries(10))
        assert len(JournalReader(tmp_path).segments) == 1
        disk.room = 1_000_000
        before = journal.last_sequence
        assert journal.append_many(entries(1)) == before + 1
        journal.sync()
        assert [found.sequence for found in journal.read_from(1)] == list(range(1, before + 2))


def test_another_write_error_ends_the_process(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    ShortDisk(0, monkeypatch, errno.EIO)
    with pytest.raises(JournalFailedError, match="check the disk"):
        journal.append_many(entries(1))


def test_opening_gives_back_what_it_took_when_it_fails(tmp_path: Path) -> None:
    """A refused journal holds no lock: the next one may try once the cause is gone."""
    bad = tmp_path / f"{1:020d}.segment"
    bad.write_bytes(b"another format")
    with ExitStack() as stack, pytest.raises(JournalError):
        stack.enter_context(open_journal(tmp_path))
    bad.unlink()
    with open_journal(tmp_path) as journal:
        assert journal.last_sequence == 0
