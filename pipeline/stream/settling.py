"""Contracts meet their outages here: evaluated when a month ends or somebody asks."""

from pipeline.bus import partition_of
from pipeline.core.event import Tick
from pipeline.core.knowledge import KnowledgeSource
from pipeline.core.outage import Outage
from pipeline.core.settle import Settle
from pipeline.core.settlement import ContractState, Settlement, Terms, record, settle, terms_of, tick
from pipeline.stream.rows import Keyed
from pipeline.stream.turn import Turn
from pipeline.wire import Topic


class SettlementHandler:
    """``outages -> evaluations, effects``, keyed by contract."""

    def __init__(self, source: KnowledgeSource, contracts: Keyed, partitions: int) -> None:
        self._source = source
        self._contracts = contracts
        self._partitions = partitions

    def handle(self, partition: int, items: list[Outage | Settle | Tick], turn: Turn) -> None:
        """Record outages; settle the partition's contracts on request, or on a tick after a month's end."""
        for item in items:
            if isinstance(item, Outage):
                state = self._state(turn, item.contract)
                self._contracts.put(turn, item.contract, record(state, [item]))
            else:
                self._settle_all(partition, item, turn)

    def _settle_all(self, partition: int, request: Settle | Tick, turn: Turn) -> None:
        known = self._source.current()
        for name, terms in terms_of(known.declared or known.inventory, known.plans).items():
            if partition_of(name, self._partitions) == partition:
                before = self._state(turn, name)
                after = _settle(before, terms, request)
                if after.state != before:
                    self._contracts.put(turn, name, after.state)
                turn.send(Topic.EVALUATIONS, partition, after.evaluations)
                turn.send(Topic.EFFECTS, partition, after.effects)

    def _state(self, turn: Turn, contract: str) -> ContractState:
        return self._contracts.get(turn, contract) or ContractState(contract)


def _settle(state: ContractState, terms: Terms, request: Settle | Tick) -> Settlement:
    if isinstance(request, Settle):
        return settle(state, terms, request.at, request.at)
    return tick(state, terms, request.at)
