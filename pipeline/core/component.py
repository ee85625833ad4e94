"""Which alarmed resources may share a cause, directly or by others: kept as alarms come, found anew for a component when one of it goes."""

from dataclasses import dataclass, field

from pipeline.core.consequence import Consequences


@dataclass(slots=True)
class Components:
    """The alarmed nodes, and the components that the causes make of them that could be right.

    An alarm more can only join components, so each is let in once, and costs no more than its causes. When one goes, only its own component
    can fall apart, and the nodes of that are let in anew as soon as somebody asks.
    """

    consequences: Consequences
    by_cause: dict[int, set[int]] = field(default_factory=dict)
    _fresh: dict[int, None] = field(default_factory=dict)
    _leader: dict[int, int] = field(default_factory=dict)
    _nodes: dict[int, list[int]] = field(default_factory=dict)
    _joined: dict[int, int] = field(default_factory=dict)

    def add(self, node: int) -> None:
        """A node has become alarmed."""
        self._fresh[node] = None
        by_cause = self.by_cause
        for cause in self.consequences.causes(node):
            if cause in by_cause:
                by_cause[cause].add(node)
            else:
                by_cause[cause] = {node}

    def discard(self, node: int) -> None:
        """A node is alarmed no more."""
        for cause in self.consequences.causes(node):
            self.by_cause[cause].discard(node)
        if node in self._leader:
            self._dissolve(self._leader[node])
        del self._fresh[node]

    def _dissolve(self, leader: int) -> None:
        """Let the nodes of a component be let in anew."""
        nodes = self._nodes.pop(leader)
        for node in nodes:
            self._fresh[node] = None
            del self._leader[node]
            for cause in self.consequences.causes(node):
                self._joined.pop(cause, None)

    def leader(self, node: int) -> int:
        """The node by which the component of an alarmed node goes until the next alarm."""
        if self._fresh:
            self._let_in()
        return self._leader[node]

    def of(self, node: int) -> frozenset[int]:
        """The alarmed nodes of an alarmed node's component, itself included."""
        return frozenset(self._nodes[self.leader(node)])

    def _let_in(self) -> None:
        """Join each fresh node with those that share a cause with it: with one of them, if the cause has joined these before."""
        fresh, self._fresh = self._fresh, {}
        leader, joined = self._leader, self._joined
        for node in fresh:
            leader[node] = node
            self._nodes[node] = [node]
        apart = set[int]()  # causes found not to join: many nodes share a cause, and to ask once is enough
        for node in fresh:
            for cause in self.consequences.causes(node):
                if cause in joined:
                    self._join(leader[node], leader[joined[cause]])
                elif cause not in apart:
                    alarmed = self.by_cause[cause]
                    if len(alarmed) > 1 and self.consequences.is_promising(cause, len(alarmed)):
                        joined[cause] = node
                        for other in alarmed:
                            self._join(leader[node], leader[other])
                    else:
                        apart.add(cause)

    def _join(self, one: int, other: int) -> None:
        """Put the smaller of two components into the larger."""
        if one == other:
            return
        small, large = sorted((one, other), key=lambda leader: len(self._nodes[leader]))
        nodes = self._nodes.pop(small)
        self._nodes[large] += nodes
        self._leader.update(dict.fromkeys(nodes, large))
