"""The inventory as it is now: files and other sources merged; what others say is told when it cannot be, and never refuses the whole."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.settings import Settings
from pipeline.config.source_settings import InventorySettings, SourceKind, SourceSettings
from pipeline.inventory.files import load_inventory
from pipeline.inventory.mapping import Notice
from pipeline.inventory.present import Present, PresentInventory, read_present
from pipeline.inventory.snapshot import Snapshot, Snapshots
from pipeline.lab.config import inventory_dir

AT = 1_790_000_000 * 10**9
NETBOX = SourceSettings("netbox", SourceKind.NETBOX, "https://nb.example.net")
LLDP = SourceSettings("lldp", SourceKind.DISCOVERY)
Entries = dict[str, dict[str, dict[str, Any]]]


def device(name: str, number: int, **values: Any) -> dict[str, Any]:
    usual = {"name": name, "site": "ams", "address": f"10.0.0.{number}", "interfaces": {"e1": {"speed_mbps": 1_000}}}
    return {**usual, **values}


SAID: Entries = {
    "sites": {"ams": {"name": "ams"}},
    "devices": {"pe1": device("pe1", 1), "pe2": device("pe2", 2)},
    "links": {"l1": {"name": "l1", "a": "pe1/e1", "b": "pe2/e1"}},
}


class Home:
    """Settings, a folder of files, and snapshots of sources."""

    def __init__(self, folder: Path, *sources: SourceSettings, **values: Any) -> None:
        self.settings = Settings(folder / "data", folder / "inventory", inventory=InventorySettings(sources, **values))
        self.settings.inventory_dir.mkdir()
        self.snapshots = Snapshots(self.settings.snapshot_dir)

    def files(self, text: str, name: str = "own.yaml") -> None:
        (self.settings.inventory_dir / name).write_text(text)

    def said(self, source: str, entries: Entries) -> None:
        self.snapshots.write(Snapshot(source, "netbox", AT, entries), 0)

    def read(self) -> Present:
        return read_present(self.settings)

    def warnings(self) -> list[str]:
        return [str(warning).removeprefix(f"{Path(warning.file).parent}/") for warning in self.read().warnings]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One source, NetBox, which has said something."""
    home = Home(tmp_path, NETBOX)
    home.said("netbox", SAID)
    return home


def test_without_further_sources_it_is_the_files_alone() -> None:
    settings = Settings(Path("nowhere"), inventory_dir())
    assert read_present(settings).inventory == load_inventory(inventory_dir())


def test_files_that_state_all_are_merged_into_the_same_as_files_alone(tmp_path: Path) -> None:
    """The lab's whole inventory, through the merge: every type survives."""
    settings = Settings(tmp_path, inventory_dir(), inventory=InventorySettings((replace(NETBOX, name="quiet"),)))
    present = read_present(settings)
    assert present.inventory == load_inventory(inventory_dir())
    assert present.conflicts == ()


def test_a_file_may_state_a_part_and_leave_the_rest_to_others(home: Home) -> None:
    home.files("devices: [{name: pe1, community: 'env:C', interfaces: [{name: e1, index: 7}]}]\n")
    present = home.read()
    pe1 = present.inventory.devices["pe1"]
    assert (pe1.community, pe1.address, pe1.source, pe1.confidence) == ("env:C", "10.0.0.1", "files+netbox", 1.0)
    assert (pe1.interfaces[0].index, pe1.interfaces[0].speed_mbps) == (7, 1_000)
    assert present.inventory.links["l1"].source == "netbox"
    assert present.told_by["devices", "pe1"] == ("files", "netbox")
    assert present.warnings == ()


def test_a_csv_file_is_a_part_too(home: Home) -> None:
    home.files("name,region\nams,west\n", "sites.csv")
    assert home.read().inventory.sites["ams"].region == "west"


def test_what_nobody_tells_is_left_out_and_told(home: Home) -> None:
    home.said("netbox", {**SAID, "devices": {**SAID["devices"], "pe3": {"name": "pe3", "site": "ams"}}})
    assert "pe3" not in home.read().inventory.devices
    (warning,) = home.warnings()
    assert warning.startswith("netbox: $.devices.pe3.address: warning: nobody tells its address (told of by netbox), so it is left out")
    assert warning.endswith("add it there, or state it in a file")


def test_the_part_of_a_file_whose_other_part_is_gone_is_left_out_and_told(home: Home) -> None:
    """A device that NetBox has no more must not stop everything else, only because a file states its community."""
    home.files("devices: [{name: gone, community: 'env:C'}]\n")
    assert set(home.read().inventory.devices) == {"pe1", "pe2"}
    assert home.warnings()[0].startswith("own.yaml:1: $.devices[0].site: warning: nobody tells its site and address (told of by files)")


def test_defaults_are_for_what_nobody_states(tmp_path: Path) -> None:
    home = Home(
        tmp_path,
        NETBOX,
        defaults={"devices.community": "env:C", "customers.tier": "bronze", "devices.port": "1161", "devices.colour": "red"},
    )
    home.said("netbox", {**SAID, "customers": {"acme": {"name": "acme"}}})
    home.files("devices: [{name: pe1, community: own}]\n")
    present = home.read()
    assert [present.inventory.devices[name].community for name in ("pe1", "pe2")] == ["own", "env:C"]
    assert present.inventory.devices["pe2"].port == 1_161
    assert (present.inventory.customers["acme"].tier.value, present.inventory.customers["acme"].display_name) == ("bronze", "acme")
    assert [warning.message for warning in present.warnings] == ["'colour' is no field of devices, so it does nothing"]


def test_a_service_has_the_contract_that_charges_it(home: Home) -> None:
    home.said("netbox", {**SAID, "services": {"s1": {"name": "s1", "customer": "acme", "needs": ("interface/pe1/e1",)}}})
    home.files(
        "customers: [{name: acme, display_name: A, tier: gold}]\n"
        "contracts: [{name: c1, customer: acme, plan: gold, currency: EUR, charges: {s1: '10.00'}}]\n"
    )
    present = home.read()
    assert (present.inventory.services["s1"].contract, present.inventory.contracts["c1"].charges) == ("c1", {"s1": 1_000})
    assert present.warnings == ()


@pytest.mark.parametrize(
    ("section", "entry", "told"),
    [
        ("devices", device("bad", 9, address="nowhere"), "'nowhere' is not an IP address, so it is left out"),
        ("devices", device("pe9", 1), "is the address of pe1 too, so it is left out"),
        ("devices", device("bad name", 9), "cannot be a name, so it is left out"),
        ("devices", device("bad", 9, snmp_version="v3"), "SNMPv3 without a user, so it is left out"),
        ("tunnels", {"name": "bad", "lsps": ("x",), "needs": 2}, "needs 2 of 1 paths, so it is left out"),
        ("lags", {"name": "pe1/e1", "members": ()}, "needs 1 of 0 members, so it is left out"),
    ],
    ids=["address", "same address", "name", "no user", "tunnel", "lag"],
)
def test_an_entry_of_another_source_that_cannot_be_is_left_out_and_told(home: Home, section: str, entry: dict[str, Any], told: str) -> None:
    home.said("netbox", {**SAID, section: {**SAID.get(section, {}), entry["name"]: entry}})
    present = home.read()
    assert entry["name"] not in getattr(present.inventory, section)
    assert set(present.inventory.links) == {"l1"}
    assert any(told in warning.message for warning in present.warnings)


def test_a_reference_that_leads_nowhere_stays_and_is_told_with_the_remedy(home: Home) -> None:
    """Also one of people's files to what another source had: whatever that leaves out must not stop everything else."""
    home.said("netbox", {**SAID, "links": {"l1": {"name": "l1", "a": "pe1/e1", "b": "pe2/e9"}}})
    home.files("dependencies: [{name: d1, resource: device/pe1, needs: [device/pe7]}]\n")
    present = home.read()
    assert present.inventory.links["l1"].b == "pe2/e9"
    assert present.inventory.dependencies["d1"].needs == ("device/pe7",)
    assert sorted(home.warnings()) == [
        "netbox: $.links.l1.b: warning: 'pe2/e9' is not a declared interface; did you mean 'pe2/e1'?",
        "own.yaml:1: $.dependencies[0].needs: warning: 'device/pe7' is not a declared resource; did you mean 'device/pe2'?",
    ]


def test_an_ifindex_that_two_interfaces_have_is_nobodys(home: Home) -> None:
    ports = {"e1": {"index": 5}, "e2": {"index": 5}, "e3": {}}
    home.said("netbox", {**SAID, "devices": {"pe1": device("pe1", 1, interfaces=ports)}, "links": {}})
    assert [port.index for port in home.read().inventory.devices["pe1"].interfaces] == [5, 0, 0]
    assert "e2 and e1 have the ifIndex 5" in home.warnings()[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("devices: [{name: own, site: ams, address: x}]\n", "own.yaml:1: $.devices[0].address: 'x' is not an IP address"),
        ("devices: [{name: pe1, port: many}]\n", "own.yaml:1: $.devices[0].port: 'many' is not a whole number"),
        ("devices: [{name: pe1, prt: 1}]\n", "'prt' is not a key here; did you mean 'port'?"),
        ("devices: [{site: ams}]\n", "'name' is missing"),
        ("device: []\n", "'device' is not a section; did you mean 'devices'?"),
        ("devices: [{name: pe1}, {name: pe1}]\n", "'pe1' is declared already"),
        ("devices: [{name: pe1, interfaces: [{name: a}, {name: a}]}]\n", "two interfaces are called a"),
        ("devices: {name: pe1}\n", "expected a list"),
        ("- devices\n", "expected sections"),
    ],
)
def test_what_people_write_wrong_is_refused_with_file_and_line(home: Home, text: str, told: str) -> None:
    home.files(text)
    with pytest.raises(ConfigError) as caught:
        home.read()
    assert told in str(caught.value)


def test_tables_are_parts_too_with_interfaces_apart_from_their_devices(home: Home) -> None:
    home.files("name,role\npe1,core\npe3,edge\n", "devices.csv")
    home.files("device,name,index\npe1,e1,7\npe1,e2,8\n", "interfaces.csv")
    present = home.read()
    pe1 = present.inventory.devices["pe1"]
    assert (pe1.role, [(port.name, port.index, port.speed_mbps) for port in pe1.interfaces]) == ("core", [("e1", 7, 1_000), ("e2", 8, 0)])


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "interfaces.csv",
            "device,name,index\npe1,e1,7\npe1,e1,8\n",
            "interfaces.csv:3: $.interfaces[1].name: two interfaces of pe1 are called e1",
        ),
        ("interfaces.csv", "name,index\ne1,7\n", "interfaces.csv:2: $.interfaces[0].device: an interface needs its device and its name"),
        ("devces.csv", "name\npe1\n", "'devces' is not a section; did you mean 'devices'?"),
        ("sites.csv", "name,region\nams,west,x\n", "3 cells under 2 headings"),
    ],
)
def test_what_is_wrong_in_a_table_is_refused_with_its_line(home: Home, name: str, text: str, told: str) -> None:
    home.files(text, name)
    with pytest.raises(ConfigError) as caught:
        home.read()
    assert told in str(caught.value)


def test_a_source_that_was_never_fetched_says_nothing_and_that_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path, NETBOX, LLDP)
    home.said("netbox", SAID)
    assert set(home.read().inventory.devices) == {"pe1", "pe2"}
    assert home.warnings() == ["lldp.json: $: warning: the source 'lldp' was never fetched; `assure topology fetch lldp` asks it"]


def test_what_a_source_could_not_say_is_told_too(home: Home) -> None:
    notices = (Notice("devices", "sw1", "two devices are called sw1", "rename one"), Notice("links", "", "2 lead nowhere"))
    home.snapshots.write(Snapshot("netbox", "netbox", AT, SAID, notices), 0)
    assert home.warnings() == [
        "netbox: $.devices.sw1: warning: two devices are called sw1; rename one",
        "netbox: $.links: warning: 2 lead nowhere",
    ]


def test_a_snapshot_that_cannot_be_read_is_refused_rather_than_left_out(home: Home) -> None:
    """Half a network gone would look like half a network lost."""
    home.snapshots.path("netbox").write_text("{")
    with pytest.raises(ConfigError, match=r"is no snapshot.*fetch netbox` writes it anew"):
        home.read()


def test_a_further_folder_of_files_is_a_source_with_its_own_confidence(tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    (found / "network.yaml").write_text(
        "devices: [{name: pe1, site: rtm, address: 10.0.0.1, source: lldp, confidence: 0.8}]\nsites: [{name: rtm}]\n"
    )
    home = Home(tmp_path, replace(NETBOX, confidence=0.5), SourceSettings("survey", SourceKind.FILES, folder=found, confidence=0.5))
    home.said("netbox", SAID)
    present = home.read()
    pe1 = present.inventory.devices["pe1"]
    assert (pe1.site, pe1.source, pe1.confidence) == ("ams", "netbox+lldp", 0.7)
    assert [(each.field, each.value, each.other, each.other_source) for each in present.conflicts] == [("site", "ams", "rtm", "survey")]
    assert present.inventory.sites["rtm"].confidence == 0.5


def test_it_is_taken_over_when_a_snapshot_changes_and_stays_when_that_is_broken(home: Home) -> None:
    inventory = PresentInventory(home.settings)
    first = inventory.current()
    assert inventory.current() is first
    home.said("netbox", {**SAID, "devices": {**SAID["devices"], "pe3": device("pe3", 3)}})
    second = inventory.current()
    assert set(second.devices) == {"pe1", "pe2", "pe3"}
    assert second.version != first.version
    home.snapshots.path("netbox").write_text("{")
    assert inventory.current() is second
    assert "is no snapshot" in inventory.problem


def test_the_order_in_which_sources_were_fetched_changes_nothing(tmp_path: Path) -> None:
    versions = set()
    for number, order in enumerate((("netbox", "lldp"), ("lldp", "netbox"))):
        (tmp_path / str(number)).mkdir()
        home = Home(tmp_path / str(number), NETBOX, LLDP)
        for source in order:
            home.said(source, SAID)
        versions.add(home.read().inventory.version)
    assert len(versions) == 1


def test_ten_thousand_devices_of_two_sources_are_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tenth of that here; with ASSURE_TEST_DEVICES the whole, with its time."""
    count = int(os.environ.get("ASSURE_TEST_DEVICES", "1000"))
    home = Home(tmp_path, NETBOX, LLDP)
    for source, speed in (("netbox", 1_000), ("lldp", 10_000)):
        devices = {
            f"d{n}": {
                "name": f"d{n}",
                "site": "ams",
                "address": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",
                "interfaces": {f"e{port}": {"speed_mbps": speed, "index": port + 1} for port in range(4)},
            }
            for n in range(count)
        }
        links = {f"{source}-{n}": {"name": f"{source}-{n}", "a": f"d{n}/e1", "b": f"d{n + 1}/e0"} for n in range(count - 1)}
        home.said(source, {"sites": SAID["sites"], "devices": devices, "links": links})
    begun = time.monotonic()
    present = home.read()
    assert len(present.inventory.devices) == count
    assert len(present.inventory.links) == count - 1
    assert len(present.conflicts) == 4 * count
    with capsys.disabled():
        if "ASSURE_TEST_DEVICES" in os.environ:
            print(f"\n{count} devices of two sources: {time.monotonic() - begun:.1f} s")  # noqa: T201  # asked for
