"""What agents say becomes a device, however oddly they say it; what does not fit is left out and told."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.discovered_inventory import inventory_of
from pipeline.core.discovery import Answers, FindingKind
from pipeline.core.discovery_object import IDENTITY, SYSTEM, TABLES, Wire
from pipeline.core.discovery_reading import read_device
from pipeline.core.inventory_difference import compare
from pipeline.core.network_discovery import discover
from tests.support.discovery import AGGREGATE, L2VLAN, PROP_VIRTUAL, Box, cabled

NAMED = {9: "cisco", 8072: "net-snmp"}


def test_who_it_is() -> None:
    box = Box("pe1.example.net").speaks_lldp()
    box.scalars |= {"snmpEngineID": bytes.fromhex("8000000903aabb"), "sysLocation": b"Ams, rack 4\0"}
    for index, kind, model, serial in ((1, 3, b"MX", b"S1 "), (7, 9, b"MPC", b"S2")):
        box.set("entPhysicalClass", index, kind).set("entPhysicalModelName", index, model).set("entPhysicalSerialNum", index, serial)
    device, odd = read_device(box.answers(), NAMED)
    assert (device.name, device.engine_id, device.location) == ("pe1.example.net", "8000000903aabb", "Ams, rack 4")
    assert (device.vendor, device.model, device.serial, device.chassis_id) == ("cisco", "MX", "S1", "mac:02:00:00:01:00:00")
    assert [(part.kind, part.name) for part in device.components] == [("chassis", "component 1"), ("module", "component 7")]
    assert odd == ()


def test_a_number_for_experiments_names_no_vendor_and_a_serial_that_is_none_is_none() -> None:
    box = Box("x")
    box.scalars["sysObjectID"] = "1.3.6.1.4.1.8072.9999.9999.1"
    box.set("entPhysicalClass", 1, 3).set("entPhysicalMfgName", 1, b"Acme Networks, Inc.").set("entPhysicalSerialNum", 1, b"N/A")
    device, _ = read_device(box.answers(), NAMED)
    assert (device.vendor, device.serial) == ("acme-networks-inc", "")


def test_interfaces_have_the_better_name_and_the_better_speed() -> None:
    box = Box("x")
    box.set("ifName", 2, b"").set("ifHighSpeed", 1, 100_000).set("ifHighSpeed", 2, 0).set("ifSpeed", 2, 10_000_000)
    box.set("ifHighSpeed", 3, 0).set("ifSpeed", 3, 4_294_967_295).set("ifOperStatus", 4, 2).set("ifPhysAddress", 4, b"")
    device, _ = read_device(box.answers())
    assert [(row.name, row.speed_mbps) for row in device.interfaces] == [("ge1", 100_000), ("ge2", 10), ("ge3", 0), ("ge4", 1000)]
    assert (device.interfaces[1].source, device.interfaces[3].is_up, device.interfaces[3].mac) == ("ifTable", False, "")


def test_an_agent_without_ifxtable_has_interfaces_still() -> None:
    answers = Box("x").answers()
    for name in ("ifName", "ifHighSpeed", "ifAlias"):
        answers.columns[name] = {}
    device, odd = read_device(answers)
    assert [row.name for row in device.interfaces] == ["ge1", "ge2", "ge3", "ge4"]
    assert odd == ()


def test_half_a_table_is_told() -> None:
    answers = Box("x").answers()
    del answers.columns["ifName"]["3"], answers.columns["ifOperStatus"]["1"]
    device, odd = read_device(answers)
    assert len(device.interfaces) == 4
    assert {finding.kind for finding in odd} == {FindingKind.HALF_TABLE}
    assert {finding.about for finding in odd} == {"ifXTable", "ifName", "ifOperStatus"}


def test_interfaces_of_one_name_are_told_apart() -> None:
    box = Box("x", ports=("a", "b", "c", "d"))
    for index in (1, 2, 3):
        box.set("ifName", index, b"port")
    box.set("ifDescr", 2, b"same").set("ifDescr", 3, b"same")
    device, odd = read_device(box.answers())
    assert [row.name for row in device.interfaces] == ["a", "port.if2", "port.if3", "d"]
    assert [finding.kind for finding in odd] == [FindingKind.DUPLICATE_NAME]


def test_layers() -> None:
    """Sub-interfaces by name and by stack, members by the LAG-MIB and by the stack; an attachment to itself is none."""
    box = Box("x", ports=("ge1", "ge1.7", "vlan", "ge2", "ae0", "ge3"), types={"ge1.7": L2VLAN, "vlan": PROP_VIRTUAL, "ae0": AGGREGATE})
    box.stands_on("vlan", "ge2").stands_on("ae0", "ge1").set("ifStackStatus", "0.5", 1).set("ifStackStatus", "5.0", 1)
    box.set("dot3adAggPortAttachedAggID", 4, 5).set("dot3adAggPortAttachedAggID", 6, 6).set("dot3adAggPortAttachedAggID", 1, 0)
    device, _ = read_device(box.answers())
    rows = {row.name: row for row in device.interfaces}
    assert {name: row.base for name, row in rows.items() if row.base} == {"ge1.7": 1, "vlan": 4}
    found = {name: (row.aggregate, row.aggregate_source) for name, row in rows.items() if row.aggregate}
    assert found == {"ge1": (5, "ifstack"), "ge2": (5, "lag-mib")}


def test_a_stack_that_goes_in_a_circle_ends() -> None:
    box = Box("x", ports=("v1", "v2"), types={"v1": L2VLAN, "v2": L2VLAN}).stands_on("v1", "v2").stands_on("v2", "v1")
    device, _ = read_device(box.answers())
    assert len(device.interfaces) == 2


def test_addresses_of_both_tables() -> None:
    """Unicast ones; the older table fills in prefixes that the newer lacks, and knows more; zones are left out."""
    box = Box("x").has_address("ge1", "10.0.0.1", 24)
    box.set("ipAddressIfIndex", "1.4.10.0.0.255", 1).set("ipAddressType", "1.4.10.0.0.255", 3)
    box.set("ipAddressIfIndex", "1.4.10.0.1.1", 2).set("ipAddressPrefix", "1.4.10.0.1.1", "0.0")
    box.set("ipAdEntIfIndex", "10.0.1.1", 2).set("ipAdEntNetMask", "10.0.1.1", "255.255.255.252")
    box.set("ipAdEntIfIndex", "10.0.2.1", 3).set("ipAdEntNetMask", "10.0.2.1", "255.0.255.0")
    v6 = ".".join(map(str, bytes.fromhex("fe800000000000000000000000000001")))
    box.set("ipAddressIfIndex", f"4.20.{v6}.0.0.0.2", 1).set("ipAddressIfIndex", "1.4.10.0.3.1", 4)
    box.set("ipAddressIfIndex", "1.10.0.4.1", 4).set("ipAddressIfIndex", "9.9", 1)
    device, odd = read_device(box.answers())
    found = {each.address: (each.prefix_length, each.if_index, each.source) for each in device.ip_addresses}
    assert found == {
        "10.0.0.1": (24, 1, "ipAddressTable"),
        "10.0.1.1": (30, 2, "ipAddressTable"),
        "10.0.2.1": (None, 3, "ipAddrTable"),
        "10.0.3.1": (None, 4, "ipAddressTable"),
        "10.0.4.1": (None, 4, "ipAddressTable"),
        "fe80::1": (None, 1, "ipAddressTable"),
    }
    assert FindingKind.WRONG_INDEX in {finding.kind for finding in odd}


@pytest.mark.parametrize(
    ("scale", "precision", "raw", "value"),
    [(9, 0, 42, 42.0), (9, 1, 385, 38.5), (8, 0, 3300, 3.3), (10, 0, 2, 2000.0), (9, -2, 5, 500.0), (9, 1, -32, -3.2)],
)
def test_sensors_are_scaled(scale: int, precision: int, raw: int, value: float) -> None:
    box = Box("x").set("entPhysicalClass", 5, 8).set("entPhysicalName", 5, b"inlet").set("entPhySensorType", 5, 8)
    box.set("entPhySensorScale", 5, scale).set("entPhySensorPrecision", 5, precision).set("entPhySensorValue", 5, raw)
    (sensor,) = read_device(box.answers())[0].sensors
    assert (sensor.name, sensor.unit, sensor.value) == ("inlet", "celsius", pytest.approx(value))


@pytest.mark.parametrize(("column", "value"), [("OperStatus", 2), ("Scale", 99), ("Precision", 40)])
def test_a_sensor_that_does_not_work_or_make_sense_has_no_value(column: str, value: int) -> None:
    box = Box("x").set("entPhySensorType", 5, 8).set("entPhySensorValue", 5, 1).set(f"entPhySensor{column}", 5, value)
    assert [sensor.value for sensor in read_device(box.answers())[0].sensors] == [None]


def test_a_physical_port_knows_its_interface() -> None:
    box = Box("x").set("entPhysicalClass", 9, 10).set("entAliasMappingIdentifier", "9.0", ".1.3.6.1.2.1.2.2.1.1.3")
    assert [part.if_index for part in read_device(box.answers())[0].components] == [3]


def test_values_of_another_type_are_left_out_and_counted() -> None:
    box = Box("x").set("ifHighSpeed", 1, b"fast").set("ifName", 2, 7).set("ifOperStatus", 3, True)
    box.scalars |= {"sysDescr": 5, "sysUpTime": None}
    device, odd = read_device(box.answers())
    assert (device.description, device.uptime_ticks, device.interfaces[1].name) == ("", None, "ge2")
    wrong = {finding.about for finding in odd if finding.kind is FindingKind.WRONG_TYPE}
    assert wrong == {"sysDescr", "sysUpTime", "ifHighSpeed", "ifName", "ifOperStatus"}


def test_text_that_could_harm_is_escaped() -> None:
    box = Box("x").set("ifAlias", 1, b"\x1b[31mred\nline")
    assert read_device(box.answers())[0].interfaces[0].alias == "\\x1b[31mred\\x0aline"


def test_an_address_that_said_next_to_nothing_is_a_device_called_by_its_address() -> None:
    discovery = discover([Answers("192.0.2.9", scalars={"sysUpTime": 5})])
    assert [device.name for device in discovery.devices] == ["192.0.2.9"]
    assert len(discovery.devices[0].unread) == len(TABLES)


INDEX = st.lists(st.integers(0, 300), max_size=9).map(lambda arcs: ".".join(map(str, arcs)))
VALUE = st.one_of(
    st.none(),
    st.integers(-(2**33), 2**64),
    st.floats(),
    st.binary(max_size=8),
    st.sampled_from(["1.3.6.1.2.1.4.32.1.5.1.1.4.10.0.0.0.31", "10.0.0.1", "0.0", ""]),
)
ANSWERS = st.builds(
    Answers,
    st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
    scalars=st.dictionaries(st.sampled_from([*SYSTEM, *IDENTITY]), VALUE),
    columns=st.dictionaries(
        st.sampled_from([name for table in TABLES for name in table.columns]), st.dictionaries(INDEX, VALUE, max_size=3), max_size=8
    ),
)


@settings(max_examples=60)
@given(st.lists(ANSWERS, max_size=3, unique_by=lambda answers: answers.address))
def test_no_answer_breaks_it(answers: list[Answers]) -> None:
    """Whatever stands in whatever column at whatever index: there is a device for it, with a name of its own."""
    discovery = discover(answers)
    assert len({device.name for device in discovery.devices}) == len(discovery.devices) <= len(answers)


def spoilt(random: Random, answers: Answers) -> Answers:
    """Answers of a real device with some cells moved, cut off, or of another kind."""
    columns = {name: dict(rows) for name, rows in answers.columns.items()}
    values: list[Wire] = [None, -1, 0, 2**40, 1.5, b"", b"\0", b"\xff" * 7, "", "0.0", "10.0.0.1", "1.3.6.1.2.1.2.2.1.1.1", True]
    for _ in range(random.randint(1, 12)):
        rows = columns[random.choice([name for name, rows in columns.items() if rows])]
        if not rows:
            continue
        index = random.choice(list(rows))
        arcs = index.split(".")
        moved = [
            ".".join(arcs[: random.randint(0, len(arcs))]),
            f"{index}.{random.randint(0, 300)}",
            ".".join(random.choice(["0", "1", "4", "16", "255", "4294967295"]) for _ in arcs),
        ]
        match random.randint(0, 2):
            case 0:
                rows[random.choice(moved)] = rows.pop(index)
            case 1:
                rows[index] = random.choice(values)
            case _:
                del rows[index]
    scalars = {name: random.choice([value, *values]) for name, value in answers.scalars.items()}
    return replace(answers, columns=columns, scalars=scalars if random.random() < 0.3 else answers.scalars)


@pytest.mark.parametrize("seed", range(8))
def test_no_spoilt_answer_of_a_real_device_breaks_it(seed: int) -> None:
    """From the answers to the inventory as text and the comparison with what was there before."""
    a, b = (Box(name, place, ports=("ge1", "ge1.7", "ge2", "ae0")).bundles("ae0", "ge2") for place, name in enumerate("ab", 1))
    cabled(a, "ge1", b, "ge1")
    cabled(a, "ge2", b, "ge2")
    for box, far in ((a, b), (b, a)):
        box.has_address("ge1.7", f"10.0.0.{box.place}", 30).stands_on("ge1.7", "ge1").set("ipAdEntIfIndex", "10.0.9.9", 1)
        box.set("lldpRemManAddrIfSubtype", f"17.1.1.1.4.{far.address}", 2).set("ospfNbrRtrId", f"10.0.0.{far.place}.0", far.address)
        box.set("bgpPeerState", far.address, 6).set("entPhysicalClass", 1, 3).set("entPhysicalSerialNum", 1, b"S")
        box.set("entAliasMappingIdentifier", "1.0", "1.3.6.1.2.1.2.2.1.1.1").set("entPhySensorType", 1, 8).set("entPhySensorValue", 1, 5)
    whole = [a.answers(), b.answers()]
    before = inventory_of(discover(whole))
    random = Random(seed)
    for _ in range(100):
        discovery = discover([spoilt(random, each) for each in whole], before)
        assert 1 <= len(discovery.devices) <= 2
        inventory = inventory_of(discovery)
        assert compare(before, discovery, [a.address, b.address]).devices_not_asked == 0
        assert {end.partition("/")[0] for link in inventory.links.values() for end in (link.a, link.b)} <= inventory.devices.keys()
