"""Records that the inventory may lack: alarms that come within the same seconds, close by, seldom have causes of their own.

Once the causes are found, each is tried as part of another one that the inventory does not connect it with: a fibre in a duct that runs
past, a port on a card of its device, a device on a power feed of its site, an interface as the true end of a link. It is kept if one
missing record is likelier than one failure more.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipeline.core.doubt import doubt
from pipeline.core.likelihood import MISSING_RECORD, SAME_SECONDS_NS
from pipeline.core.neighbourhood import End, Neighbourhood
from pipeline.core.resource import ResourceKind
from pipeline.core.search import EPSILON, Candidate, Search, Snapshot
from pipeline.core.standing import Record

SUPPOSING_WORK = 150_000
"""Nodes touched before no more is supposed."""


SAME_TROUBLE_NS = 10_000_000_000
"""How far apart both ends of a link may be told of where the end that the inventory has instead is known to be up."""


SHARED = frozenset({ResourceKind.POWER, ResourceKind.DUCT, ResourceKind.CARD})
"""Kinds that much depends on by statements of the inventory, any of which may be wrong."""


class Supposition(NamedTuple):
    """``missing`` edges that let ``cause`` explain what another root does now; ``wrong`` ones that go with them in the same record."""

    cause: int
    missing: Record = ()
    wrong: Record = ()


def suppose(search: Search) -> None:
    """Suppose records missing while that raises the score."""
    if search.evidence.raised:
        _Supposing(search, search.consequences.neighbourhood).run()


class _Supposing:
    def __init__(self, search: Search, near: Neighbourhood) -> None:
        self.search, self.near = search, near
        self.standing, self.topology = search.standing, search.standing.topology
        self.alarmed, self.raised = search.evidence.alarmed, search.evidence.raised
        self.limit = search.standing.work + SUPPOSING_WORK

    def run(self) -> None:
        better = True
        while better:
            better = any(self._settles(root) for root in self._roots())

    def _roots(self) -> list[Candidate]:
        """The roots that may be changed, worst first."""
        found = [self.search.candidates[node] for node in self.standing.roots if node not in self.search.fixed]
        return sorted(found, key=lambda one: one.rank, reverse=True)

    def _settles(self, root: Candidate) -> bool:
        """Whether a root became needless by a record more."""
        for one in self._suppositions(root):
            if self.standing.work > self.limit:
                return False
            if self._is_better(one):
                return True
        return False

    def _is_better(self, one: Supposition) -> bool:
        standing, before = self.standing, Snapshot.of(self.standing)
        unexplained = {node for node in self.alarmed if not standing.explains(node)}
        self._mend(one)
        if one.wrong:
            standing.cut(one.wrong, 0.0)
        if one.missing:
            standing.join(one.missing, MISSING_RECORD)
        if one.cause not in standing.down:
            self.search.know(one.cause)
            standing.add(one.cause)
        doubt(standing, standing.down)
        for rival in self._roots():
            if rival.node != one.cause:
                self._drop(rival.node)
        kept = all(standing.explains(node) for node in self.alarmed - unexplained)
        if kept and before.is_beaten(standing):
            return True
        before.restore(standing)
        return False

    def _mend(self, one: Supposition) -> None:
        """What was doubted of a link because it was taken to end elsewhere is not in doubt any more."""
        for record in list(self.standing.absent):
            if not set(record).isdisjoint(one.wrong):
                self.standing.mend(record)

    def _drop(self, root: int) -> None:
        """Drop a root, unless it is worth more than nothing, or alone explains an alarm."""
        standing, score, fed_less = self.standing, self.standing.score, frozenset(self.standing.fed_less)
        if standing.is_alone(root):
            return
        up = standing.drop(root)
        if standing.score < score - EPSILON or not self.alarmed.isdisjoint(up) or not fed_less <= standing.fed_less:
            standing.add(root)

    def _suppositions(self, root: Candidate) -> Iterator[Supposition]:
        """What would make a root needless, if its alarms began when those of another cause did."""
        kinds = self.topology.kinds
        cover = sorted(root.cover)
        for interface in (node for node in cover if kinds[node] is ResourceKind.INTERFACE):
            yield from self._ends_here(interface)
        yield from self._shared(root)
        for cause, child in dict.fromkeys(self._pairs(root, cover)):
            if self._is_at_once(cause, child):
                yield Supposition(cause, tuple((cause, one) for one in child))

    def _shared(self, root: Candidate) -> Iterator[Supposition]:
        """Causes of a root's alarms and of others of the same seconds, if a record that speaks against them is wrong."""
        kinds, causes = self.topology.kinds, self.search.consequences.causes
        for cause in sorted({cause for node in root.cover if kinds[node] is not ResourceKind.LSP for cause in causes(node)}):
            if kinds[cause] in SHARED and cause not in self.standing.down:
                alarmed = self.search.consequences.of(cause).nodes & self.alarmed
                if self._are_at_once(alarmed - root.cover, alarmed & root.cover):
                    yield Supposition(cause)

    def _pairs(self, root: Candidate, cover: list[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Causes that are close by, and what would have to hang on them."""
        kinds, reporter, parents = self.topology.kinds, self.topology.reporter, self.topology.parents
        interfaces = [node for node in cover if kinds[node] is ResourceKind.INTERFACE]
        ends = [end for node in interfaces for end in self.near.links_at(reporter[node]) if end.here == node]
        fibres = dict.fromkeys(fibre for end in ends for fibre in end.fibres)
        for fibre in fibres:
            devices = [reporter[each] for end in ends if fibre in end.fibres for each in (end.here, end.there)]
            yield from ((duct, (fibre,)) for duct in self.near.ducts(devices, fibre) if duct not in parents[fibre])
        for end in ends:
            if all(map(self._is_misplaced, end.fibres)):
                both = tuple(sorted((end.here, end.there)))
                yield from ((fibre, both) for fibre in self.near.parallel(end))
                yield from ((duct, both) for duct in self.near.ducts((reporter[end.here], reporter[end.there])))
        for node in dict.fromkeys([*interfaces, *(end.there for end in ends)]):
            port = self.near.port(node)
            if port is not None and self._is_on_no_card(port):
                yield from ((card, (port,)) for card in self.near.cards(reporter[node]))
        devices = [node for node in (root.node, *(reporter[end.there] for end in ends)) if kinds[node] is ResourceKind.DEVICE]
        for device in dict.fromkeys(devices):
            yield from ((feed, (device,)) for feed in self.near.feeds(device) if device not in self.search.consequences.of(feed).nodes)

    def _is_misplaced(self, fibre: int) -> bool:
        """Whether a fibre has links that join more than two places: not all of them can be right."""
        return len(self.near.ends_of(fibre)) > 2  # noqa: PLR2004 -- a fibre has two ends

    def _is_on_no_card(self, port: int) -> bool:
        """Whether nothing is said of where a port is: that it is on another card than the inventory says would be two mistakes."""
        kinds = self.topology.kinds
        return self.topology.need[port] == 1 and all(kinds[parent] is not ResourceKind.CARD for parent in self.topology.parents[port])

    def _is_at_once(self, cause: int, child: tuple[int, ...]) -> bool:
        """Whether the alarms of a cause, and those that would be laid to it besides, began within the same seconds."""
        mine = self.search.consequences.of(cause).nodes & self.alarmed
        others = {node for one in child for node in self.search.consequences.of(one).nodes} & self.alarmed
        return self._are_at_once(mine - others, others - mine)

    def _are_at_once(self, some: Iterable[int], others: Iterable[int], within: int = SAME_SECONDS_NS) -> bool:
        ours, theirs = self._began(some), self._began(others)
        return ours is not None and theirs is not None and abs(ours - theirs) <= within

    def _began(self, nodes: Iterable[int]) -> int | None:
        """When the first of some alarms was raised; of paths, which depend on much else besides, only if there is no other."""
        kinds = self.topology.kinds
        times = {node: self.raised[node] for node in nodes if node in self.raised}
        near = [at for node, at in times.items() if kinds[node] is not ResourceKind.LSP]
        return min(near or times.values(), default=None)

    def _ends_here(self, interface: int) -> Iterator[Supposition]:
        """Links of the same device whose far end alarmed when this interface did, and whose recorded end did not."""
        standing, device = self.standing, self.topology.reporter[interface]
        links = self.near.links_at(device)
        if any(end.here == interface and (end.there in self.alarmed or standing.is_excused(end.there)) for end in links):
            return
        for end in links:
            if end.here == interface or (end.here in self.alarmed and self._are_at_once([end.here], [end.there])):
                continue
            if end.there in self.alarmed:
                within = SAME_TROUBLE_NS if standing.is_up(end.here) else SAME_SECONDS_NS
                is_meant = self._are_at_once([end.there], [interface], within)
            else:
                is_meant = standing.is_excused(end.there) and standing.is_up(end.here)
            if is_meant:
                swapped = self._swapped(end, interface)
                yield from (swapped._replace(cause=fibre) for fibre in end.fibres)
                yield swapped

    def _swapped(self, end: End, interface: int) -> Supposition:
        """The record of a link with another of its ends; the port of the far end has failed, if nothing likelier takes both down."""
        ports = [self.near.port(node) for node in (end.there, end.here, interface)]
        there, wrong, true = (-1 if port is None else port for port in ports)
        gone = [(parent, end.here) for parent in (there, *end.fibres)] + [(wrong, end.there)]
        new = [(parent, interface) for parent in (there, *end.fibres)] + [(true, end.there)]
        parents = self.topology.parents
        return Supposition(
            there,
            tuple((parent, child) for parent, child in new if parent not in parents[child]),
            tuple((parent, child) for parent, child in gone if parent in parents[child]),
        )
