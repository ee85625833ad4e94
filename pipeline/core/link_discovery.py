"""Links between discovered devices: what both ends say of each other, what one says alone, and what addresses and routing suggest."""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.core.discovery import (
    IANA_LOOPBACK,
    DiscoveredDevice,
    DiscoveredInterface,
    DiscoveredLink,
    End,
    Finding,
    FindingKind,
    LldpPort,
    Neighbour,
    Stranger,
    is_virtual,
)
from pipeline.core.discovery_naming import short
from pipeline.core.discovery_neighbour import PORT_MAC, PORT_NETWORK, interface_named

BOTH_ENDS = 1.0
INFERRED_PORT = 0.8
"""Both ends name each other, but one does not say (or not in words that are known) which port it sees."""
ONE_END_AND_SUBNET = 0.8
SUBNET_AND_ROUTING = 0.7
ONE_END = 0.6
SUBNET = 0.5
VIRTUAL_SUBNET = 0.4
"""Between interfaces that no cable goes into: an adjacency, perhaps through switches."""
DISAGREEING = 0.3
LEAST = 0.5
"""What is less sure is told, but goes into no inventory."""

LLDP, IP_SUBNET = "lldp", "ip-subnet"
_Pair = frozenset[End]
_POINT_TO_POINT = {4: 30, 6: 126}
"""The shortest prefix that holds two ends and no more, by version."""


@dataclass(frozen=True)
class _Ports:
    """One device's interfaces, by index and by what neighbours may call them."""

    device: DiscoveredDevice
    by_index: dict[int, DiscoveredInterface]
    by_port_id: dict[tuple[int, str], LldpPort]

    @classmethod
    def of(cls, device: DiscoveredDevice) -> "_Ports":
        ids = Counter((port.subtype, port.id) for port in device.lldp_ports)
        unique = {(port.subtype, port.id): port for port in device.lldp_ports if ids[port.subtype, port.id] == 1}
        return cls(device, {row.index: row for row in device.interfaces}, unique)

    def named(self, heard: Neighbour) -> int | None:
        """The interface that a neighbour means by a port id, first as the device itself calls its ports."""
        own = self.by_port_id.get((heard.port_subtype, heard.port_id))
        if own is not None and own.if_index is not None:
            return own.if_index
        if heard.port_subtype == PORT_NETWORK:
            return next((each.if_index for each in self.device.ip_addresses if each.address == heard.port_id), None)
        name = "" if heard.port_subtype == PORT_MAC and not heard.port_id else heard.port_id
        return interface_named(self.device.interfaces, heard.port_subtype, name, heard.port_description)

    def base(self, index: int) -> int:
        """What a sub-interface is a part of, else the interface itself."""
        row = self.by_index.get(index)
        return row.base if row is not None and row.base in self.by_index and row.base is not None else index

    def aggregate(self, index: int) -> int | None:
        """The link aggregation that an interface belongs to."""
        row = self.by_index.get(index)
        return row.aggregate if row is not None and row.aggregate in self.by_index else None

    def name(self, index: int | None) -> str:
        """An interface for people."""
        return self.by_index[index].name if index in self.by_index and index is not None else f"port {index}"


class _Who:
    """Finds a device by what a neighbour says of it. A mark that two devices have means neither alone."""

    def __init__(self, devices: Sequence[DiscoveredDevice]) -> None:
        self._by_mark: dict[str, set[str]] = {}
        for device in devices:
            for mark in self._own_marks(device):
                self._by_mark.setdefault(mark, set()).add(device.name)

    @staticmethod
    def _own_marks(device: DiscoveredDevice) -> Iterator[str]:
        if device.chassis_id:
            yield f"chassis {device.chassis_id}"
        yield from (f"chassis mac:{interface.mac}" for interface in device.interfaces if interface.mac)
        for name in {device.system_name, device.name} - {""}:
            yield f"name {name.lower()}"
            yield f"short {short(name)}"
        for address in {*device.addresses, *(each.address for each in device.ip_addresses)}:
            yield f"address {address}"
            yield f"chassis ip:{address}"

    def is_(self, heard: Neighbour) -> tuple[str | None, bool]:
        """The device that a neighbour is, and whether that is doubtful: its marks point to several devices, or to none in common."""
        name = heard.system_name
        hints = [
            self._having(f"chassis {heard.chassis_id}"),
            self._having(f"name {name.lower()}") or self._having(f"short {short(name)}"),
            set().union(*(self._having(f"address {address}") for address in heard.addresses)),
        ]
        given = [hint for hint in hints if hint]
        if not given:
            return None, False
        common = set.intersection(*given)
        if len(common) == 1:
            return common.pop(), False
        alone = next((hint for hint in given if len(hint) == 1), None)
        return (next(iter(alone)), True) if alone else (None, True)

    def _having(self, mark: str) -> set[str]:
        return self._by_mark.get(mark, set())


@dataclass(frozen=True, slots=True)
class _Claim:
    """What one end says: its own port and the far one, each ``None`` where it is not known which of the device's interfaces it is."""

    device: str
    port: int | None
    far_device: str
    far_port: int | None


@dataclass
class _Evidence:
    """All that speaks for a link between two ends: claims by LLDP are worth ``by_lldp``; ``others`` are further sources."""

    by_lldp: float = 0.0
    others: set[str] = field(default_factory=set)
    is_virtual: bool = False
    members: set[_Pair] = field(default_factory=set)

    @property
    def sources(self) -> tuple[str, ...]:
        order = (LLDP, IP_SUBNET, "ospf", "bgp")
        return tuple(source for source in order if source in self.others or (source == LLDP and self.by_lldp))

    @property
    def confidence(self) -> float:
        if self.by_lldp:
            confirmed = self.by_lldp == ONE_END and IP_SUBNET in self.others
            return ONE_END_AND_SUBNET if confirmed else self.by_lldp
        if self.is_virtual:
            return VIRTUAL_SUBNET
        return SUBNET_AND_ROUTING if self.others - {IP_SUBNET} else SUBNET


def links_of(devices: Sequence[DiscoveredDevice]) -> tuple[tuple[DiscoveredLink, ...], tuple[Stranger, ...], tuple[Finding, ...]]:
    """Every link between the devices, the neighbours that are none of them, and what is odd. Names of devices are unique."""
    ports = {device.name: _Ports.of(device) for device in devices}
    findings: list[Finding] = []
    claims, strangers = _claims(devices, ports, findings)
    found: dict[_Pair, _Evidence] = {}
    for pair, worth in _by_lldp(claims, ports, findings).items():
        found[pair] = _Evidence(worth)
    _tell_of_several(found, ports, findings)
    found = _bundled(found, ports)
    _add_subnets(found, devices, ports, findings)
    return _chosen(found), tuple(strangers), tuple(findings)


def _claims(
    devices: Sequence[DiscoveredDevice], ports: Mapping[str, _Ports], findings: list[Finding]
) -> tuple[list[_Claim], list[Stranger]]:
    who = _Who(devices)
    claims: dict[_Claim, None] = {}
    strangers: list[Stranger] = []
    for device in devices:
        for heard in device.neighbours:
            own = ports[device.name]
            port = None if heard.if_index is None else own.base(heard.if_index)
            about = own.name(port) if port is not None else f"LLDP port {heard.local_port}"
            if port is None:
                detail = f"LLDP's local port {heard.local_port} is none of its interfaces"
                findings.append(Finding(device.name, FindingKind.UNKNOWN_PORT, about, detail))
            far, doubtful = who.is_(heard)
            called = heard.system_name or heard.chassis_id or "no name"
            if doubtful:
                detail = f"the neighbour there ({called}) may be one of several devices" + (f"; taken for {far}" if far else "")
                findings.append(Finding(device.name, FindingKind.AMBIGUOUS_NEIGHBOUR, about, detail))
            if far == device.name:
                detail = "it hears itself there: a loop, or a hardware address that it shares with another"
                findings.append(Finding(device.name, FindingKind.OWN_NEIGHBOUR, about, detail))
            elif far is not None:
                far_port = ports[far].named(heard)
                claims[_Claim(device.name, port, far, None if far_port is None else ports[far].base(far_port))] = None
            elif not doubtful:
                strangers.append(Stranger(device.name, port, heard.system_name, heard.chassis_id, heard.port_id, heard.addresses))
    return list(claims), strangers


def _by_lldp(claims: Sequence[_Claim], ports: Mapping[str, _Ports], findings: list[Finding]) -> dict[_Pair, float]:
    """Links by what the ends say, each with how far it is confirmed by the other end."""
    by_device: dict[tuple[str, str], list[_Claim]] = {}
    for claim in claims:
        by_device.setdefault((claim.device, claim.far_device), []).append(claim)
    said = {(claim.device, claim.port) for claim in claims if claim.port is not None}
    found: dict[_Pair, float] = {}
    for claim in claims:
        answers = [back for back in by_device.get((claim.far_device, claim.device), ()) if _fit(claim, back)]
        far_port = claim.far_port
        if far_port is None:
            far_port = next((back.port for back in answers), None) if len(answers) == 1 else None
        if claim.port is None:
            continue  # the far end may tell of it
        if far_port is None:
            detail = f"{claim.far_device} is there, but which of its ports is not understood"
            findings.append(Finding(claim.device, FindingKind.UNKNOWN_PORT, ports[claim.device].name(claim.port), detail))
            continue
        pair = frozenset({(claim.device, claim.port), (claim.far_device, far_port)})
        worth = _worth(claim, answers, (claim.far_device, far_port) in said)
        if worth == DISAGREEING:
            far = f"{claim.far_device}/{ports[claim.far_device].name(far_port)}"
            detail = f"it names {far}, which names another neighbour"
            findings.append(Finding(claim.device, FindingKind.ENDS_DISAGREE, ports[claim.device].name(claim.port), detail))
        found[pair] = max(found.get(pair, 0.0), worth)
    return found


def _fit(claim: _Claim, back: _Claim) -> bool:
    """Whether two claims can be of one link: what either leaves open, the other may fill."""
    ours = None in {claim.port, back.far_port} or claim.port == back.far_port
    theirs = None in {claim.far_port, back.port} or claim.far_port == back.port
    return ours and theirs


def _worth(claim: _Claim, answers: Sequence[_Claim], far_end_speaks: bool) -> float:
    exact = any(back.port == claim.far_port and back.far_port == claim.port for back in answers)
    if exact and claim.far_port is not None:
        return BOTH_ENDS
    if answers:
        return INFERRED_PORT
    return DISAGREEING if far_end_speaks else ONE_END


def _tell_of_several(found: Iterable[_Pair], ports: Mapping[str, _Ports], findings: list[Finding]) -> None:
    """More than one neighbour on a port: a hub, a virtual switch, or a record that has not aged out. All are kept."""
    seen = Counter(end for pair in found for end in pair)
    for (device, port), count in sorted(seen.items()):
        if count > 1:
            detail = f"{count} neighbours are told of there; all are kept, the surest is taken"
            findings.append(Finding(device, FindingKind.SEVERAL_NEIGHBOURS, ports[device].name(port), detail))


def _bundled(found: Mapping[_Pair, _Evidence], ports: Mapping[str, _Ports]) -> dict[_Pair, _Evidence]:
    """Links between members of two link aggregations become one link between these.

    Where the members of an aggregation lead to more than one (as to two switches that act as one), or only one end aggregates, the
    members' links stay. What is not sure enough to be a link decides nothing here.
    """
    over: dict[_Pair, _Pair] = {}
    for pair in (pair for pair, evidence in found.items() if evidence.confidence >= LEAST):
        ends = {(device, above) for device, port in pair if (above := ports[device].aggregate(port)) is not None}
        if len(ends) == 2:  # noqa: PLR2004  # both ends aggregate
            over[pair] = frozenset(ends)
    far_ends: dict[End, set[_Pair]] = {}
    for bundle in over.values():
        for end in bundle:
            far_ends.setdefault(end, set()).add(bundle)
    made: dict[_Pair, _Evidence] = {}
    for pair, evidence in found.items():
        bundle_of = over.get(pair)
        if bundle_of is None or any(len(far_ends[end]) > 1 for end in bundle_of):
            made[pair] = evidence
            continue
        kept = made.setdefault(bundle_of, _Evidence())
        kept.by_lldp = max(kept.by_lldp, evidence.by_lldp)
        kept.members.add(pair)
    return made


def _add_subnets(
    found: dict[_Pair, _Evidence], devices: Sequence[DiscoveredDevice], ports: Mapping[str, _Ports], findings: list[Finding]
) -> None:
    """Two interfaces in one subnet for two (RFC 3021, RFC 6164) are probably the ends of a link, surer where routing runs over it.

    Where LLDP knows the members of the aggregations between which the subnet is, it speaks for these members' links.
    """
    for ends in _subnets(devices, ports, findings):
        (a, a_address), (b, b_address) = ends
        pair = frozenset({a, b})
        under = [known for known in found if known != pair and _are_members(known, pair, ports)]
        sources = {IP_SUBNET, *_routing(ports[a[0]].device, b_address), *_routing(ports[b[0]].device, a_address)}
        for known in under or [pair]:
            evidence = found.setdefault(known, _Evidence())
            evidence.others |= sources
            evidence.is_virtual = evidence.is_virtual or any(_no_cable(ports[device], port) for device, port in known)


def _no_cable(own: _Ports, port: int) -> bool:
    row = own.by_index.get(port)
    return row is not None and is_virtual(row)


def _are_members(known: _Pair, pair: _Pair, ports: Mapping[str, _Ports]) -> bool:
    above = {(device, ports[device].aggregate(port)) for device, port in known}
    return above == set(pair)


def _routing(device: DiscoveredDevice, far_address: str) -> set[str]:
    return {peer.protocol for peer in device.peers if peer.is_up and peer.address == far_address}


def _subnets(
    devices: Sequence[DiscoveredDevice], ports: Mapping[str, _Ports], findings: list[Finding]
) -> Iterator[tuple[tuple[End, str], tuple[End, str]]]:
    """Subnets for two in which exactly two devices have one address each, with the interfaces."""
    inside: dict[str, list[tuple[End, str]]] = {}
    for device in devices:
        for each in device.ip_addresses:
            own = ports[device.name]
            row = own.by_index.get(each.if_index)
            network = _network_for_two(each.address, each.prefix_length)
            if network and row is not None and row.type != IANA_LOOPBACK:
                inside.setdefault(network, []).append(((device.name, own.base(each.if_index)), each.address))
    for network, ends in inside.items():
        if len(ends) == 2 and ends[0][0][0] != ends[1][0][0] and ends[0][1] != ends[1][1]:  # noqa: PLR2004  # the two ends
            yield ends[0], ends[1]
        elif len(ends) > 1 and len({end[0] for end, _ in ends}) > 1:
            owners = ", ".join(sorted({f"{end[0]} ({address})" for end, address in ends}))
            detail = f"the subnet for two {network} is on {owners}; no link is concluded from it"
            findings.append(Finding(ends[0][0][0], FindingKind.DUPLICATE_ADDRESS, network, detail))


def _network_for_two(address: str, length: int | None) -> str:
    parsed = ipaddress.ip_address(address)
    if length is None or parsed.is_loopback or parsed.is_link_local:
        return ""
    if not _POINT_TO_POINT[parsed.version] <= length < parsed.max_prefixlen:
        return ""
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def _chosen(found: Mapping[_Pair, _Evidence]) -> tuple[DiscoveredLink, ...]:
    """The links, surest first taken: each interface ends one; what comes too late for an end, or is not sure enough, is kept unchosen."""
    links = [
        DiscoveredLink(*_in_order(pair), evidence.sources, evidence.confidence, tuple(sorted(_in_order(each) for each in evidence.members)))
        for pair, evidence in found.items()
    ]
    taken: set[End] = set()
    made: list[DiscoveredLink] = []
    for link in sorted(links, key=lambda link: (-link.confidence, link.a, link.b)):
        chosen = link.confidence >= LEAST and not {link.a, link.b} & taken
        if chosen:
            taken |= {link.a, link.b}
        made.append(replace(link, is_chosen=chosen))
    return tuple(sorted(made, key=lambda link: (link.a, link.b)))


def _in_order(pair: _Pair) -> tuple[End, End]:
    a, b = sorted(pair)
    return a, b
