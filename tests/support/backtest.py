"""What replays are tried on: the timelines' network and what came in each quarter of a second of a timeline; the lab's recorded past."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from collectors.journal import Entry, Journal
from pipeline.backtest.dated import Dated
from pipeline.config.settings import CorrelationSettings
from pipeline.config.settings_file import load_settings
from pipeline.core.directory import Directory
from pipeline.core.event import Tick
from pipeline.core.idle import TICK_NS
from pipeline.core.inventory import Device, Inventory, MaintenanceWindow
from pipeline.core.knowledge import Knowledge
from pipeline.core.mib import MibIndex
from pipeline.core.profile import GENERIC_NAME
from pipeline.core.raw import INTERFACES, PollOutcome, RawPoll
from pipeline.core.topology import Topology
from pipeline.lab.config import inventory_dir
from pipeline.resources import data_dir
from pipeline.wire import encode
from tests.support.datagrams import INTEGER, Var, v2_trap
from tests.support.fibre_cut import about_fibre
from tests.support.lab import lab_inventory
from tests.support.polls import MEASURING, table_of
from tests.support.timeline import DAY_TICKS, PLAN, ROUTING, SECOND, START, World, network, rule_book

CORRELATION = CorrelationSettings()


def dated(windows: Sequence[MaintenanceWindow] = (), ends: Mapping[str, int] | None = None) -> Dated:
    """What a worker of the timelines' network would know; ``ends`` are links that are gone from a time on."""
    whole = replace(network(), windows=tuple(windows))
    links = {name: replace(link, valid_until=(ends or {}).get(name, 0)) for name, link in whole.links.items()}
    return Dated(replace(whole, links=links), _known, START)


def _known(inventory: Inventory) -> Knowledge:
    return Knowledge(
        inventory=inventory,
        directory=Directory.of(inventory),
        topology=Topology.of(inventory),
        rules=rule_book(),
        mibs=MibIndex(),
        plans={PLAN.name: PLAN},
        thresholds=(),
        routing=ROUTING,
        measuring=MEASURING,
    )


def came(world: World) -> list[tuple[int, list[Any]]]:
    """What a timeline fed to its chain, ticks aside, gathered by the tick that follows it."""
    at, gathered = START, dict[int, list[Any]]()
    for item in world.fed:
        if isinstance(item, Tick):
            at = item.at
        else:
            gathered.setdefault(-(-at // TICK_NS) * TICK_NS, []).append(item)
    return list(gathered.items())


# a recorded past of the lab's operator

BEGIN = 1_795_428_000 * SECOND
"""2026-11-23T10:00:00Z."""
MINUTE = 60 * SECOND
CUTS = (("f-ams-rtm-1", 5 * MINUTE, 15 * MINUTE), ("f-ams-lon-1", 20 * MINUTE, 22 * MINUTE))
"""Fibre, cut at, mended at, since the beginning."""
POLL_EVERY = 30 * SECOND
LASTS = 30 * MINUTE
UNKNOWN = "1.3.6.1.4.1.4711.0.1"
RULE = f"""\
traps:
  - name: acme-power-lost
    oid: {UNKNOWN}
    resource: {{kind: device}}
    alarm_type: power-failure
    signal: raise
    text: "power of {{device}} is lost"
  - name: acme-power-back
    oid: 1.3.6.1.4.1.4711.0.2
    resource: {{kind: device}}
    alarm_type: power-failure
    signal: clear
    text: "power of {{device}} is back"
tests:
  - oid: {UNKNOWN}
    expect: {{signal: raise}}
  - oid: 1.3.6.1.4.1.4711.0.2
    expect: {{signal: clear}}
"""
"""Rules that know it, and what ends it; they prove themselves."""
UNKNOWN_AT = 25 * MINUTE
BUSY_FROM = 12 * MINUTE

SETTINGS = """\
data_dir: data
inventory_dir: inventory
rules_dir: rules
history: {port: 1, native_port: 2}
broker: {bootstrap: "127.0.0.1:1"}
"""
"""No part of it runs: nothing listens on these ports."""


def installation(folder: Path) -> Path:
    """Settings, rules, inventory, and the journals of half an hour in which two fibres were cut; gives the settings file."""
    shutil.copytree(data_dir("rules"), folder / "rules")
    shutil.copytree(inventory_dir(), folder / "inventory")
    path = folder / "assure.yaml"
    path.write_text(SETTINGS)
    settings = load_settings(path)
    journal(settings.journal_dir("trap-1"), sorted(datagrams()))
    journal(settings.journal_dir("poll-1"), polls())
    return path


def journal(folder: Path, entries: Iterable[Entry]) -> None:
    with Journal(folder, segment_bytes=200_000, journal_bytes=100_000_000) as journal:
        for batch in batched(entries, 100):
            journal.append_many(batch)
            journal.acknowledge(journal.sync())


def batched(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch


def datagrams(begin: int = BEGIN) -> Iterator[Entry]:
    """What the devices sent in half an hour."""
    for fibre, cut_at, mended_at in CUTS:
        for at, up in ((cut_at, False), (mended_at, True)):
            for place, sent in enumerate(about_fibre(fibre, up=up)):
                yield begin + at + place * SECOND // 100, sent.device.address, sent.payload
    device = lab_inventory().devices["ams-p1"]
    yield begin + UNKNOWN_AT, device.address, v2_trap(UNKNOWN, [Var("1.3.6.1.4.1.4711.1.0", INTEGER, 5)])


def polls(begin: int = BEGIN) -> Iterator[Entry]:
    """Every device polled every half minute, one after the other."""
    sequence = 0
    devices = lab_inventory().devices.values()
    for turn in range(LASTS // POLL_EVERY):
        for place, device in enumerate(devices):
            sequence += 1
            at = turn * POLL_EVERY + place * SECOND
            yield begin + at, device.address, encode([replace(_answer(device, at, sequence), polled_at=begin + at)])


def _answer(device: Device, since: int, sequence: int) -> RawPoll:
    """What a device answers so long after the beginning; its counters begin with it."""
    down = {end for fibre, cut_at, mended_at in CUTS if cut_at <= since < mended_at for end in _ends(fibre)}
    ports = device.interfaces
    table = table_of(
        [port.index for port in ports],
        if_name=[port.name for port in ports],
        admin_status=[1] * len(ports),
        oper_status=[2 if f"{device.name}/{port.name}" in down else 1 for port in ports],
        in_octets=[_octets(since // SECOND)] * len(ports),
        speed=[port.speed_mbps for port in ports],
    )
    uptime = DAY_TICKS + since * 100 // SECOND
    return RawPoll("poll-1", sequence, since, device.name, PollOutcome.ANSWERED, uptime, profile=GENERIC_NAME, tables={INTERFACES: table})


def _octets(second: int) -> int:
    """What came in by then: a thousand octets a second, and a thousand times as many once it is ``BUSY_FROM``."""
    return second * 1_000 + max(second - BUSY_FROM // SECOND, 0) * 1_000_000


def _ends(fibre: str) -> set[str]:
    return {end for link in lab_inventory().links.values() if fibre in link.fibres for end in (link.a, link.b)}
