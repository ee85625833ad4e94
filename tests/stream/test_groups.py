"""A group's rows are enough to go on from, and a part writes little."""

from pipeline.core.kpi import KpiBatch
from pipeline.core.rollup import Part, Shares, parts_of
from pipeline.stream.groups import ROW_TYPES, GroupHandler
from pipeline.stream.rows import Rows
from pipeline.wire import Topic
from tests.core.test_rollup import GROUPS, polled
from tests.stream.conftest import PARTITIONS, Desk, Known
from tests.support.polls import cells
from tests.support.turns import sent_in


def parts(source: Known, device: str, seconds: float, value: float) -> list[Part]:
    """What a poll brings to its site."""
    found = parts_of([polled(device, seconds, (value, value))], source.current().measuring.rollups, Shares(GROUPS), "default")
    return [part for part in found if part.group == "site/ams"]


async def test_a_site_has_its_kpis_each_minute_whoever_takes_the_partition_over(source: Known, desk: Desk) -> None:
    """A handler that begins anew in the middle says what one that went on says."""

    async def run(anew: bool) -> list[KpiBatch]:
        place = Desk()
        handler = GroupHandler(source, Rows(ROW_TYPES), PARTITIONS)
        said: list[KpiBatch] = []
        for number in range(8):
            if anew:
                handler = GroupHandler(source, Rows(ROW_TYPES), PARTITIONS)
            turn = await place.give(handler.handle, 1, [*parts(source, "pe1", 30 * number, 1), *parts(source, "pe2", 30 * number + 5, 2)])
            said += [batch for batch in sent_in(turn, Topic.KPIS) if isinstance(batch, KpiBatch)]
        return said

    told = await run(anew=False)
    assert [cells(batch, "site_in_bps")[0][0] for batch in told] == [6.0, 6.0, 6.0]
    assert await run(anew=True) == told


async def test_a_part_writes_its_own_row_alone(source: Known, desk: Desk) -> None:
    """However many devices a site has; and a part that came before writes nothing."""
    handler = GroupHandler(source, Rows(ROW_TYPES), PARTITIONS)
    await desk.give(handler.handle, 1, [part for number in range(50) for part in parts(source, f"pe{number}", 1, 1)])
    turn = await desk.give(handler.handle, 1, parts(source, "pe1", 2, 1))
    assert len(turn.rows) == 1
    again = await desk.give(handler.handle, 1, parts(source, "pe1", 2, 1))
    assert again.rows == {}
