"""Root cause: the most probable set of failures behind a set of alarms, on the dependency graph.

A hypothesis is a set of roots. Its score is a log probability: a prior for each root, and for each observable it takes down
``log((1 - loss) / spurious)`` if it is alarmed, ``log(loss / (1 - spurious))`` if it is silent though its reporter lives, much less if it
is known to be up, and nothing if its silence is expected because the hypothesis takes its reporter down too.

The search is greedy over a heap of upper estimates (lazy: a gain is computed again only when it comes to the top), then drops and swaps
while the total rises. Few candidates are tried exhaustively instead, because gates break the bound that greedy would have. Ties go to the
most specific cause, the one that takes least down. The family: greedy cover over shared-risk groups (SCORE, NSDI 2005), Bayesian networks
(Shrink, 2005).
"""

import heapq
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import exp, log

from pipeline.core.resource import ResourceId, ResourceKind
from pipeline.core.topology import Closure, Topology

SPURIOUS = 1e-3
"""Probability that an alarm stands without a failure."""

LOSS = {
    ResourceKind.INTERFACE: 0.1,
    ResourceKind.LSP: 0.3,
    ResourceKind.REACHABILITY: 0.5,
}
"""Probability that a failure of this kind raises no alarm in time; other kinds say nothing by being silent (1.0)."""

SILENT_EVIDENCE_LOSS = 0.1
KNOWN_UP = log(1e-4)
"""What it costs to suppose something down that a poll or a clear says is up."""

TOLD_BY_THE_DEAD = log(0.05)
"""What it costs to suppose a device dead that itself told of the trouble: the dead seldom have time to."""

PRIORS = {
    ResourceKind.FIBRE: -2.3,
    ResourceKind.DEVICE: -2.3,
    ResourceKind.CARD: -2.7,
    ResourceKind.PORT: -3.0,
    ResourceKind.POWER: -3.5,
    ResourceKind.DUCT: -3.5,
    ResourceKind.SITE: -3.5,
}
"""Log prior of kinds that fail by themselves: a fibre is likelier than a port, one duct likelier than two fibres at once."""

OWN_PRIOR = -5.8
"""Log prior of anything else having failed by itself: an interface shut, a label-switched path torn down."""

EXACT_CANDIDATES = 8
ALTERNATIVES = 4
RIVAL_TOTALS = 12
EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Evidence:
    """Nodes with an alarm that says down, and nodes known to be up since."""

    alarmed: frozenset[int]
    up: Container[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another root that could have been, and its probability against the one chosen.

    ``explained`` alarmed resources it accounts for, ``missing`` it would have had alarm, ``against`` are known to be up though it takes
    them down.
    """

    root: ResourceId
    probability: float
    explained: int = 0
    missing: int = 0
    against: int = 0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One root of the answer, with what a person needs to judge it.

    ``explained`` are the alarmed resources that it accounts for; ``missing`` were expected to alarm and did not; ``excused`` counts those
    whose silence is expected because their reporter is cut off. ``probability`` is among itself and its ``alternatives``.
    ``is_grouping`` marks alarms put together by device for want of topology: ``root`` then names them and is not held to have failed.
    ``against`` should be down by this root and are known to be up; ``doubted`` are edges (parent, child) that evidence speaks against.
    """

    root: ResourceId
    explained: tuple[ResourceId, ...]
    missing: tuple[ResourceId, ...]
    excused: int
    probability: float
    alternatives: tuple[Alternative, ...]
    score: float
    is_grouping: bool = False
    against: tuple[ResourceId, ...] = ()
    doubted: tuple[tuple[ResourceId, ResourceId], ...] = ()


def causes(topology: Topology, node: int) -> tuple[int, ...]:
    """Nodes whose failure would take this node down or help to: upstream kinds that fail by themselves, and the node."""
    upstream = tuple(other for other in topology.ancestors(node) if topology.kinds[other] in PRIORS)
    return (node, *upstream)


def correlate(topology: Topology, evidence: Evidence) -> tuple[Hypothesis, ...]:
    """The most probable failures behind the evidence, likeliest first; every alarmed node is explained by exactly one.

    Deterministic: the same evidence and topology give the same answer in the same order.
    """
    if not evidence.alarmed:
        return ()
    return _Search(topology, evidence).solve()


def components(causes_of: dict[int, Sequence[int]]) -> list[set[int]]:
    """Alarmed nodes grouped by shared causes; the argument is each alarmed node's :func:`causes`."""
    by_cause: dict[int, list[int]] = {}
    for node, upstream in causes_of.items():
        for cause in upstream:
            by_cause.setdefault(cause, []).append(node)
    groups: list[set[int]] = []
    seen: set[int] = set()
    for start in causes_of:
        if start in seen:
            continue
        group, waiting = {start}, [start]
        while waiting:
            for cause in causes_of[waiting.pop()]:
                for other in by_cause.pop(cause, ()):
                    if other not in group:
                        group.add(other)
                        waiting.append(other)
        seen |= group
        groups.append(group)
    return groups


@dataclass(slots=True)
class _Search:
    topology: Topology
    evidence: Evidence
    candidates: tuple[int, ...] = ()
    alone: dict[int, float] = field(default_factory=dict)
    cover: dict[int, frozenset[int]] = field(default_factory=dict)
    size: dict[int, int] = field(default_factory=dict)
    explaining: dict[int, list[int]] = field(default_factory=dict)
    values: dict[int, float] = field(default_factory=dict)

    def solve(self) -> tuple[Hypothesis, ...]:
        self._weigh_candidates()
        promising = [node for node in self.candidates if self.alone[node] > KNOWN_UP]
        roots = self._exact(promising) if len(promising) <= EXACT_CANDIDATES else self._improve(self._greedy())
        return self._answer(self._with_unexplained(roots))

    def _weigh_candidates(self) -> None:
        """Each candidate by itself: its score, what it takes down, which alarms that explains; and by whom each alarm is explained."""
        found = dict.fromkeys(cause for node in sorted(self.evidence.alarmed) for cause in causes(self.topology, node))
        closure = Closure(self.topology)
        for node in found:
            new = closure.add((node,))
            self.alone[node] = self._prior(node) + self._worth(new, closure.down)
            self.cover[node] = self.evidence.alarmed.intersection(new)
            self.size[node] = len(new)
            closure.undo(new)
        self.candidates = tuple(sorted(found, key=self._rank))
        for place, node in enumerate(self.candidates):
            for alarmed in self.cover[node]:
                self.explaining.setdefault(alarmed, []).append(place)

    def _rank(self, node: int) -> tuple[float, int, str]:
        """Best first; ties to the most specific, then by name, so that every run answers alike."""
        return (-round(self.alone[node], 9), self.size[node], self.topology.names[node])

    def _prior(self, node: int) -> float:
        return PRIORS.get(self.topology.kinds[node], OWN_PRIOR)

    def _worth(self, nodes: Iterable[int], down: set[int]) -> float:
        return sum(self._value(node, down) for node in nodes)

    def _value(self, node: int, down: set[int]) -> float:
        """What it adds to the score that ``node`` is down, when all of ``down`` is."""
        if self.topology.reporter[node] in down and node in self.evidence.alarmed:
            return TOLD_BY_THE_DEAD
        if self._is_excused(node, down):
            return 0.0
        value = self.values.get(node)
        if value is None:
            value = self.values[node] = self._evidence_of(node)
        return value

    def _is_excused(self, node: int, down: set[int]) -> bool:
        """Whether it is silent because its reporter is dead or cut off."""
        if self.topology.reporter[node] not in down and self.topology.silenced_by[node] not in down:
            return False
        return node not in self.evidence.alarmed and node not in self.evidence.up

    def _evidence_of(self, node: int) -> float:
        if node in self.evidence.alarmed:
            return log((1 - LOSS.get(self.topology.kinds[node], SILENT_EVIDENCE_LOSS)) / SPURIOUS)
        if node in self.evidence.up:
            return KNOWN_UP
        loss = LOSS.get(self.topology.kinds[node])
        return log(loss / (1 - SPURIOUS)) if loss else 0.0

    def _total(self, roots: Iterable[int]) -> float:
        closure, chosen = Closure(self.topology), tuple(roots)
        new = closure.add(chosen)
        return sum(map(self._prior, chosen)) + self._worth(new, closure.down)

    def _exact(self, candidates: Sequence[int]) -> list[int]:
        best: tuple[float, list[int]] = (0.0, [])
        for count in range(1, len(candidates) + 1):
            for roots in combinations(candidates, count):
                total = self._total(roots)
                if total > best[0] + EPSILON:
                    best = (total, list(roots))
        return best[1]

    def _greedy(self) -> list[int]:
        closure, roots = Closure(self.topology), list[int]()
        heap = [(*self._rank(node), 0, node) for node in self.candidates if self.alone[node] > 0]
        heapq.heapify(heap)
        while heap:
            _, _, name, turn, node = heapq.heappop(heap)
            if turn == len(roots):
                closure.add((node,))
                roots.append(node)
                continue
            gain, size = self._gain(node, closure)
            if gain > 0:
                heapq.heappush(heap, (-round(gain, 9), size, name, len(roots), node))
        return roots

    def _gain(self, node: int, closure: Closure) -> tuple[float, int]:
        new = closure.add((node,))
        gain = self._prior(node) + self._worth(new, closure.down)
        if not self.evidence.alarmed.intersection(new):
            gain = 0.0
        closure.undo(new)
        return gain, len(new)

    def _improve(self, roots: list[int]) -> list[int]:
        """Drop a root, or swap it for a neighbour in the graph, while the total rises."""
        best = self._total(roots)
        improved = True
        while improved:
            improved = False
            for root in tuple(roots):
                rest = [other for other in roots if other != root]
                for trial in (rest, *([*rest, rival] for rival in self._neighbours(root) if rival not in rest)):
                    total = self._total(trial)
                    if total > best + EPSILON:
                        roots, best, improved = trial, total, True
                        break
                if improved:
                    break
        return roots

    def _neighbours(self, root: int) -> list[int]:
        near = {*self.topology.parents[root], *self.topology.children[root]}
        return [node for node in self.candidates if node in near]

    def _with_unexplained(self, roots: list[int]) -> list[int]:
        """What no root explains stands for itself, upstream first: a false alarm must not hide, and a wrong edge must not swallow one."""
        closure = Closure(self.topology)
        closure.add(roots)
        left = sorted(self.evidence.alarmed - closure.down, key=lambda node: (-self.size.get(node, 0), self.topology.names[node]))
        for node in left:
            if node not in closure.down:
                closure.add((node,))
                roots = [*roots, node]
        return roots

    def _answer(self, roots: list[int]) -> tuple[Hypothesis, ...]:
        closure, answers = Closure(self.topology), list[tuple[int, list[int]]]()
        ordered = sorted(roots, key=self._rank)
        for root in ordered:
            answers.append((root, closure.add((root,))))
        total = self._total(ordered) if len(ordered) <= RIVAL_TOTALS else None
        return tuple(self._hypothesis(root, new, closure.down, ordered, total) for root, new in answers)

    def _hypothesis(self, root: int, new: list[int], down: set[int], roots: list[int], total: float | None) -> Hypothesis:
        names, alarmed = self.topology.names, self.evidence.alarmed
        observable = [node for node in new if self.topology.kinds[node] in LOSS and node not in alarmed]
        missing = [node for node in observable if not self._is_excused(node, down)]
        probability, alternatives = self._rivals(root, roots, total)
        return Hypothesis(
            root=names[root],
            explained=tuple(names[node] for node in new if node in alarmed),
            missing=tuple(names[node] for node in missing),
            excused=len(observable) - len(missing),
            probability=probability,
            alternatives=alternatives,
            score=self.alone[root],
        )

    def _rivals(self, root: int, roots: list[int], total: float | None) -> tuple[float, tuple[Alternative, ...]]:
        """The likeliest replacements of one root, all others staying, and how probable the root is among them."""
        others = {place for alarmed in self.cover[root] for place in self.explaining[alarmed]}
        chosen = set(roots)
        rivals = [node for place in sorted(others) if (node := self.candidates[place]) not in chosen][: ALTERNATIVES * 2]
        if total is None:
            scores = {node: self.alone[node] - self.alone[root] for node in rivals}
        else:
            rest = [other for other in roots if other != root]
            scores = {node: self._total([*rest, node]) - total for node in rivals}
        weights = {node: exp(min(score, 0.0)) for node, score in scores.items()}
        whole = 1.0 + sum(weights.values())
        ranked = sorted(weights, key=lambda node: (-weights[node], self.topology.names[node]))[:ALTERNATIVES]
        return 1.0 / whole, tuple(Alternative(self.topology.names[node], weights[node] / whole) for node in ranked)
