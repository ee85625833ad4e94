"""Planned work as it stands: maintenance windows of the inventory, and what people added, extended, ended or cancelled at run time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pipeline.core.inventory import Inventory, MaintenanceWindow
from pipeline.core.operation import NEVER, VERDICTS, Given, Operation, OperationKind, Outcome, Standing, Verdict, refused
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of, resource_id


@dataclass(frozen=True, slots=True)
class WindowRow:
    """A maintenance window that people have declared or changed; it stands before the inventory's of the same name.

    ``announced_until`` is up to when it was announced before it began: what was added to it under way excludes nothing from an agreement.
    ``forget_at`` is when nobody can ask for it any more, the window that the inventory has being over too (all UTC nanoseconds).
    """

    window: MaintenanceWindow
    operator: str
    announced_until: int
    forget_at: int
    is_cancelled: bool = False
    operated: Given = NEVER

    @property
    def announced(self) -> MaintenanceWindow:
        """The window as an agreement counts it: nothing of it lies before its announcement."""
        window = self.window
        return replace(window, starts_at=max(window.starts_at, window.noticed_at), ends_at=min(window.ends_at, self.announced_until))


def standing_of(row: WindowRow | None, at: int) -> Standing:
    """How a window stands at a time (UTC nanoseconds)."""
    if row is None:
        return Standing.ABSENT
    if row.is_cancelled:
        return Standing.CANCELLED
    if at < row.window.starts_at:
        return Standing.PLANNED
    return Standing.IN_FORCE if at < row.window.ends_at else Standing.OVER


def row_of(window: MaintenanceWindow) -> WindowRow:
    """A window of the inventory as a row that nobody has touched."""
    return WindowRow(window, "", window.ends_at, window.ends_at)


def apply(known: WindowRow | None, operation: Operation) -> tuple[WindowRow | None, Verdict]:
    """Fold one operation into its window; the row given when nothing changes.

    Whether a window has begun or is over is judged by when the operation was given. Late is what comes after a later one that was done.
    """
    if known is not None and operation.given <= known.operated:
        return known, refused(Reason.LATE)
    verdict = VERDICTS[operation.kind, standing_of(known, operation.at)]
    if verdict.outcome is Outcome.DONE:
        verdict = _of_times(known, operation) or verdict
    return (known if verdict.outcome is Outcome.REFUSED else _changed(known, operation)), verdict


def _of_times(known: WindowRow | None, operation: Operation) -> Verdict | None:
    """A refusal for the times that were given."""
    if operation.kind is OperationKind.WINDOW_ADD and operation.until <= max(operation.starts_at, operation.at):
        return refused(Reason.ENDS_IN_THE_PAST)
    if operation.kind is OperationKind.WINDOW_EXTEND and known is not None and operation.until <= known.window.ends_at:
        return refused(Reason.NOT_LATER)
    return None


def _changed(known: WindowRow | None, operation: Operation) -> WindowRow:
    if known is None:
        return _added(operation)
    if operation.kind is OperationKind.WINDOW_CANCEL:
        return replace(known, is_cancelled=True, operated=operation.given)
    if operation.kind is OperationKind.WINDOW_END:
        return replace(known, window=replace(known.window, ends_at=operation.at), operated=operation.given)
    return _extended(known, operation)


def _added(operation: Operation) -> WindowRow:
    window = MaintenanceWindow(
        name=operation.target,
        resources=operation.resources,
        starts_at=operation.starts_at,
        ends_at=operation.until,
        noticed_at=operation.at,
        reason=operation.text,
    )
    return WindowRow(window, operation.operator, operation.until, operation.until, operated=operation.given)


def _extended(known: WindowRow, operation: Operation) -> WindowRow:
    """Before it begins, an extension announces the whole window anew; under way, what is added was never announced."""
    under_way = operation.at >= known.window.starts_at
    return replace(
        known,
        window=replace(known.window, ends_at=operation.until, noticed_at=known.window.noticed_at if under_way else operation.at),
        announced_until=known.announced_until if under_way else operation.until,
        forget_at=max(known.forget_at, operation.until),
        operated=operation.given,
    )


def effective(inventory: Inventory, rows: Mapping[str, WindowRow]) -> tuple[MaintenanceWindow, ...]:
    """Every window that counts, those that end last first; a region stands for its sites too."""
    declared = (window for window in inventory.windows if window.name not in rows)
    changed = (row.window for row in rows.values() if not row.is_cancelled)
    found = sorted((*declared, *changed), key=lambda window: (-window.ends_at, window.name))
    return tuple(replace(window, resources=_with_sites(inventory, window.resources)) for window in found)


def planned(windows: Iterable[MaintenanceWindow], operations: Iterable[Operation]) -> dict[str, WindowRow]:
    """What people made of windows, those of the inventory included, in the order in which they acted; refused steps change nothing."""
    declared = {window.name: row_of(window) for window in windows}
    rows: dict[str, WindowRow] = {}
    for operation in sorted(operations, key=lambda each: each.given):
        known = rows.get(operation.target, declared.get(operation.target))
        row, _ = apply(known, operation)
        if row is not None and row is not known:
            rows[operation.target] = row
    return rows


def announced(windows: Iterable[MaintenanceWindow], rows: Mapping[str, WindowRow]) -> tuple[MaintenanceWindow, ...]:
    """Every window as agreements count it, those of the inventory that people have changed as they are now; none that was cancelled."""
    declared = (window for window in windows if window.name not in rows)
    return (*declared, *(row.announced for row in rows.values() if not row.is_cancelled))


def _with_sites(inventory: Inventory, resources: Iterable[str]) -> tuple[str, ...]:
    found = dict.fromkeys(resources)
    regions = {name_of(ResourceId(name)) for name in found if kind_of(ResourceId(name)) is ResourceKind.REGION}
    if regions:
        found.update(
            dict.fromkeys(resource_id(ResourceKind.SITE, site.name) for site in inventory.sites.values() if site.region in regions)
        )
    return tuple(found)
