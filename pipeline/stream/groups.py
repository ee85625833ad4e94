"""A site's, a region's or a service's parts meet here and become its KPIs, which cross thresholds as any others do."""

from dataclasses import dataclass, field

from pipeline.core.event import Event
from pipeline.core.knowledge import KnowledgeSource
from pipeline.core.kpi import KpiBatch
from pipeline.core.rollup import GroupState, Part, gather
from pipeline.core.threshold import Standing, apply
from pipeline.stream.edge import send_by_domain
from pipeline.stream.rows import Keyed
from pipeline.stream.turn import Turn
from pipeline.wire import Topic


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What is kept of a group: its parts, and where its thresholds stand."""

    state: GroupState = field(default_factory=GroupState)
    standings: dict[str, Standing] = field(default_factory=dict)


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
        for part in parts:
            row = self._groups.get(turn, part.group) or GroupRow()
            state, batch = gather(row.state, part, known.measuring.rollups)
            standings = row.standings
            if batch is not None:
                standings, crossed = apply(standings, batch, known.thresholds, part.domain)
                batches.append(batch)
                events += crossed
            if state != row.state or standings != row.standings:
                self._groups.put(turn, part.group, GroupRow(state, standings))
        turn.send(Topic.KPIS, partition, batches)
        send_by_domain(turn, events, self._partitions)
