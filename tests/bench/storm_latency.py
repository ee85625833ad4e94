"""How soon a critical trap reaches the webhook while other devices storm: seconds from the datagram sent to the page received.

Beside the lab stand ``AT_EASE`` more devices, each with a service of its own. Now and then one of them says that the service's continuity
check fails (critical), and when the page has come, that it succeeds. This is timed four times: with ``--normal`` traps/s of
:mod:`tests.bench.traffic` from the lab's devices, then with ``--storm`` on top, from one of them, from ``HUNDRED`` others, and from all. An
incident is opened ``settle_s`` (1.5 s) after its last alarm, at a tick of 0.25 s: so much of each figure is the product's choice.
"""

import argparse
import asyncio
import math
import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from pipeline.cli.demo_stage import AGENT_PORT
from pipeline.inventory.files import load_inventory
from pipeline.lab.config import inventory_dir
from tests.bench.bar import Bar
from tests.bench.chain import Chain, holds, running_chain, send, until
from tests.bench.traffic import continuity

BAR_S = 2.0
"""Seconds, p99, during a storm of 5,000 traps/s for a minute."""
AT_EASE = 40
TURN_S = 1.0
"""So often has the next device at ease its alarm: each one seldom enough not to be flapping, which is five changes in a minute."""
PATIENCE_S = 60.0
STORMING = ("ams-pe1",)
HUNDRED, SITES = 100, 25
"""Devices that storm, and where they stand: four at a site, each other's BGP peers."""


@dataclass(slots=True)
class Timing:
    """Critical traps of one phase: how long until the page of each came (infinite for none), and how many datagrams they took."""

    latencies_s: list[float] = field(default_factory=list)
    datagrams: int = 0

    def at(self, share: float) -> float:
        """The latency that ``share`` of all did not pass."""
        place = math.ceil(share * len(self.latencies_s)) - 1
        return sorted(self.latencies_s)[place] if self.latencies_s else math.inf

    @property
    def unpaged(self) -> int:
        """How many never led to a page."""
        return sum(map(math.isinf, self.latencies_s))


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """Three bars, p99 in seconds: with one device storming, with a hundred, and with all."""
    parser = argparse.ArgumentParser(prog="storm-latency")
    parser.add_argument("--normal", type=float, default=500.0, help="traps/s without a storm")
    parser.add_argument("--storm", type=float, default=5_000.0, help="traps/s on top of it")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each of the four phases takes")
    yield from asyncio.run(_bench(parser.parse_args(arguments)))


async def _bench(options: argparse.Namespace) -> list[Bar]:
    lab = list(load_inventory(inventory_dir()).devices)
    hundred = [f"storm-{n}" for n in range(1, HUNDRED + 1)]
    async with running_chain(inventory=_more_devices(hundred)) as chain:
        turns = cycle(range(1, AT_EASE + 1))
        calm = await _phase(chain, options, turns, lab, ())
        one = await _phase(chain, options, turns, lab, STORMING)
        many = await _phase(chain, options, turns, lab, hundred)
        every = await _phase(chain, options, turns, lab, [*lab, *hundred])
        collector_mb = chain.usage().rss_mb["traps"]
    print(f"storm-latency: the trap collector's largest resident set was {collector_mb:.0f} MB")
    return [
        Bar("storm-latency", one.at(0.99), "s", _against(one, calm, options)),
        Bar("storm-latency-100", many.at(0.99), "s", _against(many, calm, options)),
        Bar("storm-latency-all", every.at(0.99), "s", _against(every, calm, options)),
    ]


def _against(timing: Timing, calm: Timing, options: argparse.Namespace) -> dict[str, float | str]:
    return {
        "bar": BAR_S,
        "p50": timing.at(0.5),
        "without-storm-p99": calm.at(0.99),
        "without-storm-p50": calm.at(0.5),
        "storm-traps/s": options.storm,
        "critical-traps": len(timing.latencies_s),
        "unpaged": timing.unpaged,
        "load": os.getloadavg()[0],
    }


def _more_devices(storming: Sequence[str]) -> str:
    """Devices at ease, each with a service at a site of its own, so that no cause is common to two; and devices that shall storm."""
    numbers = range(1, AT_EASE + 1)
    devices = [_device(f"ease-{n}", f"ease-{n}", f"127.20.1.{n}", "ease") for n in numbers]
    devices += [_device(name, f"storm-{n % SITES}", f"127.20.2.{n}", f"storm-{n % SITES}") for n, name in enumerate(storming, start=1)]
    services = [f"{{name: ease-{n}, customer: ease, contract: ease, kind: internet, needs: [interface/ease-{n}/ge-0]}}" for n in numbers]
    charges = ", ".join(f'ease-{n}: "100.00"' for n in numbers)
    return "\n".join(
        (
            "sites:",
            *(f"  - {{name: storm-{n}}}" for n in range(SITES)),
            *(f"  - {{name: ease-{n}}}" for n in numbers),
            "devices:",
            *(f"  - {device}" for device in devices),
            "services:",
            *(f"  - {service}" for service in services),
            "customers: [{name: ease, display_name: Ease, tier: gold, timezone: Europe/Amsterdam}]",
            f"contracts: [{{name: ease, customer: ease, plan: lab-gold, currency: EUR, charges: {{{charges}}}}}]",
        )
    )


def _device(name: str, site: str, address: str, role: str) -> str:
    """One device; those of one role are each other's BGP peers."""
    ports = ", ".join(f"{{name: ge-{port}, index: {port + 1}, speed_mbps: 1000}}" for port in range(4))
    return f"{{name: {name}, site: {site}, vendor: lab, role: {role}, address: {address}, port: {AGENT_PORT}, interfaces: [{ports}]}}"


async def _phase(chain: Chain, options: argparse.Namespace, turns: Iterator[int], lab: Sequence[str], storming: Sequence[str]) -> Timing:
    """Time critical traps beside the normal rate and, if any device storms, the storm; then wait until nothing is under way."""
    timing = Timing()
    before, used, began = await chain.sums(), chain.usage(), time.monotonic()
    sending = [asyncio.create_task(send(chain, options.normal, options.seconds, lab))]
    if storming:
        sending.append(asyncio.create_task(send(chain, options.storm, options.seconds, storming)))
    until_at = time.monotonic() + options.seconds
    async with asyncio.TaskGroup() as alarms:
        while time.monotonic() < until_at:
            alarms.create_task(_alarm(chain, timing, f"ease-{next(turns)}"))
            await asyncio.sleep(TURN_S)
    sent = sum(int(told["sent"]) for told in await asyncio.gather(*sending)) + timing.datagrams
    await _drained(chain, before, sent)
    elapsed = time.monotonic() - began
    cores = " ".join(f"{part}={seconds / elapsed:.2f}" for part, seconds in chain.usage().since(used).items())
    told = f"median {timing.at(0.5):.2f} s, {timing.unpaged} unpaged; cores over {elapsed:.0f} s: {cores}"
    print(f"storm-latency phase: {len(storming)} storming, {told}", flush=True)
    return timing


async def _alarm(chain: Chain, timing: Timing, name: str) -> None:
    """A device at ease: its service is lost, it waits for the page, the service is back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((chain.inventory.devices[name].address, 0))
        sender.connect(("127.0.0.1", chain.port))
        began = time.monotonic()
        sender.send(continuity(name, lost=True))
        timing.latencies_s.append(await _page_of(chain, name, began) - began)
        sender.send(continuity(name, lost=False))
        timing.datagrams += 2


async def _page_of(chain: Chain, service: str, since: float) -> float:
    """When the first page came that says a service is down; infinity when it does not come."""

    def found() -> list[float]:
        pages = ((when, page["data"]) for when, page in chain.pages if when >= since)
        return [when for when, data in pages if data["state"] == "open" and service in {felt["service"] for felt in data["services"]}]

    async def has_come() -> bool:
        return bool(found())

    return found()[0] if await until(has_come, PATIENCE_S, every_s=0.02) else math.inf


async def _drained(chain: Chain, before: dict[str, int], sent: int) -> None:
    """Wait until everything is stored. Raises ``AssertionError`` that names the sum that does not hold."""
    why_not = ""

    async def settled() -> bool:
        nonlocal why_not
        after = await chain.sums()
        why_not = "a process died" if chain.restarts() else holds({name: after[name] - before[name] for name in after}, sent)
        return not why_not or bool(chain.restarts())

    await until(settled, 120, every_s=1.0)
    assert not why_not, why_not
