"""Places follow the inventory: written when it changes and only then, so that roll-ups by site, region and service mean the present one."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.config.problem import ConfigError, Problem
from pipeline.core.directory import Directory
from pipeline.core.inventory import Contract, Customer, Device, Interface, Inventory, Link, Service, Site, Tier
from pipeline.core.knowledge import Knowledge
from pipeline.core.kpi import KpiBatch, KpiRule, packed
from pipeline.core.measure import Measuring
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from pipeline.store.client import StoreClient
from pipeline.store.inventory_history import inventory_at
from pipeline.store.packed import COLUMNS, INTAKE, Packed, pack
from pipeline.store.places import Places, place_columns, service_columns
from tests.support.history_samples import NOW, S

PORT = Interface("ge-0", 1, 1_000)
DEVICES = (
    Device("pe1", "ams", "127.0.0.1", role="pe", vendor="acme", interfaces=(PORT,)),
    Device("pe2", "rtm", "127.0.0.2", interfaces=(PORT,)),
    Device("pe3", "ber", "127.0.0.3", interfaces=(PORT,)),
)
INVENTORY = Inventory(
    "1",
    sites={name: Site(name, region) for name, region in (("ams", "west"), ("rtm", "west"), ("ber", ""))},
    devices={device.name: device for device in DEVICES},
    links={"ams-rtm": Link("ams-rtm", "pe1/ge-0", "pe2/ge-0")},
    services={
        "vpn": Service("vpn", "acme", "gold", "l2vpn", ("link/ams-rtm",)),
        "dia": Service("dia", "beta", "b", "ip", ("interface/pe3/ge-0",)),
    },
    customers={"acme": Customer("acme", "Acme", Tier.GOLD)},
    contracts={"gold": Contract("gold", "acme", "p", "EUR", {})},
)


class Source:
    """Knowledge that a test changes."""

    def __init__(self, inventory: Inventory, rules: tuple[KpiRule, ...] = ()) -> None:
        self.known = knowledge(inventory, rules)
        self.failures: list[Exception] = []

    def current(self) -> Knowledge:
        if self.failures:
            raise self.failures.pop()
        return self.known


def knowledge(inventory: Inventory, rules: tuple[KpiRule, ...] = ()) -> Knowledge:
    nothing: Any = None

    return Knowledge(inventory, Directory.of(inventory), Topology.of(inventory), nothing, nothing, {}, (), nothing, Measuring(rules=rules))


def test_places_are_the_devices_with_their_region() -> None:
    """A site without a region leaves it empty."""
    columns = place_columns(INVENTORY, 7)
    rows = list(zip(columns["device"], columns["site"], columns["region"], columns["vendor"], columns["inventory"], strict=True))
    assert rows == [("pe1", "ams", "west", "acme", "1"), ("pe2", "rtm", "west", "", "1"), ("pe3", "ber", "", "", "1")]


def test_a_service_needs_both_ends_of_its_links_and_what_is_under_them() -> None:
    """Interfaces, ports and devices are what is measured; a link is named by its ends."""
    columns = service_columns(INVENTORY, Topology.of(INVENTORY), 7)
    needed = {(row[1], row[0]) for row in zip(columns["resource"], columns["service"], strict=True)}
    assert needed >= {("vpn", "interface/pe1/ge-0"), ("vpn", "interface/pe2/ge-0"), ("dia", "interface/pe3/ge-0"), ("dia", "device/pe3")}
    assert ("vpn", "interface/pe3/ge-0") not in needed
    assert set(zip(columns["service"], columns["customer"], columns["tier"], strict=True)) == {("vpn", "acme", "gold"), ("dia", "beta", "")}


async def test_places_are_written_when_the_inventory_changes_and_only_then(client: StoreClient) -> None:
    """What is no longer declared is gone from the present view; a sink that starts anew writes nothing that is there."""
    clock = iter(range(1_000, 9_000, 1_000))
    source = Source(INVENTORY)
    places = Places(source, client, lambda: next(clock))
    assert [await places.look(source) for _ in range(2)] == [True, False]
    assert await Places(source, client, lambda: next(clock)).look(source) is False
    assert await devices(client) == [("pe1", "ams"), ("pe2", "rtm"), ("pe3", "ber")]
    moved = {"pe1": replace(DEVICES[0], site="ber"), "pe2": DEVICES[1]}
    source.known = knowledge(replace(INVENTORY, version="2", devices=moved, services={}))
    assert await places.look(source) is True
    assert await devices(client) == [("pe1", "ber"), ("pe2", "rtm")]
    assert await client.rows("SELECT count() AS n FROM service_resource_current") == [{"n": 0}]


async def test_the_whole_inventory_is_recorded_when_it_changes(client: StoreClient) -> None:
    """Beside the places, by the same clock; also one whose places are in the store from before there was a history."""
    source = Source(INVENTORY)
    await Places(source, client, lambda: 1_000).look(source)
    source.known = knowledge(replace(INVENTORY, version="2", services={}))
    await Places(source, client, lambda: 2_000).look(source)
    assert await client.run(lambda connection: inventory_at(connection, 1_999_999_999)) == secretless(INVENTORY)
    assert await client.run(lambda connection: inventory_at(connection, 2_000_000_000)) == secretless(source.known.inventory)
    await client.command("TRUNCATE TABLE inventory_version")
    await client.command("TRUNCATE TABLE inventory_entry")
    assert await Places(source, client, lambda: 3_000).look(source) is False
    assert await client.run(lambda connection: inventory_at(connection, 3_000_000_000)) == secretless(source.known.inventory)


async def test_what_holds_not_yet_is_recorded_too(client: StoreClient) -> None:
    """The history has all that is declared; what of it holds is asked for a time."""
    declared = replace(INVENTORY, sites=INVENTORY.sites | {"osl": Site("osl", valid_from=9_000)})
    source = Source(INVENTORY)
    source.known = replace(source.known, declared=declared)
    await Places(source, client, lambda: 1).look(source)
    found = await client.run(lambda connection: inventory_at(connection, 1_000_000))
    assert found == secretless(declared)


def secretless(inventory: Inventory) -> Inventory:
    return replace(inventory, devices={name: replace(device, community="") for name, device in inventory.devices.items()})


async def until(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0.01)


async def devices(client: StoreClient) -> list[tuple[str, str]]:
    return [(row["device"], row["site"]) for row in await client.rows("SELECT device, site FROM place_current ORDER BY device")]


async def test_indicators_are_kept_as_precisely_as_their_rules_say(client: StoreClient) -> None:
    """Known as soon as the rules are read, and nothing before."""
    source = Source(INVENTORY, (KpiRule("in_bps", "interfaces", "rate(in_octets)", precision=20),))
    places = Places(source, client)
    assert places.precision() == {}
    await places.look(source)
    assert places.precision() == {"in_bps": 20}


async def test_an_inventory_that_cannot_be_read_is_waited_for(client: StoreClient, caplog: pytest.LogCaptureFixture) -> None:
    """The sink goes on without places, and says why there are none."""
    source = Source(INVENTORY)
    source.failures = [ConfigError([Problem("inventory", 0, "$", "no inventory files here", "add some")])]
    following = asyncio.create_task(Places(source, client).follow())
    await asyncio.wait_for(until(lambda: "places of devices are not up to date" in caplog.text), 30)
    following.cancel()
    assert await devices(client) == []


async def test_roll_ups_by_site_region_and_service_add_up(client: StoreClient) -> None:
    """Means over all values, the highest of any, and sums of each resource's mean: exact also where a minute has several polls."""
    source = Source(INVENTORY)
    await Places(source, client).look(source)
    minute = NOW // (60 * S) * 60 * S - 120 * S
    await polled(client, minute, {"pe1": 100.0, "pe2": 40.0, "pe3": 8.0, "stranger": 1_000.0})
    await polled(client, minute + 30 * S, {"pe1": 300.0, "pe3": np.nan})
    by_site = "SELECT site, resources, samples, mean, highest, total FROM kpi_by_site WHERE kpi = 'in_bps' ORDER BY site"
    assert [tuple(row.values()) for row in await client.rows(by_site)] == [
        ("ams", 1, 2, 200.0, 300.0, 200.0),
        ("ber", 1, 1, 8.0, 8.0, 8.0),
        ("rtm", 1, 1, 40.0, 40.0, 40.0),
    ]
    by_region = "SELECT region, resources, samples, mean, highest, total FROM kpi_by_region WHERE kpi = 'in_bps' ORDER BY region"
    west = ("west", 2, 3, pytest.approx(440 / 3), 300.0, 240.0)
    assert [tuple(row.values()) for row in await client.rows(by_region)] == [("", 1, 1, 8.0, 8.0, 8.0), west]
    by_service = (
        "SELECT service, customer, resources, samples, mean, highest, total FROM kpi_by_service WHERE kpi = 'in_bps' ORDER BY service"
    )
    assert [tuple(row.values()) for row in await client.rows(by_service)] == [
        ("dia", "beta", 1, 1, 8.0, 8.0, 8.0),
        ("vpn", "acme", 2, 3, pytest.approx(440 / 3), 300.0, 240.0),
    ]


async def polled(client: StoreClient, at: int, values: dict[str, float]) -> None:
    await client.insert_native(INTAKE, COLUMNS, Packed([pack(each, {}) for each in batches(at, values)]).native())


def batches(at: int, values: dict[str, float]) -> Iterable[KpiBatch]:
    for device, value in values.items():
        columns = packed({"in_bps": (np.array([value]), np.array([int(np.isnan(value))]))})
        yield KpiBatch(device, at, "poll-1", 1, (ResourceId(f"interface/{device}/ge-0"),), *columns)
