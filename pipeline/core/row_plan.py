"""Which rows of a device's table are which resources: worked out when rows or names change, and kept until they do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.column import Flags, Floats
from pipeline.core.directory import Directory
from pipeline.core.formula import Formula, compiled
from pipeline.core.inventory import Interface
from pipeline.core.kpi import BoundKpi, KpiRule, bind, counters_of, dimensions_of, texts_of
from pipeline.core.profile import ProfileTable
from pipeline.core.raw import INTERFACES, RawTable
from pipeline.core.resource import ResourceId, ResourceKind, resource_id
from pipeline.core.sample import Rows
from pipeline.core.unit import unit

SPEED = "speed"
"""The column of an interface's speed: a declared one is used instead where there is one."""


@dataclass(frozen=True, slots=True)
class BoundTable:
    """A profile's table with its formulas compiled: ``where`` says which rows count, ``derived`` is computed in order, with its factor."""

    spec: ProfileTable
    where: Formula | None
    derived: tuple[tuple[str, Formula], ...]
    kpis: tuple[BoundKpi, ...]

    @property
    def says(self) -> frozenset[tuple[str, str]]:
        """What the formulas look for in texts."""
        formulas = [formula for _, formula in self.derived] + ([self.where] if self.where else [])
        return frozenset(each for formula in formulas for each in formula.says)


def bound_table(spec: ProfileTable, rules: Sequence[KpiRule]) -> BoundTable:
    """Compile a table's formulas. Raises ``FormulaError``; loading profiles and rules has checked them."""
    dimensions, counters, texts = dimensions_of(spec), counters_of(spec), texts_of(spec)
    derived = tuple((column.name, compiled(column.formula, dimensions, counters, texts)) for column in spec.derived)
    where = compiled(spec.where, dimensions, counters, texts) if spec.where else None
    return BoundTable(spec, where, derived, bind(spec, rules))


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Resource ``i`` is the table's row ``rows[i]``, -1 for one that the device does not show.

    ``speeds`` are the declared ones of the table's rows in bits a second, NaN where none is.
    """

    resources: tuple[ResourceId, ...]
    rows: Rows
    speeds: Floats

    @property
    def is_whole(self) -> bool:
        """Whether the resources are the table's rows, one by one."""
        return len(self.rows) == len(self.speeds) and bool((self.rows == np.arange(len(self.rows))).all())


def plan_rows(device: str, spec: ProfileTable, table: RawTable, labels: Sequence[str], kept: Flags, directory: Directory) -> RowPlan:
    """Name the rows of a table; those that are not ``kept`` are left out.

    Of interfaces, those that the inventory declares for the device count, also where the device does not show them; when it declares none,
    all do. A declared one is found by ifName; in a table that has none of the declared names, by ifIndex.
    """
    declared = _declared(device, spec, directory)
    if declared:
        return _planned_interfaces(device, table, labels, declared)
    rows = np.flatnonzero(kept)
    names = tuple(_resource(device, spec.rows, labels[row]) for row in rows.tolist())
    return RowPlan(names, rows, np.full(len(labels), np.nan))


def blind_rows(device: str, spec: ProfileTable, labels: Sequence[str], directory: Directory) -> tuple[ResourceId, ...]:
    """The resources of a table of which nothing was read: the declared interfaces, or the rows that were read last."""
    declared = _declared(device, spec, directory)
    return tuple(_resource(device, spec.rows, label) for label in ([port.name for port in declared] if declared else labels))


def interface_rows(table: RawTable, labels: Sequence[str], declared: Sequence[Interface]) -> list[int]:
    """For each declared interface the row that shows it, -1 for none."""
    by_name = {label: row for row, label in enumerate(labels)}
    found = [by_name.get(port.name, -1) for port in declared]
    if max(found, default=-1) >= 0:
        unnamed = {index: row for row, index in enumerate(table.indexes) if labels[row] == f"if{index}"}
        return [row if row >= 0 else unnamed.get(str(port.index), -1) for row, port in zip(found, declared, strict=True)]
    by_index = {index: row for row, index in enumerate(table.indexes)}
    return [by_index.get(str(port.index), -1) for port in declared]


def _declared(device: str, spec: ProfileTable, directory: Directory) -> tuple[Interface, ...]:
    known = directory.device_by_name.get(device)
    return known.interfaces if known is not None and spec.name == INTERFACES else ()


def _planned_interfaces(device: str, table: RawTable, labels: Sequence[str], declared: tuple[Interface, ...]) -> RowPlan:
    rows = np.array(interface_rows(table, labels, declared), np.intp)
    speeds = np.full(len(labels), np.nan)
    for row, port in zip(rows, declared, strict=True):
        if row >= 0 and port.speed_mbps:
            speeds[row] = port.speed_mbps * unit("Mbit/s").factor
    return RowPlan(tuple(_resource(device, ResourceKind.INTERFACE, port.name) for port in declared), rows, speeds)


def _resource(device: str, kind: ResourceKind, label: str) -> ResourceId:
    return resource_id(kind, device if kind is ResourceKind.DEVICE else f"{device}/{label}")


@dataclass(frozen=True, slots=True)
class _Made:
    """A plan with what it was made from."""

    directory: Directory
    indexes: tuple[str, ...]
    labels: tuple[str, ...]
    kept: bytes
    plan: RowPlan

    def is_for(self, directory: Directory, indexes: tuple[str, ...], labels: tuple[str, ...], kept: bytes) -> bool:
        return self.directory is directory and (self.indexes, self.labels, self.kept) == (indexes, labels, kept)


@dataclass(slots=True)
class Plans:
    """Plans and compiled tables that were made already. It is a memory only: without it everything comes out the same, later."""

    most: int = 100_000
    _bound: dict[tuple[str, str], BoundTable] = field(default_factory=dict)
    _plans: dict[tuple[str, str], _Made] = field(default_factory=dict)

    def bound(self, profile: str, spec: ProfileTable, rules: Sequence[KpiRule]) -> BoundTable:
        """The compiled table of a profile."""
        key = (profile, spec.name)
        if key not in self._bound:
            self._bound[key] = bound_table(spec, rules)
        return self._bound[key]

    def plan(self, device: str, spec: ProfileTable, table: RawTable, labels: tuple[str, ...], kept: Flags, directory: Directory) -> RowPlan:
        """The plan of a device's table; made anew when its indexes, names or kept rows, or the inventory, are others than last time."""
        key, mask = (device, spec.name), kept.tobytes()
        known = self._plans.get(key)
        if known is not None and known.is_for(directory, table.indexes, labels, mask):
            return known.plan
        if len(self._plans) >= self.most:
            self._plans.clear()
        plan = plan_rows(device, spec, table, labels, kept, directory)
        self._plans[key] = _Made(directory, table.indexes, labels, mask, plan)
        return plan
