"""An inventory is read from YAML and CSV as one; a broken one is refused whole, with every problem at its file and line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.starter import STARTER_INVENTORY
from pipeline.core.inventory import Tier
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


def test_what_cannot_be_told_in_csv_is_told(folder: Folder) -> None:
    assert "devices.csv: $: 'devices' cannot be told in CSV" in _told(folder(network__yaml=NETWORK, devices__csv="name\nx\n"))[0].replace(
        ":0:", ":"
    )


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
