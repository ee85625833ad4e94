"""Deliveries in a process of their own that may kill itself after a step: what is done between the outbox and the world."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from aiohttp import ClientSession
from prometheus_client import CollectorRegistry

from pipeline.config.settings import Settings
from pipeline.core.inventory import Inventory
from pipeline.obligations import Obligations
from pipeline.outputs.actor import ProgramActor
from pipeline.outputs.delivery import Deliveries, DeliverySettings
from pipeline.outputs.metrics import OutputMetrics
from pipeline.outputs.notifying.email import Email
from pipeline.outputs.run import open_outputs
from pipeline.outputs.ticketing.connect import open_system

POINTS = ("claimed", "called", "noted", "recorded")
"""What has just been done when a process dies: effects taken on lease, something changed in the world, that noted, the receipt kept."""

_NOTED = ("put_link", "mark_message", "propose_remedy", "move_remedy", "end_hub", "keep_standing")
_LOOKS = 3


def deliver_and_die(settings: Settings, point: str, inventory: Inventory | None = None) -> None:
    """Deliver what is due, until nothing is any more or the step ``point`` is done (empty: no step kills)."""
    _die_after(point)
    asyncio.run(_deliver(settings, inventory or Inventory("none")))


async def _deliver(settings: Settings, inventory: Inventory) -> None:
    with Obligations(settings.obligations_url()) as store:
        store.release()  # whoever held a lease is dead, as at the start of the outputs process
        async with (
            open_system(settings.tickets) as system,
            open_outputs(settings, store, system, inventory=lambda: inventory) as choose,
        ):
            stop = asyncio.Event()
            work = _UntilIdle(store, choose, OutputMetrics(CollectorRegistry()), DeliverySettings(idle_s=0.02), stop)
            await work.run(stop)


class _UntilIdle(Deliveries):
    """Sets ``stop`` once it has found nothing to do a few times."""

    def __init__(self, store: Any, choose: Any, metrics: OutputMetrics, settings: DeliverySettings, stop: asyncio.Event) -> None:
        super().__init__(store, choose, metrics, settings)
        self._stop_when_idle = stop
        self._idle = 0

    async def _start_due(self) -> None:
        await super()._start_due()
        self._idle = 0 if self._tasks else self._idle + 1
        if self._idle >= _LOOKS:
            self._stop_when_idle.set()


def _die_after(point: str) -> None:
    if point == "claimed":
        _wrap(Obligations, "claim", bool)
    elif point == "noted":
        for name in _NOTED:
            _wrap(Obligations, name, lambda _: True)
    elif point == "recorded":
        _wrap(Obligations, "finish", lambda _: True)
    elif point == "called":
        _wrap_later(ClientSession, "_request", lambda asked: asked[0] not in {"GET", "HEAD"})
        _wrap_later(ProgramActor, "act", lambda _: True)
        _wrap(Email, "_hand_over", lambda _: True)


def _wrap(kind: type, name: str, dies: Callable[[Any], bool]) -> None:
    do = getattr(kind, name)

    def die(self: Any, *asked: Any, **named: Any) -> Any:
        answer = do(self, *asked, **named)
        if dies(answer):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(kind, name, die)


def _wrap_later(kind: type, name: str, dies: Callable[[tuple[Any, ...]], bool]) -> None:
    do = getattr(kind, name)

    async def die(self: Any, *asked: Any, **named: Any) -> Any:
        answer = await do(self, *asked, **named)
        if dies(asked):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(kind, name, die)
