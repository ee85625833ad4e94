"""What devices send about a change, in the order and with the delays of real equipment: light, link, session, path, service."""

from dataclasses import dataclass
from random import Random

from pipeline.core.raw import ValueType, VarBind
from pipeline.core.resource import ResourceId, ResourceKind, resource_id
from pipeline.lab.network import Change, Fact, Network, NetworkState

LAB = "1.3.6.1.4.1.8072.9999.9999.42"
"""The root of ASSURE-LAB-MIB."""
TRAPS = "1.3.6.1.6.3.1.1.5"
"""snmpTraps (RFC 3418): below it coldStart 1, warmStart 2, linkDown 3, linkUp 4, authenticationFailure 5."""
AUTHENTICATION_FAILURE = f"{TRAPS}.5"
_IF_ENTRY = "1.3.6.1.2.1.2.2.1"
_IF_NAME = "1.3.6.1.2.1.31.1.1.1.1"
_BGP_TRAPS = "1.3.6.1.2.1.15.0"
_BGP_PEER = "1.3.6.1.2.1.15.3.1"
_DARK_DBM10, _LIT_DBM10 = -400, -32
_HOLD_TIMER_EXPIRED = b"\x04\x00"

DELAYS_MS: dict[tuple[Fact, bool], tuple[int, int]] = {
    (Fact.LIGHT, False): (5, 40),
    (Fact.INTERFACE, False): (30, 150),
    (Fact.SESSION, False): (150, 500),
    (Fact.LSP, False): (200, 700),
    (Fact.SERVICE, False): (900, 1800),
    (Fact.POWER, False): (0, 20),
    (Fact.BOOT, True): (0, 4),
    (Fact.LIGHT, True): (5, 40),
    (Fact.INTERFACE, True): (50, 300),
    (Fact.SESSION, True): (500, 2000),
    (Fact.LSP, True): (400, 1500),
    (Fact.SERVICE, True): (1500, 3000),
    (Fact.POWER, True): (0, 20),
}
"""How long after a change its notifications leave: shortest and longest, in milliseconds, by fact and whether it is for the better."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification to send: by ``device``, ``delay_ms`` after the change. ``resource`` is what it is about, ``clears`` an end."""

    device: str
    delay_ms: int
    trap_oid: str
    varbinds: tuple[VarBind, ...]
    resource: ResourceId
    clears: bool


def traps_for(network: Network, state: NetworkState, change: Change, at: int) -> tuple[Notification, ...]:
    """What the living devices that see a change send, earliest first. The same seed, change and time give the same delays.

    Whether a notification arrives is another question: see :func:`pipeline.lab.delivery.admit`.
    """
    trap_oid, varbinds, resource = _CONTENTS[change.fact](network, change)
    low, high = DELAYS_MS[change.fact, change.up]
    clears = change.up and change.fact is not Fact.BOOT
    random = Random(f"{network.seed}/{at}/{change.fact}/{change.name}")  # noqa: S311 - jitter needs no secret randomness
    devices = [device for device in _reporters(network, change) if device not in state.condition.dead]
    sent = [Notification(device, random.randint(low, high), trap_oid, varbinds, resource, clears) for device in devices]
    return tuple(sorted(sent, key=lambda notification: notification.delay_ms))


def authentication_failure(device: str) -> Notification:
    """What an agent sends when it is asked with a community that is not its own (RFC 3418)."""
    return Notification(device, 0, AUTHENTICATION_FAILURE, (), resource_id(ResourceKind.DEVICE, device), clears=False)


def _reporters(network: Network, change: Change) -> tuple[str, ...]:
    inventory = network.plant.inventory
    match change.fact:
        case Fact.LSP:
            return (inventory.lsps[change.name].head,)
        case Fact.SERVICE:
            return network.plant.reporters(inventory.services[change.name])
        case _:
            return (change.name.partition("/")[0],)


_Content = tuple[str, tuple[VarBind, ...], ResourceId]


def _link(network: Network, change: Change) -> _Content:
    """Describe linkDown and linkUp (RFC 2863): ifIndex, ifAdminStatus, ifOperStatus; and ifName, as most vendors add."""
    index = network.plant.interfaces[change.name].index
    name = change.name.partition("/")[2]
    varbinds = (
        VarBind(f"{_IF_ENTRY}.1.{index}", ValueType.INTEGER, index),
        VarBind(f"{_IF_ENTRY}.7.{index}", ValueType.INTEGER, 1),
        VarBind(f"{_IF_ENTRY}.8.{index}", ValueType.INTEGER, 1 if change.up else 2),
        VarBind(f"{_IF_NAME}.{index}", ValueType.OCTET_STRING, name.encode()),
    )
    return f"{TRAPS}.{4 if change.up else 3}", varbinds, resource_id(ResourceKind.INTERFACE, change.name)


def _light(network: Network, change: Change) -> _Content:
    index = network.plant.interfaces[change.name].index
    name = change.name.partition("/")[2]
    varbinds = (
        VarBind(f"{_IF_ENTRY}.1.{index}", ValueType.INTEGER, index),
        VarBind(f"{_IF_NAME}.{index}", ValueType.OCTET_STRING, name.encode()),
        VarBind(f"{LAB}.1.3.0", ValueType.INTEGER, _LIT_DBM10 if change.up else _DARK_DBM10),
    )
    return f"{LAB}.0.{4 if change.up else 3}", varbinds, resource_id(ResourceKind.PORT, change.name)


def _session(network: Network, change: Change) -> _Content:
    """Describe bgpEstablishedNotification and bgpBackwardTransNotification (RFC 4273): remote address, last error, state."""
    device, neighbour = change.name.split("/")
    peer = network.plant.inventory.devices[neighbour].address
    varbinds = (
        VarBind(f"{_BGP_PEER}.7.{peer}", ValueType.IP_ADDRESS, peer.encode()),
        VarBind(f"{_BGP_PEER}.14.{peer}", ValueType.OCTET_STRING, _HOLD_TIMER_EXPIRED),
        VarBind(f"{_BGP_PEER}.2.{peer}", ValueType.INTEGER, 6 if change.up else 1),
    )
    return f"{_BGP_TRAPS}.{1 if change.up else 2}", varbinds, resource_id(ResourceKind.PEER, f"{device}/{peer}")


def _lsp(_: Network, change: Change) -> _Content:
    varbinds = (VarBind(f"{LAB}.1.1.0", ValueType.OCTET_STRING, change.name.encode()),)
    return f"{LAB}.0.{2 if change.up else 1}", varbinds, resource_id(ResourceKind.LSP, change.name)


def _service(_: Network, change: Change) -> _Content:
    varbinds = (VarBind(f"{LAB}.1.2.0", ValueType.OCTET_STRING, change.name.encode()),)
    return f"{LAB}.0.{6 if change.up else 5}", varbinds, resource_id(ResourceKind.SERVICE, change.name)


def _power(_: Network, change: Change) -> _Content:
    return f"{LAB}.0.{8 if change.up else 7}", (), resource_id(ResourceKind.DEVICE, change.name)


def _boot(_: Network, change: Change) -> _Content:
    return f"{TRAPS}.1", (), resource_id(ResourceKind.DEVICE, change.name)


_CONTENTS = {
    Fact.LIGHT: _light,
    Fact.INTERFACE: _link,
    Fact.SESSION: _session,
    Fact.LSP: _lsp,
    Fact.SERVICE: _service,
    Fact.POWER: _power,
    Fact.BOOT: _boot,
}
