"""The wiring behind `assure discover`: who is asked how, and how differences are told."""

from dataclasses import replace

import pytest

from collectors.discover.asker import Asked, Outcome
from pipeline.config.secret import Secret
from pipeline.config.settings import SnmpUserSettings
from pipeline.core.discovered_inventory import inventory_of
from pipeline.core.event import AlarmType, Condition, EventSource, Severity, Signal
from pipeline.core.inventory import AgentVersion, Device, Inventory, Site
from pipeline.core.inventory_difference import Difference, DifferenceKind
from pipeline.core.network_discovery import discover
from pipeline.core.resource import ResourceId
from pipeline.discovering import PUBLIC, Credential, events_of, found_of, places_of, remarks_of, told, unchosen_of, vendor_names
from tests.support.discovery import Box, cabled

USER = SnmpUserSettings("noc", auth_password=Secret("authentication"))
CHANGED = AlarmType("topology-changed", "communications-alarm", "x733/other", Severity.INDETERMINATE, will_clear=False)
GIVEN = Credential("env:RO", Secret("given"))


def inventory(*devices: Device) -> Inventory:
    return Inventory("v", sites={"s": Site("s")}, devices={device.name: device for device in devices})


def tried(device: Device, *given: Credential) -> list[tuple[str, str, AgentVersion, int]]:
    """(name, community, version, port) of what is tried at a declared device."""
    (place,) = places_of([device.address], 1161, given, inventory(device), lambda name: Secret(f"secret of {name}"), [USER])
    return [(each.name, each.community.reveal(), each.version, place.port) for each in place.credentials]


def test_an_undeclared_address_is_asked_at_the_given_port_by_what_is_given_or_public() -> None:
    assert places_of(["192.0.2.1"], 1161, [GIVEN], None)[0].credentials == (GIVEN,)
    (place,) = places_of(["192.0.2.1"], 1161, [], None)
    assert (place.credentials, place.port) == ((PUBLIC,), 1161)


def test_a_declared_device_is_asked_first_as_it_is_declared() -> None:
    """At its own port; a v3 device whose user the settings do not have by what is given alone."""
    device = Device("pe1", "s", "192.0.2.1", port=9161, community="core")
    own = ("core", "secret of core", AgentVersion.V2C, 9161)
    assert tried(device) == [own]
    assert tried(device, GIVEN) == [own, ("env:RO", "given", AgentVersion.V2C, 9161)]
    assert tried(Device("pe1", "s", "192.0.2.1", snmp_version=AgentVersion.V1)) == [("public", "secret of public", AgentVersion.V1, 161)]
    assert tried(Device("pe1", "s", "192.0.2.1", snmp_version=AgentVersion.V3, user="noc")) == [("noc", "", AgentVersion.V3, 161)]
    unknown = Device("pe1", "s", "192.0.2.1", snmp_version=AgentVersion.V3, user="other")
    assert tried(unknown, GIVEN) == [("env:RO", "given", AgentVersion.V2C, 161)]


def test_an_address_that_is_written_otherwise_is_the_same() -> None:
    device = Device("pe1", "s", "2001:DB8:0::1", port=9161)
    assert places_of(["2001:db8::1"], 161, [], inventory(device))[0].port == 9161


@pytest.mark.parametrize("kind", DifferenceKind)
def test_every_difference_is_a_sentence(kind: DifferenceKind) -> None:
    text = told(Difference(kind, ResourceId("link/a--b"), "a", "this", "that"))
    assert text.startswith("link/a--b ")
    assert "{" not in text


def test_the_same_difference_is_the_same_alarm_again() -> None:
    """What tells alarms apart (RFC 8632) stays, the event is another; it is of its device's domain."""
    difference = Difference(DifferenceKind.LINK_MOVED, ResourceId("link/a--b"), "a", "a/1 - b/1", "a/1 - c/1", 0.6)
    declared = inventory(Device("a", "s", "192.0.2.1", domain="north"))
    (first,), (second,) = (events_of([difference], declared, CHANGED, at) for at in (1_000, 2_000))
    assert (first.resource, first.alarm_type, first.qualifier) == (second.resource, second.alarm_type, second.qualifier)
    assert (first.id, second.id) == ("discover:1000:0", "discover:2000:0")
    assert (first.signal, first.source, first.domain, first.condition) == (Signal.NOTIFY, EventSource.SYSTEM, "north", Condition.NONE)
    assert first.attributes == {"declared": "a/1 - b/1", "found": "a/1 - c/1", "confidence": "0.6"}


def test_what_the_form_has_no_key_for_is_remarked() -> None:
    a, b, c = (Box(name, place, ports=("ge1", "ge2", "ae0")).bundles("ae0", "ge1", "ge2") for place, name in enumerate("abc", 1))
    cabled(a, "ge1", b, "ge1")
    c.speaks_lldp().hears("ge1", b, "ge1")
    a.set("entPhysicalClass", 1, 3).set("entPhysicalModelName", 1, b"MX").set("entPhysicalSerialNum", 1, b"S1")
    a.scalars["snmpEngineID"] = bytes.fromhex("8000000903aa")
    discovery = discover([a.answers(), a.answers("198.51.100.1"), b.answers(), c.answers()])
    remarks = remarks_of(discovery, inventory_of(discovery))
    assert remarks["devices", "a"] == ["model MX, serial S1", "answers at 192.0.2.1, 198.51.100.1"]
    assert remarks["devices", "b"] == ["Box"]
    assert remarks["links", "a--b"] == ["bundles a/ge1 - b/ge1"]
    assert unchosen_of(discovery)[1:] == ["  b/ge1 - c/ge1  (lldp, confidence 0.3)"]


def test_nothing_that_answers_is_nothing_found() -> None:
    found = found_of([Asked("192.0.2.1", Outcome.SILENT)], None)
    assert (found.discovery.devices, found.comparison) == ((), None)


def test_vendors_are_known_by_their_numbers() -> None:
    assert vendor_names()[2636] == "juniper"


def test_a_device_that_was_asked_by_v3_is_declared_so() -> None:
    answers = replace(Box("pe1").answers(), snmp_version=AgentVersion.V3, user="noc", community="noc")
    (device,) = inventory_of(discover([answers])).devices.values()
    assert (device.snmp_version, device.user, device.community) == (AgentVersion.V3, "noc", "public")
