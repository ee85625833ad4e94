"""Which open incident took what down, kept up to date as incidents come and go.

Failures have a rank: those that are down before those that are only degraded, then in the order in which they began. A node that is down
carries the rank of the failure that completed it: the least of its own failures' ranks, or the k-th least rank among its parents, where k
parents must be down. That is what letting the failures happen one after the other gives, yet it can be mended where something changed: a
new failure lowers ranks, one that ended raises those that rested on it (Dijkstra's order, on the part of the graph that is concerned).
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core.topology import Topology


class Rank(NamedTuple):
    """The place of an incident's failure among all that are open; ``degraded`` ones come after all that are down."""

    degraded: bool
    began_at: int
    incident: str


class Moved(NamedTuple):
    """A node that carries another rank than before; ``None`` where it is up."""

    node: int
    before: Rank | None
    after: Rank | None


@dataclass(slots=True)
class Felling:
    """What is down by whom.

    ``owned`` are the nodes that an incident completed, ``down`` all of them that are not only degraded; ``weakened`` gates are up with
    fewer parents than they had. ``besides`` are the nodes that fail with an incident's root for a record that the topology lacks.
    """

    topology: Topology
    ranks: dict[int, Rank] = field(default_factory=dict)
    owned: dict[str, set[int]] = field(default_factory=dict)
    roots: dict[str, tuple[int, Rank]] = field(default_factory=dict)
    failed: dict[int, set[Rank]] = field(default_factory=dict)
    down: set[int] = field(default_factory=set)
    weakened: set[int] = field(default_factory=set)
    besides: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def has(self, rank: Rank, root: int, besides: tuple[int, ...] = ()) -> bool:
        """Whether an incident's failure is known as just this."""
        return self.roots.get(rank.incident) == (root, rank) and self.besides.get(rank.incident, ()) == besides

    def put(self, rank: Rank, root: int, besides: tuple[int, ...] = ()) -> list[Moved]:
        """An incident's failure of a node, and of others besides, new or in place of the one it had; what moved."""
        if self.has(rank, root, besides):
            return []
        ended = self.drop(rank.incident) if rank.incident in self.roots else []
        self.roots[rank.incident] = (root, rank)
        if besides:
            self.besides[rank.incident] = besides
        for node in (root, *besides):
            self.failed.setdefault(node, set()).add(rank)
        before: dict[int, Rank | None] = {}
        self._lower([(rank, node) for node in (root, *besides)], before)
        return [*ended, *self._moved(before)]

    def drop(self, incident: str) -> list[Moved]:
        """An incident's failure is over; what moved."""
        root, rank = self.roots.pop(incident)
        nodes = (root, *self.besides.pop(incident, ()))
        for node in nodes:
            self.failed[node].discard(rank)
            if not self.failed[node]:
                del self.failed[node]
        resting = self._resting_on([node for node in nodes if self.ranks.get(node) == rank])
        if not resting:
            return []
        before: dict[int, Rank | None] = {node: self.ranks[node] for node in resting}
        for node in before:
            self._set(node, None)
        self._lower([(follows, node) for node in before if (follows := self._rank_of(node)) is not None], before)
        return self._moved(before)

    def weakening(self, gate: int) -> Iterator[str]:
        """The incidents that keep one of a gate's parents down, or would were they alone."""
        for parent in self.topology.parents[gate]:
            rank = self.ranks.get(parent)
            if rank is not None and parent in self.down:
                yield rank.incident
                yield from (each.incident for each in self.failed.get(parent, ()) if not each.degraded)

    def _lower(self, heap: list[tuple[Rank, int]], before: dict[int, Rank | None]) -> None:
        """Give nodes a lower rank, least first, and all below them what follows; ``before`` takes the rank that each had at first."""
        topology = self.topology
        heapq.heapify(heap)
        while heap:
            rank, node = heapq.heappop(heap)
            known = self.ranks.get(node)
            if known is not None and known <= rank:
                continue
            before.setdefault(node, known)
            self._set(node, rank)
            for child in topology.children[node]:
                follows = rank if topology.need[child] == 1 else self._rank_of(child)
                known = self.ranks.get(child)
                if follows is not None and (known is None or follows < known):
                    heapq.heappush(heap, (follows, child))

    def _resting_on(self, failed: Sequence[int]) -> list[int]:
        """Nodes whose rank may rest on those of ``failed``, these first."""
        topology, found, seen = self.topology, list(failed), set(failed)
        for node in found:
            rank = self.ranks[node]
            for child in topology.children[node]:
                known = self.ranks.get(child)
                rests = known is not None and (known == rank if topology.need[child] == 1 else known >= rank)
                if rests and child not in seen:
                    seen.add(child)
                    found.append(child)
        return found

    def _rank_of(self, node: int) -> Rank | None:
        """The rank that follows for a node from its own failures and from the present ranks of its parents."""
        own = min(self.failed[node]) if node in self.failed else None
        need = self.topology.need[node]
        ranks = sorted(rank for parent in self.topology.parents[node] if (rank := self.ranks.get(parent)) is not None)
        if len(ranks) < need:
            return own
        return ranks[need - 1] if own is None else min(own, ranks[need - 1])

    def _set(self, node: int, rank: Rank | None) -> None:
        known = self.ranks.get(node)
        if known is not None:
            nodes = self.owned[known.incident]
            nodes.discard(node)
            if not nodes:
                del self.owned[known.incident]
        if rank is None:
            self.ranks.pop(node, None)
        else:
            self.ranks[node] = rank
            self.owned.setdefault(rank.incident, set()).add(node)
        if rank is None or rank.degraded:
            self.down.discard(node)
        else:
            self.down.add(node)

    def _moved(self, before: dict[int, Rank | None]) -> list[Moved]:
        moved = [Moved(node, rank, after) for node, rank in before.items() if (after := self.ranks.get(node)) != rank]
        for gate in self.gates_at(moved):
            if self._is_weakened(gate):
                self.weakened.add(gate)
            else:
                self.weakened.discard(gate)
        return moved

    def gates_at(self, moved: Iterable[Moved]) -> set[int]:
        """The nodes that need several down parents, and that moved or have a parent that did."""
        need, children = self.topology.need, self.topology.children
        near = {child for each in moved for child in children[each.node]} | {each.node for each in moved}
        return {node for node in near if need[node] > 1}

    def _is_weakened(self, gate: int) -> bool:
        return gate not in self.down and not self.down.isdisjoint(self.topology.parents[gate])
