"""What is written reads back as itself, whatever devices call their parts; nothing is overwritten by accident."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.problem import ConfigError
from pipeline.core.inventory import Device, Interface, Inventory, Lag, Link, Site
from pipeline.core.text import shown
from pipeline.inventory.files import load_inventory
from pipeline.inventory.writer import NETWORK_FILE, network_text, write_network

TEXT = st.text(max_size=20).map(shown)


def network(alias: str = "to pe2", name: str = "ge-0/0/1") -> Inventory:
    ports = (Interface(name, 7, 1000, alias), Interface("ae0", 8, 0))
    first = Device("pe1.example.net", "ams", "192.0.2.1", vendor="acme", port=1161, interfaces=ports, source="snmp", confidence=1.0)
    second = Device("pe2", "ams", "2001:db8::2", community="env:SNMP", interfaces=(Interface("1", 1, 10),), source="snmp", confidence=0.9)
    links = {"l": Link("l", f"pe1.example.net/{name}", "pe2/1", source="lldp+ip-subnet", confidence=0.8)}
    lags = {"pe1.example.net/ae0": Lag("pe1.example.net/ae0", (f"pe1.example.net/{name}",), source="lag-mib")}
    sites = {"ams": Site("ams", valid_from=1_790_000_000_000_000_000, valid_until=1_790_000_000_500_000_000)}
    return Inventory("", sites=sites, devices={each.name: each for each in (first, second)}, links=links, lags=lags)


def again(inventory: Inventory, folder: Path, **remarks: str) -> Inventory:
    text = network_text(inventory, ["heading"], {("devices", "pe2"): [remarks.get("remark", "a remark")]}, ["the end"])
    return load_inventory(write_network(folder, text, replaces=True).parent)


def test_it_reads_back_with_source_and_confidence(tmp_path: Path) -> None:
    read = again(network(), tmp_path)
    declared = network()
    assert (read.sites, read.devices, read.links, read.lags) == (declared.sites, declared.devices, declared.links, declared.lags)
    text = (tmp_path / NETWORK_FILE).read_text()
    assert "  # a remark\n  - name: pe2\n" in text
    assert text.splitlines()[0] == "# heading"
    assert "source: snmp\n    confidence: 1.0\n" in text
    assert "source: lldp+ip-subnet, confidence: 0.8}" in text
    assert "  - {name: pe1.example.net/ae0, members: [pe1.example.net/ge-0/0/1], source: lag-mib, confidence: 1.0}\n" in text


@pytest.mark.parametrize(
    "alias", ["", "null", "1e3", "yes", "- x", "a: b", "# c", "{", 'say "hi"', "back\\slash", "ends ", "\N{SNOWMAN}", "'", "0x10"]
)
def test_any_text_reads_back(tmp_path: Path, alias: str) -> None:
    assert again(network(alias), tmp_path).devices["pe1.example.net"].interfaces[0].description == alias


@settings(max_examples=60)
@given(TEXT, TEXT)
def test_whatever_a_device_says_reads_back(tmp_path_factory: pytest.TempPathFactory, alias: str, remark: str) -> None:
    """And what stands in a remark stays there."""
    read = again(network(alias), tmp_path_factory.getbasetemp() / "written", remark=remark)
    assert read.devices == network(alias).devices


def test_a_file_that_is_there_is_not_replaced_unless_told(tmp_path: Path) -> None:
    write_network(tmp_path / "new", "sites: []\n")
    with pytest.raises(FileExistsError):
        write_network(tmp_path / "new", "x")
    write_network(tmp_path / "new", "sites: [{name: a}]\n", replaces=True)
    assert (tmp_path / "new" / NETWORK_FILE).read_text() == "sites: [{name: a}]\n"


@pytest.mark.parametrize("confidence", ["1.5", "-0.1"])
def test_a_confidence_that_is_none_is_told(tmp_path: Path, confidence: str) -> None:
    text = f"sites: [{{name: a}}]\ndevices: [{{name: d, site: a, address: 192.0.2.1, source: snmp, confidence: {confidence}}}]\n"
    (tmp_path / NETWORK_FILE).write_text(text)
    with pytest.raises(ConfigError, match="is no confidence; write 0 to 1"):
        load_inventory(tmp_path)
