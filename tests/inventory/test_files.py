"""An inventory is read from YAML and CSV as one; a broken one is refused whole, with every problem at its file and line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.starter import STARTER_INVENTORY
from pipeline.core.inventory import AgentVersion, Circuit, Dependency, Interface, Lag, Power, Tier
from pipeline.inventory.file_part import read_files
from pipeline.inventory.files import InventorySource, load_inventory, read_inventory

NETWORK = """\
sites: [{name: ams}]
devices:
  - {name: pe1, site: ams, address: 192.0.2.1, interfaces: [{name: a, index: 1, speed_mbps: 1000}, {name: b, index: 2, speed_mbps: 1000}]}
  - {name: pe2, site: ams, address: 192.0.2.2, interfaces: [{name: a, index: 1, speed_mbps: 1000}, {name: b, index: 2, speed_mbps: 1000}]}
fibres: [{name: f1}]
links:
  - {name: l1, a: pe1/a, b: pe2/a, fibres: [f1]}
lsps:
  - {name: p1, head: pe1, links: [l1]}
tunnels: [{name: t1, lsps: [p1]}]
customers: [{name: acme, display_name: Acme, tier: gold, timezone: Europe/Amsterdam}]
services:
  - {name: s1, customer: acme, contract: c1, kind: vpn, needs: [tunnel/t1]}
contracts:
  - {name: c1, customer: acme, plan: gold, currency: EUR, charges: {s1: "1200.50"}}
windows:
  - {name: w1, resources: [link/l1], starts_at: 2026-11-23T01:00:00Z, ends_at: 2026-11-23T04:00:00+01:00, reason: splice}
"""
Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes files into a folder and answers it."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text)
        return tmp_path

    return write


def _told(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_inventory(folder)
    return [f"{Path(problem.file).name}:{problem.line}: {problem.path}: {problem.message}" for problem in caught.value.problems]


def test_a_good_inventory_is_read_with_money_in_cents_and_times_in_nanoseconds(folder: Folder) -> None:
    inventory = load_inventory(folder(network__yaml=NETWORK))
    assert inventory.contracts["c1"].charges == {"s1": 120050}
    (window,) = inventory.windows
    assert window.ends_at - window.starts_at == 2 * 3600 * 10**9
    assert window.starts_at == 1_795_395_600 * 10**9
    assert inventory.customers["acme"].tier is Tier.GOLD
    assert [port.index for port in inventory.devices["pe1"].interfaces] == [1, 2]


def test_the_version_is_of_the_content_not_of_the_files(folder: Folder, tmp_path: Path) -> None:
    whole = load_inventory(folder(network__yaml=NETWORK)).version
    (tmp_path / "network.yaml").unlink()
    head, tail = NETWORK.split("services:", 1)
    split = load_inventory(folder(a__yaml="# remark\n" + head, b__yml="services:" + tail))
    assert split.version == whole
    assert load_inventory(folder(b__yml="services:" + tail.replace("1200.50", "1200.51"))).version != whole


def test_customers_and_services_may_be_csv(folder: Folder) -> None:
    text = NETWORK.replace("  - {name: s1, customer: acme, contract: c1, kind: vpn, needs: [tunnel/t1]}\n", "").replace("services:\n", "")
    rows = 'name,customer,contract,kind,needs,description\ns1,acme,c1,vpn,tunnel/t1;interface/pe1/b,"Ams, first"\n,,,,,\n'
    inventory = load_inventory(folder(network__yaml=text, services__csv=rows))
    service = inventory.services["s1"]
    assert service.needs == ("tunnel/t1", "interface/pe1/b")
    assert service.description == "Ams, first"


def test_a_mistake_in_csv_is_told_at_its_row(folder: Folder) -> None:
    rows = "name,customer,contract,kind,nedes\ns1,acme,c1,vpn,tunnel/t1\ns2,acme,c1,vpn,x\n"
    told = _told(folder(network__yaml=NETWORK, services__csv=rows))
    assert "services.csv:2: $.services[0].nedes: 'nedes' is not a key here" in told
    assert "services.csv:3: $.services[1]: 'needs' is missing" in told


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("name,customer\na,b,c\n", "services.csv:2: $: 3 cells under 2 headings"),
        ('name\n"a\n', "services.csv:2: $: not valid CSV: unexpected end of data"),
    ],
)
def test_what_is_no_csv_is_told(folder: Folder, rows: str, says: str) -> None:
    assert says in _told(folder(network__yaml=NETWORK, services__csv=rows))


def test_a_file_of_no_section_is_told(folder: Folder) -> None:
    (told,) = _told(folder(network__yaml=NETWORK, device__csv="name\nx\n"))
    assert told == "device.csv:0: $: 'device' is not a section"


TABLES = {
    "sites": "name,region,latitude,longitude\nams,west,52.37,4.9\n",
    "devices": "name,site,address,power,power_needs,snmp_version,user\npe1,ams,192.0.2.1,a;b,2,v3,noc\npe2,ams,192.0.2.2,,,,\n",
    "power": "name\na\nb\n",
    "interfaces": "device,name,index,speed_mbps,card\npe1,a,1,1000,fpc0\npe1,b,2,1000,fpc0\npe2,a,1,1000,\n",
    "links": "name,a,b,fibres\nl1,pe1/a,pe2/a,\n",
    "customers": "name,display_name,tier\nacme,Acme,gold\n",
    "contracts": "name,customer,plan,currency,charges,valid_from\nc1,acme,gold,EUR,s1=1200.50,2026-01-01T00:00:00Z\n",
    "services": "name,customer,contract,kind,needs\ns1,acme,c1,vpn,interface/pe1/b\n",
    "windows": "name,resources,starts_at,ends_at\nw1,link/l1;device/pe1,2026-11-23T01:00:00Z,2026-11-23T02:00:00Z\n",
}


def test_everything_may_be_csv_and_interfaces_stand_in_a_table_of_their_own(folder: Folder) -> None:
    inventory = load_inventory(folder(**{f"{name}__csv": rows for name, rows in TABLES.items()}))
    assert inventory.sites["ams"].latitude == 52.37
    assert inventory.devices["pe1"].interfaces == (Interface("a", 1, 1000, card="fpc0"), Interface("b", 2, 1000, card="fpc0"))
    assert (inventory.devices["pe1"].snmp_version, inventory.devices["pe1"].power_needs) == (AgentVersion.V3, 2)
    assert inventory.contracts["c1"].charges == {"s1": 120050}
    assert inventory.windows[0].resources == ("link/l1", "device/pe1")


def test_interfaces_in_a_table_join_those_that_stand_with_the_device(folder: Folder) -> None:
    """In YAML as well; one that both have is told, and one of no device."""
    text = NETWORK + "interfaces: [{device: pe1, name: c, index: 3, speed_mbps: 10}]\n"
    assert [port.name for port in load_inventory(folder(network__yaml=text)).devices["pe1"].interfaces] == ["a", "b", "c"]
    told = _told(folder(network__yaml=text.replace("name: c,", "name: a,")))
    assert told == ["network.yaml:3: $.devices[0].interfaces: two interfaces have the name 'a'"]
    told = _told(folder(network__yaml=text.replace("device: pe1,", "device: pe9,")))
    assert told == ["network.yaml:18: $.interfaces[0].device: 'pe9' is not a declared device"]


@pytest.mark.parametrize(
    ("table", "old", "new", "says"),
    [
        ("interfaces", "2,1000", "2,fast", "interfaces.csv:3: $.interfaces[1].speed_mbps: 'fast' is not a whole number"),
        ("interfaces", "pe1,b,2,", "pe1,,2,", "interfaces.csv:3: $.interfaces[1]: 'name' is missing"),
        ("interfaces", "pe2,a,1,1000,", "pe2,a,1,1000,,x", "interfaces.csv:4: $: 6 cells under 5 headings"),
        ("interfaces", "pe1,b,", "pe1,a,", "interfaces.csv:3: $.interfaces[1].name: 'pe1/a' is declared already, at"),
        ("devices", "v3", "v4", "devices.csv:2: $.devices[0].snmp_version: 'v4' is not an agent version"),
        ("sites", "4.9", "east", "sites.csv:2: $.sites[0].longitude: 'east' is not a number"),
        ("contracts", "s1=1200.50", "s1=1200.505", "contracts.csv:2: $.contracts[0]: the charge of s1: 1200.505 EUR has more than 2"),
        ("contracts", "2026-01-01T00:00:00Z", "soon", "contracts.csv:2: $.contracts[0]: 'soon' is not a time"),
        ("customers", "tier", "teir", "customers.csv:2: $.customers[0].teir: 'teir' is not a key here"),
        ("links", "name,a,b", "name,a,a", "links.csv:2: $.links[0]: 'b' is missing"),
    ],
)
def test_a_row_that_is_wrong_is_told_as_an_entry_of_yaml_would_be(folder: Folder, table: str, old: str, new: str, says: str) -> None:
    files = {f"{name}__csv": rows.replace(old, new, 1) if name == table else rows for name, rows in TABLES.items()}
    told = _told(folder(**files))
    assert any(line.startswith(says) for line in told), told


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("site: ams, address: 192.0.2.2", "site: rtm, address: 192.0.2.2", "4: $.devices[1].site: 'rtm' is not a declared site"),
        ("address: 192.0.2.2", "address: '::ffff:192.0.2.1'", "4: $.devices[1].address: '::ffff:192.0.2.1' is the address of pe1 too"),
        ("address: 192.0.2.2", "address: router", "4: $.devices[1].address: 'router' is not an IP address"),
        (
            "{name: b, index: 2, speed_mbps: 1000}]}\n  -",
            "{name: b, index: 1, speed_mbps: 1000}]}\n  -",
            "3: $.devices[0].interfaces: two interfaces have the index '1'",
        ),
        (
            "{name: pe2, site: ams,",
            "{name: pe2, site: ams, uplinks: [c],",
            "4: $.devices[1].uplinks: 'c' is not a declared interface of it",
        ),
        ("{name: pe2, site: ams,", "{name: pe2, site: ams, port: 0,", "4: $.devices[1].port: 0 is not a port"),
        ("{name: pe2, site: ams,", "{name: pe2, site: ams, snmp_version: v3,", "4: $.devices[1].snmp_version: SNMPv3 without a user"),
        ("{name: pe2, site: ams,", "{name: pe2, site: ams, user: noc,", "4: $.devices[1].user: 'noc' means nothing to v2c"),
        ("{name: pe2, site: ams,", "{name: pe2, site: ams, snmp_version: 4,", "4: $.devices[1].snmp_version:"),
        ("name: pe2, site", "name: pe1, site", "4: $.devices[1].name: 'pe1' is declared already"),
        ("fibres: [{name: f1}]", "fibres: [{name: f/1}]", "5: $.fibres[0].name: 'f/1' cannot be a name"),
        ("b: pe2/a", "b: pe2/z", "7: $.links[0].b: 'pe2/z' is not a declared interface"),
        ("b: pe2/a", "b: pe1/a", "7: $.links[0].b: 'pe1/a' is an end of l1 already"),
        ("fibres: [f1]}", "fibres: [f2]}", "7: $.links[0].fibres: 'f2' is not a declared fibre"),
        ("head: pe1", "head: pe9", "9: $.lsps[0].head: 'pe9' is not a declared device"),
        ("links: [l1]", "links: [l2]", "9: $.lsps[0].links: 'l2' is not a declared link"),
        ("links: [l1]", "links: []", "9: $.lsps[0].links: the path has no link"),
        ("{name: t1, lsps: [p1]}", "{name: t1, lsps: [p1], needs: 2}", "10: $.tunnels[0].needs: needs 2 of 1 paths"),
        ("{name: t1, lsps: [p1]}", "{name: t1, lsps: [p2]}", "10: $.tunnels[0].lsps: 'p2' is not a declared LSP"),
        ("Europe/Amsterdam", "Europe/Amsterdm", "11: $.customers[0].timezone: 'Europe/Amsterdm' is not a time zone"),
        ("tier: gold", "tier: platinum", "11: $.customers[0].tier: 'platinum' is not a tier"),
        ("needs: [tunnel/t1]", "needs: [tunnel/t2]", "13: $.services[0].needs: 'tunnel/t2' is not a declared resource"),
        ("needs: [tunnel/t1]", "needs: []", "13: $.services[0].needs: the service needs nothing"),
        ("needs: [tunnel/t1]", "needs: [service/s1]", "13: $.services[0].needs: service/s1 needs itself: service/s1 -> service/s1"),
        ("customer: acme, contract", "customer: acne, contract", "13: $.services[0].customer: 'acne' is not a declared customer"),
        ("contract: c1", "contract: c2", "13: $.services[0].contract: 'c2' is not a declared contract"),
        (
            'charges: {s1: "1200.50"}',
            'charges: {s1: "1200.505"}',
            "15: $.contracts[0]: the charge of s1: 1200.505 EUR has more than 2 decimals",
        ),
        ('charges: {s1: "1200.50"}', 'charges: {s1: "-1"}', "15: $.contracts[0]: the charge of s1 is negative"),
        ('charges: {s1: "1200.50"}', 'charges: {s9: "1"}', "15: $.contracts[0].charges: 's9' is not a declared service"),
        ("currency: EUR", "currency: EURO", "15: $.contracts[0]: the charge of s1: 'EURO' is not a currency"),
        ("resources: [link/l1]", "resources: [link/l2]", "17: $.windows[0].resources: 'link/l2' is not a declared resource"),
        ("04:00:00+01:00", "02:00:00+01:00", "17: $.windows[0]: the window ends at 2026-11-23T02:00:00+01:00, not after its start"),
        ("2026-11-23T01:00:00Z", "2026-11-23T01:00:00", "17: $.windows[0]: '2026-11-23T01:00:00' does not say its offset"),
        ("tunnels:", "tunels:", "10: $.tunels: 'tunels' is not a section"),
        ("sites: [{name: ams}]", "sites: {ams: 1}", "1: $.sites: expected a list"),
    ],
)
def test_what_does_not_agree_is_told(folder: Folder, old: str, new: str, says: str) -> None:
    assert old in NETWORK
    told = _told(folder(network__yaml=NETWORK.replace(old, new, 1)))
    assert any(line.startswith(f"network.yaml:{says}") for line in told), told


PLANT = """\
sites: [{name: ams}, {name: rtm}]
power: [{name: ams-a, site: ams}, {name: ams-b, site: ams, valid_from: 2026-11-01T00:00:00Z, valid_until: "2027-01-01T00:00:00+01:00"}]
devices:
  - {name: pe1, site: ams, address: 192.0.2.1, power: [ams-a, ams-b], interfaces: [{name: a, index: 1, speed_mbps: 1, card: fpc0}, {name: b, index: 2, speed_mbps: 1}, {name: ae0, index: 3, speed_mbps: 2}]}
  - {name: pe2, site: rtm, address: 192.0.2.2, interfaces: [{name: a, index: 1, speed_mbps: 1}]}
ducts: [{name: d-coast, site: ams}]
fibres: [{name: f1, duct: d-coast, ducts: [d-inland, d-harbour]}, {name: f2}]
links: [{name: l1, a: pe1/a, b: pe2/a, fibres: [f1], source: netbox, confidence: 0.8}]
lags: [{name: pe1/ae0, members: [pe1/a, pe1/b], needs: 1}]
circuits: [{name: x1, needs: [link/l1, fibre/f2], keep: 1, provider: carrier, id_at_provider: CID-77}]
dependencies: [{name: cooling, resource: device/pe1, needs: [power/ams-a], source: building}]
customers: [{name: acme, display_name: Acme, tier: gold}]
services:
  - {name: s1, customer: acme, contract: c1, kind: vpn, needs: [circuit/x1, card/pe1/fpc0, supply/pe1], keep: 2, weights: {circuit/x1: 0.7, card/pe1/fpc0: 0.3}}
contracts: [{name: c1, customer: acme, plan: gold, currency: EUR, charges: {s1: "1"}}]
"""  # noqa: E501  # a line is an entry, as in the table below


def test_all_that_the_network_is_made_of_is_read(folder: Folder) -> None:
    inventory, warnings = read_inventory(folder(plant__yaml=PLANT))
    assert warnings == ()
    assert inventory.power["ams-b"] == Power("ams-b", "ams", valid_from=1_793_491_200 * 10**9, valid_until=1_798_758_000 * 10**9)
    assert (inventory.devices["pe1"].power, inventory.devices["pe1"].power_needs) == (("ams-a", "ams-b"), 1)
    assert [port.card for port in inventory.devices["pe1"].interfaces] == ["fpc0", "", ""]
    assert inventory.fibres["f1"].route == ("d-coast", "d-inland", "d-harbour")
    assert inventory.lags["pe1/ae0"] == Lag("pe1/ae0", ("pe1/a", "pe1/b"))
    assert inventory.circuits["x1"] == Circuit("x1", ("link/l1", "fibre/f2"), 1, "carrier", "CID-77")
    assert inventory.dependencies["cooling"] == Dependency("cooling", "device/pe1", ("power/ams-a",), source="building")
    assert (inventory.services["s1"].keep, inventory.services["s1"].weights) == (2, {"circuit/x1": 0.7, "card/pe1/fpc0": 0.3})
    assert (inventory.links["l1"].source, inventory.links["l1"].confidence) == ("netbox", 0.8)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{name: ams-a, site: ams}", "{name: ams-a, site: amz}", "2: $.power[0].site: 'amz' is not a declared site; did you mean 'ams'?"),
        ("name: ams-a,", "name: ams/a,", "2: $.power[0].name: 'ams/a' cannot be a name"),
        ("2026-11-01T00:00:00Z", "2026-11-01", "2: $.power[1].valid_from: '2026-11-01' is not a time with its offset; write it as"),
        ("2027-01-01T", "2026-01-01T", "2: $.power[1].valid_until: it ends before it begins"),
        ("[ams-a, ams-b]", "[ams-a, ams-c]", "4: $.devices[0].power: 'ams-c' is not a declared power feed; did you mean 'ams-"),
        ("[ams-a, ams-b]", "[ams-a, ams-b], power_needs: 3", "4: $.devices[0].power_needs: needs 3 of 2 feeds; write 1 to 2"),
        ("power: [ams-a, ams-b]", "power_needs: 2", "4: $.devices[0].power_needs: needs 2 of no feeds"),
        ("card: fpc0", "card: fpc 0", "4: $.devices[0].interfaces: 'fpc 0' cannot be the name of a card"),
        ("d-coast, site: ams", "d-coast, site: ans", "6: $.ducts[0].site: 'ans' is not a declared site"),
        ("duct: d-coast", "duct: d-coats", "7: $.fibres[0].duct: warning: 'd-coats' is not a declared duct; did you mean 'd-coast'?"),
        ("[d-inland,", "[d-in/land,", "7: $.fibres[0].ducts: 'd-in/land' cannot be a name"),
        ("confidence: 0.8", "confidence: 8", "8: $.links[0].confidence: 8 is no confidence"),
        ("name: pe1/ae0", "name: pe1/ae1", "9: $.lags[0].name: 'pe1/ae1' is not a declared interface; did you mean 'pe1/a"),
        ("members: [pe1/a, pe1/b]", "members: [pe1/a, pe1/c]", "9: $.lags[0].members: 'pe1/c' is not a declared interface"),
        ("members: [pe1/a, pe1/b]", "members: [pe1/a, pe2/a]", "9: $.lags[0].members: 'pe2/a' is of another device"),
        ("members: [pe1/a, pe1/b]", "members: [pe1/a, pe1/ae0]", "9: $.lags[0].members: 'pe1/ae0' is a member of itself"),
        ("needs: 1}]", "needs: 3}]", "9: $.lags[0].needs: needs 3 of 2 members; write 1 to 2"),
        ("needs: 1}]", "needs: 1}, {name: pe1/b, members: [pe1/a]}]", "9: $.lags[1].members: 'pe1/a' is a member of pe1/ae0 already"),
        ("[link/l1, fibre/f2]", "[link/l1, fibre/f9]", "10: $.circuits[0].needs: 'fibre/f9' is not a declared resource; did you mean"),
        ("keep: 1,", "keep: 3,", "10: $.circuits[0].keep: keeps 3 of 2 needs; write 1 to 2, or 0 for all of them"),
        ("fibre/f2]", "service/s1]", "10: $.circuits[0].needs: circuit/x1 needs itself: circuit/x1 -> service/s1 -> circuit/x1"),
        (
            "resource: device/pe1",
            "resource: device/pe9",
            "11: $.dependencies[0].resource: warning: 'device/pe9' is not a declared resource",
        ),
        ("needs: [power/ams-a]", "needs: []", "11: $.dependencies[0].needs: the dependency needs nothing"),
        (
            "needs: [power/ams-a]",
            "needs: [interface/pe1/a]",
            "11: $.dependencies[0].needs: warning: device/pe1 needs itself: device/pe1 -> interface/pe1/a -> port/pe1/a",
        ),
        ("keep: 2,", "keep: 4,", "14: $.services[0].keep: keeps 4 of 3 needs"),
        ("circuit/x1: 0.7", "circuit/x2: 0.7", "14: $.services[0].weights: 'circuit/x2' is not a declared need of it; did you mean"),
        ("circuit/x1: 0.7", "circuit/x1: 0", "14: $.services[0].weights: 0 is no weight"),
    ],
)
def test_what_does_not_agree_of_the_plant_is_told(folder: Folder, old: str, new: str, says: str) -> None:
    """An error for what a person wrote, a warning for what another source gave: that is taken as it is."""
    assert old in PLANT
    target = folder(plant__yaml=PLANT.replace(old, new, 1))
    try:
        _, problems = read_inventory(target)
    except ConfigError as error:
        problems = tuple(error.problems)
    told = [str(problem).split("plant.yaml:")[1] for problem in problems]
    assert any(line.startswith(says) for line in told), told


def test_each_section_of_flat_entries_may_be_csv(folder: Folder) -> None:
    text = "".join(line + "\n" for line in PLANT.splitlines() if not line.startswith(("power:", "circuits:", "services:", "  - {name: s1")))
    inventory, _ = read_inventory(
        folder(
            plant__yaml=text,
            power__csv="name,site,valid_from\nams-a,ams,\nams-b,ams,2026-11-01T00:00:00Z\n",
            circuits__csv="name,needs,keep\nx1,link/l1;fibre/f2,1\n",
            services__csv="name,customer,contract,kind,needs,keep,weights\n"
            "s1,acme,c1,vpn,circuit/x1;link/l1,1,circuit/x1=0.7; link/l1 = 0.3\n",
        )
    )
    assert inventory.power["ams-b"].valid_from == 1_793_491_200 * 10**9
    assert inventory.circuits["x1"].needs == ("link/l1", "fibre/f2")
    assert inventory.services["s1"].weights == {"circuit/x1": 0.7, "link/l1": 0.3}


def test_a_weight_that_is_none_is_told_at_its_row(folder: Folder) -> None:
    rows = "name,customer,contract,kind,needs,weights\ns1,acme,c1,vpn,tunnel/t1,tunnel/t1\n"
    text = NETWORK.replace("  - {name: s1, customer: acme, contract: c1, kind: vpn, needs: [tunnel/t1]}\n", "").replace("services:\n", "")
    (told,) = _told(folder(network__yaml=text, services__csv=rows))
    assert told == "services.csv:2: $.services[0].weights.tunnel/t1: '' is not a number"


def test_problems_of_all_files_are_told_together(folder: Folder) -> None:
    told = _told(folder(a__yaml="devices: [{name: x}]\n", b__yaml="links: [{nme: y}]\nsites: 3\n", c__yaml="a: ["))
    assert {line.split(":", 1)[0] for line in told} == {"a.yaml", "b.yaml", "c.yaml"}


def test_services_that_need_each_other_are_told(folder: Folder) -> None:
    extra = """\
  - {name: s2, customer: acme, contract: c1, kind: vpn, needs: [service/s3]}
  - {name: s3, customer: acme, contract: c1, kind: vpn, needs: [service/s4]}
  - {name: s4, customer: acme, contract: c1, kind: vpn, needs: [service/s2]}
"""
    told = _told(folder(network__yaml=NETWORK.replace("contracts:\n", extra + "contracts:\n")))
    assert [line for line in told if "needs itself" in line] == [
        "network.yaml:14: $.services[1].needs: service/s2 needs itself: service/s2 -> service/s3 -> service/s4 -> service/s2"
    ]


def test_what_is_odd_but_usable_is_a_warning(folder: Folder) -> None:
    text = NETWORK.replace("  - {name: l1,", "  - {name: l2, a: pe1/b, b: pe2/b}\n  - {name: l1,").replace(
        "head: pe1, links: [l1]", "head: pe1, links: [l1, l2, l1]"
    )
    text = text.replace('charges: {s1: "1200.50"}', "charges: {}")
    _, warnings = read_inventory(folder(network__yaml=text))
    assert [warning.message for warning in warnings] == ["contract c1 has no charge for it, so no credit can be computed"]
    far = NETWORK.replace("head: pe1, links: [l1]", "head: pe1, links: [l1]").replace(
        "  - {name: p1,", "  - {name: p0, head: pe3, links: [l1]}\n  - {name: p1,"
    )
    far = far.replace("fibres: [{name", "  - {name: pe3, site: ams, address: 192.0.2.3}\nfibres: [{name")
    _, warnings = read_inventory(folder(network__yaml=far))
    assert [str(warning).split("network.yaml:")[1] for warning in warnings] == [
        "10: $.lsps[0].links: warning: the links do not follow one another; list the links in order, from pe3 on"
    ]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no inventory files here; add \.yaml or \.csv files"):
        load_inventory(tmp_path)


def test_a_change_is_seen_and_a_broken_one_is_refused_whole(folder: Folder, tmp_path: Path) -> None:
    source = InventorySource(folder(network__yaml=STARTER_INVENTORY))
    first = source.current()
    assert source.current() is first
    path = tmp_path / "network.yaml"
    path.write_text(STARTER_INVENTORY.replace("192.0.2.2", "192.0.2.1"))
    os.utime(path, ns=(1, 1))
    assert source.current() is first
    assert "is the address of pe1 too" in source.problem
    path.write_text(STARTER_INVENTORY.replace("192.0.2.2", "192.0.2.3"))
    os.utime(path, ns=(2, 2))
    assert source.current().devices["pe2"].address == "192.0.2.3"
    assert source.problem == ""


def test_an_entry_that_ends_goes_without_a_change_of_files(folder: Folder) -> None:
    now = [0]
    text = NETWORK.replace("fibres: [{name: f1}]", "fibres: [{name: f1}, {name: f2, valid_until: 2026-11-23T01:00:00Z}]")
    source = InventorySource(folder(network__yaml=text), lambda: now[0])
    first = source.current()
    assert source.current() is first
    now[0] = 1_795_395_600 * 10**9
    assert list(source.current().fibres) == ["f1"]
    assert source.current() is source.current()


def test_tables_are_a_part_among_several_sources_as_well(folder: Folder) -> None:
    """Also interfaces of a device that another source declares."""
    rows = "device,name,index,speed_mbps\npe1,a,1,1000\npe9,a,1,1000\npe9,a,2,10\n,b,2,10\n"
    files = {"interfaces__csv": rows, "devices__csv": "name,role\npe1,edge\n"}
    with pytest.raises(ConfigError) as caught:
        read_files(folder(**files), "files")
    assert [(problem.line, problem.path) for problem in caught.value.problems] == [
        (4, "$.interfaces[2].name"),
        (5, "$.interfaces[3].device"),
    ]
    files["interfaces__csv"] = rows.replace("pe9,a,2,10\n,b", "pe9,c,2,10\npe1,b")
    entries = read_files(folder(**files), "files").part.entries
    assert entries["devices"]["pe1"]["interfaces"] == {"a": {"index": 1, "speed_mbps": 1000}, "b": {"index": 2, "speed_mbps": 10}}
    assert entries["devices"]["pe9"] == {
        "name": "pe9",
        "interfaces": {"a": {"index": 1, "speed_mbps": 1000}, "c": {"index": 2, "speed_mbps": 10}},
    }
    assert entries["devices"]["pe1"]["role"] == "edge"
