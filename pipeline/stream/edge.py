"""What came from the network becomes events: traps by rule, polls by comparison with the poll before."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pipeline.bus import partition_of
from pipeline.core.anomaly_batch import AnomalyBatch
from pipeline.core.event import Event, StateReport
from pipeline.core.knowledge import KnowledgeSource
from pipeline.core.kpi import KpiBatch
from pipeline.core.normalize import normalize
from pipeline.core.polling import PollState, fold
from pipeline.core.raw import RawPoll, RawTrap
from pipeline.core.rollup import Part, parts_of
from pipeline.stream.memory import Memories
from pipeline.stream.rows import Keyed
from pipeline.stream.turn import Turn
from pipeline.wire import Topic


class TrapHandler:
    """``raw.traps -> events``, keyed by correlation domain."""

    def __init__(self, source: KnowledgeSource, partitions: int) -> None:
        self._source = source
        self._partitions = partitions

    def handle(self, _partition: int, traps: list[RawTrap], turn: Turn) -> None:
        """Normalise a batch of notifications and pass the events on, in order."""
        known = self._source.current()
        events = [event for trap in traps for event in normalize(trap, known.rules, known.directory, known.mibs)]
        send_by_domain(turn, events, self._partitions)


class PollHandler:
    """``raw.polls -> kpis``; keyed by correlation domain, ``events``: what each poll saw, and which thresholds it crossed.

    And keyed by group, ``rollups``: what each poll brings to its site, region and services.
    """

    def __init__(self, source: KnowledgeSource, devices: Keyed, partitions: int, memories: Memories | None = None) -> None:
        self._source = source
        self._devices = devices
        self._partitions = partitions
        self._memories = memories or Memories()

    def forget(self, partition: int) -> None:
        """Drop what is remembered of a partition's devices; the rows have what was last completed."""
        self._memories.forget(partition)

    def forget_all(self) -> None:
        """Drop all that is remembered: the partitions may have been elsewhere in between."""
        self._memories.forget_all()

    def handle(self, partition: int, polls: list[RawPoll], turn: Turn) -> None:
        """Fold a batch of polls, one device after the other."""
        known = self._source.current()
        batches: list[KpiBatch] = []
        events: list[Event] = []
        reports: list[StateReport] = []
        parts: list[Part] = []
        anomalies: list[AnomalyBatch] = []
        for poll in polls:
            state = self._devices.get(turn, poll.device) or PollState()
            memory = self._memories.of(turn, partition, poll.device, state.unusual)
            result = fold(state, poll, known.directory, known.thresholds, known.measuring, memory)
            if result.report is not None:
                self._memories.keep(turn, partition, poll.device, poll.polled_at)
                anomalies += result.anomalies
                parts += parts_of(result.batches, known.measuring.rollups, known.measuring.shares, result.report.domain)
                self._devices.put(turn, poll.device, result.state)
                batches += result.batches
                events += result.events
                reports.append(result.report)
        turn.send(Topic.KPIS, partition, batches)
        turn.send(Topic.KPIS, partition, anomalies)
        send_by(turn, Topic.ROLLUPS, [(part.group, part) for part in parts], self._partitions)
        send_by_domain(turn, events, self._partitions)
        send_by_domain(turn, reports, self._partitions)


def send_by_domain(turn: Turn, items: Iterable[Any], partitions: int) -> None:
    """Publish events or state reports to the partitions of their domains, keeping their order within each."""
    send_by(turn, Topic.EVENTS, [(item.domain, item) for item in items], partitions)


def send_by(turn: Turn, topic: Topic, items: Iterable[tuple[str, Any]], partitions: int) -> None:
    """Publish values of one kind to the partitions of their keys, keeping their order within each."""
    by_partition: dict[int, list[Any]] = defaultdict(list)
    for key, item in items:
        by_partition[partition_of(key, partitions)].append(item)
    for partition, batch in by_partition.items():
        turn.send(topic, partition, batch)
