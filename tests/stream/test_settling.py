"""Contracts are settled where their outages meet: each by the one partition that is theirs, and what is owed is proposed once."""

from dataclasses import replace
from datetime import UTC, datetime

from pipeline.bus import partition_of
from pipeline.core.event import Tick
from pipeline.core.inventory import MaintenanceWindow
from pipeline.core.outage import Outage, ServiceState
from pipeline.core.settle import Settle
from pipeline.core.settlement import ContractState, PlannedWork
from pipeline.core.window import WindowRow
from pipeline.stream.rows import Keyed
from pipeline.stream.settling import SettlementHandler
from pipeline.wire import Topic
from tests.stream.conftest import PARTITIONS, Desk, Known

SECOND = 1_000_000_000
NOW = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()) * SECOND


def handler_of(source: Known) -> SettlementHandler:
    return SettlementHandler(source, Keyed(ContractState), Keyed(PlannedWork), PARTITIONS)


def outage_of(source: Known, minutes: int = 600) -> Outage:
    """A confirmed outage of a gold service that ended an hour ago."""
    service = next(
        s for s in source.current().inventory.services.values() if "gold" in source.current().inventory.contracts[s.contract].plan
    )
    ends_at = NOW - 3600 * SECOND
    begins_at = ends_at - minutes * 60 * SECOND
    return Outage(
        "o1", service.name, service.customer, service.contract, ServiceState.DOWN, "i1", "fibre/f1", begins_at, ends_at, "alarm-1"
    )


async def test_each_partition_evaluates_its_own_contracts_and_together_all(source: Known, desk: Desk) -> None:
    handler = handler_of(source)
    for partition in range(PARTITIONS):
        await desk.give(handler.handle, partition, [Settle(NOW, "test")])
    for name, partition, _ in desk.broker.sent:
        assert name == Topic.EVALUATIONS
        assert partition in range(PARTITIONS)
    services = [evaluation.service for evaluation in desk.broker.values(Topic.EVALUATIONS)]
    inventory = source.current().inventory
    contracts = {service.contract for service in inventory.services.values()} & set(inventory.contracts)
    assert len(services) == len(set(services)) > 0
    assert {evaluation.contract for evaluation in desk.broker.values(Topic.EVALUATIONS)} == contracts & set(
        source.current().inventory.contracts
    )


async def test_what_is_owed_is_proposed_once_also_by_the_next_worker(source: Known, desk: Desk) -> None:
    outage = outage_of(source)
    where = partition_of(outage.contract, PARTITIONS)
    await desk.give(handler_of(source).handle, where, [outage])
    assert desk.broker.sent == []
    await desk.give(handler_of(source).handle, where, [Settle(NOW, "first")])
    (effect,) = desk.broker.values(Topic.EFFECTS)
    assert effect.subject == outage.contract
    later = Desk(desk.table.after(len(desk.table.changelog)))
    turn = await later.give(handler_of(source).handle, where, [Settle(NOW, "second")])
    assert {name for name, _, _ in turn.messages} == {"evaluations"}


async def test_an_older_revision_of_an_outage_changes_nothing(source: Known, desk: Desk) -> None:
    outage = outage_of(source)
    where = partition_of(outage.contract, PARTITIONS)
    withdrawn = replace(outage, ended_at=outage.started_at, revision=2)
    handler = handler_of(source)
    for told in (withdrawn, outage):
        await desk.give(handler.handle, where, [told])
    await desk.give(handler.handle, where, [Settle(NOW, "test")])
    assert desk.broker.values(Topic.EFFECTS) == []


async def test_the_month_is_settled_by_the_clock_once_after_its_end(source: Known, desk: Desk) -> None:
    """A tick in the month does nothing; the first one past its end and the time for latecomers settles it."""
    outage = outage_of(source)
    where = partition_of(outage.contract, PARTITIONS)
    handler = handler_of(source)
    await desk.give(handler.handle, where, [Tick(NOW - 7200 * SECOND), outage, Tick(NOW)])
    before = len(desk.broker.values(Topic.EVALUATIONS))
    december = int(datetime(2026, 12, 2, tzinfo=UTC).timestamp()) * SECOND
    await desk.give(handler.handle, where, [Tick(december), Tick(december + SECOND)])
    november = [one for one in desk.broker.values(Topic.EVALUATIONS)[before:] if one.service == outage.service]
    assert [one.period for one in november] == ["2026-11"]
    assert [effect.subject for effect in desk.broker.values(Topic.EFFECTS)] == [outage.contract]


async def test_work_that_was_planned_at_run_time_is_excluded_also_by_the_next_worker(source: Known, desk: Desk) -> None:
    """Announced long before; several domains tell of it, and an older word changes nothing."""
    outage = replace(outage_of(source), excluded="mw-7")
    where = partition_of(outage.contract, PARTITIONS)
    noticed_at = outage.started_at - 60 * 86_400 * SECOND
    window = MaintenanceWindow("mw-7", ("site/x",), outage.started_at, outage.ended_at, noticed_at)
    row = WindowRow(window, "alice", outage.ended_at, outage.ended_at, operated=(2, "b"))
    older = replace(row, is_cancelled=True, operated=(1, "a"))
    await desk.give(handler_of(source).handle, where, [row, older, row])
    later = Desk(desk.table.after(len(desk.table.changelog)))
    await later.give(handler_of(source).handle, where, [outage])
    await later.give(handler_of(source).handle, where, [Settle(NOW, "test")])
    (evaluation,) = [one for one in later.broker.values(Topic.EVALUATIONS) if one.service == outage.service]
    assert (evaluation.excluded_s, evaluation.counted_s, later.broker.values(Topic.EFFECTS)) == (600 * 60, 0, [])
    await later.give(handler_of(source).handle, where, [replace(row, is_cancelled=True, operated=(3, "c")), Settle(NOW + SECOND, "again")])
    assert later.broker.values(Topic.EFFECTS) != []
