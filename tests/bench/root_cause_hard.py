"""Root cause in adversity: 30 % of alarms lost, 10 % of the topology's edges missing or wrong, and both without any poll."""

from collections.abc import Iterable, Sequence

from tests.bench.bar import Bar
from tests.bench.root_cause import LOST, STALE, arguments_of, bar_of, tables

GOALS = {LOST.name: ("root-cause-lost", 0.88), STALE.name: ("root-cause-stale", 0.85)}


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """A bar for each of the two, and beside each the same without polls."""
    options = arguments_of("root-cause-hard", arguments)
    for row in (LOST, STALE):
        name, goal = GOALS[row.name]
        for table in tables(row, options):
            yield bar_of(name if table.with_polls else f"{name}-no-polls", table, goal if table.with_polls else None)
