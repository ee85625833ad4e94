"""Whose traffic goes where: a customer's links are those that the services need, directly or through tunnels."""

from pipeline.core.capacity import paths
from pipeline.core.inventory import Customer, Device, Interface, Inventory, Link, Lsp, Service, Tier, Tunnel
from pipeline.core.topology import Topology


def inventory() -> Inventory:
    ports = tuple(Interface(name, number, 1000) for number, name in enumerate(("eth1", "eth2", "eth3"), start=1))
    devices = {name: Device(name, "", f"192.0.2.{number}", interfaces=ports) for number, name in enumerate(("a", "b", "c"), start=1)}
    links = {"a--b": Link("a--b", "a/eth1", "b/eth1"), "b--c": Link("b--c", "b/eth2", "c/eth1"), "a--c": Link("a--c", "a/eth2", "c/eth2")}
    services = {
        "vpn": Service("vpn", "acme", "k1", "l3vpn", ("tunnel/a-c", "interface/a/eth3")),
        "net": Service("net", "beta", "k2", "internet", ("interface/b/eth1",)),
    }
    customers = {name: Customer(name, name, Tier.GOLD) for name in ("acme", "beta", "gamma")}
    lsps = {"long": Lsp("long", "a", ("a--b", "b--c"))}
    tunnels = {"a-c": Tunnel("a-c", ("long",))}
    return Inventory("v", devices=devices, links=links, lsps=lsps, tunnels=tunnels, services=services, customers=customers)


def test_links_and_customers_interfaces_with_who_needs_them() -> None:
    found = paths(inventory(), Topology.of(inventory()))
    assert {path.name: path.customers for path in found} == {
        "a--b": ("acme", "beta"),
        "a--c": (),
        "a/eth3": ("acme",),  # its own interface, no link's end
        "b--c": ("acme",),
    }
    assert [path.name for path in found] == sorted(path.name for path in found)
    ends = {path.name: path.ends for path in found}
    assert ends["a--b"] == ("interface/a/eth1", "interface/b/eth1")
    assert ends["a/eth3"] == ("interface/a/eth3",)


def test_an_inventory_without_links_has_none() -> None:
    assert paths(Inventory("v"), Topology.of(Inventory("v"))) == ()
