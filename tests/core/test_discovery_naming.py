"""Two addresses of one device are one device; two devices that look alike are two; each has a name of its own."""

from dataclasses import replace

import pytest

from pipeline.core.discovery import FindingKind
from pipeline.core.inventory import Device, Inventory, Site
from pipeline.core.network_discovery import discover
from tests.support.discovery import Box, kinds

ENGINE = bytes.fromhex("8000000903aabbcc")


def box(name: str = "pe1", place: int = 1, engine: bytes = b"", serial: bytes = b"") -> Box:
    made = Box(name, place)
    if engine:
        made.scalars["snmpEngineID"] = engine
    return made.set("entPhysicalClass", 1, 3).set("entPhysicalSerialNum", 1, serial) if serial else made


def test_two_addresses_of_one_device_are_one() -> None:
    one = box(engine=ENGINE)
    (device,) = discover([one.answers(), one.answers("198.51.100.1")]).devices
    assert (device.name, device.address, device.addresses) == ("pe1", "192.0.2.1", ("192.0.2.1", "198.51.100.1"))


def test_the_fuller_answer_counts() -> None:
    one = box(engine=ENGINE)
    bare = replace(one.answers(), columns={})
    (device,) = discover([bare, one.answers("198.51.100.1")]).devices
    assert (device.address, len(device.interfaces)) == ("192.0.2.1", 4)


def test_a_name_and_an_address_in_the_others_table_are_enough() -> None:
    """Older agents have neither engineID nor serial."""
    one = Box("pe1").has_address("ge1", "192.0.2.1", 24).has_address("ge2", "198.51.100.1", 24)
    one.columns["ifPhysAddress"] = {}
    assert len(discover([one.answers(), one.answers("198.51.100.1")]).devices) == 1


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (box("pe2", 2, ENGINE), [FindingKind.SHARED_IDENTITY]),
        (box("pe1", 2, ENGINE), [FindingKind.SHARED_IDENTITY, FindingKind.DUPLICATE_NAME]),
        (box("pe1", 1, bytes.fromhex("8000000903ffff")), [FindingKind.DUPLICATE_NAME]),
        (box("pe2", 1), []),
    ],
    ids=["a cloned engineID", "cloned engineID and name, other hardware", "another engineID", "another name"],
)
def test_look_alikes_are_two(other: Box, told: list[FindingKind]) -> None:
    discovery = discover([box(engine=ENGINE).answers(), other.answers("198.51.100.7")])
    assert len(discovery.devices) == 2
    assert kinds(discovery) == told


def test_devices_of_one_name_get_their_addresses_behind_it() -> None:
    discovery = discover([box("router", 1, serial=b"A").answers(), box("router", 2, serial=b"B").answers()])
    assert [device.name for device in discovery.devices] == ["router-192.0.2.1", "router-192.0.2.2"]
    assert kinds(discovery) == [FindingKind.DUPLICATE_NAME]


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (("core1.ams.example.net", "core2.ams.example.net"), ["core1", "core2"]),
        (("core1.ams.example.net", "core1.rtm.example.net"), ["core1.ams.example.net", "core1.rtm.example.net"]),
        (("Switch 7 (old)/x", ""), ["Switch-7-old-x", "192.0.2.2"]),
        (("10.1.2.3", "-"), ["10.1.2.3", "192.0.2.2"]),
        (("MiXed", "b"), ["MiXed", "b"]),
    ],
)
def test_names(names: tuple[str, str], given: list[str]) -> None:
    answers = [Box(name, place).answers() for place, name in enumerate(names, 1)]
    assert [device.name for device in discover(answers).devices] == given


def declared(**addresses: str) -> Inventory:
    devices = {name.replace("_", "."): Device(name.replace("_", "."), "s", address) for name, address in addresses.items()}
    return Inventory("v", sites={"s": Site("s")}, devices=devices)


def test_declared_devices_are_called_as_declared() -> None:
    """By name with or without domain; else by the address at which they answered; else by one of their interfaces' addresses."""
    boxes = [Box("pe1.example.net", 1), Box("renamed", 2), Box("other", 3).has_address("ge1", "203.0.113.3", 24)]
    inventory = declared(pe1="203.0.113.99", pe2="192.0.2.2", pe3="203.0.113.3")
    assert [device.name for device in discover([each.answers() for each in boxes], inventory).devices] == ["pe1", "pe2", "pe3"]


def test_two_that_swapped_addresses_keep_their_names() -> None:
    inventory = declared(pe1="192.0.2.2", pe2="192.0.2.1")
    assert [device.name for device in discover([Box("pe1", 1).answers(), Box("pe2", 2).answers()], inventory).devices] == ["pe1", "pe2"]


def test_no_declared_device_is_two() -> None:
    inventory = declared(router="192.0.2.1")
    boxes = [box("router", 2, serial=b"B"), box("router", 1, serial=b"A")]
    names = [device.name for device in discover([each.answers() for each in boxes], inventory).devices]
    assert names == ["router-192.0.2.2", "router"]
