"""Our own engine: one engineID for good, one more boot for each start, and the boots of a record's own time."""

import json
from pathlib import Path

import pytest

from collectors.trap.usm.engine import KEPT_STARTS, Engine, EngineError
from collectors.trap.usm.privacy import Moment

S = 1_000_000_000


def test_boots_rise_by_one_and_are_on_disk_before_they_count(tmp_path: Path) -> None:
    ids = set()
    for boots in (1, 2, 3):
        engine = Engine(tmp_path)
        engine.start(first_sequence=boots * 100, now=boots * 1_000 * S)
        ids.add(engine.engine_id)
        assert engine.boots == boots
        assert json.loads((tmp_path / "engine.json").read_text())["starts"][-1][0] == boots
    [engine_id] = ids
    assert 5 <= len(engine_id) <= 32
    assert engine_id[0] & 0x80  # RFC 3411: made in one of the standard's ways


def test_two_collectors_have_two_engines(tmp_path: Path) -> None:
    one, two = Engine(tmp_path / "1"), Engine(tmp_path / "2")
    one.start(1, 0)
    two.start(1, 0)
    assert one.engine_id != two.engine_id


def test_a_record_is_judged_by_the_engine_of_its_time(tmp_path: Path) -> None:
    """Also when it is read again two starts later, and whatever the clock did."""
    for first, now in ((1, 1_000), (50, 2_000), (70, 500)):
        engine = Engine(tmp_path)
        engine.start(first, now * S)
    assert engine.at(49, 1_900 * S) == Moment(1, 900)
    assert engine.at(50, 2_001 * S) == Moment(2, 1)
    assert engine.at(69, 1_999 * S) == Moment(2, 0)
    assert engine.at(70, 501 * S) == Moment(3, 1)


def test_the_history_of_starts_is_bounded(tmp_path: Path) -> None:
    for place in range(1, 4):
        Engine(tmp_path).start(place, place)
    kept = json.loads((tmp_path / "engine.json").read_text())
    kept["starts"] *= 600
    (tmp_path / "engine.json").write_text(json.dumps(kept))
    Engine(tmp_path).start(4, 4)
    assert len(json.loads((tmp_path / "engine.json").read_text())["starts"]) == KEPT_STARTS


@pytest.mark.parametrize("text", ["", "{}", '{"engine_id": "zz", "starts": []}', '{"engine_id": "80", "starts": [1]}'])
def test_a_damaged_file_is_told_with_the_remedy(tmp_path: Path, text: str) -> None:
    """A new engineID in silence would leave every sender of INFORMs talking to an engine that is gone."""
    (tmp_path / "engine.json").write_text(text)
    with pytest.raises(EngineError, match=r"engine.json is damaged: .*; put it back, or remove it"):
        Engine(tmp_path).start(1, 1)


def test_the_end_of_boots_is_told(tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text('{"engine_id": "8000000001", "starts": [[2147483646, 1, 1]]}')
    with pytest.raises(EngineError, match="engineBoots has come to its end"):
        Engine(tmp_path).start(2, 2)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineError, match=r"cannot be .*; "):
        Engine(tmp_path / "file").start(1, 1)
