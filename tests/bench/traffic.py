"""What the lab's devices are made to send in these benchmarks, as datagrams; a frozen mix, so that figures can be compared.

The mix of :func:`noise` is, of ten datagrams: six linkDown and linkUp of customer-facing interfaces, two of a BGP session lost and found,
one authenticationFailure, and one that no rule knows. So two in ten are stateless, and the others raise and clear alarms of resources
that the inventory has.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, cycle, islice

from pipeline.core.inventory import Device, Inventory
from tests.support.datagrams import ADDRESS, INTEGER, OCTETS, Var, v2_trap

STANDARD = "1.3.6.1.6.3.1.1.5"
LINK_DOWN, LINK_UP, AUTHENTICATION_FAILURE = f"{STANDARD}.3", f"{STANDARD}.4", f"{STANDARD}.5"
BGP_ESTABLISHED, BGP_LOST = "1.3.6.1.2.1.15.0.1", "1.3.6.1.2.1.15.0.2"
LAB = "1.3.6.1.4.1.8072.9999.9999.42"
SERVICE_DOWN, SERVICE_UP = f"{LAB}.0.5", f"{LAB}.0.6"
UNKNOWN = "1.3.6.1.4.1.8072.9999.9999.77.0.1"
IF_ENTRY, IF_NAME, BGP_PEER = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.15.3.1"

Sent = tuple[str, bytes]
"""The address that sends it, and the datagram."""


def noise(inventory: Inventory, devices: Iterable[str]) -> list[Sent]:
    """One round of the mix from these devices, each sending in turn; to be repeated."""
    rounds = [_of_device(inventory, inventory.devices[name]) for name in devices]
    longest = max(map(len, rounds))
    return list(chain.from_iterable(zip(*(islice(cycle(each), longest) for each in rounds), strict=True)))


def _of_device(inventory: Inventory, device: Device) -> list[Sent]:
    carried = {end for link in inventory.links.values() for end in (link.a, link.b)}
    ports = [port for port in device.interfaces if f"{device.name}/{port.name}" not in carried] or list(device.interfaces)
    peers = [other.address for other in inventory.devices.values() if other.role == device.role and other.name != device.name]
    links = [_link(port.index, port.name, up=up) for port in ports for up in (False, True)]
    sessions = [_session(peer, up=up) for peer in peers for up in (False, True)]
    rare = [v2_trap(AUTHENTICATION_FAILURE), v2_trap(UNKNOWN, [Var(f"{UNKNOWN}.1", OCTETS, b"fan tray 2")])]
    rounds = max(len(links) // 2, len(sessions) // 2)
    pairs = zip(islice(cycle(_three_by_three(links)), rounds), islice(cycle(_pairs(sessions)), rounds), strict=True)
    return [(device.address, datagram) for six, two in pairs for datagram in (*six, *two, *rare)]


def _three_by_three(links: Sequence[bytes]) -> list[list[bytes]]:
    """Three interfaces at a time go down and come up."""
    pairs = _pairs(links)
    return [list(chain.from_iterable(islice(cycle(pairs), place, place + 3))) for place in range(len(pairs))]


def _pairs(datagrams: Sequence[bytes]) -> list[list[bytes]]:
    return [list(datagrams[place : place + 2]) for place in range(0, len(datagrams), 2)]


def _link(index: int, name: str, *, up: bool) -> bytes:
    variables = [
        Var(f"{IF_ENTRY}.1.{index}", INTEGER, index),
        Var(f"{IF_ENTRY}.7.{index}", INTEGER, 1),
        Var(f"{IF_ENTRY}.8.{index}", INTEGER, 1 if up else 2),
        Var(f"{IF_NAME}.{index}", OCTETS, name.encode()),
    ]
    return v2_trap(LINK_UP if up else LINK_DOWN, variables)


def _session(peer: str, *, up: bool) -> bytes:
    variables = [
        Var(f"{BGP_PEER}.7.{peer}", ADDRESS, peer),
        Var(f"{BGP_PEER}.14.{peer}", OCTETS, b"\x04\x00"),
        Var(f"{BGP_PEER}.2.{peer}", INTEGER, 6 if up else 1),
    ]
    return v2_trap(BGP_ESTABLISHED if up else BGP_LOST, variables)


def continuity(service: str, *, lost: bool) -> bytes:
    """A critical alarm that no poll can confirm or deny: a service's own continuity check fails, or succeeds again."""
    return v2_trap(SERVICE_DOWN if lost else SERVICE_UP, [Var(f"{LAB}.1.2.0", OCTETS, service.encode())])
