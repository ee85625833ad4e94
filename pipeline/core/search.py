"""The search for the most probable set of failures: candidates weighed once, then greedy, then changed while the score rises.

Greedy takes candidates from a heap of upper estimates (lazy: a gain is computed again only when it comes to the top); its answer is
improved by dropping roots, by adding one and dropping those it makes needless, and by dropping one and filling the gap with others. With
few candidates every set is tried instead, short of those that a bound rules out, because gates break the bound that greedy would have.
Ties go to the most specific cause, the one that takes least down, then by name: the same evidence gives the same answer in whatever order
it came.

The family: greedy cover over shared-risk groups (SCORE, NSDI 2005), Bayesian networks (Shrink, 2005).
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain as concatenated
from operator import attrgetter
from typing import NamedTuple

from pipeline.core.consequence import Consequence, Consequences
from pipeline.core.doubt import doubt
from pipeline.core.likelihood import (
    ALARMED,
    FEED_LOST,
    FEED_SILENT,
    HOPELESS,
    KNOWN_UP,
    LOSS,
    SILENT,
    TOLD_BY_THE_DEAD,
    WRONG_EDGE,
    prior,
)
from pipeline.core.resource import ResourceKind
from pipeline.core.standing import NOTHING, Claims, Evidence, Record, Standing

EXACT_CANDIDATES = 10
EXACT_WORK = 20_000
IMPROVING_WORK = 300_000
"""Nodes touched before the search makes do with the best it has: some tens of milliseconds, and some tenths of a second."""

OWN_SUPPLY = FEED_LOST + prior(ResourceKind.SUPPLY)
LEAST = min(ALARMED.values())
NOTHING_UP: frozenset[int] = frozenset()
REFILLING = 6
"""How many causes of each alarm are tried to fill a gap."""

WORTH_A_DOUBT = 3
"""How many causes have to become one for it to be tried although something that it takes down is known to be up: a record may be wrong."""

RIVALS = 8
EPSILON = 1e-9

Rank = tuple[float, int, str]


@dataclass(slots=True)
class Candidate:
    """A node that may have failed; ``twins`` are others with the same consequences for all that is observed, which only priors tell apart.

    ``alone`` is its score as the only root, ``promise`` the same if what is known to be up were laid to one wrong record; ``cover`` are
    the alarms that it explains, ``claims`` what these and what is known to be up say more than silence, ``gates`` those that lead to an
    alarm and that the next failure may open.
    """

    node: int
    prior: float
    alone: float
    promise: float
    cover: frozenset[int]
    rank: Rank
    consequence: Consequence
    claims: Claims
    gates: frozenset[int]
    twins: list["Candidate"] = field(default_factory=list)


class Needed(NamedTuple):
    """A root with the alarms that it alone explains, what it takes down that speaks against it, and how much all of that does."""

    root: Candidate
    alone: frozenset[int]
    bad: frozenset[int]
    most: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a standing was, to go back to."""

    score: float
    roots: tuple[int, ...]
    absent: tuple[tuple[Record, float], ...]
    missing: tuple[tuple[Record, float], ...]

    @classmethod
    def of(cls, standing: Standing) -> "Snapshot":
        """As of now."""
        return cls(standing.score, tuple(standing.roots), tuple(standing.absent.items()), tuple(standing.missing.items()))

    def is_beaten(self, standing: Standing) -> bool:
        """Whether a standing is better now."""
        return standing.score > self.score + EPSILON

    def restore(self, standing: Standing) -> None:
        """Make a standing what it was."""
        self.without(standing, self.roots)
        for record, cost in self.absent:
            if record not in standing.absent:
                standing.cut(record, cost)
        for record, cost in self.missing:
            if record not in standing.missing:
                standing.join(record, cost)

    def without(self, standing: Standing, roots: Iterable[int]) -> None:
        """Leave a standing these roots, and no doubt or supposition that is newer than this."""
        known = dict(self.absent)
        for record in [one for one in standing.absent if one not in known]:
            standing.mend(record)
        known = dict(self.missing)
        for record in [one for one in standing.missing if one not in known]:
            standing.part(record)
        standing.become(roots)


@dataclass(slots=True)
class Search:
    """One search. After :meth:`solve`, ``standing`` holds the answer; roots that it held before stay.

    ``explaining`` are the leading candidates that cover each alarm, best first; ``opening`` the gates upstream of alarms; ``by_kind`` the
    alarms of each kind that may be expected.
    """

    consequences: Consequences
    evidence: Evidence
    standing: Standing
    candidates: dict[int, Candidate] = field(default_factory=dict)
    leading: list[Candidate] = field(default_factory=list)
    explaining: dict[int, list[Candidate]] = field(default_factory=dict)
    fixed: tuple[int, ...] = ()
    opening: frozenset[int] = frozenset()
    by_kind: dict[ResourceKind, frozenset[int]] = field(default_factory=dict)

    def solve(self) -> None:
        """Find the roots."""
        self.fixed = tuple(self.standing.roots)
        kinds = self.standing.topology.kinds
        of_kind = {kind: frozenset(node for node in self.evidence.alarmed if kinds[node] is kind) for kind in LOSS}
        self.by_kind = {kind: nodes for kind, nodes in of_kind.items() if nodes}
        self.opening = frozenset(gate for node in self.evidence.alarmed for gate in self.consequences.gates_above(node))
        self._weigh_candidates()
        self._greedy(self.leading)
        self._improve()
        trying = self.leading
        if len(trying) > EXACT_CANDIDATES:
            trying = [one for one in trying if one.alone > HOPELESS]
        if len(trying) <= EXACT_CANDIDATES:
            _Trying.every_set(self, trying)

    def explain_the_rest(self) -> frozenset[int]:
        """Lay each alarm that no root explains to the best cause that it could have, though it be likelier false: none may be hidden.

        The answer are the devices that have lost something of their own, for no cause outside them is as likely.
        """
        left = self.evidence.alarmed - self.standing.down - self.standing.fed_less
        self._greedy(self._near(left - self.evidence.degraded), least=NOTHING)
        self._greedy(self._near(left & self.evidence.degraded), least=OWN_SUPPLY)
        return left - self.standing.down - self.standing.fed_less

    def _near(self, nodes: Iterable[int]) -> Iterable[Candidate]:
        return {one.node: one for node in sorted(nodes) for one in self.explaining[node]}.values()

    def _weigh_candidates(self) -> None:
        """Each candidate by itself, best first; those with the same consequences together, led by the best."""
        by_cause = Counter(concatenated.from_iterable(map(self.consequences.causes, sorted(self.evidence.alarmed))))
        few = len(by_cause) <= EXACT_CANDIDATES
        found = [
            self.weigh(node)
            for node, alarms in by_cause.items()
            if few or node in self.evidence.alarmed or self.consequences.is_promising(node, alarms)
        ]
        leaders: dict[object, Candidate] = {}
        for one in sorted(found, key=attrgetter("rank")):
            self.candidates[one.node] = one
            effect = (one.cover, frozenset(one.claims), one.consequence.expected, one.gates)
            leader = leaders.setdefault(effect, one)
            if leader is not one:
                leader.twins.append(one)
        self.leading = list(leaders.values())
        self.explaining = {node: [] for node in self.evidence.alarmed}
        for one in self.leading:
            for node in one.cover:
                self.explaining[node].append(one)

    def know(self, node: int) -> Candidate:
        """A node as a candidate, weighed if it was not thought of before."""
        found = self.candidates.get(node)
        if found is None:
            found = self.candidates[node] = self.weigh(node)
        return found

    def weigh(self, node: int) -> Candidate:
        """A node as the only root."""
        standing, kinds, reporter = self.standing, self.standing.topology.kinds, self.standing.topology.reporter
        consequence = self.consequences.of(node)
        nodes, expected = consequence.nodes, consequence.expected
        degraded = self.evidence.degraded
        fed_less = degraded.intersection(map(self.consequences.powered, consequence.supplies)) if degraded else degraded
        cover = self.evidence.alarmed & nodes
        if fed_less:
            cover |= fed_less
        against = [one for one in consequence.polled if one not in cover and standing.is_up(one)] if self.evidence.up != NOTHING_UP else []
        plain = cover & expected  # whoever tells of it lives
        plain = plain - degraded if degraded else plain
        said: dict[float, frozenset[int]] = {}
        few: dict[float, list[int]] = {}
        for kind, alarmed in self.by_kind.items():
            if not alarmed.isdisjoint(plain):
                said[ALARMED[kind] - SILENT[kind]] = plain if alarmed >= plain else alarmed & plain
        for one in cover - plain if len(plain) < len(cover) else ():
            if one in fed_less:
                continue
            is_dead = reporter[one] in nodes or one in degraded
            worth = (TOLD_BY_THE_DEAD if is_dead else ALARMED[kinds[one]]) - (SILENT[kinds[one]] if one in expected else 0.0)
            few.setdefault(worth, []).append(one)
        for one in against:
            few.setdefault(KNOWN_UP - (SILENT[kinds[one]] if one in expected else 0.0), []).append(one)
        for worth, told in few.items():
            said[worth] = said.get(worth, frozenset()).union(told)
        claims = tuple(said.items())
        alone = prior(kinds[node])
        if self.fixed:
            alone += standing.estimate(consequence, claims)
        else:
            alone += consequence.silence + len(fed_less) * (FEED_LOST - FEED_SILENT)
            alone += sum(worth * len(told) for worth, told in said.items())
        promise = alone + (WRONG_EDGE - len(against) * KNOWN_UP if against else 0.0)
        rank = (-round(alone, 9), len(nodes), standing.topology.names[node])
        return Candidate(node, prior(kinds[node]), alone, promise, cover, rank, consequence, claims, consequence.gates & self.opening)

    def _greedy(self, candidates: Iterable[Candidate], least: float = EPSILON) -> None:
        """Add the candidate that gains most, and so on while one gains more than ``least`` that explains an alarm more."""
        standing = self.standing
        turn, fresh = 0, standing.roots.keys() == set(self.fixed)
        heap = [(*one.rank, 0 if fresh else -1, one.node) for one in candidates if one.alone > least or not fresh]
        heapq.heapify(heap)
        while heap:
            _, _, name, at, node = heapq.heappop(heap)
            if at == turn:
                standing.add(node)
                turn += 1
                continue
            gain, size = self.gain(self.candidates[node], least)
            if gain > least:
                heapq.heappush(heap, (-round(gain, 9), size, name, turn, node))

    def gain(self, one: Candidate, least: float = NOTHING) -> tuple[float, int]:
        """By how much a root more would raise the score, and how much it would take down; all is lost if it explains no alarm more.

        A gain of no more than ``least`` may be less still.
        """
        standing, size = self.standing, len(one.consequence.nodes)
        if one.node in standing.down:
            return NOTHING, 0
        if standing.opens(one.gates):
            before = standing.score
            is_new = not self.evidence.alarmed.isdisjoint(standing.add(one.node)) or any(map(standing.fed_less.__contains__, one.cover))
            gain = standing.score - before
            standing.drop(one.node)
            return (gain if is_new else NOTHING), size
        if one.cover - standing.down <= standing.fed_less:
            return NOTHING, size
        return one.prior + standing.estimate(one.consequence, one.claims, least - one.prior), size

    def _improve(self) -> None:
        """Change the roots while the score rises and the work is bounded."""
        limit = self.standing.work + IMPROVING_WORK
        better = True
        while better and self.standing.work < limit:
            better = False
            for step in (self._drop_needless, self._exchange, self._refill):
                better |= step(limit)

    def _roots(self) -> list[Candidate]:
        """The roots that may be changed, worst first."""
        found = [self.candidates[node] for node in self.standing.roots if node in self.candidates and node not in self.fixed]
        return sorted(found, key=attrgetter("rank"), reverse=True)

    def _drop_needless(self, limit: int) -> bool:
        better = False
        for root in self._roots():
            before = self.standing.score
            self.standing.drop(root.node)
            if self.standing.score > before + EPSILON:
                better = True
            else:
                self.standing.add(root.node)
            if self.standing.work > limit:
                break
        return better

    def _exchange(self, limit: int) -> bool:
        """Add one cause and drop those that it makes needless: two fibres become their duct."""
        better = False
        standing, roots = self.standing, self._alone(self._roots())
        for one in self.leading:
            if one.promise <= HOPELESS or one.node in standing.down:
                continue
            if standing.work > limit:
                break
            rivals = self._rivals(one, roots)
            if self._most(one, list(rivals.values())) <= EPSILON:
                continue
            before = Snapshot.of(standing)
            new = standing.add(one.node)
            doubt(standing, new)
            for rival in rivals:
                score = standing.score
                standing.drop(rival)
                if standing.score < score - EPSILON:
                    standing.add(rival)
            if before.is_beaten(standing):
                better, roots = True, self._alone(self._roots())
            else:
                before.restore(standing)
        return better

    def _alone(self, roots: Sequence[Candidate]) -> list[Needed]:
        """The roots with what speaks for and against each."""
        times = Counter(concatenated.from_iterable(root.cover for root in roots))
        once = {node for node, count in times.items() if count == 1}
        found = ((root, root.consequence.nodes & self.standing.bad) for root in roots)
        return [Needed(root, root.cover & once, bad, sum(map(self.standing.worth, bad))) for root, bad in found]

    def _rivals(self, one: Candidate, roots: Sequence[Needed]) -> dict[int, float]:
        """The roots that a new one might make needless, and what dropping each might be worth, less the alarms that it alone explains."""
        found = {}
        for root, alone, bad, most in roots:
            kept = -root.prior - (len(alone) - len(one.cover)) * LEAST  # at most, which seldom needs a closer look
            if kept - most <= 0 or one.cover.isdisjoint(root.cover):
                continue
            kept = -root.prior - len(alone - one.cover) * LEAST
            if kept - most > 0:
                worth = kept - sum(map(self.standing.worth, bad - one.consequence.nodes))
                if worth > 0:
                    found[root.node] = worth
        return found

    def _most(self, one: Candidate, rivals: Sequence[float]) -> float:
        """By how much the score could rise at most if one came and its rivals went."""
        standing = self.standing
        if standing.opens(one.gates):
            return 1.0
        doubting = max(one.promise - one.alone, 0.0) if len(rivals) >= WORTH_A_DOUBT else 0.0
        besides = one.prior + standing.excused_by(one.consequence) + doubting + sum(rivals)
        return besides + standing.estimate(one.consequence, one.claims, EPSILON - besides)

    def _refill(self, limit: int) -> bool:
        """Drop one root and let others fill the gap: a duct becomes two of its fibres."""
        better = False
        standing = self.standing
        for root in self._roots():
            if self._is_flawless(root):
                continue
            if standing.work > limit:
                break
            before = Snapshot.of(standing)
            standing.drop(root.node)
            near = dict.fromkeys(one.node for alarmed in sorted(root.cover) for one in self.explaining[alarmed][:REFILLING])
            self._greedy(self.candidates[node] for node in near if node != root.node)
            if before.is_beaten(standing):
                better = True
            else:
                before.restore(standing)
        return better

    def _is_flawless(self, root: Candidate) -> bool:
        """Whether nothing that a root takes down speaks against it."""
        return self.standing.bad.isdisjoint(root.consequence.nodes)


@dataclass(slots=True)
class _Trying:
    """Every set of few candidates, short of those that cannot be better.

    No more can be gained than what the alarms left would say for causes that are still to come, each paying its share of the prior, and
    than what is silent now would cost no more if who tells of it died too.
    """

    standing: Standing
    candidates: Sequence[Candidate]
    shares: list[dict[int, float]]
    limit: int
    best: float
    roots: tuple[int, ...]

    @classmethod
    def every_set(cls, search: Search, candidates: Sequence[Candidate]) -> None:
        """Leave the best set in the search's standing."""
        standing = search.standing
        before = Snapshot.of(standing)
        trying = cls(standing, candidates, [], standing.work + EXACT_WORK, standing.score, tuple(standing.roots))
        trying._share(search)
        if not search.fixed and sum(trying.shares[0].values()) <= standing.score + EPSILON:
            return
        before.without(standing, search.fixed)
        trying._explore(0)
        if trying.best > before.score + EPSILON:
            standing.become(trying.roots)
        else:
            before.restore(standing)

    def _share(self, search: Search) -> None:
        """For the causes from each place on, the most that each alarm can say for one of them."""
        kinds = self.standing.topology.kinds
        reach: dict[int, set[int]] = {one.node: set() for one in self.candidates}
        for alarmed in search.evidence.alarmed:
            for cause in search.consequences.causes(alarmed):
                if cause in reach:
                    reach[cause].add(alarmed)
        share: dict[int, float] = {}
        self.shares.append({})
        for one in reversed(self.candidates):
            for alarmed in reach[one.node]:
                most = ALARMED[kinds[alarmed]] + one.prior / len(reach[one.node])
                share[alarmed] = max(share.get(alarmed, 0.0), most)
            self.shares.append(dict(share))
        self.shares.reverse()

    def _explore(self, start: int) -> None:
        standing = self.standing
        if standing.score > self.best + EPSILON:
            self.best, self.roots = standing.score, tuple(standing.roots)
        for place in range(start, len(self.candidates)):
            left = sum(share for node, share in self.shares[place].items() if not standing.explains(node))
            if standing.work > self.limit or standing.score + left + standing.excusable() <= self.best + EPSILON:
                return
            node = self.candidates[place].node
            if node not in standing.down:
                standing.add(node)
                self._explore(place + 1)
                standing.drop(node)
