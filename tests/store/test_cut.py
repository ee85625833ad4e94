"""Cuts: where a partition is begun, which messages go together, and that no history of stops, rewinds and restarts loses or doubles one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.store.cut import Converted, Cut, Cutter, EmptiedError, Partition, Start, start_of

P = Partition("events", 0)


def cut(first: int, last: int, *, done: bool = True, epoch: int = 0) -> Cut:
    return Cut(P, epoch, first, last, 1_000 + first, done)


def message(offset: int, rows: int = 1) -> Converted:
    columns = {"event": {"id": [f"{offset}.{number}" for number in range(rows)]}} if rows else {}
    return Converted(offset, 1_000 + offset, columns, rows)


@pytest.mark.parametrize(
    ("last", "begin", "end", "position", "epoch", "word"),
    [
        (None, 0, 100, 0, 0, ""),
        (None, 7, 100, 7, 0, ""),
        (cut(10, 19), 0, 100, 10, 0, ""),
        (cut(10, 19, done=False), 0, 100, 10, 0, ""),
        (cut(10, 19), 0, 20, 10, 0, ""),
        (cut(10, 19), 15, 100, 20, 0, ""),
        (cut(10, 19, done=False), 15, 100, 20, 0, "unfinished cut"),
        (cut(10, 19), 30, 100, 30, 0, "dropped 10 messages"),
        (cut(10, 19), 0, 19, 0, 1, "emptied"),
        (cut(10, 19, epoch=3), 0, 0, 0, 4, "emptied"),
    ],
)
def test_where_a_partition_is_begun(last: Cut | None, begin: int, end: int, position: int, epoch: int, word: str) -> None:
    """At the last cut, to see that it is still there; else at the first message that can be had; with a word when that is a loss."""
    start = start_of(last, begin, end)
    assert (start.position, start.epoch, start.last) == (position, epoch, last)
    assert word in start.note
    assert bool(start.note) == bool(word)


def test_a_cut_takes_whole_messages_up_to_its_limit() -> None:
    """A message is never torn, and one that is larger than the limit is a cut by itself."""
    cutter = Cutter(P, Start(0, 0))
    for offset, rows in enumerate((3, 3, 3, 20, 1)):
        cutter.add(message(offset, rows))
    bounds = []
    while taken := cutter.take(7):
        bounds.append((taken[0].first_offset, taken[0].last_offset, len(taken[1]["event"]["id"])))
    assert bounds == [(0, 1, 6), (2, 2, 3), (3, 3, 20), (4, 4, 1)]
    assert cutter.rows == 0


def test_an_unfinished_cut_is_written_again_only_when_all_of_it_is_there() -> None:
    """The same boundaries need every message; then what follows is cut anew."""
    cutter = Cutter(P, Start(10, 0, last=cut(10, 12, done=False), known=cut(10, 12, done=False)))
    taken = []
    for offset in range(10, 15):
        assert cutter.wants(offset, 1_000 + offset)
        cutter.add(message(offset))
        taken.append(cutter.take(100))
    bounds = [(each[0].first_offset, each[0].last_offset) if each else None for each in taken]
    assert bounds == [None, None, (10, 12), (13, 13), (14, 14)]


def test_a_finished_cut_is_skipped_and_another_log_is_noticed() -> None:
    """The first message shows by its timestamp whether the broker still has the same log."""
    same = Cutter(P, Start(10, 0, last=cut(10, 12), known=cut(10, 12)))
    assert [same.wants(offset, 1_000 + offset) for offset in range(10, 15)] == [False, False, False, True, True]
    assert not same.wants(13, 1_013)
    other = Cutter(P, Start(10, 0, last=cut(10, 12), known=cut(10, 12)))
    with pytest.raises(EmptiedError):
        other.wants(10, 5_000)


def test_messages_without_rows_wait_for_company() -> None:
    """Ticks alone make no cut, until there are very many."""
    cutter = Cutter(P, Start(0, 0))
    for offset in range(999):
        cutter.add(message(offset, 0))
    assert cutter.take(10) is None
    cutter.add(message(999))
    taken = cutter.take(10)
    assert taken is not None
    assert (taken[0].first_offset, taken[0].last_offset) == (0, 999)


@given(st.integers(0, 5), st.integers(0, 2**40), st.booleans())
def test_the_order_of_cuts_is_epoch_then_offset_then_done(epoch: int, last: int, done: bool) -> None:
    """The engine keeps the highest version of a partition: it must be the latest."""
    this = cut(0, last, done=done, epoch=epoch)
    assert cut(0, last + 1, done=False, epoch=epoch).version > this.version
    assert cut(0, 0, done=False, epoch=epoch + 1).version > this.version
    assert this.done().version >= this.version
    assert cut(0, last, epoch=epoch).token("a") != cut(0, last + 1, epoch=epoch).token("a") != cut(0, last + 1, epoch=epoch).token("b")


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(1, 10), st.integers(1, 12), st.sampled_from(["done", "torn", "lost"])), min_size=1, max_size=8),
)
def test_any_history_of_restarts_stores_every_row_once(sizes: list[int], runs: list[tuple[int, int, str]]) -> None:
    """Runs that read some messages and end before, amid or after a write: by tokens the store has each row of each message exactly once."""
    stored: dict[str, list[str]] = {}
    last: Cut | None = None
    for reads, limit, ending in [*runs, (len(sizes), 1_000, "done")]:
        cutter = Cutter(P, start_of(last, 0, len(sizes)))
        for offset in range(cutter.start.position, min(len(sizes), cutter.start.position + reads + 20)):
            if cutter.wants(offset, 1_000 + offset):
                cutter.add(message(offset, sizes[offset]))
        while taken := cutter.take(limit):
            made, rows = taken
            if ending == "lost":
                break
            last = made
            stored.setdefault(made.token("event"), rows["event"]["id"])
            assert stored[made.token("event")] == rows["event"]["id"], "the same token must mean the same rows"
            if ending == "torn":
                break
            last = made.done()
    kept = [row for rows in stored.values() for row in rows]
    assert sorted(kept) == sorted(f"{offset}.{number}" for offset, size in enumerate(sizes) for number in range(size))
