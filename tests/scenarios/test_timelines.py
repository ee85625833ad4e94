"""Every timeline of this folder holds; so does the same timeline replayed in one batch, and with the state taken through its rows."""

from pathlib import Path

import pytest

from pipeline.core.chain import advance
from pipeline.core.domain import ROW_TYPES, DomainState, Row
from pipeline.core.impact import felt_by, is_down
from pipeline.core.review import members
from pipeline.wire import pack, unpacker
from tests.support.timeline import World, play, read, windows_of

TIMELINES = sorted(Path(__file__).parent.glob("*.yaml"))
READERS = {prefix: unpacker(row_type) for prefix, row_type in ROW_TYPES.items()}


@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_timeline(path: Path) -> None:
    """The story holds."""
    play(path)


@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_state_goes_through_its_rows(path: Path) -> None:
    """A worker that dies after any batch and is rebuilt from the rows it stored goes on as if nothing had been."""
    played = play(path)
    straight = World.of(windows_of(read(path)))
    rebuilt = World.of(windows_of(read(path)))
    stored: dict[str, bytes] = {}
    for item in played.fed:
        straight.state, wanted = advance(straight.context, straight.state, [item])
        state = DomainState.from_rows(rebuilt.context, ((key, _read(key, row)) for key, row in stored.items()))
        _, found = advance(rebuilt.context, state, [item])
        assert found.incidents == wanted.incidents
        assert found.outages == wanted.outages
        assert found.alarm_changes == wanted.alarm_changes
        assert found.counts == wanted.counts
        for key, row in found.rows:
            if row is None:
                stored.pop(key, None)
            else:
                stored[key] = pack(row)


@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_impact_is_kept_as_if_everything_had_failed_anew(path: Path) -> None:
    """After each step, what services feel of each open incident is what letting all their causes fail one after the other gives."""
    world = World.of(windows_of(read(path)))
    for item in play(path).fed:
        world.state, output = advance(world.context, world.state, [item])
        if output.incidents:
            state = world.state
            state.felt_anew()
            rows = sorted((state.incidents[name] for name in state.open), key=lambda row: (row.started_at, row.id))
            causes = [(row.id, row.hypothesis.root, is_down(members(state, row))) for row in rows if not row.hypothesis.is_grouping]
            assert {incident: state.impacts.losses(incident) for incident, _, _ in causes} == felt_by(world.context.topology, causes)


def _read(key: str, row: bytes) -> Row:
    return READERS[key.partition("|")[0]](row)
