"""The interfaces and IP addresses of a device, from what it answered: names, layers, link aggregations."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pipeline.core.discovery import IANA_AGGREGATE, DiscoveredAddress, DiscoveredInterface, FindingKind
from pipeline.core.discovery_fact import IPV4_OCTETS, Facts, arcs_of, inet_address, mac_text

_UP = 1
_PER_MBPS = 1_000_000
_SPEED_UNKNOWN = (1 << 32) - 1
"""ifSpeed cannot tell more (RFC 2863)."""


def interfaces_of(facts: Facts) -> tuple[DiscoveredInterface, ...]:
    """Every interface in order of ifIndex, names unique."""
    indexes = sorted({int(index) for name in ("ifDescr", "ifType", "ifName") for index in facts.column(name) if index.isdecimal()})
    rows = [_interface(facts, index) for index in indexes]
    rows = _apart(facts, rows)
    types = {row.index: row.type for row in rows}
    bases = _bases(facts, rows)
    aggregates = _aggregates(facts, bases, types)
    return tuple(
        replace(row, base=bases.get(row.index), aggregate=aggregates.get(row.index, (None, ""))[0], aggregate_source=source)
        for row in rows
        for source in (aggregates.get(row.index, (None, ""))[1],)
    )


def _interface(facts: Facts, index: int) -> DiscoveredInterface:
    key = str(index)
    name, description = facts.text("ifName", key), facts.text("ifDescr", key)
    return DiscoveredInterface(
        index=index,
        name=name or description or f"if{index}",
        description=description,
        alias=facts.text("ifAlias", key),
        type=facts.number("ifType", key) or 0,
        speed_mbps=_speed_mbps(facts.number("ifHighSpeed", key), facts.number("ifSpeed", key)),
        mac=mac_text(facts.octets("ifPhysAddress", key)),
        is_enabled=facts.number("ifAdminStatus", key) in {None, _UP},
        is_up=facts.number("ifOperStatus", key) in {None, _UP},
        source="ifXTable" if name else "ifTable",
    )


def _speed_mbps(high: int | None, plain: int | None) -> int:
    if high:
        return high
    return 0 if plain in {None, _SPEED_UNKNOWN} else (plain or 0) // _PER_MBPS


def _apart(facts: Facts, rows: list[DiscoveredInterface]) -> list[DiscoveredInterface]:
    """Give interfaces of one name different ones: by ifDescr where that tells them apart, else with the ifIndex behind."""
    names = Counter(row.name for row in rows)
    descriptions = Counter(row.description for row in rows)
    taken = {row.name for row in rows if names[row.name] == 1}
    told: list[DiscoveredInterface] = []
    for row in rows:
        if names[row.name] == 1:
            told.append(row)
            continue
        plain = row.description if descriptions[row.description] == 1 and row.description not in taken else ""
        told.append(replace(row, name=plain or f"{row.name}.if{row.index}"))
    for name, count in names.items():
        if count > 1:
            facts.tell(FindingKind.DUPLICATE_NAME, name, f"{count} interfaces are called '{name}'; told apart by ifDescr or ifIndex")
    return told


def _stack(facts: Facts) -> Iterator[tuple[int, int]]:
    """Pairs of interfaces, one on top of the other (RFC 2863 ifStackTable); the ends of the stack (0) are left out."""
    for index, status in facts.column("ifStackStatus").items():
        arcs = arcs_of(index)
        if len(arcs) == 2 and all(arcs) and arcs[0] != arcs[1] and status == _UP:  # noqa: PLR2004  # a higher and a lower layer
            yield arcs[0], arcs[1]


_UNIT_TYPES = frozenset({1, 53, 135, 136})
"""IANAifType of sub-interfaces: other, propVirtual, l2vlan, l3ipvlan."""


def _bases(facts: Facts, rows: Iterable[DiscoveredInterface]) -> dict[int, int]:
    """Sub-interface -> what it is a part of: by the stack where it stands on one interface alone, else by its name (``xe-0/0/1.100``)."""
    by_index = {row.index: row for row in rows}
    by_name = {row.name: row.index for row in by_index.values()}
    below: dict[int, set[int]] = {}
    for higher, lower in _stack(facts):
        if higher in by_index and lower in by_index:
            below.setdefault(higher, set()).add(lower)
    bases: dict[int, int] = {}
    for row in by_index.values():
        named = by_name.get(row.name.rpartition(".")[0])
        if re.search(r"\.\d+$", row.name) and named is not None and named != row.index:
            bases[row.index] = named
        elif row.type in _UNIT_TYPES and len(below.get(row.index, ())) == 1:
            (bases[row.index],) = below[row.index]
    return {index: _bottom(index, bases) for index in bases}


def _bottom(index: int, bases: Mapping[int, int]) -> int:
    """The lowest interface under a sub-interface; a circle, which no honest agent tells, ends where it began."""
    seen = {index}
    while (lower := bases.get(index)) is not None and lower not in seen:
        seen.add(lower)
        index = lower
    return index


def _aggregates(facts: Facts, bases: Mapping[int, int], types: Mapping[int, int]) -> dict[int, tuple[int, str]]:
    """Member -> its link aggregation and what says so: the LAG-MIB, else the stack under an interface of that type."""
    found: dict[int, tuple[int, str]] = {}
    for higher, lower in _stack(facts):
        upper, member = bases.get(higher, higher), bases.get(lower, lower)
        if types.get(upper) == IANA_AGGREGATE and member in types and types[member] != IANA_AGGREGATE and member != upper:
            found[member] = (upper, "ifstack")
    for column in ("dot3adAggPortSelectedAggID", "dot3adAggPortAttachedAggID"):
        for index, aggregate in facts.column(column).items():
            known = index.isdecimal() and isinstance(aggregate, int) and aggregate in types and int(index) in types
            if known and isinstance(aggregate, int) and aggregate != int(index):
                found[int(index)] = (aggregate, "lag-mib")
    return found


_UNICAST = 1


def addresses_of(facts: Facts) -> tuple[DiscoveredAddress, ...]:
    """Unicast addresses, by ipAddressTable, and what the older ipAddrTable knows beside or beyond it."""
    found: dict[str, DiscoveredAddress] = {}
    for index, if_index in facts.column("ipAddressIfIndex").items():
        address = inet_address(arcs_of(index))
        if not address:
            facts.tell(FindingKind.WRONG_INDEX, "ipAddressTable", f"the index {index[:60]} holds no address; left out")
        elif facts.number("ipAddressType", index) in {None, _UNICAST} and isinstance(if_index, int):
            found[address] = DiscoveredAddress(address, _prefix_of(facts.dotted("ipAddressPrefix", index)), if_index, "ipAddressTable")
    for index, if_index in facts.column("ipAdEntIfIndex").items():
        address = inet_address(arcs_of(index))
        length = _mask_length(facts.dotted("ipAdEntNetMask", index))
        known = found.get(address)
        if known is not None and known.prefix_length is None:
            found[address] = replace(known, prefix_length=length)
        elif address and known is None and isinstance(if_index, int):
            found[address] = DiscoveredAddress(address, length, if_index, "ipAddrTable")
    return tuple(found[address] for address in sorted(found, key=_in_order))


def _in_order(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)


def _prefix_of(row: str) -> int | None:
    """The prefix length at the end of a pointer to ipAddressPrefixTable; zeroDotZero points nowhere."""
    arcs = arcs_of(row)
    longest = 128
    return arcs[-1] if len(arcs) > IPV4_OCTETS and 0 <= arcs[-1] <= longest else None


def _mask_length(mask: str) -> int | None:
    try:
        return ipaddress.ip_network(f"0.0.0.0/{mask}").prefixlen if mask else None
    except ValueError:
        return None
