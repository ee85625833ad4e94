"""What came from the network becomes events: traps by rule, polls by comparison with the poll before."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pipeline.bus import partition_of
from pipeline.core.event import Event, StateReport
from pipeline.core.knowledge import KnowledgeSource
from pipeline.core.kpi import KpiBatch
from pipeline.core.normalize import normalize
from pipeline.core.polling import PollState, fold
from pipeline.core.raw import RawPoll, RawTrap
from pipeline.stream.guard import Send
from pipeline.stream.rows import Keyed
from pipeline.wire import Topic


class TrapHandler:
    """``raw.traps -> events``, keyed by correlation domain."""

    def __init__(self, send: Send, source: KnowledgeSource, partitions: int) -> None:
        self._send = send
        self._source = source
        self._partitions = partitions

    async def handle(self, _partition: int, traps: list[RawTrap]) -> None:
        """Normalise a batch of notifications and pass the events on, in order."""
        known = self._source.current()
        events = [event for trap in traps for event in normalize(trap, known.rules, known.directory, known.mibs)]
        await send_by_domain(self._send, events, self._partitions)


class PollHandler:
    """``raw.polls -> kpis`` and, keyed by correlation domain, ``events``: what each poll saw, and which thresholds it crossed."""

    def __init__(self, send: Send, source: KnowledgeSource, devices: Keyed, partitions: int) -> None:
        self._send = send
        self._source = source
        self._devices = devices
        self._partitions = partitions

    async def handle(self, partition: int, polls: list[RawPoll]) -> None:
        """Fold a batch of polls, one device after the other."""
        known = self._source.current()
        batches: list[KpiBatch] = []
        events: list[Event] = []
        reports: list[StateReport] = []
        for poll in polls:
            result = fold(self._devices.get(poll.device) or PollState(), poll, known.directory, known.thresholds)
            if result.report is not None:
                self._devices.put(poll.device, result.state)
                batches += result.batches
                events += result.events
                reports.append(result.report)
        await self._send(Topic.KPIS, partition, batches)
        await send_by_domain(self._send, events, self._partitions)
        await send_by_domain(self._send, reports, self._partitions)


async def send_by_domain(send: Send, items: Iterable[Any], partitions: int) -> None:
    """Publish events or state reports to the partitions of their domains, keeping their order within each."""
    by_partition: dict[int, list[Any]] = defaultdict(list)
    for item in items:
        by_partition[partition_of(item.domain, partitions)].append(item)
    for partition, batch in by_partition.items():
        await send(Topic.EVENTS, partition, batch)
