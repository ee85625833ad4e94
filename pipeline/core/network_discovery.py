"""Answers of a network become what was found in it: the whole of discovery that needs no network."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipeline.core.discovery import Answers, Discovery, Finding
from pipeline.core.discovery_naming import named, recognise
from pipeline.core.discovery_reading import read_device
from pipeline.core.inventory import Inventory
from pipeline.core.link_discovery import links_of


def discover(answers: Iterable[Answers], inventory: Inventory | None = None, vendors: Mapping[int, str] | None = None) -> Discovery:
    """Read, recognise, name and connect what answered. Declared devices are called as in ``inventory``; never raises for an answer."""
    findings: list[Finding] = []
    read = []
    for each in answers:
        device, odd = read_device(each, vendors)
        read.append(device)
        findings += odd
    apart, shared = recognise(read)
    devices, doubled = named(apart, inventory)
    links, strangers, odd = links_of(devices)
    called = {address: device.name for device in devices for address in device.addresses}
    about_devices = (replace(finding, subject=called.get(finding.subject, finding.subject)) for finding in (*findings, *shared))
    return Discovery(devices, links, strangers, (*about_devices, *doubled, *odd))
