"""A site's, a region's or a service's parts meet here and become its KPIs, which are judged as any others are."""

from collections import defaultdict
from dataclasses import dataclass, field

from pipeline.core.anomaly_alarm import apply as watch
from pipeline.core.anomaly_batch import AnomalyBatch
from pipeline.core.event import Event
from pipeline.core.knowledge import Knowledge, KnowledgeSource
from pipeline.core.kpi import KpiBatch
from pipeline.core.rollup import GroupState, Latest, Part, gather
from pipeline.core.threshold import Standing, apply
from pipeline.stream.edge import send_by_domain
from pipeline.stream.memory import recalled
from pipeline.stream.rows import Rows
from pipeline.stream.turn import Turn
from pipeline.wire import Topic


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What is kept of a group but its parts: the minute it has come to, where its thresholds stand, the detector's memory of its KPIs."""

    minute: int = 0
    standings: dict[str, Standing] = field(default_factory=dict)
    memory: bytes = b""


ROW_TYPES = {"group": GroupRow, "part": Latest}
"""Kinds of rows: one for each group, and one for each device's part in it, so that a part writes no more than itself."""


@dataclass(slots=True)
class _Group:
    row: GroupRow = field(default_factory=GroupRow)
    state: GroupState = field(default_factory=GroupState)


class GroupHandler:
    """``rollups -> kpis, events``, keyed by group. Working state is made from the rows when needed."""

    def __init__(self, source: KnowledgeSource, rows: Rows, partitions: int) -> None:
        self._source = source
        self._rows = rows
        self._partitions = partitions
        self._groups: dict[int, dict[str, _Group]] = {}

    def forget(self, partition: int) -> None:
        """Drop a partition's working state; the rows have what was last completed."""
        self._groups.pop(partition, None)

    def forget_all(self) -> None:
        """Drop all working state: the partitions may have been elsewhere in between."""
        self._groups.clear()

    def handle(self, partition: int, parts: list[Part], turn: Turn) -> None:
        """Fold a batch of parts, one after the other."""
        known = self._source.current()
        groups = self._loaded(partition, turn)
        batches: list[KpiBatch] = []
        events: list[Event] = []
        anomalies: list[AnomalyBatch] = []
        for part in parts:
            group = groups[part.group]
            before = group.state
            group.state, batch = gather(before, part, known.measuring.rollups)
            if batch is not None:
                group.row, told, unusual = _judged(group.row, batch, part.domain, known)
                batches.append(batch)
                events += told
                anomalies += [unusual] if unusual is not None else []
            self._store(turn, partition, part, before, group)
        turn.send(Topic.KPIS, partition, batches)
        turn.send(Topic.KPIS, partition, anomalies)
        send_by_domain(turn, events, self._partitions)

    def _loaded(self, partition: int, turn: Turn) -> dict[str, _Group]:
        if partition not in self._groups:
            groups: dict[str, _Group] = defaultdict(_Group)
            for name, row in self._rows.load(turn, partition):
                of, kind, _ = name.split("|", 2)
                group = groups[of]
                if kind == "group":
                    group.row = row
                    group.state = GroupState(row.minute, group.state.latest)
                else:
                    group.state.latest[row.part.device] = row
            self._groups[partition] = groups
        return self._groups[partition]

    def _store(self, turn: Turn, partition: int, part: Part, before: GroupState, group: _Group) -> None:
        """Write what a part has changed: its own row, and with a new minute the group's and those of devices that are gone."""
        after = group.state
        if after is before:
            return
        changed: list[tuple[str, GroupRow | Latest | None]] = [(_name(part.group, part.device), after.latest[part.device])]
        if after.minute != before.minute:
            group.row = GroupRow(after.minute, group.row.standings, group.row.memory)
            changed.append((f"{part.group}|group|", group.row))
            changed += [(_name(part.group, device), None) for device in before.latest.keys() - after.latest.keys()]
        self._rows.store(turn, partition, changed)


def _judged(row: GroupRow, batch: KpiBatch, domain: str, known: Knowledge) -> tuple[GroupRow, list[Event], AnomalyBatch | None]:
    """Thresholds and detector over a group's KPIs of one minute."""
    standings, crossed = apply(row.standings, batch, known.thresholds, domain)
    memory = recalled(row.memory, batch.resources[0])
    odd, unusual = watch(memory, batch, known.measuring.watching, domain)
    return GroupRow(row.minute, standings, memory.to_bytes()), [*crossed, *odd], unusual


def _name(group: str, device: str) -> str:
    return f"{group}|part|{device}"
