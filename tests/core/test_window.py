"""Planned work declared at run time: its steps, its order, and what an agreement counts of it."""

from dataclasses import replace
from itertools import permutations

import pytest

from pipeline.core.inventory import Inventory, MaintenanceWindow, Site
from pipeline.core.operation import Operation, OperationKind, Outcome, Standing
from pipeline.core.reason import Reason
from pipeline.core.window import WindowRow, announced, apply, effective, row_of, standing_of

DECLARED = MaintenanceWindow("mw-1", ("device/a",), 1_000, 2_000, noticed_at=10)


def step(kind: OperationKind, at: int, until: int = 0, starts_at: int = 0, name: str = "mw-1") -> Operation:
    return Operation(f"{kind}-{at}", kind, at, "alice", name, "default", until=until, starts_at=starts_at, resources=("device/a",))


def after(*steps: Operation, known: WindowRow | None = None) -> WindowRow | None:
    for each in steps:
        known, _ = apply(known, each)
    return known


ADD = step(OperationKind.WINDOW_ADD, 100, until=2_000, starts_at=1_000)


@pytest.mark.parametrize(
    ("at", "standing"), [(999, Standing.PLANNED), (1_000, Standing.IN_FORCE), (1_999, Standing.IN_FORCE), (2_000, Standing.OVER)]
)
def test_a_window_stands_by_the_time(at: int, standing: Standing) -> None:
    assert standing_of(after(ADD), at) is standing


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([step(OperationKind.WINDOW_ADD, 100, until=100, starts_at=50)], Reason.ENDS_IN_THE_PAST),
        ([step(OperationKind.WINDOW_ADD, 100, until=900, starts_at=1_000)], Reason.ENDS_IN_THE_PAST),
        ([ADD, step(OperationKind.WINDOW_ADD, 200, until=2_000)], Reason.NAME_TAKEN),
        ([ADD, step(OperationKind.WINDOW_END, 500)], Reason.NOT_BEGUN),
        ([ADD, step(OperationKind.WINDOW_CANCEL, 1_500)], Reason.HAS_BEGUN),
        ([ADD, step(OperationKind.WINDOW_EXTEND, 1_500, until=2_000)], Reason.NOT_LATER),
        ([ADD, step(OperationKind.WINDOW_EXTEND, 2_500, until=3_000)], Reason.IS_OVER),
        ([ADD, step(OperationKind.WINDOW_CANCEL, 500), step(OperationKind.WINDOW_EXTEND, 600, until=3_000)], Reason.IS_OVER),
        ([ADD, step(OperationKind.WINDOW_EXTEND, 1_500, until=3_000), step(OperationKind.WINDOW_END, 1_400)], Reason.LATE),
        ([step(OperationKind.WINDOW_END, 1_500)], Reason.UNKNOWN_TARGET),
    ],
)
def test_what_is_not_done_has_its_reason_and_changes_nothing(steps: list[Operation], reason: Reason) -> None:
    before = after(*steps[:-1])
    row, verdict = apply(before, steps[-1])
    assert (verdict.outcome, verdict.reason, row) == (Outcome.REFUSED, reason, before)


def test_steps_that_were_accepted_end_alike_in_any_order_of_arrival() -> None:
    """Of an extension and an end the one given later holds, whichever comes first."""
    steps = [step(OperationKind.WINDOW_EXTEND, 1_200, until=4_000), step(OperationKind.WINDOW_END, 1_500)]
    ends = {row.window.ends_at for order in permutations(steps) if (row := after(ADD, *order)) is not None}
    assert ends == {1_500}


def test_an_extension_under_way_excludes_nothing_more_and_one_before_is_a_new_announcement() -> None:
    under_way = after(ADD, step(OperationKind.WINDOW_EXTEND, 1_500, until=3_000))
    before = after(ADD, step(OperationKind.WINDOW_EXTEND, 500, until=3_000))
    assert under_way is not None
    assert before is not None
    assert (under_way.window.ends_at, under_way.announced.ends_at, under_way.announced.noticed_at) == (3_000, 2_000, 100)
    assert (before.announced.ends_at, before.announced.noticed_at) == (3_000, 500)


def test_nothing_before_its_announcement_is_planned() -> None:
    row = after(step(OperationKind.WINDOW_ADD, 1_500, until=2_000, starts_at=1_000))
    assert row is not None
    assert (row.window.starts_at, row.announced.starts_at) == (1_000, 1_500)


def test_what_people_did_stands_before_the_inventory_and_a_region_is_its_sites() -> None:
    """A window that was cancelled counts no more; the others, those that end last first."""
    sites = {"ams": Site("ams", "west"), "ber": Site("ber", "east")}
    known = Inventory("v", sites=sites, windows=(DECLARED, replace(DECLARED, name="mw-2", resources=("region/west",), ends_at=9_000)))
    cancelled = after(step(OperationKind.WINDOW_CANCEL, 500), known=row_of(DECLARED))
    assert cancelled is not None
    assert [(one.name, one.resources) for one in effective(known, {})] == [("mw-2", ("region/west", "site/ams")), ("mw-1", ("device/a",))]
    assert [one.name for one in effective(known, {"mw-1": cancelled})] == ["mw-2"]
    assert [one.name for one in announced(known.windows, {"mw-1": cancelled})] == ["mw-2"]
