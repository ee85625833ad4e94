"""Contracts meet their outages here: evaluated when a month ends or somebody asks."""

from dataclasses import replace

from pipeline.bus import partition_of
from pipeline.core.event import Tick
from pipeline.core.knowledge import KnowledgeSource
from pipeline.core.outage import Outage
from pipeline.core.settle import Settle
from pipeline.core.settlement import ContractState, PlannedWork, Settlement, Terms, plan, record, settle, terms_of, tick
from pipeline.core.window import WindowRow, announced
from pipeline.stream.rows import Keyed
from pipeline.stream.turn import MARK, Turn
from pipeline.wire import Topic


class SettlementHandler:
    """``outages -> evaluations, effects``, keyed by contract; besides, in one row of each partition, the work planned at run time."""

    def __init__(self, source: KnowledgeSource, contracts: Keyed, planned: Keyed, partitions: int) -> None:
        self._source = source
        self._contracts = contracts
        self._planned = planned
        self._partitions = partitions

    def handle(self, partition: int, items: list[Outage | WindowRow | Settle | Tick], turn: Turn) -> None:
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
            else:
                self._settle_all(partition, item, turn)

    def _settle_all(self, partition: int, request: Settle | Tick, turn: Turn) -> None:
        known = self._source.current()
        inventory = known.declared or known.inventory
        work = self._work(turn, partition)
        if work.windows:
            inventory = replace(inventory, windows=announced(inventory.windows, work.windows))
        for name, terms in terms_of(inventory, known.plans).items():
            if partition_of(name, self._partitions) == partition:
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
