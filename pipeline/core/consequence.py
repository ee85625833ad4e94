"""What each possible cause takes down by itself. It rests on the topology alone, not on any alarm, and so it is remembered."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.core.likelihood import FEED_SILENT, HOPELESS, LOSS, MOST, PRIORS, SILENT, prior
from pipeline.core.neighbourhood import Neighbourhood
from pipeline.core.resource import ResourceKind
from pipeline.core.topology import Closure, Topology

REMEMBERED = 1_000_000
"""How many nodes all remembered consequences may have together: some 60 MB."""

POLLED = frozenset({ResourceKind.PORT, ResourceKind.INTERFACE, ResourceKind.DEVICE, ResourceKind.REACHABILITY})
"""Kinds that may be known to be up: a poll sees them so, or, of a port, that it tells of lost light says so."""

TELLERS = frozenset({ResourceKind.DEVICE, ResourceKind.REACHABILITY})
"""Kinds whose failure makes others silent."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What fails when one node fails.

    ``expected`` are the nodes that should alarm: their reporter does not fail with them. ``silence`` is what it says against the cause
    when none does. ``polled`` are those that a poll can see up, ``tellers`` those that others are told of by. ``gates`` are edges into
    gates that hold: the next failure may open them.
    """

    nodes: frozenset[int]
    expected: frozenset[int]
    silence: float
    polled: tuple[int, ...]
    tellers: tuple[int, ...]
    gates: frozenset[int]
    supplies: frozenset[int]
    silent: tuple[tuple[float, frozenset[int]], ...]


@dataclass(slots=True)
class Consequences:
    """The causes of each node and the consequences of each cause in one topology.

    ``tellers`` are the nodes that others are told of by, ``feeds`` those of power.
    """

    topology: Topology
    _causes: dict[int, frozenset[int]] = field(default_factory=dict)
    _found: dict[int, Consequence] = field(default_factory=dict)
    _gates: dict[int, frozenset[int]] = field(default_factory=dict)
    _supplies: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _told_by: dict[int, frozenset[int]] = field(default_factory=dict)
    _children: list[tuple[int, ...]] = field(default_factory=list)
    _silences: dict[int, float] = field(default_factory=dict)
    _size: int = 0
    neighbourhood: Neighbourhood = field(init=False)
    tellers: frozenset[int] = field(init=False)
    feeds: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        kinds = self.topology.kinds
        self.neighbourhood = Neighbourhood(self.topology)
        self.tellers = frozenset(node for node, kind in enumerate(kinds) if kind in TELLERS)
        self.feeds = frozenset(node for node, kind in enumerate(kinds) if kind is ResourceKind.POWER)

    def causes(self, node: int) -> frozenset[int]:
        """Nodes whose failure would take this node down or help to: upstream kinds that fail by themselves, and the node."""
        found = self._causes.get(node)
        if found is None:
            found = self._causes[node] = frozenset(self._upstream(node))
        return found

    def _upstream(self, node: int) -> list[int]:
        parents, kinds = self.topology.parents, self.topology.kinds
        seen, waiting = {node}, [*parents[node]]
        found = [node]
        while waiting:
            other = waiting.pop()
            if other not in seen:
                seen.add(other)
                waiting.extend(parents[other])
                if kinds[other] in PRIORS:
                    found.append(other)
        return found

    def gates_above(self, node: int) -> frozenset[int]:
        """The gates of several parents that a node depends on."""
        found = self._gates.get(node)
        if found is None:
            own = (node,) if self.topology.need[node] > 1 else ()
            found = self._gates[node] = frozenset(own).union(*map(self._gates_upstream, self.topology.parents[node]))
        return found

    def _gates_upstream(self, node: int) -> frozenset[int]:
        """The same by a walk: many nodes share few parents."""
        found = self._gates.get(node)
        if found is None:
            need, upstream = self.topology.need, (node, *self.topology.upstream(node))
            found = self._gates[node] = frozenset(gate for gate in upstream if need[gate] > 1)
        return found

    def of(self, cause: int) -> Consequence:
        """What fails with a cause."""
        found = self._found.pop(cause, None)
        if found is None:
            found = self._follow(cause)
            self._silences[cause] = found.silence
            self._size += len(found.nodes)
            while self._size > REMEMBERED and self._found:
                self._size -= len(self._found.pop(next(iter(self._found))).nodes)
        self._found[cause] = found
        return found

    def powered(self, supply: int) -> int:
        """The device behind the gate of its power feeds."""
        return self.topology.children[supply][0]

    def supplies_of(self, feed: int) -> tuple[int, ...]:
        """The gates of devices with several feeds that a power feed leads to."""
        found = self._supplies.get(feed)
        if found is None:
            kinds, need = self.topology.kinds, self.topology.need
            gates = (node for node in self.topology.children[feed] if kinds[node] is ResourceKind.SUPPLY and need[node] > 1)
            found = self._supplies[feed] = tuple(gates)
        return found

    def is_promising(self, cause: int, alarms: int) -> bool:
        """Whether a cause could be right if it explained this many alarms: what it expects to hear besides does not weigh more."""
        silence = self._silences.get(cause)
        if silence is None:
            silence = self.of(cause).silence
        return prior(self.topology.kinds[cause]) + silence + alarms * MOST > HOPELESS

    def _follow(self, cause: int) -> Consequence:
        topology, closure = self.topology, Closure(self.topology)
        kinds, reporter, silenced_by = topology.kinds, topology.reporter, topology.silenced_by
        new, down = closure.add((cause,)), closure.down
        expected = [node for node in new if kinds[node] in LOSS and reporter[node] not in down and silenced_by[node] not in down]
        gates = frozenset(closure.weakened())
        supplies = frozenset(gate for gate in gates if kinds[gate] is ResourceKind.SUPPLY)
        by_kind: dict[ResourceKind, list[int]] = {}
        for node in expected:
            by_kind.setdefault(kinds[node], []).append(node)
        return Consequence(
            nodes=frozenset(new),
            expected=frozenset(expected),
            silence=sum(SILENT[kinds[node]] for node in expected) + len(supplies) * FEED_SILENT,
            polled=tuple(node for node in new if kinds[node] in POLLED),
            tellers=tuple(node for node in new if kinds[node] in TELLERS),
            gates=gates,
            supplies=supplies,
            silent=tuple((SILENT[kind], frozenset(nodes)) for kind, nodes in by_kind.items()),
        )

    def told_by(self, teller: int) -> frozenset[int]:
        """The nodes whose silence is expected when a device, or the reachability of one, is down."""
        if not self._told_by:
            told: dict[int, list[int]] = {}
            for one, (reporter, silencer) in enumerate(zip(self.topology.reporter, self.topology.silenced_by, strict=True)):
                if reporter >= 0 and self.topology.kinds[one] in LOSS:
                    told.setdefault(reporter, []).append(one)
                    told.setdefault(silencer, []).append(one)
            self._told_by = {one: frozenset(nodes) for one, nodes in told.items()}
        return self._told_by.get(teller, frozenset())

    @property
    def children(self) -> list[tuple[int, ...]]:
        """For each node its children that say something when they are down, or lead to such: what is left out never alarms as a rule."""
        if not self._children:
            kinds, parents = self.topology.kinds, self.topology.parents
            telling = {node for node, kind in enumerate(kinds) if kind in LOSS or kind in POLLED}
            waiting = list(telling)
            while waiting:
                for parent in parents[waiting.pop()]:
                    if parent not in telling:
                        telling.add(parent)
                        waiting.append(parent)
            self._children = [tuple(child for child in children if child in telling) for children in self.topology.children]
        return self._children

    def children_towards(self, alarmed: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """The same for nodes that lead to alarmed ones of a kind that does not alarm as a rule."""
        rare = [node for node in alarmed if self.topology.kinds[node] not in LOSS and self.topology.kinds[node] not in POLLED]
        if not rare:
            return {}
        wanted = {*rare, *(upstream for node in rare for upstream in self.topology.ancestors(node))}
        return {
            node: (*self.children[node], *(one for one in self.topology.children[node] if one in wanted and one not in self.children[node]))
            for node in wanted
        }
