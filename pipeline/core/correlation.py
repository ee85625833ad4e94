"""Root cause: the most probable set of failures behind a set of alarms, on the dependency graph.

A hypothesis is a set of roots. Its score is a log probability: a prior for each root, and for each resource that it takes down what the
evidence says of that (:mod:`pipeline.core.likelihood`): for it if there is an alarm, against it if there is silence, much more against it
if the resource is known to be up, and nothing if its silence is expected because the hypothesis takes its reporter down too. A record of
the inventory may be supposed wrong, at a cost (:mod:`pipeline.core.doubt`). :mod:`pipeline.core.search` finds the best set; here it
becomes an answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp

from pipeline.core.consequence import Consequences
from pipeline.core.doubt import doubt
from pipeline.core.resource import ResourceId, ResourceKind, name_of, resource_id
from pipeline.core.search import OWN_SUPPLY, RIVALS, Candidate, Search
from pipeline.core.standing import Evidence, Record, Standing
from pipeline.core.supposition import suppose
from pipeline.core.topology import Topology

__all__ = ["Alternative", "Evidence", "Hypothesis", "correlate"]

ALTERNATIVES = 4

DIGITS = 6
"""Sums of logarithms differ in their last digits with the order of addition; answers do not."""

UNSURE = 0.6
"""A cause less probable than this among its alternatives is told as one that is not sure."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another root that could have been, its probability against the one chosen, and how many alarms it would explain and miss.

    ``against`` counts what it should have taken down and is known to be up.
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
    ``against`` should have gone down with it and are known to be up; ``doubted`` are dependencies, as parent and child, that this speaks
    against; ``supposed`` are such that the inventory lacks, without which it would take more causes.
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
    supposed: tuple[tuple[ResourceId, ResourceId], ...] = ()

    @property
    def unsure(self) -> bool:
        """Whether the alternatives together are nearly as probable."""
        return self.probability < UNSURE


def correlate(topology: Topology, *evidence: Evidence, consequences: Consequences | None = None) -> tuple[Hypothesis, ...]:
    """The most probable failures behind the evidence, likeliest first; every alarmed node is explained by exactly one.

    More pieces of evidence than one are in order of time. What is alarmed in a later one, and in its ``anew``, was seen up after the
    earlier began, so no cause of the earlier explains it, whatever the topology says; its other alarms join the earlier evidence if a cause
    of that explains them. Deterministic: the same evidence and topology give the same answer in the same order. ``consequences`` are those
    of the topology, if they are remembered.
    """
    remembered = consequences if consequences is not None else Consequences(topology)
    found: list[Hypothesis] = []
    before: Standing | None = None
    waiting = list(evidence)
    while waiting:
        one, *waiting = waiting
        while one.alarmed:
            standing = _after(before, remembered, one)
            answer = _Answer.to(remembered, one, standing)
            late = [_late(standing, other) for other in waiting]
            if not any(late):
                found += answer
                before = standing
                break
            for nodes, other in zip(late, waiting, strict=True):
                one = one.with_alarms(nodes, other)
            waiting = [other.without(nodes) for nodes, other in zip(late, waiting, strict=True)]
    return tuple(found)


def _late(standing: Standing, evidence: Evidence) -> frozenset[int]:
    """The alarms of later evidence that causes known already explain: of what was not seen up meanwhile, or is itself a cause."""
    told = evidence.alarmed if evidence.anew is None else evidence.anew
    return frozenset(node for node in evidence.alarmed if node in standing.roots or (node not in told and standing.explains(node)))


def _after(before: Standing | None, consequences: Consequences, evidence: Evidence) -> Standing:
    """A standing for new evidence, given the causes known before, less the dependencies that the new evidence contradicts."""
    if before is None:
        return Standing(consequences, evidence)
    contradicted = [
        tuple(
            (parent, node)
            for parent in consequences.topology.parents[node]
            if parent in before.down and not before.is_absent((parent, node))
        )
        for node in sorted(evidence.alarmed & before.down)
        if node not in before.roots
    ]
    for record in contradicted:
        before.cut(record, 0.0)
    standing = Standing(consequences, evidence, known=frozenset(before.down))
    for record, cost in before.absent.items():
        standing.cut(record, cost)
    for record, cost in before.missing.items():
        if all(child not in evidence.alarmed or child in before.roots for _, child in record):
            standing.join(record, cost)
    standing.become(before.roots)
    return standing


@dataclass(slots=True)
class _Answer:
    """The roots that a search found, each told with its alarms, its silence and its rivals."""

    topology: Topology
    search: Search
    standing: Standing
    doubted: dict[Record, float]
    supposed: dict[Record, float]

    @classmethod
    def to(cls, consequences: Consequences, evidence: Evidence, standing: Standing) -> list[Hypothesis]:
        known = {*standing.absent, *standing.missing}
        search = Search(consequences, evidence, standing)
        search.solve()
        search.explain_the_rest()
        doubt(standing, standing.down)
        own = search.explain_the_rest()  # a record that is doubted may have been the only way to an alarm
        suppose(search)
        doubted, supposed = (
            {record: cost for record, cost in records.items() if record not in known} for records in (standing.absent, standing.missing)
        )
        answer = cls(consequences.topology, search, standing, doubted, supposed)
        return [*answer.hypotheses(), *(answer.own(device) for device in sorted(own - standing.down))]

    def hypotheses(self) -> Iterator[Hypothesis]:
        """Likeliest first."""
        standing, search = self.standing, self.search
        ordered = sorted((node for node in standing.roots if node not in search.fixed), key=lambda node: search.candidates[node].rank)
        rivals = {root: self._rivals(search.candidates[root]) for root in ordered}
        standing.become(search.fixed)
        shares = [(root, self._share(root)) for root in ordered]
        for root, share in shares:
            yield self._hypothesis(search.candidates[root], share, *rivals[root])

    def own(self, device: int) -> Hypothesis:
        """A device that tells of a lost power feed while whatever else hangs on its feeds is well: it is the device's own supply."""
        name = self.topology.names[device]
        supply = resource_id(ResourceKind.SUPPLY, name_of(name))
        known = supply if self.topology.node(supply) is not None else name
        return Hypothesis(known, (name,), (), 0, 1.0, (), round(OWN_SUPPLY, DIGITS))

    def _share(self, root: int) -> list[int]:
        """What goes down with a root, given those before it, with the devices that it leaves with fewer feeds."""
        before = frozenset(self.standing.fed_less)
        new = self.standing.add(root)
        return [*new, *sorted(self.standing.fed_less.difference(before, new))]

    def _hypothesis(self, root: Candidate, share: Sequence[int], probability: float, alternatives: tuple[Alternative, ...]) -> Hypothesis:
        names, alarmed, standing = self.topology.names, self.search.evidence.alarmed, self.standing
        quiet = [node for node in share if standing.is_observable(node) and node not in alarmed]
        missing = [node for node in quiet if not standing.is_excused(node)]
        return Hypothesis(
            root=names[root.node],
            explained=tuple(names[node] for node in share if node in alarmed),
            missing=tuple(names[node] for node in missing),
            excused=len(quiet) - len(missing),
            probability=probability,
            alternatives=alternatives,
            score=round(root.alone, DIGITS),
            against=tuple(names[node] for node in self._against(root)),
            doubted=tuple((names[parent], names[child]) for parent, child in _edges(root, self.doubted)),
            supposed=tuple((names[parent], names[child]) for parent, child in _edges(root, self.supposed)),
        )

    def _against(self, root: Candidate) -> list[int]:
        return [node for node in root.consequence.polled if node not in root.cover and self.standing.is_up(node)]

    def _rivals(self, root: Candidate) -> tuple[float, tuple[Alternative, ...]]:
        """How probable a root is among its likeliest replacements, all other roots staying, and these."""
        weights = {one.node: exp(min(one.prior - leader.prior + by, 0.0)) for leader, by in self._compared(root) for one in _class(leader)}
        weights.pop(root.node, None)
        whole = 1.0 + sum(weights.values())
        ranked = sorted(weights, key=lambda node: (-weights[node], self.topology.names[node]))[:ALTERNATIVES]
        return round(1.0 / whole, DIGITS), tuple(self._alternative(self.search.candidates[node], weights[node] / whole) for node in ranked)

    def _compared(self, root: Candidate) -> list[tuple[Candidate, float]]:
        """Leading candidates and by how much each in place of the root would change the score."""
        near = {one.node: one for alarmed in root.cover for one in self.search.explaining.get(alarmed, ())}
        ranked = sorted(near.values(), key=lambda one: one.rank)
        own = [(one, one.prior - root.prior) for one in ranked if root is one or root in one.twins]
        rivals = [one for one in ranked if one.node not in self.standing.roots and all(one is not leader for leader, _ in own)]
        before = self.standing.score
        self.standing.drop(root.node)
        scores = [(one, self.standing.score + self.search.gain(one)[0] - before) for one in rivals[:RIVALS]]
        self.standing.add(root.node)
        return own + scores

    def _alternative(self, other: Candidate, probability: float) -> Alternative:
        missing = sum(node not in other.cover and not self.standing.is_up(node) for node in other.consequence.expected)
        return Alternative(
            self.topology.names[other.node], round(probability, DIGITS), len(other.cover), missing, len(self._against(other))
        )


def _class(leader: Candidate) -> tuple[Candidate, ...]:
    return (leader, *leader.twins)


def _edges(root: Candidate, records: Iterable[Record]) -> Iterator[tuple[int, int]]:
    """The edges of records that lead on from what a root takes down."""
    return (edge for record in records for edge in record if edge[0] in root.consequence.nodes)
