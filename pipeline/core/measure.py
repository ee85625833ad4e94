"""One poll -> KPIs: each table's samples, the formulas over them, and what is not known put on record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from pipeline.core.anomaly_rule import Watching
from pipeline.core.column import Bytes, Flags, Floats
from pipeline.core.directory import Directory
from pipeline.core.kpi import DEVICE_KPIS, KpiBatch, KpiRule, compute, packed
from pipeline.core.profile import Profile, ProfileBook, ProfileTable
from pipeline.core.raw import INTERFACES, PollOutcome, RawPoll, RawTable
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id
from pipeline.core.rollup import RollupRule, Shares
from pipeline.core.row_plan import SPEED, BoundTable, Plans, RowPlan, blind_rows
from pipeline.core.sample import DISCONTINUITY, Quality, Samples, SeenTable, Told, gauges, labels_of, said, sampled
from pipeline.core.unit import unit

Seen = dict[str, SeenTable]
"""By name, a device's tables as they were last read."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """What KPIs are computed by: profiles, KPI rules and roll-ups, and a memory of what was worked out for earlier polls."""

    profiles: ProfileBook = field(default_factory=ProfileBook)
    rules: tuple[KpiRule, ...] = ()
    rollups: tuple[RollupRule, ...] = ()
    shares: Shares = field(default_factory=Shares)
    watching: Watching = field(default_factory=Watching)
    plans: Plans = field(default_factory=Plans)


def measured(poll: RawPoll, seen: Mapping[str, SeenTable], directory: Directory, by: Measuring) -> tuple[tuple[KpiBatch, ...], Seen]:
    """The KPIs of one poll, a batch for the device and one for each table; and the tables as they have now been seen.

    A device that the inventory does not know (any more) has only its own. A device that did not answer gives 0 for ``answered`` and, for
    every resource that it should have told of, a row whose quality is blind: the hole is on record.
    """
    profile = by.profiles.of(poll.profile)
    batches = [_batch(poll, (resource_id(ResourceKind.DEVICE, poll.device),), _device_columns(poll))]
    if poll.outcome is not PollOutcome.ANSWERED:
        batches += [batch for spec in profile.tables for batch in _blind(poll, profile, spec, seen.get(spec.name), directory, by)]
        return tuple(batches), dict(seen)
    now = dict(seen)
    for name, table in poll.tables.items():
        spec = profile.table(name)
        if spec is not None and poll.device in directory.device_by_name:
            found, now[name] = _table(poll, profile, spec, table, seen.get(name), directory, by)
            batches += found
    return tuple(batches), now


def speeds_of(batch: KpiBatch, directory: Directory) -> Floats | None:
    """The declared speeds of a batch's interfaces in bits a second, NaN where none is; ``None`` for a batch of anything else."""
    if not batch.resources or kind_of(batch.resources[0]) is not ResourceKind.INTERFACE:
        return None
    declared = (directory.interface_by_name.get((batch.device, name_of(resource).partition("/")[2])) for resource in batch.resources)
    return np.array([port.speed_mbps * unit("Mbit/s").factor if port else np.nan for port in declared], np.float64)


def _batch(poll: RawPoll, resources: tuple[ResourceId, ...], columns: Mapping[str, tuple[Floats, Bytes]]) -> KpiBatch:
    values, quality = packed(columns)
    return KpiBatch(poll.device, poll.polled_at, poll.collector, poll.sequence, resources, values, quality)


def _device_columns(poll: RawPoll) -> dict[str, tuple[Floats, Bytes]]:
    answered = poll.outcome is PollOutcome.ANSWERED
    trip = poll.round_trip_ms if answered else np.nan
    good, blind = (np.array([int(quality)], np.uint8) for quality in (Quality.GOOD, Quality.BLIND))
    columns = ((np.array([float(answered)]), good), (np.array([trip]), good if answered else blind))
    return dict(zip(DEVICE_KPIS, columns, strict=True))


def _blind(
    poll: RawPoll, profile: Profile, spec: ProfileTable, seen: SeenTable | None, directory: Directory, by: Measuring
) -> list[KpiBatch]:
    """What a table would have told: of interfaces all KPIs, of other rows those that the last answer had."""
    told = seen.told if seen is not None else ()
    if spec.name == INTERFACES:
        kpis = tuple(kpi.name for kpi in by.plans.bound(profile.name, spec, by.rules).kpis)
        told = (Told(blind_rows(poll.device, spec, seen.labels if seen is not None else (), directory), kpis),)
    batches = []
    for each in told:
        column = np.full(len(each.resources), np.nan), np.full(len(each.resources), int(Quality.BLIND), np.uint8)
        if each.resources and each.kpis:
            batches.append(_batch(poll, each.resources, dict.fromkeys(each.kpis, column)))
    return batches


def _table(
    poll: RawPoll,
    profile: Profile,
    spec: ProfileTable,
    table: RawTable,
    previous: SeenTable | None,
    directory: Directory,
    by: Measuring,
) -> tuple[list[KpiBatch], SeenTable]:
    """One table's KPIs, and the table as it has been seen."""
    present = SeenTable(poll.polled_at, poll.uptime_ticks, table, labels_of(table, spec))
    bound = by.plans.bound(profile.name, spec, by.rules)
    rows = len(table.indexes)
    inputs, kept = worked_out(table, bound)
    plan = by.plans.plan(poll.device, spec, table, present.labels, kept, directory)
    speeds = _speeds(plan, inputs, rows)
    samples = sampled(previous, present, spec, speeds)
    if SPEED in inputs:
        inputs[SPEED] = speeds
    columns = compute(bound.kpis, Samples(rows, samples.values | inputs, samples.quality))
    if not plan.is_whole:
        columns = {name: _picked(values, quality, plan) for name, (values, quality) in columns.items()}
    parts = [(plan.resources, columns)]
    told: tuple[Told, ...] = ()
    if spec.name != INTERFACES:
        parts = list(_without_senseless(plan.resources, columns, _is_answered(table, spec)[plan.rows]))
        told = tuple(Told(resources, tuple(part)) for resources, part in parts)
    batches = [_batch(poll, resources, part) for resources, part in parts if resources and part]
    return batches, replace(present, table=remembered(table, spec), told=told)


def _is_answered(table: RawTable, spec: ProfileTable) -> Flags:
    """The rows for which the device gave every number that it was asked for."""
    answered = np.ones(len(table.indexes), np.bool_)
    for column in spec.columns:
        packed_column = table.columns.get(column.name)
        if packed_column is not None and not column.type.is_text:
            answered &= packed_column.present()
    return answered


def _without_senseless(
    resources: tuple[ResourceId, ...], columns: Mapping[str, tuple[Floats, Bytes]], answered: Flags
) -> Iterator[tuple[tuple[ResourceId, ...], dict[str, tuple[Floats, Bytes]]]]:
    """KPIs by the resources that they make sense for: a sensor of received light has no sent light, and that is nothing missing.

    A row whose every number was answered and that gives no value is one that its formula leaves out.
    """
    by_rows: dict[bytes, dict[str, tuple[Floats, Bytes]]] = {}
    for name, (values, quality) in columns.items():
        sense = ~(np.isnan(values) & answered & (quality == int(Quality.MISSING)))
        by_rows.setdefault(sense.tobytes(), {})[name] = (values[sense], quality[sense])
    for mask, part in by_rows.items():
        yield tuple(compress(resources, mask)), part


def worked_out(table: RawTable, bound: BoundTable) -> tuple[dict[str, Floats], Flags]:
    """A table's numbers, those derived from them too, in base units; and which rows count."""
    inputs = gauges(table, bound.spec) | said(table, bound.says)
    rows = len(table.indexes)
    for name, formula in bound.derived:
        inputs[name] = formula(inputs, rows)
    return inputs, _kept(bound, inputs, rows)


def _kept(bound: BoundTable, inputs: Mapping[str, Floats], rows: int) -> Flags:
    if bound.where is None:
        return np.ones(rows, np.bool_)
    truth = bound.where(inputs, rows)
    kept: Flags = ~np.isnan(truth) & (truth != 0)
    return kept


def _speeds(plan: RowPlan, inputs: Mapping[str, Floats], rows: int) -> Floats:
    """Bits a second: as declared, else as the device says; a device says 0 where it knows none."""
    told = inputs.get(SPEED, np.full(rows, np.nan))
    speeds = np.where(np.isnan(plan.speeds), told, plan.speeds)
    return np.where(speeds > 0, speeds, np.nan)


def _picked(values: Floats, quality: Bytes, plan: RowPlan) -> tuple[Floats, Bytes]:
    """A column in the order of the plan; what the device does not show is missing."""
    if not len(values):
        return np.full(len(plan.rows), np.nan), np.full(len(plan.rows), int(Quality.MISSING), np.uint8)
    shown = plan.rows >= 0
    return np.where(shown, values[plan.rows], np.nan), np.where(shown, quality[plan.rows], np.uint8(Quality.MISSING))


def remembered(table: RawTable, spec: ProfileTable) -> RawTable:
    """Of a table, what the next poll is compared with: its counters, and when they began anew."""
    wanted = {column.name for column in spec.columns if column.type.counter_bits} | {DISCONTINUITY}
    return RawTable(table.indexes, {name: column for name, column in table.columns.items() if name in wanted})
