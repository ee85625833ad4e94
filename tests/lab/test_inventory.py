"""The lab's operator is declared without contradiction, and is large, meshed and protected enough to show every kind of fault."""

from collections import Counter, defaultdict
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest

from pipeline.core.inventory import Lsp, Tier, Tunnel
from pipeline.core.resource import ResourceId, kind_of, name_of
from tests.support.lab import lab_inventory

INVENTORY = lab_inventory()
ENDS = {link.name: tuple(end.partition("/")[0] for end in (link.a, link.b)) for link in INVENTORY.links.values()}


def walk(lsp: Lsp) -> list[str]:
    """The devices that a path visits; raises when two links in a row do not meet."""
    path = [lsp.head]
    for link in lsp.links:
        here, there = ENDS[link] if ENDS[link][0] == path[-1] else reversed(ENDS[link])
        assert here == path[-1], f"{lsp.name}: {link} does not start at {path[-1]}"
        path.append(there)
    return path


def test_it_is_a_small_operator_with_thirty_services_of_twelve_customers() -> None:
    roles = Counter(device.role for device in INVENTORY.devices.values())
    assert roles == {"core": 6, "edge": 6, "access": 6}
    assert len(INVENTORY.services) == 30
    assert Counter(customer.tier for customer in INVENTORY.customers.values()) == dict.fromkeys(Tier, 4)


def test_every_name_resolves() -> None:
    known = {
        "tunnel": set(INVENTORY.tunnels),
        "uplinks": {name for name, device in INVENTORY.devices.items() if device.uplinks},
        "interface": {f"{d.name}/{i.name}" for d in INVENTORY.devices.values() for i in d.interfaces},
    }
    for link in INVENTORY.links.values():
        assert {link.a, link.b} <= known["interface"]
        assert set(link.fibres) <= set(INVENTORY.fibres)
    for lsp in INVENTORY.lsps.values():
        assert set(lsp.links) <= set(INVENTORY.links)
    for tunnel in INVENTORY.tunnels.values():
        assert set(tunnel.lsps) <= set(INVENTORY.lsps)
    for service in INVENTORY.services.values():
        assert all(name_of(ResourceId(need)) in known[kind_of(ResourceId(need))] for need in service.needs), service.name
        contract = INVENTORY.contracts[service.contract]
        assert contract.customer == service.customer
        assert contract.charges[service.name] > 0


def test_each_interface_ends_at_most_one_link_and_each_customer_port_serves_one_service() -> None:
    ends = Counter(end for link in INVENTORY.links.values() for end in (link.a, link.b))
    ports = Counter(need for service in INVENTORY.services.values() for need in service.needs if need.startswith("interface/"))
    assert max(ends.values()) == 1
    assert max(ports.values()) == 1
    assert not set(ends) & {name_of(ResourceId(port)) for port in ports}


def test_the_core_is_meshed_and_survives_any_one_core_router() -> None:
    core = {name for name, device in INVENTORY.devices.items() if device.role == "core"}
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    for a, b in ENDS.values():
        if {a, b} <= core:
            neighbours[a].add(b)
            neighbours[b].add(a)
    for lost in core:
        left = core - {lost}
        reached, fringe = set(), {min(left)}
        while fringe:
            reached |= fringe
            fringe = {there for here in fringe for there in neighbours[here]} & left - reached
        assert reached == left


@pytest.mark.parametrize("lsp", INVENTORY.lsps.values(), ids=lambda lsp: lsp.name)
def test_a_path_is_contiguous_and_without_loop(lsp: Lsp) -> None:
    devices = walk(lsp)
    assert len(set(devices)) == len(devices)


@pytest.mark.parametrize("tunnel", INVENTORY.tunnels.values(), ids=lambda tunnel: tunnel.name)
def test_the_paths_of_a_tunnel_share_ends_but_no_link(tunnel: Tunnel) -> None:
    paths = [INVENTORY.lsps[name] for name in tunnel.lsps]
    assert len({(path.head, walk(path)[-1]) for path in paths}) == 1
    assert all(not set(one.links) & set(other.links) for one, other in combinations(paths, 2))
    assert (len(paths) == 1) == tunnel.name.endswith("-direct")


def test_access_nodes_are_managed_in_band_over_their_own_uplinks() -> None:
    homes = {name: len(device.uplinks) for name, device in INVENTORY.devices.items() if device.role == "access"}
    assert sorted(homes.values()) == [1, 1, 1, 2, 2, 2]
    ends = {end for link in INVENTORY.links.values() for end in (link.a, link.b)}
    assert all(f"{device.name}/{uplink}" in ends for device in INVENTORY.devices.values() for uplink in device.uplinks)


def test_links_share_fibres_and_fibres_share_ducts() -> None:
    fibres = Counter(fibre for link in INVENTORY.links.values() for fibre in link.fibres)
    ducts = Counter(fibre.duct for fibre in INVENTORY.fibres.values())
    assert fibres["f-ams-rtm-1"] == 3
    assert ducts["d-rtm-bru"] == 3


def test_each_tier_has_its_plan_and_customers_live_in_several_time_zones() -> None:
    for contract in INVENTORY.contracts.values():
        assert contract.plan == f"lab-{INVENTORY.customers[contract.customer].tier}"
        assert contract.currency == "EUR"
    zones = {ZoneInfo(customer.timezone).key for customer in INVENTORY.customers.values()}
    assert {"Europe/Amsterdam", "Europe/London"} < zones


def test_every_agent_has_an_address_of_its_own_on_loopback() -> None:
    addresses = [device.address for device in INVENTORY.devices.values()]
    assert len(set(addresses)) == len(addresses)
    assert all(address.startswith("127.20.0.") for address in addresses)
