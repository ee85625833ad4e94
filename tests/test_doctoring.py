"""The sums that say that nothing is lost: each stage that can lose makes exactly its own sum break, and what is under way is no loss."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.doctoring import Counted, Finding, Journaled, Kept, Look, Verdict, first_broken, once_each, sums, watch

GOOD = Look(
    kept=Kept(95),
    journal=Journaled(journaled=97, published=95, quarantined=2, waiting=0),
    counted=Counted(received=100, journaled=97, refused={"not-allowed": 3}),
)
assert GOOD.kept
assert GOOD.journal
assert GOOD.counted
SENT, RECEIVED, JOURNALED, STORED = (finding.name for finding in sums(GOOD, GOOD))


def broken(first: Look, last: Look) -> list[str]:
    return [finding.name for finding in sums(first, last) if finding.verdict is Verdict.BROKEN]


def test_sums_that_hold() -> None:
    """A quiet pipeline: every sum holds exactly, and shows its terms."""
    found = sums(GOOD, GOOD)
    assert all(finding.verdict is Verdict.HOLDS for finding in found)
    assert [finding.detail for finding in found] == [
        "0 dropped by the kernel, 100 received",
        "100 = 97 + 3 (3 not-allowed)",
        "97 = 95 + 0 + 2 + 0",
        "95 published, 95 stored",
    ]


LOSSES = {
    "the kernel dropped": (replace(GOOD, counted=replace(GOOD.counted, dropped=7)), SENT),
    "the receiver lost between socket and journal": (replace(GOOD, counted=replace(GOOD.counted, journaled=96)), RECEIVED),
    "the receiver journaled what it never received": (replace(GOOD, counted=replace(GOOD.counted, journaled=98)), RECEIVED),
    "the journal's numbers disagree": (replace(GOOD, journal=replace(GOOD.journal, quarantined=1)), JOURNALED),
    "nothing is published": (replace(GOOD, journal=Journaled(journaled=99, published=95, quarantined=2, waiting=2)), JOURNALED),
    "the sink lost rows": (replace(GOOD, kept=Kept(94)), STORED),
    "the store has rows of another journal": (replace(GOOD, kept=Kept(96)), STORED),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_breaks_its_own_sum(loss: str) -> None:
    """And no other, and the remedy is said."""
    look, name = LOSSES[loss]
    found = sums(look, look)
    assert [finding.name for finding in found if finding.verdict is Verdict.BROKEN] == [name]
    first = first_broken(found)
    assert first is not None
    assert first.name == name
    assert first.remedy


def test_the_first_broken_sum_is_the_earliest_stage() -> None:
    """A loss at the socket is told before what follows from it."""
    look = replace(GOOD, counted=replace(GOOD.counted, dropped=1), kept=Kept(0))
    first = first_broken(sums(look, look))
    assert first is not None
    assert first.name == SENT


@given(
    arrived=st.integers(0, 1_000),
    decided=st.integers(0, 1_000),
    published=st.integers(0, 1_000),
    stored=st.integers(0, 1_000),
    more=st.integers(0, 50),
)
def test_what_is_under_way_is_no_loss(arrived: int, decided: int, published: int, stored: int, more: int) -> None:
    """At any load: each stage is behind the one before at each look, and what the first look saw has arrived by the second."""
    levels = sorted((arrived, decided, published, stored), reverse=True)

    def look(received: int, journaled: int, out: int, kept: int) -> Look:
        return Look(Kept(kept), Journaled(journaled, out, 0, journaled - out), Counted(received, journaled))

    first = look(*levels)
    top = levels[0]
    last = look(top + 3 * more + 1, top + 2 * more + 1, top + more + 1, max(levels[2], stored) + more)
    assert broken(first, last) == []


def test_a_collector_that_started_again_is_no_loss() -> None:
    """Its counters begin anew; the journal's do not."""
    assert broken(GOOD, replace(GOOD, counted=Counted(received=4, journaled=4))) == []


def test_rows_past_their_time_count() -> None:
    """The store forgets notifications after their time; they were there."""
    assert broken(GOOD, replace(GOOD, kept=Kept(stored=15, expired=80))) == []


@pytest.mark.parametrize(
    ("look", "unknown"),
    [
        (replace(GOOD, counted=None), [SENT, RECEIVED]),
        (replace(GOOD, journal=None), [JOURNALED, STORED]),
        (replace(GOOD, kept=None), [STORED]),
        (replace(GOOD, counted=replace(GOOD.counted, drops_known=False)), [SENT]),
        (Look(), [SENT, RECEIVED, JOURNALED, STORED]),
    ],
)
def test_what_cannot_be_seen_is_unknown(look: Look, unknown: list[str]) -> None:
    """Neither fine nor lost."""
    assert [finding.name for finding in sums(look, look) if finding.verdict is Verdict.UNKNOWN] == unknown
    assert broken(look, look) == []


def looks(*seen: Look) -> Callable[[], Look]:
    found: Iterator[Look] = iter(seen)
    return lambda: next(found)


def test_a_sum_gets_time_to_come_right() -> None:
    """Rows that are on their way arrive at a later look."""
    late = [replace(GOOD, kept=Kept(count)) for count in (90, 90, 93, 95)]
    found = watch(looks(*late), lambda: True)
    assert all(finding.verdict is Verdict.HOLDS for finding in found)


def test_a_sum_that_stays_broken_is_told_in_the_end() -> None:
    """Patience has an end."""
    patience = iter([True, True, False])
    late = [replace(GOOD, kept=Kept(90))] * 4
    assert first_broken(watch(looks(*late), lambda: next(patience)))


def test_a_quiet_pipeline_is_looked_at_twice_only() -> None:
    """No waiting when all holds."""
    assert len(watch(looks(GOOD, GOOD), pytest.fail)) == 4


def test_once_each() -> None:
    """Two tickets for one incident, two credits of one decision, a changed ledger: each is told with its name."""
    tickets, decision = [("in-1", "tmf621"), ("in-2", "tmf621")], ("acme", "vpn-1", "availability", "2026-11", "1")
    assert [each.verdict for each in once_each(tickets, [decision], "")] == [Verdict.HOLDS] * 3
    found = once_each([*tickets, ("in-1", "tmf621")], [decision, decision], "entry 7 (f491): the amount was changed")
    assert [each.verdict for each in found] == [Verdict.BROKEN] * 3
    assert "twice for in-1 tmf621" in found[0].detail
    assert "acme vpn-1 availability 2026-11 1" in found[1].detail
    assert "entry 7" in found[2].detail


def test_nothing_broken_has_no_first() -> None:
    """Unknown is not broken."""
    assert first_broken([Finding("a", Verdict.HOLDS, ""), Finding("b", Verdict.UNKNOWN, "")]) is None
