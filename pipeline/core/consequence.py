"""What each possible cause takes down by itself. It rests on the topology alone, not on any alarm, and so it is remembered."""

from dataclasses import dataclass, field

from pipeline.core.likelihood import FEED_SILENT, HOPELESS, LOSS, MOST, PRIORS, SILENT, prior
from pipeline.core.resource import ResourceKind
from pipeline.core.topology import Closure, Topology

REMEMBERED = 1_000_000
"""How many nodes all remembered consequences may have together: some 60 MB."""

POLLED = frozenset({ResourceKind.INTERFACE, ResourceKind.DEVICE, ResourceKind.REACHABILITY})
"""Kinds that a poll can see up."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What fails when one node fails.

    ``expected`` are the nodes that should alarm: their reporter does not fail with them. ``silence`` is what it says against the cause
    when none does. ``polled`` are those that a poll can see up. ``gates`` are edges into gates that hold: the next failure may open them.
    """

    nodes: frozenset[int]
    expected: frozenset[int]
    silence: float
    polled: tuple[int, ...]
    gates: frozenset[tuple[int, int]]
    supplies: frozenset[int] = frozenset()


@dataclass(slots=True)
class Consequences:
    """The causes of each node and the consequences of each cause in one topology."""

    topology: Topology
    _causes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _found: dict[int, Consequence] = field(default_factory=dict)
    _supplies: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _silences: dict[int, float] = field(default_factory=dict)
    _size: int = 0

    def causes(self, node: int) -> tuple[int, ...]:
        """Nodes whose failure would take this node down or help to: upstream kinds that fail by themselves, and the node."""
        found = self._causes.get(node)
        if found is None:
            found = self._causes[node] = (node, *self._upstream(node))
        return found

    def _upstream(self, node: int) -> list[int]:
        parents, kinds = self.topology.parents, self.topology.kinds
        seen, waiting = {node}, [*parents[node]]
        found: list[int] = []
        while waiting:
            other = waiting.pop()
            if other not in seen:
                seen.add(other)
                waiting.extend(parents[other])
                if kinds[other] in PRIORS:
                    found.append(other)
        return sorted(found)

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
        held = set(closure.weakened())
        supplies = frozenset(gate for gate in held if kinds[gate] is ResourceKind.SUPPLY)
        return Consequence(
            nodes=frozenset(new),
            expected=frozenset(expected),
            silence=sum(SILENT[kinds[node]] for node in expected) + len(supplies) * FEED_SILENT,
            polled=tuple(node for node in new if kinds[node] in POLLED),
            gates=frozenset((node, child) for node in new for child in topology.children[node] if child in held) if held else frozenset(),
            supplies=supplies,
        )
