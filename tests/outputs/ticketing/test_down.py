"""A ticket system that is away for a day: all is kept, tried at most every few minutes, and caught up in order."""

import asyncio
import time
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from pipeline.core.effect import Effect, Outcome
from pipeline.obligations import Obligations
from pipeline.outputs.delivery import Deliveries, DeliverySettings
from pipeline.outputs.metrics import OutputMetrics
from pipeline.outputs.ports import Output
from pipeline.outputs.ticketing.connect import open_system
from pipeline.outputs.tickets import TicketOutput
from tests.outputs.incidents import START, life
from tests.outputs.notifying.conftest import free_port
from tests.outputs.ticketing.conftest import SYSTEMS
from tests.outputs.ticketing.worlds import World

DAY_NS = 86_400 * 1_000_000_000
STEP_NS = 90 * 1_000_000_000
INCIDENTS = ("away-1", "away-2", "away-3")
SERVICENOW_CLOSED = "7"


class Hurried:
    """A clock that goes on by 90 s each time somebody looks."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        self.now += STEP_NS
        return self.now


@pytest.mark.parametrize("world", SYSTEMS[2:], indirect=True)
async def test_what_waited_a_day_is_caught_up(world: World, store: Obligations) -> None:
    """What began and ended meanwhile is one ticket for each incident, closed; what lasts is one that is open."""
    effects = [effect for name in INCIDENTS for effect in life(name)][:-1]  # the last of them lasts
    store.put_effects(effects, START)
    clock = Hurried()
    away = replace(world.settings, url=f"http://127.0.0.1:{free_port()}")
    async with open_system(away) as nobody, open_system(world.settings) as somebody:
        missing, there = (TicketOutput(world.settings.system.value, each, store, clock) for each in (nobody, somebody))

        def choose(_: Effect) -> Output:
            return there if clock.now > START + DAY_NS else missing

        work = Deliveries(store, choose, OutputMetrics(CollectorRegistry()), DeliverySettings(idle_s=0.001), clock=clock)
        stop = asyncio.Event()
        running = asyncio.create_task(work.run(stop))
        deadline = time.monotonic() + 60
        while store.pending() and time.monotonic() < deadline:  # noqa: ASYNC110  # the store has no event to wait for
            await asyncio.sleep(0.02)
        stop.set()
        await running
    assert clock.now > START + DAY_NS
    assert [(each.outcome, each.attempts > 50) for each in store.receipts("away-1")].count((Outcome.DELIVERED, True)) == 1
    assert [each.outcome for each in store.receipts(limit=100)] == [Outcome.DELIVERED] * len(effects)
    for name in INCIDENTS:
        [ticket] = await world.ids(name)
        status = await world.status(ticket)
        assert (status in {world.resolved, SERVICENOW_CLOSED}) is (name != INCIDENTS[-1])
        assert len(await world.texts(ticket)) == (3 if name != INCIDENTS[-1] else 2)
