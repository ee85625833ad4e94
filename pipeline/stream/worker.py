"""The Faust worker: five agents, each ten lines of reading, asking the core, and writing.

``raw.traps -> events``; ``raw.polls -> kpis, rollups, events``; ``rollups -> kpis, events``;
``events -> alarms, incidents, outages, effects, questions, answers``; ``outages -> evaluations, effects``.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Any

import faust

from pipeline import telemetry
from pipeline.config.settings import COMPONENTS, Settings
from pipeline.core.domain import ROW_TYPES
from pipeline.core.knowledge import KnowledgeSource
from pipeline.core.polling import PollState
from pipeline.core.settlement import ContractState, PlannedWork
from pipeline.stream.app import build_app, channel, rows
from pipeline.stream.domain import DomainHandler
from pipeline.stream.edge import PollHandler, TrapHandler
from pipeline.stream.groups import ROW_TYPES as GROUP_ROWS
from pipeline.stream.groups import GroupHandler
from pipeline.stream.guard import Guard, Handler, sender
from pipeline.stream.rows import Keyed, Rows
from pipeline.stream.settling import SettlementHandler
from pipeline.stream.ticker import Ticker
from pipeline.stream.turn import Publish, Turns
from pipeline.stream.turn import Rows as TableRows
from pipeline.wire import Topic

log = logging.getLogger(__name__)

STOP_S = 6.0
"""Shorter than the supervisor's patience, longer than the producer's last flush."""


class Worker:
    """One Faust worker of the pipeline. Inert until :meth:`run`; the topics exist by then."""

    def __init__(self, settings: Settings, source: KnowledgeSource) -> None:
        self._settings = settings
        self._lost: BaseException | None = None
        self._stop = asyncio.Event()
        partitions = settings.broker.partitions
        app = self.app = build_app(settings.broker, settings.data_dir)
        self._publish: Publish = lambda *message: app.producer.send(*message)  # noqa: PLW0108  # the producer is made at start
        self._send = sender(self._publish, self._on_lost)
        self._turns: list[Turns] = []
        domain = DomainHandler(source, Rows(ROW_TYPES), settings.correlation, partitions)
        traps = TrapHandler(source, partitions)
        polls = PollHandler(source, Keyed(PollState), partitions)
        groups = GroupHandler(source, Rows(GROUP_ROWS), partitions)
        settling = SettlementHandler(source, Keyed(ContractState), Keyed(PlannedWork), partitions)
        self._agent("traps", Topic.RAW_TRAPS, Guard(self._over(None), self._send), traps.handle)
        self._agent("polls", Topic.RAW_POLLS, Guard(self._over(rows(app, "poll")), self._send, polls.forget), polls.handle)
        self._agent("groups", Topic.ROLLUPS, Guard(self._over(rows(app, "group")), self._send, groups.forget), groups.handle)
        self._agent("domain", Topic.EVENTS, Guard(self._over(rows(app, "domain")), self._send, domain.forget), domain.handle)
        self._agent("settling", Topic.OUTAGES, Guard(self._over(rows(app, "contract")), self._send), settling.handle)
        app.on_partitions_revoked.connect(self._on_revoked(domain, polls, groups), weak=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Raises when Faust crashed or a send was lost, so that the process ends and starts again clean."""
        settings = self._settings
        port = settings.metrics_port + COMPONENTS.index("worker")
        self._stop = stop
        async with telemetry.serve_health(settings.metrics_host, port, self._readiness):
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            await self.app.start()
            ticking = asyncio.create_task(self._tick(Ticker(self._send, self._owned)))
            crashed = asyncio.create_task(self.app._crashed.wait())  # noqa: SLF001  # mode's own event; its public wait() also counts a stop
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait({ticking, crashed, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (ticking, crashed, stopping):
                    task.cancel()
                await self._stop_app()
        error = self._lost or self.app.crash_reason
        if error is not None:
            raise RuntimeError(f"the worker ends: {error}") from error
        with contextlib.suppress(asyncio.CancelledError):
            await ticking

    async def _stop_app(self) -> None:
        """Let Faust commit and leave; without a broker it would try for ever, and nothing is lost by not waiting."""
        stopping = asyncio.ensure_future(self.app.stop())
        done, _ = await asyncio.wait({stopping}, timeout=STOP_S)
        if not done:
            raise RuntimeError(f"the broker does not answer, and Faust did not end within {STOP_S:g} s; what is not committed comes again")
        stopping.result()

    def _agent(self, name: str, topic: Topic, guard: Guard, handler: Handler) -> None:
        async def agent(stream: faust.StreamT[bytes]) -> None:
            async for event in stream.events():
                await guard.run(event, handler)

        self.app.agent(channel(self.app, topic), name=f"assure.{name}", concurrency=1)(agent)

    async def _tick(self, ticker: Ticker) -> None:
        while True:
            await ticker.tick()
            await asyncio.sleep(Ticker.EVENTS_EVERY_S)

    def _owned(self, topic: Topic) -> Iterable[int]:
        if self.app.rebalancing or not self.app.assignor:
            return ()
        return sorted(tp.partition for tp in self.app.assignor.assigned_actives() if tp.topic == topic.value) or self._assigned(topic)

    def _assigned(self, topic: Topic) -> list[int]:
        return sorted(tp.partition for tp in self.app.consumer.assignment() if tp.topic == topic.value)

    def _readiness(self) -> str:
        if not self.app.started or self.app.rebalancing:
            return "joining the consumer group"
        return "" if self._assigned(Topic.EVENTS) or self._assigned(Topic.RAW_TRAPS) else "no partition is assigned yet"

    def _on_lost(self, error: BaseException) -> None:
        log.critical("the broker did not take a message: %s; ending before offsets pass it", error)
        self._lost = error
        self._stop.set()

    def _over(self, table: TableRows | None) -> Turns:
        turns = Turns(table, self._publish, self._on_lost)
        self._turns.append(turns)
        return turns

    def _on_revoked(self, *handlers: DomainHandler | PollHandler | GroupHandler) -> Any:
        async def revoked(*_: object, **__: object) -> None:
            for handler in handlers:
                handler.forget_all()
            for turns in self._turns:
                turns.forget_all()

        return revoked


async def run_worker(settings: Settings, source: KnowledgeSource, stop: asyncio.Event) -> None:
    """Run one worker until ``stop``."""
    await Worker(settings, source).run(stop)
