"""A hypothesis under trial: what is down if these roots failed, and its score; changed root by root, in time that goes with the change."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pipeline.core.consequence import Consequence, Consequences
from pipeline.core.likelihood import ALARMED, FEED_LOST, FEED_SILENT, KNOWN_UP, LOSS, SILENT, TOLD_BY_THE_DEAD, prior
from pipeline.core.topology import Topology

Record = tuple[tuple[int, int], ...]
"""Edges, as parent and child, that the inventory declares in one statement: all are right or none is."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Nodes with an alarm that says down, and nodes known to be up since.

    ``degraded`` are those of ``alarmed`` that say no more than that they have lost something: devices that tell of a lost power feed.
    ``anew`` are those of ``alarmed`` seen up after earlier evidence began, so that no cause of it explains them; ``None`` for all.
    ``raised`` is since when each is alarmed (UTC nanoseconds), where that is known; without it no record is supposed missing.
    """

    alarmed: frozenset[int]
    up: Container[int] = frozenset()
    degraded: frozenset[int] = frozenset()
    anew: frozenset[int] | None = None
    raised: Mapping[int, int] = field(default_factory=dict)

    def without(self, nodes: frozenset[int]) -> "Evidence":
        """The same less the alarms of some nodes."""
        return replace(self, alarmed=self.alarmed - nodes, degraded=self.degraded - nodes)

    def with_alarms(self, nodes: frozenset[int], other: "Evidence") -> "Evidence":
        """The same with the alarms of some nodes of other evidence."""
        return replace(self, alarmed=self.alarmed | nodes, degraded=self.degraded | (nodes & other.degraded))


NOTHING = float("-inf")

Claims = tuple[tuple[float, frozenset[int]], ...]
"""Nodes by what each says."""


@dataclass(slots=True)
class Standing:
    """Roots, what they take down together, and the log probability of it all.

    ``score`` is the sum of the roots' priors, of what each node down says (:meth:`_worth`) and each device that lost one of its power feeds
    (:meth:`_supply`), and of the cost of each record supposed wrong (``absent``) or lacking (``missing``). ``fed_less`` are the devices of
    ``degraded`` that this explains. ``known`` are nodes down for causes known before: being down, they say nothing. ``work`` counts the
    nodes touched.
    """

    consequences: Consequences
    evidence: Evidence
    known: frozenset[int] = frozenset()
    roots: dict[int, None] = field(default_factory=dict)
    down: set[int] = field(default_factory=set)
    absent: dict[Record, float] = field(default_factory=dict)
    missing: dict[Record, float] = field(default_factory=dict)
    fed_less: set[int] = field(default_factory=set)
    bad: set[int] = field(default_factory=set)
    score: float = 0.0
    work: int = 0
    topology: Topology = field(init=False)
    _edges: set[tuple[int, int]] = field(default_factory=set)
    _further: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _counts: dict[int, int] = field(default_factory=dict)
    _worths: dict[int, float] = field(default_factory=dict)
    _told_by: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    _says: dict[int, tuple[float, tuple[int, ...]]] = field(default_factory=dict)
    _ups: dict[int, bool] = field(default_factory=dict)
    _supplies: dict[int, float] = field(default_factory=dict)

    _children: list[tuple[int, ...]] = field(init=False)
    _towards: dict[int, tuple[int, ...]] = field(init=False)
    _dead: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.topology = self.consequences.topology
        self._children = self.consequences.children
        self._towards = self.consequences.children_towards(self.evidence.alarmed)

    def add(self, root: int) -> list[int]:
        """Let a node fail; the nodes newly down."""
        self.roots[root] = None
        self.score += prior(self.topology.kinds[root])
        return self._fall([] if root in self.down else [root])

    def drop(self, root: int) -> list[int]:
        """Suppose that a root did not fail; the nodes up again."""
        del self.roots[root]
        self.score -= prior(self.topology.kinds[root])
        return self._rise([root])

    def is_alone(self, root: int) -> bool:
        """Whether an alarm would surely be left unexplained without a root: a walk to the first such, cheaper than to drop the root."""
        counts, need, down, roots = self._counts, self.topology.need, self.down, self.roots
        lost: dict[int, int] = {}
        waiting = [root] if counts.get(root, 0) < need[root] else []
        while waiting:
            node = waiting.pop()
            if node in self.evidence.alarmed:
                return True
            for child in (*(self._towards.get(node) or self._children[node]), *self._further.get(node, ())):
                if (node, child) not in self._edges:
                    lost[child] = lost.get(child, 0) + 1
                    if counts[child] - lost[child] == need[child] - 1 and child in down and child not in roots:
                        waiting.append(child)
        return False

    def become(self, roots: Iterable[int]) -> None:
        """Have exactly these roots."""
        wanted = dict.fromkeys(roots)
        for root in [one for one in self.roots if one not in wanted]:
            self.drop(root)
        for root in wanted:
            if root not in self.roots:
                self.add(root)

    def cut(self, record: Record, cost: float) -> None:
        """Suppose that a record of the inventory is wrong, and the edges that it declares do not exist."""
        self.score += cost
        self.absent[record] = cost
        for parent, child in record:
            self._edges.add((parent, child))
            self._release(parent, child)

    def is_absent(self, edge: tuple[int, int]) -> bool:
        """Whether an edge is supposed not to exist."""
        return edge in self._edges

    def mend(self, record: Record) -> None:
        """Suppose that a record is right after all."""
        self.score -= self.absent.pop(record)
        for parent, child in record:
            self._edges.discard((parent, child))
            self._hold(parent, child)

    def join(self, record: Record, cost: float) -> None:
        """Suppose that the inventory lacks a record, and the edges that it would declare exist."""
        self.score += cost
        self.missing[record] = cost
        for parent, child in record:
            self._further[parent] = (*self._further.get(parent, ()), child)
            self._hold(parent, child)

    def part(self, record: Record) -> None:
        """Suppose that the inventory lacks no such record after all."""
        self.score -= self.missing.pop(record)
        for parent, child in record:
            left = list(self._further[parent])
            left.remove(child)
            self._further[parent] = tuple(left)
            self._release(parent, child)

    def _hold(self, parent: int, child: int) -> None:
        if parent in self.down:
            self._counts[child] = self._counts.get(child, 0) + 1
            if child not in self.down and self._counts[child] >= self.topology.need[child]:
                self._fall([child])

    def _release(self, parent: int, child: int) -> None:
        if parent in self.down:
            count = self._counts.pop(child) - 1
            if count:
                self._counts[child] = count
            if child in self.down and child not in self.roots and count < self.topology.need[child]:
                self._rise([child])

    def worth(self, node: int) -> float:
        """What it adds to the score that a node is down, when all is that is; 0 for one that is up."""
        return self._worths.get(node, 0.0)

    def excusable(self) -> float:
        """What is lost now by silence that would be excused if who tells of it were down as well."""
        return -sum(self._worths[node] for node in self.bad if self._says[node][1])

    def excused_by(self, consequence: Consequence) -> float:
        """What of that the consequence of a cause would excuse."""
        if not consequence.tellers:
            return 0.0
        tellers = [teller for teller in consequence.tellers if teller in self._told_by and teller not in self.down]
        return -sum(self._worths[node] for node in self.bad.intersection(set().union(*(self._told_by[one] for one in tellers))))

    def is_up(self, node: int) -> bool:
        """Whether a node is known to be up."""
        found = self._ups.get(node)
        if found is None:
            found = self._ups[node] = node in self.evidence.up
        return found

    def explains(self, node: int) -> bool:
        """Whether an alarmed node is explained."""
        return node in self.down or node in self.fed_less

    def estimate(self, consequence: Consequence, claims: Claims, least: float = NOTHING) -> float:
        """What it would add to the score if the consequence of a cause came true as well.

        ``claims`` are what the nodes of it that are alarmed or known to be up say more than silence would. Exact, save for gates that open
        only now and for silence until now unexcused. Sets do the work, however much a cause takes down. Silence comes last, for it can only
        speak against a cause: an answer of no more than ``least`` is enough without it.
        """
        down = self.down
        total = len(consequence.supplies) * FEED_SILENT
        for worth, nodes in claims:
            total += worth * len(nodes - down)
        for dead in self._dead:
            told = consequence.expected & self.consequences.told_by(dead)
            if told:
                total += self._told_by_the_dead(dead, told - down)
        for gate in consequence.supplies:
            if gate in self._counts:
                total -= FEED_SILENT
            elif self.consequences.powered(gate) in self.evidence.degraded:
                total += FEED_LOST - FEED_SILENT
        if total > least:
            for worth, nodes in consequence.silent:
                total += worth * len(nodes - down)
        return total

    def _told_by_the_dead(self, dead: int, nodes: Iterable[int]) -> float:
        """What nodes say less than they would, were who tells of them alive."""
        kinds, alarmed, less = self.topology.kinds, self.evidence.alarmed, 0.0
        for node in nodes:
            if node not in alarmed:
                less -= SILENT[kinds[node]]
            elif self.topology.reporter[node] == dead:
                less += TOLD_BY_THE_DEAD - ALARMED[kinds[node]]
        return less

    def opens(self, gates: Iterable[int]) -> bool:
        """Whether one of these gates holds with some of its parents down already: it might open with the next."""
        return any(gate in self._counts and gate not in self.down for gate in gates)

    def is_observable(self, node: int) -> bool:
        """Whether a node alarms when it is down, as a rule."""
        return self.topology.kinds[node] in LOSS

    def is_excused(self, node: int) -> bool:
        """Whether a node is silent because who would tell is dead or cut off."""
        if self.topology.reporter[node] not in self.down and self.topology.silenced_by[node] not in self.down:
            return False
        return node not in self.evidence.alarmed and not self.is_up(node)

    def _fall(self, new: list[int]) -> list[int]:
        self._spread(new)
        self._weigh(new)
        self._weigh_supplies()
        return new

    def _rise(self, gone: list[int]) -> list[int]:
        """Take down nodes back with all that hangs on them, then let fall again what others hold down: right on cycles too."""
        children, towards, need, down = self._children, self._towards, self.topology.need, self.down
        counts, absent, further = self._counts, self._edges, self._further
        for node in gone:
            down.discard(node)
        for node in gone:
            for child in (
                (*(towards.get(node) or children[node]), *further[node]) if node in further else towards.get(node) or children[node]
            ):
                if absent and (node, child) in absent:
                    continue
                count = counts.pop(child) - 1
                if count:
                    counts[child] = count
                if child in down and child not in self.roots:
                    down.discard(child)
                    gone.append(child)
        self._spread([node for node in gone if counts.get(node, 0) >= need[node]])
        up = [node for node in gone if node not in down]
        self._forget(up)
        self._weigh_supplies()
        self.work += len(gone)
        return up

    def _spread(self, new: list[int]) -> None:
        """Take nodes down with all that hangs on them, which is added to the list."""
        children, towards, need, down = self._children, self._towards, self.topology.need, self.down
        counts, absent, further = self._counts, self._edges, self._further
        down.update(new)
        for node in new:
            for child in (
                (*(towards.get(node) or children[node]), *further[node]) if node in further else towards.get(node) or children[node]
            ):
                if absent and (node, child) in absent:
                    continue
                count = counts[child] = counts.get(child, 0) + 1
                if count >= need[child] and child not in down:
                    down.add(child)
                    new.append(child)

    def _weigh(self, new: list[int]) -> None:
        """Add what the nodes newly down say; who tells of others may have died with them."""
        self.work += len(new)
        worths, told_by, says = self._worths, self._told_by, self._says
        self._notice(new)
        told = set[int]()
        for node in new:
            if node in told_by:
                told |= told_by[node]
            said = says.get(node)
            if said is None:
                said = says[node] = self._said(node)
            worth, tellers = said
            if not worth:
                continue
            if tellers:
                for teller in tellers:
                    told_by[teller].add(node)
                worth = self._worth(node, worth)
            worths[node] = worth
            self.score += worth
            if worth < 0:
                self.bad.add(node)
        for node in told:
            self._weigh_again(node)

    def _notice(self, new: Iterable[int]) -> None:
        """Remember who can tell no more, and whose feeds are fewer."""
        self._dead.update(self.consequences.tellers.intersection(new))
        for feed in self.consequences.feeds.intersection(new):
            self._supplies.update((gate, self._supplies.get(gate, 0.0)) for gate in self.consequences.supplies_of(feed))

    def _forget(self, up: list[int]) -> None:
        worths, told_by = self._worths, self._told_by
        self._dead.difference_update(up)
        self.bad.difference_update(up)
        for node in up:
            worth = worths.pop(node, None)
            if worth is None:
                continue
            self.score -= worth
            for teller in self._says[node][1]:
                told_by[teller].discard(node)
        for node in [one for teller in up if teller in told_by for one in told_by[teller]]:
            self._weigh_again(node)

    def _weigh_again(self, node: int) -> None:
        if node in self._worths:
            worth = self._worth(node, self._says[node][0])
            self.score += worth - self._worths[node]
            self._worths[node] = worth
            (self.bad.add if worth < 0 else self.bad.discard)(node)

    def _weigh_supplies(self) -> None:
        """What devices say whose power feeds changed, or that died or came back."""
        for gate, before in self._supplies.items():
            worth = self._supply(gate)
            if worth != before:
                self.score += worth - before
                self._supplies[gate] = worth
            device = self.consequences.powered(gate)
            if device in self.evidence.degraded:
                (self.fed_less.add if gate in self._counts else self.fed_less.discard)(device)

    def _supply(self, gate: int) -> float:
        """What a device says, by an alarm or by silence, once it has lost one of its feeds."""
        device = self.consequences.powered(gate)
        if gate not in self._counts or device in self.known:
            return 0.0
        if device in self.evidence.degraded:
            return FEED_LOST - (TOLD_BY_THE_DEAD if device in self.down else 0.0)
        silenced = device in self.down or (self.topology.reachability(device) or device) in self.down
        return 0.0 if silenced or device in self.evidence.alarmed else FEED_SILENT

    def _said(self, node: int) -> tuple[float, tuple[int, ...]]:
        """What a node says by itself once it is down, and on whom it depends, as those who tell of it, whether that counts."""
        kind = self.topology.kinds[node]
        if node in self.known:
            return 0.0, ()
        if node in self.evidence.degraded:
            return TOLD_BY_THE_DEAD, ()
        if node not in self.evidence.alarmed and self.is_up(node):
            return KNOWN_UP, ()
        reporter, silencer = self.topology.reporter[node], self.topology.silenced_by[node]
        tellers = () if reporter < 0 else (reporter,) if reporter == silencer else (reporter, silencer)
        return (ALARMED if node in self.evidence.alarmed else SILENT)[kind], tellers

    def _worth(self, node: int, worth: float) -> float:
        """What a node that is told of says, given who is down."""
        reporter = self.topology.reporter[node] in self.down
        if worth > 0:
            return TOLD_BY_THE_DEAD if reporter else worth
        return 0.0 if reporter or self.topology.silenced_by[node] in self.down else worth
