"""Devices are found by address however it is written, resources by the names that notifications give them."""

import pytest

from pipeline.core.directory import Directory
from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link, Lsp, Service, Tunnel
from pipeline.core.resource import ResourceId

PE1 = Device("pe1", "ams", "2001:DB8::0:1", domain="west", interfaces=(Interface("ge-0/0/1", 1, 1000), Interface("ge-0/0/2", 2, 1000)))
PE2 = Device("pe2", "ams", "192.0.2.2")
DIRECTORY = Directory.of(
    Inventory(
        "v1",
        devices={"pe1": PE1, "pe2": PE2},
        fibres={"f1": Fibre("f1", "d1")},
        links={"l1": Link("l1", "pe1/ge-0/0/1", "pe2/x")},
        lsps={"p1": Lsp("p1", "pe1", ("l1",))},
        tunnels={"t1": Tunnel("t1", ("p1",))},
        services={"s1": Service("s1", "c", "k", "vpn", ("tunnel/t1",))},
    )
)


@pytest.mark.parametrize(
    ("address", "device"), [("2001:db8::1", PE1), ("2001:0db8:0::0001", PE1), ("::ffff:192.0.2.2", PE2), ("192.0.2.3", None), ("x", None)]
)
def test_a_device_is_found_by_its_address_in_any_form(address: str, device: Device | None) -> None:
    assert DIRECTORY.device_at(address) is device


def test_the_domain_of_an_unknown_device_is_the_default_one() -> None:
    assert (DIRECTORY.domain_of("pe1"), DIRECTORY.domain_of("nobody")) == ("west", "default")


@pytest.mark.parametrize(
    "resource",
    [
        "device/pe1",
        "uplinks/pe1",
        "reachability/pe2",
        "port/pe1/ge-0/0/1",
        "interface/pe1/ge-0/0/2",
        "fibre/f1",
        "duct/d1",
        "link/l1",
        "lsp/p1",
        "tunnel/t1",
        "service/s1",
    ],
)
def test_what_is_declared_is_a_resource(resource: str) -> None:
    assert ResourceId(resource) in DIRECTORY.resources
    assert ResourceId(resource + "x") not in DIRECTORY.resources


@pytest.mark.parametrize(
    ("name", "index", "found"),
    [
        ("ge-0/0/2", 2, "ge-0/0/2"),
        ("ge-0/0/2", 1, "ge-0/0/2"),  # renumbered: the name is believed
        ("", 1, "ge-0/0/1"),
        ("Gi0/1", 1, "ge-0/0/1"),  # another spelling of the name: the index tells
        ("new", 9, "new"),
        ("", 9, "if9"),
        ("", None, ""),
    ],
)
def test_an_interface_is_known_by_name_first_then_by_index(name: str, index: int | None, found: str) -> None:
    assert DIRECTORY.interface_name("pe1", name, index) == found
