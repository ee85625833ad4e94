"""Roll-ups: a KPI over a site, a region or a service, from the KPIs of what belongs to it.

Two folds, so that each runs where its facts meet. Each device's KPIs are summed up for every group that it has a share in (a
:class:`Part`); where a group's parts meet, they become a KPI of the group for each minute. A part counts until its device's next one is
overdue, so that a silent device is missing, not remembered.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from pipeline.core.column import Floats
from pipeline.core.inventory import Inventory
from pipeline.core.kpi import KpiBatch, packed
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, resource_id
from pipeline.core.sample import Quality, Rows
from pipeline.core.topology import Topology

MINUTE_NS = 60_000_000_000
OVERDUE = 2.5
"""A part is overdue after so many times the time between its device's last two polls."""

SLOWEST_NS = 15 * MINUTE_NS


class By(StrEnum):
    """How the values of a group become one."""

    SUM = "sum"
    MEAN = "mean"
    HIGHEST = "highest"
    LOWEST = "lowest"


@dataclass(frozen=True, slots=True)
class RollupRule:
    """A KPI ``name`` of every site, region or service (``over``), from the values of ``kpi`` that belong to it.

    It is missing unless at least ``least`` of the values (a share) are good: a sum over the half that answered is no sum.
    """

    name: str
    kpi: str
    over: ResourceKind
    by: By
    description: str = ""
    least: float = 0.9


GROUPS = (ResourceKind.SITE, ResourceKind.REGION, ResourceKind.SERVICE)
"""What a roll-up may be over."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Who belongs where. ``of_device`` are a device's site and region; ``of_resource`` the services that depend on a device or interface.

    A service's interfaces are those of the links on its paths, and those that it names itself.
    """

    of_device: Mapping[str, tuple[ResourceId, ...]] = field(default_factory=dict)
    of_resource: Mapping[ResourceId, tuple[ResourceId, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, inventory: Inventory, topology: Topology) -> "Groups":
        """Work out who belongs where."""
        of_device = {device.name: tuple(_places(inventory, device.site)) for device in inventory.devices.values() if device.site}
        of_resource: dict[ResourceId, list[ResourceId]] = {}
        for service in inventory.services:
            group = resource_id(ResourceKind.SERVICE, service)
            node = topology.node(group)
            for ancestor in sorted(topology.upstream(node)) if node is not None else ():
                if topology.kinds[ancestor] in {ResourceKind.INTERFACE, ResourceKind.DEVICE}:
                    of_resource.setdefault(topology.names[ancestor], []).append(group)
        return cls(of_device, {resource: tuple(groups) for resource, groups in of_resource.items()})


def _places(inventory: Inventory, site: str) -> Iterable[ResourceId]:
    yield resource_id(ResourceKind.SITE, site)
    known = inventory.sites.get(site)
    if known is not None and known.region:
        yield resource_id(ResourceKind.REGION, known.region)


@dataclass(frozen=True, slots=True)
class Tally:
    """Values of one KPI summed up: how many there should be, how many are good, and of the good ones sum, least and greatest."""

    expected: int
    good: int
    total: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """A device's share in a group at one time (UTC nanoseconds), a tally for each KPI that is rolled up there.

    ``(collector, sequence)`` is the poll that it came from. ``domain`` is the device's correlation domain.
    """

    group: ResourceId
    device: str
    at: int
    collector: str
    sequence: int
    domain: str
    tallies: dict[str, Tally] = field(default_factory=dict)


@dataclass(slots=True)
class Shares:
    """Which rows of a device's batches belong to which groups: worked out once for each list of resources."""

    groups: Groups = field(default_factory=Groups)
    most: int = 100_000
    _known: dict[tuple[str, ResourceId], tuple[tuple[ResourceId, ...], tuple[tuple[ResourceId, Rows], ...]]] = field(default_factory=dict)

    def of(self, batch: KpiBatch) -> tuple[tuple[ResourceId, Rows], ...]:
        """The groups that a batch has rows for, each with them."""
        if not batch.resources:
            return ()
        key = (batch.device, batch.resources[0])
        known = self._known.get(key)
        if known is not None and known[0] == batch.resources:
            return known[1]
        if len(self._known) >= self.most:
            self._known.clear()
        shares = self._shares(batch)
        self._known[key] = (batch.resources, shares)
        return shares

    def _shares(self, batch: KpiBatch) -> tuple[tuple[ResourceId, Rows], ...]:
        rows: dict[ResourceId, list[int]] = {}
        everywhere = self.groups.of_device.get(batch.device, ())
        for row, resource in enumerate(batch.resources):
            for group in (*everywhere, *self.groups.of_resource.get(resource, ())):
                rows.setdefault(group, []).append(row)
        return tuple((group, np.array(places, np.intp)) for group, places in rows.items())


def parts_of(batches: Sequence[KpiBatch], rules: Sequence[RollupRule], shares: Shares, domain: str) -> tuple[Part, ...]:
    """What the batches of one poll bring to each group."""
    wanted: dict[ResourceKind, set[str]] = {}
    for rule in rules:
        wanted.setdefault(rule.over, set()).add(rule.kpi)
    parts: dict[ResourceId, Part] = {}
    for batch in batches:
        for group, rows in shares.of(batch) if wanted else ():
            for kpi in sorted(wanted.get(kind_of(group), set()) & batch.columns.keys()):
                part = parts.setdefault(group, Part(group, batch.device, batch.at, batch.collector, batch.sequence, domain))
                part.tallies[kpi] = tally_of(batch.good(kpi)[rows])
    return tuple(parts.values())


def tally_of(values: Floats) -> Tally:
    """Values summed up; NaN is none."""
    good = values[~np.isnan(values)]
    if not len(good):
        return Tally(len(values), 0)
    return Tally(len(values), len(good), float(good.sum()), float(good.min()), float(good.max()))


@dataclass(frozen=True, slots=True)
class Latest:
    """A device's latest part, and how long after the one before it came."""

    part: Part
    every_ns: int = SLOWEST_NS


@dataclass(frozen=True, slots=True)
class GroupState:
    """One group: each device's latest part, and the minute (UTC, since the epoch) that it has come to."""

    minute: int = 0
    latest: dict[str, Latest] = field(default_factory=dict)


def gather(state: GroupState, part: Part, rules: Sequence[RollupRule]) -> tuple[GroupState, KpiBatch | None]:
    """Fold one part: with the first of a later minute, the group's KPIs of the minute that is over.

    A part that is not newer than its device's latest changes nothing (a replay).
    """
    before = state.latest.get(part.device)
    if before is not None and part.at <= before.part.at:
        return state, None
    minute = part.at // MINUTE_NS
    batch = None
    latest = state.latest
    if state.minute and minute > state.minute:
        end = minute * MINUTE_NS
        latest = {device: one for device, one in latest.items() if end - one.part.at <= 2 * OVERDUE * one.every_ns}
        batch = _rolled_up(part, latest, rules, end)
    every = min(part.at - before.part.at, SLOWEST_NS) if before is not None else SLOWEST_NS
    return replace(state, minute=max(minute, state.minute), latest={**latest, part.device: Latest(part, every)}), batch


def _rolled_up(part: Part, latest: Mapping[str, Latest], rules: Sequence[RollupRule], end: int) -> KpiBatch | None:
    columns = {}
    for rule in rules:
        if rule.over is not kind_of(part.group):
            continue
        tallies = [_counted(one, rule.kpi, end) for one in latest.values() if rule.kpi in one.part.tallies]
        value = rolled_up(tallies, rule)
        if tallies:
            quality = Quality.MISSING if value is None else Quality.GOOD
            columns[rule.name] = (np.array([np.nan if value is None else value]), np.array([int(quality)], np.uint8))
    if not columns:
        return None
    return KpiBatch("", end, part.collector, part.sequence, (part.group,), *packed(columns))


def _counted(latest: Latest, kpi: str, end: int) -> Tally:
    """A device's tally, of which nothing is good any more when its next one is overdue."""
    tally = latest.part.tallies[kpi]
    return tally if end - latest.part.at <= OVERDUE * latest.every_ns else Tally(tally.expected, 0)


def rolled_up(tallies: Sequence[Tally], rule: RollupRule) -> float | None:
    """The value of a group; ``None`` when too few of its values are good."""
    good = [tally for tally in tallies if tally.good]
    count, expected = sum(tally.good for tally in good), sum(tally.expected for tally in tallies)
    if not good or count < rule.least * expected:
        return None
    match rule.by:
        case By.SUM:
            return sum(tally.total for tally in good)
        case By.MEAN:
            return sum(tally.total for tally in good) / count
        case By.HIGHEST:
            return max(tally.highest for tally in good)
        case By.LOWEST:
            return min(tally.lowest for tally in good)
