"""A Topology Zoo graph -> a realistic operator's network: sites with power, routers with cards, access devices, fibres in ducts, LSPs.

Frozen (see tests/bench/README.md): the solver is tuned against what this makes. It knows nothing of the product.
"""

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from math import atan2, ceil, cos, degrees, radians, sin
from random import Random
from typing import Any, TypeVar

import topohub

CORE_PORTS, ACCESS_PORTS, CUSTOMER_PORTS = 4, 8, 4
TWO_FEEDS_FROM = 4
"""A site with so many core fibres has two power feeds; its router is fed by both, its access devices by one each."""

SAME_DIRECTION = 35.0
"""Fibres that leave a site within so many degrees share a duct."""

PARALLEL = 0.25
"""Share of core fibres that carry a second link."""

OWN_TWICE, OWN_AND_NEIGHBOUR = 0.2, 0.4
"""Of access devices, the share with two uplinks to their own router (below the first), and with one to the next site's (to the second)."""

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Box:
    """A device: its ports with the card each is on (empty: none), the feeds of which one must be up, the ports it is managed through."""

    site: str
    feeds: tuple[str, ...]
    ports: dict[str, str]
    uplinks: tuple[str, ...] = ()
    is_router: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A link between two ports, each ``device/port``, over fibres."""

    a: str
    b: str
    fibres: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """A label-switched path over links, told of by the device at its head."""

    head: str
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sold:
    """A service: a tunnel between two customer ports."""

    customer: str
    tunnel: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Network:
    """The whole operator. ``fibres`` has each fibre's ducts, ``tunnels`` each tunnel's LSPs, of which one must be up."""

    name: str
    sites: dict[str, tuple[str, ...]] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    fibres: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    tunnels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    services: dict[str, Sold] = field(default_factory=dict)


def graphs() -> tuple[str, ...]:
    """The names of all Topology Zoo graphs of the package, in order."""
    folder = files("topohub") / "data" / "topozoo"
    return tuple(sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")))


def half_of(graph: str) -> str:
    """``development``, which may be looked at while tuning, or ``held-out``; by a hash of the name."""
    return "held-out" if hashlib.sha256(graph.encode()).digest()[0] % 2 else "development"


def pick(random: Random, choices: Sequence[Choice]) -> Choice:
    """One of several, by the one method of a generator whose results no release of Python changes."""
    return choices[int(random.random() * len(choices))]


@cache
def network_of(graph: str) -> Network:
    """The operator on a graph; the same on every machine."""
    return _Builder(graph, topohub.get(f"topozoo/{graph}"), Random(f"network|{graph}")).build()


class _Builder:
    def __init__(self, name: str, graph: dict[str, Any], random: Random) -> None:
        self.random = random
        self.network = Network(name)
        self.at = {int(node["id"]): tuple(node["pos"]) for node in graph["nodes"]}
        ends = ((int(edge["source"]), int(edge["target"]), float(edge["dist"])) for edge in graph["edges"])
        self.edges = sorted((min(a, b), max(a, b), length) for a, b, length in ends if a != b)
        self.neighbours: dict[int, list[tuple[float, int]]] = {node: [] for node in self.at}
        for a, b, length in self.edges:
            self.neighbours[a].append((length, b))
            self.neighbours[b].append((length, a))
        self.core: dict[int, list[str]] = {node: [] for node in self.at}
        self.access: dict[int, list[str]] = {node: [] for node in self.at}
        self.ends: dict[str, tuple[str, str, str]] = {}
        self.leaving: dict[int, list[tuple[str, int]]] = {node: [] for node in self.at}
        self.links_between: dict[tuple[int, int], list[str]] = {}

    def build(self) -> Network:
        for node in self.at:
            feeds = ("a", "b") if len(self.neighbours[node]) >= TWO_FEEDS_FROM else ("a",)
            self.network.sites[f"pop{node}"] = tuple(f"pop{node}-{feed}" for feed in feeds)
        self._core_links()
        homed = self._access_devices()
        self._ports(homed)
        self._ducts()
        self._paths()
        return self.network

    def _core_links(self) -> None:
        for a, b, _ in self.edges:
            fibre = f"f{a}-{b}"
            self.network.fibres[fibre] = ()
            self.leaving[a].append((fibre, b))
            self.leaving[b].append((fibre, a))
            count = 2 if self.random.random() < PARALLEL else 1
            for number in range(1, count + 1):
                link = f"r{a}-r{b}-{number}"
                self.ends[link] = (f"r{a}", f"r{b}", fibre)
                self.core[a].append(link)
                self.core[b].append(link)
                self.links_between.setdefault((a, b), []).append(link)

    def _access_devices(self) -> dict[str, list[str]]:
        """One to three at each site; the links by which each is homed."""
        homed: dict[str, list[str]] = {}
        for node in self.at:
            draw = self.random.random()
            for number in range(1, 2 + (draw >= 0.4) + (draw >= 0.8)):
                device = f"a{node}-{number}"
                homing = self.random.random()
                towards = [node]
                if homing < OWN_TWICE:
                    towards = [node, node]
                elif homing < OWN_AND_NEIGHBOUR and self.neighbours[node]:
                    towards = [node, min(self.neighbours[node])[1]]
                homed[device] = [self._uplink(device, node, other, place) for place, other in enumerate(towards, 1)]
        return homed

    def _uplink(self, device: str, node: int, other: int, place: int) -> str:
        link, fibre = f"{device}-u{place}", f"f-{device}-{place}"
        self.network.fibres[fibre] = ()
        self.ends[link] = (device, f"r{other}", fibre)
        self.access[other].append(link)
        if other != node:
            self.leaving[node].append((fibre, other))
            self.leaving[other].append((fibre, node))
        return link

    def _ports(self, homed: dict[str, list[str]]) -> None:
        port_of: dict[tuple[str, str], str] = {}
        for node in self.at:
            ports: dict[str, str] = {}
            core, access = self.core[node], self.access[node]
            cards = max(min(len(core), 2), ceil(len(core) / CORE_PORTS))
            for place, link in enumerate(core):
                ports[port_of.setdefault((f"r{node}", link), f"xe-{place % cards}/0/{place // cards}")] = str(place % cards)
            for place, link in enumerate(access):
                card = cards + place // ACCESS_PORTS
                ports[port_of.setdefault((f"r{node}", link), f"ge-{card}/0/{place % ACCESS_PORTS}")] = str(card)
            self.network.boxes[f"r{node}"] = Box(f"pop{node}", self.network.sites[f"pop{node}"], ports, is_router=True)
        for place, (device, links) in enumerate(homed.items()):
            site = "pop" + device[1:].partition("-")[0]
            feeds = self.network.sites[site]
            uplinks = tuple(port_of.setdefault((device, link), f"xe-0/1/{number}") for number, link in enumerate(links))
            ports = dict.fromkeys((*uplinks, *(f"ge-0/0/{number}" for number in range(CUSTOMER_PORTS))), "")
            self.network.boxes[device] = Box(site, (feeds[place % len(feeds)],), ports, uplinks)
        for link, (a, b, fibre) in self.ends.items():
            self.network.lines[link] = Line(f"{a}/{port_of[a, link]}", f"{b}/{port_of[b, link]}", (fibre,))

    def _ducts(self) -> None:
        """Sorted by bearing, fibres join the duct of the first one that is within ``SAME_DIRECTION``; a duct has two fibres at least."""
        for node, leaving in self.leaving.items():
            bearings = sorted((self._bearing(node, other), fibre) for fibre, other in leaving)
            groups: list[tuple[float, list[str]]] = []
            for bearing, fibre in bearings:
                if groups and bearing - groups[-1][0] <= SAME_DIRECTION:
                    groups[-1][1].append(fibre)
                else:
                    groups.append((bearing, [fibre]))
            for number, (_, fibres) in enumerate((group for group in groups if len(group[1]) > 1), 1):
                for fibre in fibres:
                    self.network.fibres[fibre] = (*self.network.fibres[fibre], f"d{node}-{number}")

    def _bearing(self, node: int, other: int) -> float:
        (long_a, lat_a), (long_b, lat_b) = self.at[node], self.at[other]
        turn = radians(long_b - long_a)
        east = sin(turn) * cos(radians(lat_b))
        north = cos(radians(lat_a)) * sin(radians(lat_b)) - sin(radians(lat_a)) * cos(radians(lat_b)) * cos(turn)
        return round(degrees(atan2(east, north)) % 360, 3)

    def _paths(self) -> None:
        """Tunnels between ``2 n`` pairs of the ``n`` routers, each with the shortest path and one without its fibres where there is one."""
        nodes = list(self.at)
        for number in range(2 * len(nodes)):
            a, b = pick(self.random, nodes), pick(self.random, nodes)
            first = self._shortest(a, b, frozenset())
            if not first:
                continue
            used = frozenset(pairwise(first))
            second = self._shortest(a, b, used | {(y, x) for x, y in used})
            tunnel = f"t{number}"
            for name, nodes_on in ((f"lsp{number}-p", first), (f"lsp{number}-s", second)):
                if nodes_on:
                    self.network.paths[name] = Path(f"r{a}", tuple(self._link(x, y, number) for x, y in pairwise(nodes_on)))
            self.network.tunnels[tunnel] = tuple(name for name in (f"lsp{number}-p", f"lsp{number}-s") if name in self.network.paths)
            ends = (f"a{node}-1/ge-0/0/{number % CUSTOMER_PORTS}" for node in (a, b))
            self.network.services[f"s{number}"] = Sold(f"c{number % 40}", tunnel, *ends)

    def _link(self, a: int, b: int, number: int) -> str:
        links = self.links_between[min(a, b), max(a, b)]
        return links[number % len(links)]

    def _shortest(self, start: int, end: int, banned: frozenset[tuple[int, int]]) -> tuple[int, ...]:
        """Nodes of the shortest way; empty if there is none, or nowhere to go."""
        waiting: list[tuple[float, tuple[int, ...]]] = [(0.0, (start,))]
        seen: set[int] = set()
        while waiting:
            length, way = heapq.heappop(waiting)
            if way[-1] == end:
                return way if len(way) > 1 else ()
            if way[-1] in seen:
                continue
            seen.add(way[-1])
            for step, other in self.neighbours[way[-1]]:
                if other not in seen and (way[-1], other) not in banned:
                    heapq.heappush(waiting, (round(length + step, 3), (*way, other)))
        return ()


def damaged(network: Network, share: float, random: Random) -> Network:
    """What an inventory in disorder says of a network: of each edge a ``share`` is missing, or names another of the same kind, half each.

    Edges are a fibre's ducts, a link's fibres and ends, a device's feeds and uplinks, a port's card, an LSP's links. A link's end cannot be
    missing: half the share of ends are wrong.
    """
    mess = _Mess(share, random)
    ducts = sorted({duct for each in network.fibres.values() for duct in each})
    fibres, links = sorted(network.fibres), sorted(network.lines)
    feeds = sorted(feed for each in network.sites.values() for feed in each)
    return replace(
        network,
        boxes={name: mess.box(box, feeds) for name, box in network.boxes.items()},
        fibres={name: mess.edges(each, ducts) for name, each in network.fibres.items()},
        lines={
            name: Line(mess.end(line.a, network), mess.end(line.b, network), mess.edges(line.fibres, fibres))
            for name, line in network.lines.items()
        },
        paths={name: Path(path.head, mess.edges(path.links, links)) for name, path in network.paths.items()},
    )


@dataclass(frozen=True, slots=True)
class _Mess:
    share: float
    random: Random

    def edges(self, edges: Iterable[str], others: Sequence[str]) -> tuple[str, ...]:
        kept = (self._edge(edge, others) for edge in edges)
        return tuple(dict.fromkeys(edge for edge in kept if edge))

    def _edge(self, edge: str, others: Sequence[str]) -> str:
        draw = self.random.random()
        if draw < self.share / 2:
            return ""
        return pick(self.random, others) if draw < self.share and others else edge

    def end(self, end: str, network: Network) -> str:
        device = end.partition("/")[0]
        wrong = self.random.random() < self.share / 2
        return f"{device}/{pick(self.random, sorted(network.boxes[device].ports))}" if wrong else end

    def box(self, box: Box, feeds: Sequence[str]) -> Box:
        cards = sorted({card for card in box.ports.values() if card})
        return replace(
            box,
            feeds=self.edges(box.feeds, feeds),
            uplinks=self.edges(box.uplinks, sorted(box.ports)),
            ports={port: self._edge(card, cards) if card else "" for port, card in box.ports.items()},
        )
