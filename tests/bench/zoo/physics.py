"""What is down, and what is told of it, when elements of a network have failed. The benchmark's own, not the product's graph."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import cache

from tests.bench.zoo.network import Network, network_of

LINK_DOWN, LSP_DOWN, POWER_FAILURE, UNREACHABLE = "link-down", "lsp-down", "power-failure", "device-unreachable"
KINDS = ("fibre", "duct", "card", "port", "device", "power")
"""Kinds of element that fail by themselves."""

Told = tuple[str, str]
"""What can be told of: resource and alarm type."""


@dataclass(slots=True)
class Down:
    """What is down; ``lost`` counts the parents that each node has lost."""

    nodes: set[str] = field(default_factory=set)
    lost: dict[str, int] = field(default_factory=dict)


class Physics:
    """Dependencies of a network by resource name. A node is down when it failed or ``bears`` of its parents (one, or all) are down."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.children: dict[str, list[str]] = {}
        self.bears: dict[str, int] = {}
        self.told_by: dict[Told, str] = {}
        self.elements: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self._of: dict[frozenset[str], frozenset[Told]] = {}
        self._devices()
        self._lines()
        for name, path in network.paths.items():
            self._node(f"lsp/{name}", [f"interface/{end}" for link in path.links for end in self._ends(link)])
            self.told_by[f"lsp/{name}", LSP_DOWN] = path.head

    def _ends(self, link: str) -> tuple[str, str]:
        line = self.network.lines[link]
        return line.a, line.b

    def _devices(self) -> None:
        for site, feeds in self.network.sites.items():
            self._node(f"site/{site}", ())
            for feed in feeds:
                self._element("power", feed, (f"site/{site}",))
        for name, box in self.network.boxes.items():
            self._node(f"supply/{name}", [f"power/{feed}" for feed in box.feeds], len(box.feeds))
            self._element("device", name, (f"supply/{name}",))
            if len(box.feeds) > 1:
                self.told_by[f"device/{name}", POWER_FAILURE] = name
            for card in sorted({card for card in box.ports.values() if card}):
                self._element("card", f"{name}/{card}", (f"device/{name}",))
            for port, card in box.ports.items():
                self._element("port", f"{name}/{port}", (f"card/{name}/{card}" if card else f"device/{name}",))
                self._node(f"interface/{name}/{port}", [f"port/{name}/{port}"])
                self.told_by[f"interface/{name}/{port}", LINK_DOWN] = name
            self._node(f"cut-off/{name}", [f"interface/{name}/{port}" for port in box.uplinks], len(box.uplinks))
            self._node(f"reachability/{name}", [f"device/{name}", f"cut-off/{name}"])
            self.told_by[f"reachability/{name}", UNREACHABLE] = ""

    def _lines(self) -> None:
        for duct in sorted({duct for ducts in self.network.fibres.values() for duct in ducts}):
            self._element("duct", duct, ())
        for fibre, ducts in self.network.fibres.items():
            self._element("fibre", fibre, [f"duct/{duct}" for duct in ducts])
        for line in self.network.lines.values():
            for end, other in ((line.a, line.b), (line.b, line.a)):
                self._node(f"interface/{end}", [f"port/{other}", *(f"fibre/{fibre}" for fibre in line.fibres)])

    def _element(self, kind: str, name: str, parents: Iterable[str]) -> None:
        self.elements[kind].append(f"{kind}/{name}")
        self._node(f"{kind}/{name}", parents)

    def _node(self, name: str, parents: Iterable[str], bears: int = 1) -> None:
        self.bears[name] = bears
        for parent in parents:
            self.children.setdefault(parent, []).append(name)

    def fail(self, down: Down, element: str) -> set[str]:
        """Let an element fail; what that newly takes down."""
        new = [element] if element not in down.nodes else []
        down.nodes.update(new)
        for node in new:
            for child in self.children.get(node, ()):
                down.lost[child] = down.lost.get(child, 0) + 1
                if down.lost[child] >= self.bears[child] and child not in down.nodes:
                    down.nodes.add(child)
                    new.append(child)
        return set(new)

    def is_told(self, told: Told, down: Down) -> bool:
        """Whether something is wrong and whoever tells of it can be heard (polls tell of reachability)."""
        resource, alarm_type = told
        teller = self.told_by[told]
        if teller and f"reachability/{teller}" in down.nodes:
            return False
        if alarm_type == POWER_FAILURE:
            return down.lost.get(f"supply/{teller}", 0) > 0
        return resource in down.nodes

    def told(self, elements: Iterable[str]) -> frozenset[Told]:
        """Everything that is told of when these elements have failed, if no message is lost."""
        failed = frozenset(elements)
        known = self._of.get(failed)
        if known is None:
            down, touched = Down(), set[str]()
            for element in failed:
                touched |= self.fail(down, element)
            touched |= {f"device/{child.partition('/')[2]}" for child in down.lost if child.startswith("supply/")}
            known = frozenset(told for told in self._candidates(touched) if self.is_told(told, down))
            self._of[failed] = known
        return known

    def _candidates(self, touched: Iterable[str]) -> Iterable[Told]:
        for node in touched:
            for alarm_type in (LINK_DOWN, LSP_DOWN, POWER_FAILURE, UNREACHABLE):
                if (node, alarm_type) in self.told_by:
                    yield node, alarm_type

    def looks_like(self, element: str, *, with_polls: bool) -> Hashable:
        """What tells an element's failure from others: two elements of one answer cannot be told apart by anybody.

        An element that the network does not have, or whose failure nobody tells of, is like no other.
        """
        told = self.told((element,)) if element in self.bears else frozenset[Told]()
        return (told if with_polls else without_polls(told)) or element


def without_polls(told: Iterable[Told]) -> frozenset[Told]:
    """What notifications alone tell."""
    return frozenset(each for each in told if each[1] != UNREACHABLE)


@cache
def physics_of(graph: str) -> Physics:
    """The physics of the operator on a graph."""
    return Physics(network_of(graph))
