"""The neighbours of a device, from what it answered: by LLDP on its ports, and its routing peers."""

import ipaddress
from collections.abc import Iterable, Iterator

from pipeline.core.discovery import DiscoveredInterface, FindingKind, LldpPort, Neighbour, RoutingPeer
from pipeline.core.discovery_fact import IPV4_OCTETS, IPV6_OCTETS, Facts, address_of, arcs_of, inet_address, mac_text
from pipeline.core.text import hexadecimal, shown

CHASSIS_MAC, CHASSIS_NETWORK = 4, 5
PORT_ALIAS, PORT_COMPONENT, PORT_MAC, PORT_NETWORK, PORT_NAME, PORT_LOCAL = 1, 2, 3, 4, 5, 7


def chassis_id(subtype: int, octets: bytes) -> str:
    """A chassis id that compares (IEEE 802.1AB table 8-2): ``mac:…``, ``ip:…``, or the text behind its subtype's number; empty for none."""
    if not octets:
        return ""
    mac = mac_text(octets) if subtype == CHASSIS_MAC else ""
    if mac:
        return f"mac:{mac}"
    if subtype == CHASSIS_NETWORK and (address := _network_address(octets)):
        return f"ip:{address}"
    return f"{subtype}:{shown(octets)}"


def port_id(subtype: int, octets: bytes) -> str:
    """A port id as text that compares: a MAC or IP address in canonical form, else what it says (IEEE 802.1AB table 8-3)."""
    if subtype == PORT_MAC:
        return mac_text(octets) or hexadecimal(octets)
    if subtype == PORT_NETWORK:
        return _network_address(octets) or hexadecimal(octets)
    return shown(octets).strip()


def _network_address(octets: bytes) -> str:
    """An address behind the number of its family (IANA address family numbers: 1 IPv4, 2 IPv6)."""
    length = {1: IPV4_OCTETS, 2: IPV6_OCTETS}.get(octets[0] if octets else 0)
    return str(ipaddress.ip_address(octets[1:])) if length == len(octets) - 1 else ""


def interface_named(interfaces: Iterable[DiscoveredInterface], subtype: int, name: str, description: str = "") -> int | None:
    """The interface that a port id means, or ``None``.

    Found by what the subtype says it is; a local number (or what claims another subtype wrongly) by the names that it might be, last by
    ifIndex; and last of all by the port's description. Only a single match counts.
    """
    known = tuple(interfaces)
    by_kind = {PORT_ALIAS: ("alias",), PORT_MAC: ("mac",), PORT_NAME: ("name", "description")}
    for keys, wanted in ((by_kind.get(subtype, ()), name), (("name", "description"), name)):
        for key in keys:
            if (found := _only(row.index for row in known if wanted and getattr(row, key) == wanted)) is not None:
                return found
    if subtype in {PORT_LOCAL, PORT_COMPONENT} and name.isdecimal() and any(row.index == int(name) for row in known):
        return int(name)
    for key in ("name", "description", "alias"):
        if (found := _only(row.index for row in known if description and getattr(row, key) == description)) is not None:
            return found
    return None


def _only(indexes: Iterable[int]) -> int | None:
    found = set(indexes)
    return found.pop() if len(found) == 1 else None


def lldp_ports_of(facts: Facts, interfaces: tuple[DiscoveredInterface, ...]) -> tuple[LldpPort, ...]:
    """The device's own ports as it names them to its neighbours; its number counts as ifIndex when nothing else fits."""
    indexes = {row.index for row in interfaces}
    ports = []
    for key in sorted({index for index in facts.column("lldpLocPortIdSubtype") if index.isdecimal()}, key=int):
        subtype = facts.number("lldpLocPortIdSubtype", key) or 0
        name, description = port_id(subtype, facts.octets("lldpLocPortId", key)), facts.text("lldpLocPortDesc", key)
        found = interface_named(interfaces, subtype, name, description)
        ports.append(LldpPort(int(key), subtype, name, description, int(key) if found is None and int(key) in indexes else found))
    return tuple(ports)


def neighbours_of(facts: Facts, ports: tuple[LldpPort, ...], interfaces: tuple[DiscoveredInterface, ...]) -> tuple[Neighbour, ...]:
    """One for each remote system on each port: of rows that differ in their time mark alone (RFC 4502 TimeFilter) the latest counts."""
    newest: dict[tuple[int, int], tuple[int, str]] = {}
    for index in facts.column("lldpRemChassisIdSubtype").keys() | facts.column("lldpRemChassisId").keys():
        arcs = arcs_of(index)
        if len(arcs) != 3:  # noqa: PLR2004  # a time mark, a local port and a number
            facts.tell(FindingKind.WRONG_INDEX, "lldpRemTable", f"the index {index[:60]} is none of this table; left out")
            continue
        mark, port, number = arcs
        newest[port, number] = max(newest.get((port, number), (-1, "")), (mark, index))
    managed = _managed(facts)
    by_number = {port.number: port.if_index for port in ports}
    indexes = {row.index for row in interfaces}
    found = []
    for (port, number), (_, index) in sorted(newest.items()):
        subtype = facts.number("lldpRemPortIdSubtype", index) or 0
        neighbour = Neighbour(
            local_port=port,
            if_index=by_number.get(port, port if port in indexes else None),
            chassis_id=chassis_id(facts.number("lldpRemChassisIdSubtype", index) or 0, facts.octets("lldpRemChassisId", index)),
            port_subtype=subtype,
            port_id=port_id(subtype, facts.octets("lldpRemPortId", index)),
            port_description=facts.text("lldpRemPortDesc", index),
            system_name=facts.text("lldpRemSysName", index),
            addresses=tuple(sorted(managed.get((port, number), ()))),
        )
        found.append(neighbour)
    return tuple(dict.fromkeys(found))


def _managed(facts: Facts) -> dict[tuple[int, int], set[str]]:
    """Management addresses of neighbours, which stand in the index of lldpRemManAddrTable."""
    found: dict[tuple[int, int], set[str]] = {}
    for index in facts.column("lldpRemManAddrIfSubtype"):
        mark_port_number, rest = arcs_of(index)[:3], arcs_of(index)[3:]
        address = inet_address(rest)
        if address and len(mark_port_number) == 3:  # noqa: PLR2004  # as above
            found.setdefault(mark_port_number[1:], set()).add(address)
    return found


_ESTABLISHED = 6
_FULL, _TWO_WAY = 8, 4


def bgp_peers_of(facts: Facts) -> Iterator[RoutingPeer]:
    """Every row of bgpPeerTable."""
    for index, state in facts.column("bgpPeerState").items():
        address = inet_address(arcs_of(index))
        if address:
            remote_as = facts.number("bgpPeerRemoteAs", index)
            identity = "" if remote_as is None else f"AS{remote_as}"
            yield RoutingPeer("bgp", address, identity, facts.dotted("bgpPeerLocalAddr", index), state == _ESTABLISHED)


def ospf_neighbours_of(facts: Facts) -> Iterator[RoutingPeer]:
    """Every row of ospfNbrTable that has an address."""
    for index, router in facts.column("ospfNbrRtrId").items():
        arcs = arcs_of(index)
        address = address_of(arcs[:IPV4_OCTETS]) if len(arcs) == IPV4_OCTETS + 1 else ""
        if address:
            state = facts.number("ospfNbrState", index)
            yield RoutingPeer("ospf", address, str(router), is_up=state in {_FULL, _TWO_WAY})
