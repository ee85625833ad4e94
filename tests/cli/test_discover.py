"""The lab's network discovered from end to end: what is there, as an inventory, against what is declared, and as events."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import bus
from pipeline.core.event import Event, EventSource, Severity, Signal
from pipeline.inventory.files import load_inventory
from pipeline.lab.config import LabConfig, inventory_dir
from pipeline.lab.simulation import Lab
from pipeline.wire import Topic, decode
from tests.cli.conftest import Run, widest
from tests.support.agents import free_udp_port
from tests.support.embedded import embedded_broker
from tests.support.lab import lab_inventory

QUICK = ("--timeout", "0.5", "--retries", "1", "--rate", "0")


@contextmanager
def lab_at(port: int) -> Iterator[None]:
    """The lab in a thread of its own: the command has the loop of this one."""
    started, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        config = replace(LabConfig(), trap_target=f"127.0.0.1:{free_udp_port()}", control="", port_override=port)
        async with Lab(lab_inventory(), config):
            started.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert started.wait(30)
        yield
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
        loop.close()


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """The port of every device of a running lab."""
    found = free_udp_port()
    with lab_at(found):
        yield str(found)


@pytest.fixture
def declared(tmp_path: Path, port: str) -> Path:
    """The lab's own inventory, its devices at the ports that they have here."""
    folder = tmp_path / "declared"
    folder.mkdir()
    for path in inventory_dir().iterdir():
        (folder / path.name).write_text(path.read_text().replace("port: 16161", f"port: {port}"))
    return folder


def mend(folder: Path, old: str, new: str) -> None:
    path = folder / "network.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_lab_is_found_whole(run: Run, port: str, declared: Path) -> None:
    """18 devices with parts and sensors, 30 links each confirmed from both ends, nothing odd; and nothing differs."""
    result = run("discover", "127.20.0.0/27", "--port", port, "--against", str(declared), "--json", *QUICK)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (len(found["answered"]), len(found["silent"]), found["failed"]) == (18, 12, {})
    inventory = lab_inventory()
    assert {device["name"] for device in found["devices"]} == inventory.devices.keys()
    assert {(link["source"], link["confidence"]) for link in found["links"]} == {("lldp+ip-subnet", 1.0)}
    ends = {frozenset((link["a"], link["b"])) for link in found["links"]}
    assert ends == {frozenset((link.a, link.b)) for link in inventory.links.values()}
    assert (found["strangers"], found["findings"], found["differences"]) == ([], [], [])
    for device in found["devices"]:
        own = inventory.devices[device["name"]]
        assert [(row["name"], row["index"], row["speed_mbps"]) for row in device["interfaces"]] == [
            (port.name, port.index, port.speed_mbps) for port in own.interfaces
        ]
        assert (device["vendor"], device["model"], device["location"]) == (own.vendor, f"LR-{own.role}", own.site)
        assert {part["if_index"] for part in device["components"] if part["kind"] == "port"} == {port.index for port in own.interfaces}
        assert device["sensors"][0]["unit"] == "celsius"
        assert all(sensor["value"] is not None for sensor in device["sensors"])
        assert all(peer["is_up"] for peer in device["peers"])


def test_what_is_found_is_written_as_an_inventory_that_checks(run: Run, port: str, tmp_path: Path) -> None:
    """And differs in nothing from what is found again; a second time it is not overwritten."""
    out = tmp_path / "found"
    words = ("discover", "127.20.0.0/27", "--port", port, "--alone", "--out", str(out), *QUICK)
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert f"assure check --inventory {out}" in result.stderr
    checked = run("check", "--inventory", str(out))
    assert checked.exit_code == 0, checked.output
    assert "fine" in checked.output
    read = load_inventory(out)
    assert {(link.source, link.confidence) for link in read.links.values()} == {("lldp+ip-subnet", 1.0)}
    assert {(device.source, device.confidence) for device in read.devices.values()} == {("snmp", 1.0)}
    again = run("discover", "127.20.0.0/27", "--port", port, "--against", str(out), *QUICK)
    assert again.exit_code == 0, again.output
    assert "Nothing differs from the inventory." in again.output
    refused = run(*words)
    assert refused.exit_code == 2
    assert "is there already" in refused.output
    assert run(*words, "--force").exit_code == 0


def change(folder: Path) -> None:
    """Declare what is not so: another neighbour, number, name, speed, address; and a device that is not there."""
    mend(folder, "a: ams-p1/et-0/0/0, b: rtm-p1/et-0/0/0", "a: ams-p1/et-0/0/0, b: rtm-p1/et-0/0/1")
    mend(folder, "a: rtm-p1/et-0/0/1, b: bru-p1/et-0/0/0", "a: rtm-p1/et-0/0/0, b: bru-p1/et-0/0/0")
    mend(folder, "index: 101, speed_mbps: 1000, description: dzr-vpn-1", "index: 111, speed_mbps: 1000, description: dzr-vpn-1")
    mend(folder, "name: xe-0/0/2, index: 3, speed_mbps: 10000, description: to dft-ac1", "name: xe-0/0/2, index: 3, speed_mbps: 1000")
    mend(folder, "address: 127.20.0.18", "address: 127.20.0.30")
    text = (folder / "network.yaml").read_text()
    ghost = "devices:\n  - {name: ghost, site: ams, address: 127.20.0.29, port: 9}\n"
    (folder / "network.yaml").write_text(text.replace("devices:\n", ghost, 1))


EXPECTED = {
    ("device-missing", "device/ghost"),
    ("device-address", "device/mai-ac1"),
    ("interface-renumbered", "interface/ley-ac1/ge-0/1/0"),
    ("interface-speed", "interface/rtm-pe1/xe-0/0/2"),
    ("link-moved", "link/ams-p1--rtm-p1"),
    ("link-moved", "link/rtm-p1--bru-p1"),
}


def test_what_differs_is_told_and_is_exit_code_3(run: Run, port: str, declared: Path) -> None:
    change(declared)
    words = ("discover", "127.20.0.0/27", "--port", port, "--against", str(declared), *QUICK)
    result = run(*words, "--json")
    assert result.exit_code == 3
    assert {(each["kind"], each["resource"]) for each in json.loads(result.stdout)["differences"]} == EXPECTED
    shown = run(*words)
    assert shown.exit_code == 3
    assert widest(shown.stdout) <= 80
    assert "Against the inventory: 6 differences" in shown.output
    assert "link/ams-p1--rtm-p1 is declared as" in shown.output


def test_a_part_of_the_network_is_compared_as_far_as_it_was_asked(run: Run, port: str, declared: Path) -> None:
    """Neighbours that were not asked are named, with their addresses; they are not missing."""
    result = run("discover", "127.20.0.3", "--port", port, "--against", str(declared), *QUICK)
    assert result.exit_code == 0, result.output
    told = " ".join(result.output.split())
    assert "Nothing differs from the inventory (17 declared devices not asked, 27 declared links that nobody can see)." in told
    assert "bru-p1.lab.example" in result.output
    assert "127.20.0.4" in result.output


def test_nobody_there_is_exit_code_4_with_what_to_look_at(run: Run) -> None:
    result = run("discover", "127.20.0.99", "--port", str(free_udp_port()), "--alone", *QUICK)
    assert result.exit_code == 4
    assert "0 of 1 address answered (1 silent); is the community right" in result.output


def test_a_wrong_community_is_silence_and_another_is_tried(run: Run, port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("discover", "127.20.0.1", "--port", port, "--alone", "--json", *QUICK)
    assert run(*words, "--community", "wrong").exit_code == 4
    monkeypatch.setenv("SNMP_COMMUNITY", "public")
    result = run(*words, "--community", "wrong", "--community", "env:SNMP_COMMUNITY")
    assert json.loads(result.stdout)["devices"][0]["community"] == "env:SNMP_COMMUNITY"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("127.20.0.0/99",), "is neither a range"),
        (("10.0.0.0/8",), "more than 65536 addresses"),
        ((), "nothing to ask"),
        (("127.20.0.1", "--events"), "--events publishes differences"),
        (("127.20.0.1", "--user", "noc"), "no user 'noc'"),
        (("127.20.0.1", "--community", "env:NOT_THERE"), "the environment has no NOT_THERE"),
    ],
)
def test_wrong_usage_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("discover", *words)
    assert result.exit_code == 2
    assert told in result.output


def test_differences_become_events_of_their_domains(run: Run, port: str, home: Path, declared: Path) -> None:
    """Without a target the declared devices are asked again."""
    change(declared)
    with embedded_broker(home / "broker") as broker:
        asyncio.run(bus.create_topics(broker.bootstrap, partitions=4, replication=1))
        settings = home / "assure.yaml"
        text = settings.read_text().replace('#bootstrap: "127.0.0.1:19092"', f'bootstrap: "{broker.bootstrap}"')
        settings.write_text(text.replace("inventory_dir: inventory", f"inventory_dir: {declared}"))
        result = run("discover", "--events", "--json", *QUICK)
        assert result.exit_code == 3, result.output
        events = asyncio.run(read(broker.bootstrap, len(json.loads(result.stdout)["differences"])))
    assert f"{len(events)} events published" in result.stderr
    by_resource = {(event.qualifier, str(event.resource)): event for event in events}
    assert by_resource.keys() == EXPECTED - {("device-address", "device/mai-ac1")} | {("device-missing", "device/mai-ac1")}
    moved = by_resource["link-moved", "link/ams-p1--rtm-p1"]
    assert (moved.alarm_type, moved.signal, moved.severity) == ("topology-changed", Signal.NOTIFY, Severity.INDETERMINATE)
    assert (moved.source, moved.device, moved.collector) == (EventSource.SYSTEM, "ams-p1", "discover")
    assert moved.attributes == {
        "declared": "ams-p1/et-0/0/0 - rtm-p1/et-0/0/1",
        "found": "ams-p1/et-0/0/0 - rtm-p1/et-0/0/0",
        "confidence": "1",
    }
    assert len({event.id for event in events}) == len(events)


async def read(bootstrap: str, count: int) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(30), bus.reader(bootstrap, Topic.EVENTS, from_start=True) as messages:
        async for message in messages:
            events += decode(message.value or b"")
            if len(events) >= count:
                break
    return events


def test_without_a_broker_the_differences_are_not_said_to_be_published(run: Run, port: str, home: Path, declared: Path) -> None:
    change(declared)
    settings = home / "assure.yaml"
    text = settings.read_text().replace('#bootstrap: "127.0.0.1:19092"', f'bootstrap: "127.0.0.1:{free_udp_port()}"')
    settings.write_text(text.replace("inventory_dir: inventory", f"inventory_dir: {declared}"))
    result = run("discover", "--events", "--json", *QUICK)
    assert result.exit_code == 4
    assert "The differences were not published" in result.stderr
