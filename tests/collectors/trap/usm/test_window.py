"""The time window judges as RFC 3414 says, and judges a record that is read again as it did the first time."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.trap.usm.privacy import Moment
from collectors.trap.usm.window import Seen, Windows, judge

S = 1_000_000_000
KNOWN = Seen(boots=5, time=1_000, at=100 * S)


@pytest.mark.parametrize(
    ("boots", "time", "after_s", "good", "then"),
    [
        (5, 1_000, 0, True, KNOWN),
        (5, 1_001, 1, True, Seen(5, 1_001, 101 * S)),
        (5, 999, 0, True, KNOWN),
        (5, 850, 0, True, KNOWN),
        (5, 849, 0, False, KNOWN),
        (5, 1_000, 150, True, KNOWN),
        (5, 1_000, 151, False, KNOWN),
        (5, 1_001, 10_000, True, Seen(5, 1_001, 10_100 * S)),
        (5, 9_999, 1, True, Seen(5, 9_999, 101 * S)),
        (4, 1_100, 100, False, KNOWN),
        (6, 0, 100, True, Seen(6, 0, 200 * S)),
        (2_147_483_647, 1_100, 100, False, KNOWN),
        (5, 1_000, -3_600, True, KNOWN),
    ],
    ids=[
        *("the same again", "a second later", "overtaken by a second", "150 s old", "151 s old", "a time that stands still, not long"),
        *(
            "a time that stands still",
            "slow, but going on",
            "far ahead",
            "boots fell back",
            "rebooted",
            "the end of boots",
            "our clock back",
        ),
    ],
)
def test_the_window(boots: int, time: int, after_s: int, good: bool, then: Seen) -> None:
    assert judge(KNOWN, Moment(boots, time), KNOWN.at + after_s * S) == (then, good)


def test_a_sender_that_was_never_seen_is_believed_once() -> None:
    assert judge(None, Moment(7, 3), 50 * S) == (Seen(7, 3, 50 * S), True)
    assert judge(None, Moment(2_147_483_647, 3), 50 * S) == (None, False)


said = st.lists(st.tuples(st.sampled_from([b"one", b"two"]), st.integers(0, 3), st.integers(0, 400), st.integers(0, 60)), max_size=30)


def verdicts(windows: Windows, messages: list[tuple[bytes, int, int, int]]) -> list[bool]:
    at, found = 0, []
    for engine, boots, time, later in messages:
        at += later * S
        found.append(windows.in_time(engine, Moment(boots, time), at))
    return found


@given(before=said, messages=said, cut=st.integers(0, 30))
def test_a_round_that_is_read_again_is_judged_as_the_first_time(before: list, messages: list, cut: int) -> None:  # type: ignore[type-arg]
    """However far the first reading came, and in however many rounds it was."""
    windows = Windows(Path("/nonexistent"))
    windows.save = lambda *_: None  # type: ignore[method-assign]  # nothing is kept here
    windows.begin(1)
    verdicts(windows, before)
    second = len(before) + 2
    windows.begin(second)
    first = verdicts(windows, messages)
    windows.begin(second)
    assert verdicts(windows, messages[:cut]) == first[:cut]
    windows.begin(second)
    assert verdicts(windows, messages) == first


def test_what_is_kept_is_as_of_the_last_round_that_is_done_with(tmp_path: Path) -> None:
    windows = Windows(tmp_path)
    windows.begin(1)
    windows.in_time(b"one", Moment(1, 10), S)
    windows.begin(11)
    windows.in_time(b"one", Moment(2, 10), 2 * S)
    windows.save()
    kept = Windows(tmp_path)
    kept.load()
    assert (kept.done_to, kept.seen(b"one")) == (10, Seen(1, 10, S))


def test_records_from_before_the_kept_state_are_judged_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As when somebody removed the journal's watermark: what comes again must not fall out of a window of its own future."""
    windows = Windows(tmp_path)
    windows.begin(1)
    windows.in_time(b"one", Moment(9, 10), S)
    windows.begin(100)
    windows.begin(1)
    assert windows.in_time(b"one", Moment(1, 10), S)
    assert "learned anew" in caplog.text


@pytest.mark.parametrize("damage", [b"", b"abc", b"\xff" * 40])
def test_a_damaged_file_is_told_and_costs_only_what_it_held(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "senders").write_bytes(damage)
    windows = Windows(tmp_path)
    windows.load()
    assert windows.done_to == 0
    assert "is damaged" in caplog.text


def test_a_disk_that_fails_is_told_and_judging_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    windows = Windows(tmp_path / "file")
    windows.begin(1)
    windows.in_time(b"one", Moment(1, 10), 100 * S)
    windows.begin(2)
    assert "cannot be written" in caplog.text
    assert not windows.in_time(b"one", Moment(0, 10), 100 * S)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("collectors.trap.usm.window.CAPACITY", 50)
    windows = Windows(tmp_path)
    for place in range(1, 200):
        windows.begin(place)
        windows.in_time(b"%d" % place, Moment(1, 1), place)
    windows.begin(1_000)
    assert len(windows._done) == 50
    assert windows.seen(b"199") is not None
