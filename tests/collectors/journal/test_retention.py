"""A bound on age: what was published leaves the journal when its days are over, what was not stays, and no step of the clock loses any."""

import time
from pathlib import Path

import pytest

from collectors.journal import Journal, JournalReader
from collectors.journal.writer import SEGMENTS_BY_AGE

HOUR = 3_600 * 10**9
DAY = 24 * HOUR
NOW = time.time_ns()
"""Files bear the time at which they were written; the records of these tests are from then on."""


def kept_for(folder: Path, days: float) -> Journal:
    return Journal(folder, segment_bytes=100_000, journal_bytes=1_000_000, keep_days=days)


def take(journal: Journal, *hours: float, publish: bool = True) -> None:
    """One datagram at each of these hours."""
    for hour in hours:
        journal.append_many([(NOW + int(hour * HOUR), "192.0.2.1", b"x" * 50)])
        journal.sync()
        if publish:
            journal.acknowledge(journal.last_sequence)


def sequences(folder: Path) -> list[int]:
    return [found.sequence for found in JournalReader(folder).read_from(JournalReader(folder).first_sequence)]


def test_what_was_published_goes_with_its_segment_when_its_time_is_over(tmp_path: Path) -> None:
    """Though there is room; the bytes are counted off, and what is younger stays."""
    with kept_for(tmp_path, 1) as journal:
        take(journal, 0, 1, 5, 6)
        assert len(JournalReader(tmp_path).segments) == 2  # an eighth of a day fills a segment
        assert sequences(tmp_path) == [1, 2, 3, 4]
        take(journal, 30)
        assert sequences(tmp_path) == [5]
        assert journal.bytes == JournalReader(tmp_path).bytes


def test_what_waits_stays_however_old_it_is_and_goes_once_it_is_published(tmp_path: Path) -> None:
    with kept_for(tmp_path, 1) as journal:
        take(journal, 0, 24, 24 * 9, publish=False)
        assert sequences(tmp_path) == [1, 2, 3]
        journal.acknowledge(1)
        take(journal, 24 * 9 + 1, publish=False)
        assert sequences(tmp_path) == [2, 3, 4]


def test_without_a_bound_on_age_only_room_counts(tmp_path: Path) -> None:
    with kept_for(tmp_path, 0) as journal:
        take(journal, 0, 24 * 400)
        assert sequences(tmp_path) == [1, 2]
        assert len(JournalReader(tmp_path).segments) == 1


@pytest.mark.parametrize("step", [-1, -24 * 300])
def test_a_clock_that_is_set_back_takes_nothing_early(tmp_path: Path, step: int) -> None:
    """What came before the step is younger than it looks, not older."""
    with kept_for(tmp_path, 1) as journal:
        take(journal, 0, 4, 4 + step, 5 + step, 8)
        assert sequences(tmp_path) == [1, 2, 3, 4, 5]


def test_an_open_segment_is_sealed_by_the_age_that_it_had_before_a_restart(tmp_path: Path) -> None:
    """A collector that starts every hour would else never seal one, and keep everything."""
    hours = 24 / SEGMENTS_BY_AGE
    for hour in (0, hours / 2, hours + 0.1):
        with kept_for(tmp_path, 1) as journal:
            take(journal, hour)
    assert [segment.first_sequence for segment in JournalReader(tmp_path).segments] == [1, 3]
    with kept_for(tmp_path, 1) as journal:
        take(journal, 30)
    assert 1 not in sequences(tmp_path)


def test_a_segment_that_somebody_took_away_is_no_error(tmp_path: Path) -> None:
    with kept_for(tmp_path, 1) as journal:
        take(journal, 0, 4)
        JournalReader(tmp_path).segments[0].path.unlink()
        take(journal, 30)
        assert sequences(tmp_path) == [3]
        assert journal.bytes == JournalReader(tmp_path).bytes
