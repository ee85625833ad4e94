"""What a set of faults brings down: the lab's own propagation, straight over the declarations.

It shares no code with the correlator, so that the one can be held against the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pipeline.core.inventory import Link, Service
from pipeline.lab.plant import Plant


@dataclass(frozen=True, slots=True)
class Faults:
    """What is broken by itself: cut fibres and ducts, dead devices, failed ports (``device/interface``), devices short of power.

    ``sessions`` fail though the way between both ends is there; each is named ``device/address of the peer``.
    """

    cut: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    ports: frozenset[str] = frozenset()
    power: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Condition:
    """What does not work, and why it shows. Each field holds names as the inventory gives them.

    ``dark`` are live ports that receive no light; ``sessions_down`` are ``device/neighbour``; ``unreachable`` are devices that
    neither answer nor are heard, dead ones included; ``*_at_risk`` lost redundancy but work.
    """

    dead: frozenset[str] = frozenset()
    unreachable: frozenset[str] = frozenset()
    interfaces_down: frozenset[str] = frozenset()
    dark: frozenset[str] = frozenset()
    links_down: frozenset[str] = frozenset()
    sessions_down: frozenset[str] = frozenset()
    lsps_down: frozenset[str] = frozenset()
    tunnels_down: frozenset[str] = frozenset()
    tunnels_at_risk: frozenset[str] = frozenset()
    services_down: frozenset[str] = frozenset()
    services_at_risk: frozenset[str] = frozenset()
    unpowered: frozenset[str] = frozenset()


class _Health(StrEnum):
    UP = "up"
    AT_RISK = "at-risk"
    DOWN = "down"


def condition_of(plant: Plant, faults: Faults) -> Condition:
    """Follow the faults up: interface, link, session, path, tunnel, service; and out: who can still be heard."""
    inventory = plant.inventory
    interfaces_down = frozenset(name for name in plant.interfaces if not _interface_works(plant, faults, name))
    links_down = frozenset(link.name for link in inventory.links.values() if link.a in interfaces_down)
    lsps_down = frozenset(lsp.name for lsp in inventory.lsps.values() if lsp.head in faults.devices or links_down.intersection(lsp.links))
    tunnels = {tunnel.name: _k_of_n(tunnel.needs, [lsp not in lsps_down for lsp in tunnel.lsps]) for tunnel in inventory.tunnels.values()}
    judge = _judge(plant, faults, interfaces_down, tunnels)
    services = {service.name: _service(service, judge) for service in inventory.services.values()}
    return Condition(
        dead=faults.devices,
        unreachable=_unreachable(plant, faults, links_down),
        interfaces_down=interfaces_down,
        dark=frozenset(name for name in interfaces_down if _is_dark(plant, faults, name)),
        links_down=links_down,
        sessions_down=frozenset("/".join(pair) for pair in plant.sessions if not _session_works(plant, faults, pair, links_down)),
        lsps_down=lsps_down,
        tunnels_down=_which(tunnels, _Health.DOWN),
        tunnels_at_risk=_which(tunnels, _Health.AT_RISK),
        services_down=_which(services, _Health.DOWN),
        services_at_risk=_which(services, _Health.AT_RISK),
        unpowered=faults.power - faults.devices,
    )


def _session_works(plant: Plant, faults: Faults, pair: tuple[str, str], links_down: frozenset[str]) -> bool:
    """A session needs one of its links, and neither end to have failed it."""
    failed = {plant.peers[name] for name in faults.sessions}
    return not links_down.issuperset(plant.sessions[pair]) and failed.isdisjoint(("/".join(pair), "/".join(reversed(pair))))


def _interface_works(plant: Plant, faults: Faults, name: str) -> bool:
    """An interface is up when its port works and, where it has a link, light comes from a working port at the far end."""
    if not _port_works(plant, faults, name):
        return False
    far = plant.far_end.get(name)
    return far is None or (_port_works(plant, faults, far) and not faults.cut & plant.risks(plant.link_of[name]))


def _port_works(plant: Plant, faults: Faults, name: str) -> bool:
    return name not in faults.ports and plant.device_of[name] not in faults.devices


def _is_dark(plant: Plant, faults: Faults, name: str) -> bool:
    return name in plant.far_end and _port_works(plant, faults, name)


def _k_of_n(needs: int, working: list[bool]) -> _Health:
    up = sum(working)
    if up < needs:
        return _Health.DOWN
    return _Health.UP if up == len(working) else _Health.AT_RISK


def _judge(
    plant: Plant,
    faults: Faults,
    interfaces_down: frozenset[str],
    tunnels: dict[str, _Health],
) -> dict[str, Callable[[str], _Health]]:
    """How to judge a need of each kind by its name."""

    def binary(*, works: bool) -> _Health:
        return _Health.UP if works else _Health.DOWN

    def uplinks(device: str) -> _Health:
        return _k_of_n(1, [f"{device}/{name}" not in interfaces_down for name in plant.inventory.devices[device].uplinks])

    return {
        "tunnel": tunnels.__getitem__,
        "interface": lambda name: binary(works=name not in interfaces_down),
        "device": lambda name: binary(works=name not in faults.devices),
        "uplinks": uplinks,
    }


def _service(service: Service, judge: dict[str, Callable[[str], _Health]]) -> _Health:
    """The worst of what a service needs. A need of a kind that the lab cannot judge counts as up."""
    found = {judge[kind](name) for kind, _, name in (need.partition("/") for need in service.needs) if kind in judge}
    return next((health for health in (_Health.DOWN, _Health.AT_RISK) if health in found), _Health.UP)


def _which(healths: dict[str, _Health], wanted: _Health) -> frozenset[str]:
    return frozenset(name for name, health in healths.items() if health is wanted)


def _unreachable(plant: Plant, faults: Faults, links_down: frozenset[str]) -> frozenset[str]:
    """Flood from the live devices that are managed out of band, down working uplinks; who stays dry is out of reach."""
    devices = plant.inventory.devices
    heard = {name for name, device in devices.items() if not device.uplinks and name not in faults.devices}
    fringe = heard
    while fringe:
        fringe = {name for name in devices.keys() - heard if name not in faults.devices and _homes(plant, links_down, name) & fringe}
        heard = heard | fringe
    return frozenset(devices.keys() - heard)


def _homes(plant: Plant, links_down: frozenset[str], device: str) -> set[str]:
    """The neighbours that a device reaches over its working uplinks."""
    ends = [f"{device}/{name}" for name in plant.inventory.devices[device].uplinks]
    working: list[tuple[str, Link]] = [(end, plant.link_of[end]) for end in ends if end in plant.link_of]
    return {plant.device_of[plant.far_end[end]] for end, link in working if link.name not in links_down}
