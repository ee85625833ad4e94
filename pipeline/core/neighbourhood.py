"""What is close by on the dependency graph: links of a device, ducts that run past a place, cards and power feeds that could be meant."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.core.resource import ResourceKind, name_of, resource_id
from pipeline.core.topology import NOBODY, Topology


class End(NamedTuple):
    """A link as one of its devices sees it: the interface here, the one over there, and the fibres between."""

    here: int
    there: int
    fibres: tuple[int, ...]


@dataclass(slots=True)
class Neighbourhood:
    """What is close by in one topology; found when first asked for, and remembered.

    A place is a site, or a device that is at no site.
    """

    topology: Topology
    _ends: dict[int, list[End]] = field(default_factory=dict)
    _places: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def links_at(self, device: int) -> list[End]:
        """The links that end at a device."""
        if not self._ends:
            self._find_ends()
        return self._ends.get(device, [])

    def _find_ends(self) -> None:
        topology = self.topology
        for name, kind in zip(topology.names, topology.kinds, strict=True):
            link = topology.link(name_of(name)) if kind is ResourceKind.LINK else None
            if link is None:
                continue
            fibres = tuple(self._nodes(ResourceKind.FIBRE, link.fibres))
            ends = list(self._nodes(ResourceKind.INTERFACE, (link.a, link.b)))
            if len(ends) > 1:
                for here, there in (ends, ends[::-1]):
                    self._ends.setdefault(topology.reporter[here], []).append(End(here, there, fibres))

    def _nodes(self, kind: ResourceKind, names: Iterable[str]) -> Iterator[int]:
        nodes = (self.topology.node(resource_id(kind, name)) for name in names)
        yield from (node for node in nodes if node is not None)

    def port(self, interface: int) -> int | None:
        """The port that an interface is on."""
        return self.topology.node(resource_id(ResourceKind.PORT, name_of(self.topology.names[interface])))

    def place(self, device: int) -> int:
        """Where a device is."""
        kinds = self.topology.kinds
        return next((parent for parent in self.topology.parents[device] if kinds[parent] is ResourceKind.SITE), device)

    def devices_at(self, place: int) -> Iterator[int]:
        """The devices at a place."""
        kinds = self.topology.kinds
        if kinds[place] is ResourceKind.DEVICE:
            yield place
        yield from (child for child in self.topology.children[place] if kinds[child] is ResourceKind.DEVICE)

    def cards(self, device: int) -> list[int]:
        """The cards of a device."""
        kinds = self.topology.kinds
        return [child for child in self.topology.children[device] if kinds[child] is ResourceKind.CARD]

    def feeds(self, device: int) -> list[int]:
        """The power feeds at the place of a device, and those of other devices there."""
        topology, place = self.topology, self.place(device)
        found = [child for child in topology.children[place] if topology.kinds[child] is ResourceKind.POWER]
        for other in self.devices_at(place):
            supply = topology.node(resource_id(ResourceKind.SUPPLY, name_of(topology.names[other])))
            if supply is not None:
                found += [parent for parent in topology.parents[supply] if topology.kinds[parent] is ResourceKind.POWER]
        return list(dict.fromkeys(found))

    def ducts(self, devices: Iterable[int], fibre: int = NOBODY) -> list[int]:
        """The ducts that most of their fibres say run past the place of one of the devices, where a fibre is in no duct that it shares."""
        topology = self.topology
        places = dict.fromkeys(self.place(device) for device in devices)
        for duct in topology.parents[fibre] if fibre != NOBODY else ():
            passed = self._passed(duct)
            if len(passed) == 1:
                places.pop(passed[0], None)
        found: dict[int, None] = {}
        for place in places:
            for device in self.devices_at(place):
                for end in self.links_at(device):
                    ducts = (duct for fibre in end.fibres for duct in topology.parents[fibre])
                    found.update(dict.fromkeys(duct for duct in ducts if topology.kinds[duct] is ResourceKind.DUCT))
        return [duct for duct in found if not places.keys().isdisjoint(self._passed(duct))]

    def _passed(self, duct: int) -> tuple[int, ...]:
        """The places where most fibres of a duct begin or end: one as a rule, two of a duct whose fibres all join the same two."""
        passed = self._places.get(duct)
        if passed is None:
            fibres = (child for child in self.topology.children[duct] if self.topology.kinds[child] is ResourceKind.FIBRE)
            counts = Counter(place for fibre in fibres for place in self.ends_of(fibre))
            passed = self._places[duct] = tuple(place for place, count in counts.items() if count == max(counts.values()))
        return passed

    def ends_of(self, fibre: int) -> set[int]:
        """The places that the links over a fibre join."""
        links = self.topology.links_over(self.topology.names[fibre])
        ends = self._nodes(ResourceKind.INTERFACE, (end for link in links for end in (link.a, link.b)))
        return {self.place(self.topology.reporter[end]) for end in ends}

    def parallel(self, end: End) -> list[int]:
        """The fibres of other links between the same two places."""
        reporter = self.topology.reporter
        far = self.place(reporter[end.there])
        found: dict[int, None] = {}
        for device in self.devices_at(self.place(reporter[end.here])):
            for other in self.links_at(device):
                if other.here != end.here and self.place(reporter[other.there]) == far:
                    found.update(dict.fromkeys(other.fibres))
        return list(found)
