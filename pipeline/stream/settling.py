"""Contracts meet their outages here: evaluated when a month ends or somebody asks."""

from dataclasses import replace

from pipeline.bus import partition_of
from pipeline.core.claim import ClaimRow
from pipeline.core.event import Tick
from pipeline.core.exclusion import ExclusionRow
from pipeline.core.knowledge import KnowledgeSource
from pipeline.core.outage import Outage
from pipeline.core.saying import standing
from pipeline.core.settle import Settle
from pipeline.core.settlement import (
    ContractState,
    PlannedWork,
    Settlement,
    Terms,
    claim,
    exclude,
    is_of,
    plan,
    record,
    reopen,
    settle,
    terms_of,
    tick,
)
from pipeline.core.window import WindowRow, announced
from pipeline.stream.rows import Keyed
from pipeline.stream.turn import MARK, Turn
from pipeline.wire import Topic


class SettlementHandler:
    """``outages -> evaluations, effects``, keyed by contract; besides, in one row of each partition, what people said at run time."""

    def __init__(self, source: KnowledgeSource, contracts: Keyed, planned: Keyed, partitions: int) -> None:
        self._source = source
        self._contracts = contracts
        self._planned = planned
        self._partitions = partitions

    def handle(self, partition: int, items: list[Outage | WindowRow | ExclusionRow | ClaimRow | Settle | Tick], turn: Turn) -> None:
        """Record outages and planned work; settle the partition's contracts on request, or on a tick after a month's end."""
        for item in items:
            if isinstance(item, Outage):
                state = self._state(turn, item.contract)
                self._contracts.put(turn, item.contract, record(state, [item]))
            elif isinstance(item, WindowRow):
                before = self._work(turn, partition)
                after = plan(before, item)
                if after != before:
                    self._planned.put(turn, _planned_key(partition), after)
            elif isinstance(item, ExclusionRow):
                self._exclude(partition, item, turn)
            elif isinstance(item, ClaimRow):
                self._planned.put(turn, _planned_key(partition), claim(self._work(turn, partition), item))
            else:
                self._settle_all(partition, item, turn)

    def _exclude(self, partition: int, row: ExclusionRow, turn: Turn) -> None:
        """Keep what was said; months that are settled already are looked at again."""
        before = self._work(turn, partition)
        after = exclude(before, row)
        if after == before:
            return
        self._planned.put(turn, _planned_key(partition), after)
        exclusion = after.exclusions[row.id].exclusion
        if exclusion is None:
            return
        for name, terms in self._terms(partition, after).items():
            state = self._state(turn, name)
            if state.settled_through and is_of(exclusion, state, terms):
                self._contracts.put(turn, name, reopen(state, exclusion.starts_at, exclusion.ends_at))

    def _terms(self, partition: int, work: PlannedWork) -> dict[str, Terms]:
        """The terms of the partition's contracts."""
        known = self._source.current()
        inventory = known.declared or known.inventory
        if work.windows:
            inventory = replace(inventory, windows=announced(inventory.windows, work.windows))
        found = terms_of(inventory, known.plans, standing(work.exclusions.values()), standing(work.claims.values()))
        return {name: terms for name, terms in found.items() if partition_of(name, self._partitions) == partition}

    def _settle_all(self, partition: int, request: Settle | Tick, turn: Turn) -> None:
        for name, terms in self._terms(partition, self._work(turn, partition)).items():
            before = self._state(turn, name)
            after = _settle(before, terms, request)
            if after.state != before:
                self._contracts.put(turn, name, after.state)
            turn.send(Topic.EVALUATIONS, partition, after.evaluations)
            turn.send(Topic.EFFECTS, partition, after.effects)

    def _work(self, turn: Turn, partition: int) -> PlannedWork:
        return self._planned.get(turn, _planned_key(partition)) or PlannedWork()

    def _state(self, turn: Turn, contract: str) -> ContractState:
        return self._contracts.get(turn, contract) or ContractState(contract)


def _planned_key(partition: int) -> str:
    """No contract is named so."""
    return f"{partition}|{MARK}|planned"


def _settle(state: ContractState, terms: Terms, request: Settle | Tick) -> Settlement:
    if isinstance(request, Settle):
        return settle(state, terms, request.at, request.at)
    return tick(state, terms, request.at)
