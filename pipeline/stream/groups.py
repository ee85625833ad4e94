"""A site's, a region's or a service's parts meet here and become its KPIs, which cross thresholds as any others do."""

from dataclasses import dataclass, field

from pipeline.core.anomaly_alarm import apply as watch
from pipeline.core.anomaly_batch import AnomalyBatch
from pipeline.core.event import Event
from pipeline.core.knowledge import KnowledgeSource
from pipeline.core.kpi import KpiBatch
from pipeline.core.rollup import GroupState, Part, gather
from pipeline.core.threshold import Standing, apply
from pipeline.stream.edge import send_by_domain
from pipeline.stream.memory import recalled
from pipeline.stream.rows import Keyed
from pipeline.stream.turn import Turn
from pipeline.wire import Topic


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What is kept of a group: its parts, where its thresholds stand, and the detector's memory of its KPIs."""

    state: GroupState = field(default_factory=GroupState)
    standings: dict[str, Standing] = field(default_factory=dict)
    memory: bytes = b""


class GroupHandler:
    """``rollups -> kpis, events``, keyed by group."""

    def __init__(self, source: KnowledgeSource, groups: Keyed, partitions: int) -> None:
        self._source = source
        self._groups = groups
        self._partitions = partitions

    def handle(self, partition: int, parts: list[Part], turn: Turn) -> None:
        """Fold a batch of parts, one after the other."""
        known = self._source.current()
        batches: list[KpiBatch] = []
        events: list[Event] = []
        anomalies: list[AnomalyBatch] = []
        for part in parts:
            row = self._groups.get(turn, part.group) or GroupRow()
            state, batch = gather(row.state, part, known.measuring.rollups)
            standings, memory = row.standings, row.memory
            if batch is not None:
                standings, crossed = apply(standings, batch, known.thresholds, part.domain)
                remembered = recalled(memory, part.group)
                odd, unusual = watch(remembered, batch, known.measuring.watching, part.domain)
                memory = remembered.to_bytes()
                batches.append(batch)
                anomalies += [unusual] if unusual is not None else []
                events += (*crossed, *odd)
            if state is not row.state:
                self._groups.put(turn, part.group, GroupRow(state, standings, memory))
        turn.send(Topic.KPIS, partition, batches)
        turn.send(Topic.KPIS, partition, anomalies)
        send_by_domain(turn, events, self._partitions)
