"""What people did and planned, as values for terminals, pages and scripts."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.inventory import MaintenanceWindow
from pipeline.core.obligation import StoredOperation
from pipeline.core.window import WindowRow, announced, apply, row_of, standing_of

Json = dict[str, Any]


def operation_value(stored: StoredOperation) -> Json:
    """One operation with its outcome (``done``, ``refused``, ``partly``, ``waiting``), and the word and text of the answer to tell."""
    operation, verdict = stored.operation, stored.verdict
    return {
        "id": operation.id,
        "at": operation.at,
        "kind": operation.kind.value,
        "operator": operation.operator,
        "via": operation.via,
        "target": operation.target,
        "text": operation.text,
        "reason_kind": operation.reason_kind,
        "period": operation.period,
        "starts_at": operation.starts_at,
        "until": operation.until,
        "resources": list(operation.resources),
        "domains": list(stored.domains),
        "outcome": stored.outcome,
        "reason": verdict.reason.value if verdict else "",
        "detail": verdict.detail if verdict else "",
        "answered_at": max((answer.answered_at for answer in stored.answers), default=0),
    }


def windows_of(declared: Iterable[MaintenanceWindow], operations: Iterable[StoredOperation], at: int) -> list[Json]:
    """Every maintenance window as it stands at a time (UTC nanoseconds), by its start.

    ``state`` is ``planned``, ``in-force``, ``over``, ``cancelled``, or ``waiting`` while the pipeline has not answered for it.
    """
    inventory = {window.name: window for window in declared}
    rows, waiting = _rows(inventory, operations)
    untouched = [row_of(window) for name, window in inventory.items() if name not in rows]
    return sorted((_value(row, at, waiting) for row in (*rows.values(), *untouched)), key=lambda one: (one["starts_at"], one["name"]))


def announced_of(declared: Iterable[MaintenanceWindow], operations: Iterable[StoredOperation]) -> tuple[MaintenanceWindow, ...]:
    """Every maintenance window as agreements count it: those of the inventory, as people have changed them, and those that people added."""
    inventory = {window.name: window for window in declared}
    return announced(inventory.values(), _rows(inventory, operations)[0])


def _rows(inventory: Mapping[str, MaintenanceWindow], operations: Iterable[StoredOperation]) -> tuple[dict[str, WindowRow], set[str]]:
    """The windows that operations touched, by name, and those that wait for an answer."""
    rows: dict[str, WindowRow] = {}
    waiting: set[str] = set()
    for stored in sorted(operations, key=lambda one: one.operation.given):
        name = stored.operation.target
        if stored.outcome == "refused":
            continue
        known = rows.get(name) or (row_of(inventory[name]) if name in inventory else None)
        row, _ = apply(known, stored.operation)
        if row is not None and row is not known:
            rows[name] = row
            waiting = waiting | {name} if stored.outcome == "waiting" else waiting - {name}
    return rows, waiting


def _value(row: WindowRow, at: int, waiting: set[str]) -> Json:
    window = row.window
    return {
        "name": window.name,
        "state": "waiting" if window.name in waiting else standing_of(row, at).value,
        "starts_at": window.starts_at,
        "ends_at": window.ends_at,
        "noticed_at": window.noticed_at,
        "resources": list(window.resources),
        "reason": window.reason,
        "operator": row.operator,
        "declared_in": "inventory" if not row.operator else "operations",
    }
