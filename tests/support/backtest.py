"""The timelines' network for a replay: what it knows, and what came in each quarter of a second of a timeline."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.config.settings import CorrelationSettings
from pipeline.core.directory import Directory
from pipeline.core.event import Tick
from pipeline.core.idle import TICK_NS
from pipeline.core.inventory import MaintenanceWindow
from pipeline.core.knowledge import Knowledge
from pipeline.core.mib import MibIndex
from pipeline.core.topology import Topology
from tests.support.polls import MEASURING
from tests.support.timeline import PLAN, ROUTING, START, World, network, rule_book

CORRELATION = CorrelationSettings()


def knowledge(windows: Sequence[MaintenanceWindow] = ()) -> Knowledge:
    """What a worker of the timelines' network would know."""
    inventory = replace(network(), windows=tuple(windows))
    return Knowledge(
        inventory=inventory,
        directory=Directory.of(inventory),
        topology=Topology.of(inventory),
        rules=rule_book(),
        mibs=MibIndex(),
        plans={PLAN.name: PLAN},
        thresholds=(),
        routing=ROUTING,
        measuring=MEASURING,
    )


def came(world: World) -> list[tuple[int, list[Any]]]:
    """What a timeline fed to its chain, ticks aside, gathered by the tick that follows it."""
    at, gathered = START, dict[int, list[Any]]()
    for item in world.fed:
        if isinstance(item, Tick):
            at = item.at
        else:
            gathered.setdefault(-(-at // TICK_NS) * TICK_NS, []).append(item)
    return list(gathered.items())
