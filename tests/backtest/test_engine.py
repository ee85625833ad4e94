"""A replay leaves out the ticks that change nothing, and is the same as if it had not."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.backtest.dated import Dated
from pipeline.backtest.engine import WHERE, Engine
from pipeline.core.idle import TICK_NS
from pipeline.wire import Topic
from tests.support.backtest import CORRELATION, came, dated
from tests.support.timeline import SECOND, START, play, read, windows_of

TIMELINES = sorted((Path(__file__).parents[1] / "scenarios").glob("*.yaml"))
AFTER = range(3_550 * SECOND, 3_700 * SECOND, 3_250 * SECOND // 1000)
"""Looks at the state around the time at which what is cleared and resolved is forgotten."""


def run(
    stretches: list[tuple[int, list[Any]]], windows: Any, *, is_frugal: bool, ends: dict[str, int] | None = None
) -> tuple[Engine, list[tuple[int, Topic, Any]], list[Any]]:
    """The engine at the end, all that it made with the tick by which it did, and its rows after each stretch."""
    engine = Engine(dated(windows, ends), CORRELATION, START, is_frugal=is_frugal)
    made, rows = [], []
    for until, inputs in [*stretches, *((stretches[-1][0] + after, []) for after in AFTER)]:
        brought = engine.advance(inputs, until)
        made += [(until, topic, value) for topic, values in sorted(brought.by_topic.items()) for value in values]
        rows.append({name: dict(state.rows()) for name, state in engine._domain._states[WHERE].items()})
    return engine, made, rows


@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_leaving_ticks_out_is_as_ticking_through(path: Path) -> None:
    """Every message and every row of state is the same, long after the story as well."""
    stretches, windows = came(play(path)), windows_of(read(path))
    through, all_made, all_rows = run(stretches, windows, is_frugal=False)
    frugal, made, rows = run(stretches, windows, is_frugal=True)
    assert made == all_made
    assert rows == all_rows
    assert through.ticks >= AFTER[-1] // (SECOND // 4)
    assert frugal.ticks < through.ticks / 4


def test_a_link_that_ends_while_nothing_happens_is_gone_at_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tick after its end is none of those left out, and incidents name the topology that they were judged by."""
    path = next(path for path in TIMELINES if path.stem == "fibre-cut")
    stretches = came(play(path))
    ends_at = stretches[0][0] + 100_100 * SECOND // 1000
    ends = dict.fromkeys(dated().whole.links, ends_at)
    told: list[int] = []
    _, all_made, all_rows = run(stretches, (), is_frugal=False, ends=ends)
    with monkeypatch.context() as patch:
        patch.setattr(Dated, "move", lambda self, at, move=Dated.move: (told.append(at), move(self, at)))
        _, made, rows = run(stretches, (), is_frugal=True, ends=ends)
    assert (made, rows) == (all_made, all_rows)
    assert min(at for at in told if at >= ends_at) - ends_at < TICK_NS
    versions = {value.topology_version for _, topic, value in made if topic is Topic.INCIDENTS}
    assert {"@" in version for version in versions} == {True, False}
