"""The files of a large operator, for benchmarks of the inventory: as many resources as wanted, all of them CSV.

Each device hangs on two power feeds of its site (five devices a site), has two line cards with 39 interfaces and a LAG of two of these,
two parallel links to the next device in one duct and one to the seventh from it, a tunnel to that one over either, and five services.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

PER_DEVICE = 102
"""Resources for each device: interfaces and their ports 80, cards, links and fibres 8, paths, services, …"""

A_SITE = 5
PORTS_A_CARD = 20
PORTS = 39
SERVICES = 5
A_CONTRACT = 10
HOPS = 7


def write_operator(folder: Path, resources: int) -> int:
    """Write the files into a folder; how many devices there are."""
    folder.mkdir(parents=True, exist_ok=True)
    devices = max(HOPS + 1, resources // PER_DEVICE)
    for name, rows in _tables(devices).items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    return devices


def port_name(number: int) -> str:
    """``ge-0/0/0`` to ``ge-1/0/18``: a card's number comes first."""
    return f"ge-{number // PORTS_A_CARD}/0/{number % PORTS_A_CARD}"


def _tables(count: int) -> dict[str, Iterable[tuple[object, ...]]]:
    devices, sites = range(count), range(-(-count // A_SITE))
    services = [(each, number) for each in devices for number in range(SERVICES)]
    contracts = range(-(-len(services) // A_CONTRACT))
    return {
        "sites": [("name", "region"), *((f"s{each}", f"r{each % 20}") for each in sites)],
        "power": [("name", "site"), *((f"s{each}-{feed}", f"s{each}") for each in sites for feed in "ab")],
        "devices": [("name", "site", "address", "role", "vendor", "domain", "power", "uplinks"), *map(_device, devices)],
        "interfaces": _interfaces(count),
        "ducts": [("name",), *((f"u{each}",) for each in devices)],
        "fibres": [("name", "duct"), *((f"f{each}-{line}", f"u{each}") for each in devices for line in range(3))],
        "links": _links(count),
        "lags": [
            ("name", "members", "needs"),
            *((f"d{each}/ae0", f"d{each}/{port_name(0)};d{each}/{port_name(1)}", 1) for each in devices),
        ],
        "lsps": _lsps(count),
        "tunnels": [("name", "lsps", "needs"), *((f"t{each}", f"p{each}-long;p{each}-short", 1) for each in devices)],
        "circuits": [("name", "needs"), *((f"c{each}", f"tunnel/t{each};interface/d{each}/ae0") for each in devices[::2])],
        "customers": [("name", "display_name", "tier"), *((f"k{each}", f"Customer {each}", "silver") for each in contracts)],
        "contracts": [
            ("name", "customer", "plan", "currency", "charges"),
            *((f"k{each}", f"k{each}", "lab-silver", "EUR", _charges(services, each)) for each in contracts),
        ],
        "services": [
            ("name", "customer", "contract", "kind", "needs"),
            *((*_service(place, *each),) for place, each in enumerate(services)),
        ],
    }


def _device(each: int) -> tuple[object, ...]:
    site = each // A_SITE
    address = f"10.{each >> 16 & 255}.{each >> 8 & 255}.{each & 255}"
    return (f"d{each}", f"s{site}", address, "edge", "lab", f"r{site % 20}", f"s{site}-a;s{site}-b", f"{port_name(0)};{port_name(2)}")


def _interfaces(count: int) -> Iterator[tuple[object, ...]]:
    yield "device", "name", "index", "speed_mbps", "card"
    for each in range(count):
        for number in range(PORTS):
            yield f"d{each}", port_name(number), number + 1, 10_000, f"fpc{number // PORTS_A_CARD}"
        yield f"d{each}", "ae0", PORTS + 1, 20_000, ""


def _links(count: int) -> Iterator[tuple[object, ...]]:
    yield "name", "a", "b", "fibres"
    for each in range(count):
        for line, far in enumerate((1, 1, HOPS)):
            yield f"l{each}-{line}", f"d{each}/{port_name(line)}", f"d{(each + far) % count}/{port_name(3 + line)}", f"f{each}-{line}"


def _lsps(count: int) -> Iterator[tuple[object, ...]]:
    yield "name", "head", "links"
    for each in range(count):
        yield f"p{each}-long", f"d{each}", ";".join(f"l{(each + hop) % count}-0" for hop in range(HOPS))
        yield f"p{each}-short", f"d{each}", f"l{each}-2"


def _service(place: int, device: int, number: int) -> tuple[object, ...]:
    contract = f"k{place // A_CONTRACT}"
    return f"v{device}-{number}", contract, contract, "l3vpn", f"tunnel/t{device};interface/d{device}/{port_name(10 + number)}"


def _charges(services: list[tuple[int, int]], contract: int) -> str:
    mine = services[contract * A_CONTRACT : (contract + 1) * A_CONTRACT]
    return ";".join(f"v{device}-{number}=100.00" for device, number in mine)
