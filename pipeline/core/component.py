"""Which alarmed resources may share a cause, directly or by others: kept as alarms come, found anew when one goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.core.consequence import Consequences


@dataclass(slots=True)
class Components:
    """The alarmed nodes, and the components that the causes make of them that could be right.

    An alarm more can only join components, so each is let in once, and costs no more than its causes. When one goes, all are let in anew
    as soon as somebody asks.
    """

    consequences: Consequences
    alarmed: dict[int, None] = field(default_factory=dict)
    by_cause: dict[int, set[int]] = field(default_factory=dict)
    _fresh: list[int] = field(default_factory=list)
    _leader: dict[int, int] = field(default_factory=dict)
    _nodes: dict[int, list[int]] = field(default_factory=dict)
    _joined: dict[int, int] = field(default_factory=dict)
    _is_stale: bool = False

    def add(self, node: int) -> None:
        """A node has become alarmed."""
        self.alarmed[node] = None
        self._fresh.append(node)
        for cause in self.consequences.causes(node):
            self.by_cause.setdefault(cause, set()).add(node)

    def discard(self, node: int) -> None:
        """A node is alarmed no more."""
        del self.alarmed[node]
        for cause in self.consequences.causes(node):
            self.by_cause[cause].discard(node)
        self._is_stale = True

    def leader(self, node: int) -> int:
        """The node by which the component of an alarmed node goes until the next alarm."""
        self._let_in()
        return self._leader[node]

    def of(self, node: int) -> frozenset[int]:
        """The alarmed nodes of an alarmed node's component, itself included."""
        return frozenset(self._nodes[self.leader(node)])

    def _let_in(self) -> None:
        if self._is_stale:
            self._fresh, self._is_stale = list(self.alarmed), False
            for known in (self._leader, self._nodes, self._joined):
                known.clear()
        fresh, self._fresh = self._fresh, []
        for node in fresh:
            self._leader[node] = node
            self._nodes[node] = [node]
        for node in fresh:
            for cause in self.consequences.causes(node):
                for other in self._sharing(cause):
                    self._join(self._leader[node], self._leader[other])

    def _sharing(self, cause: int) -> Iterable[int]:
        """The alarmed nodes that a cause joins; one of them, if it has joined those before."""
        if cause in self._joined:
            return (self._joined[cause],)
        alarmed = self.by_cause[cause]
        if len(alarmed) > 1 and self.consequences.is_promising(cause, len(alarmed)):
            self._joined[cause] = next(iter(alarmed))
            return alarmed
        return ()

    def _join(self, one: int, other: int) -> None:
        """Put the smaller of two components into the larger."""
        if one == other:
            return
        small, large = sorted((one, other), key=lambda leader: len(self._nodes[leader]))
        nodes = self._nodes.pop(small)
        self._nodes[large] += nodes
        self._leader.update(dict.fromkeys(nodes, large))
