"""Correlation: alarms a second of CPU through the streaming core on 100,000 resources, and the longest that one tick thinks.

One carrier with a hundred national networks (those of root-cause, see README.md) in one domain, the largest with a full mesh of LSPs.
In each round elements fail all over, and one of the largest network by whose failure over a thousand alarms come within seconds, with two
other faults beside it: one component. Alarms are lost, repeated and late as in root-cause. Then all is mended and every alarm clears.
"""

import argparse
import gc
import os
import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from statistics import median

from pipeline.core.chain import Item, advance
from pipeline.core.context import Context
from pipeline.core.domain import DomainState
from pipeline.core.event import Event, EventSource, Severity, Signal, Tick
from pipeline.core.resource import ResourceId
from pipeline.loop import collect_seldom
from tests.bench.bar import Bar
from tests.bench.zoo.inventory import inventory_of
from tests.bench.zoo.network import Box, Line, Network, Path, Sold, graphs, network_of, pick
from tests.bench.zoo.physics import KINDS, Physics
from tests.bench.zoo.play import START
from tests.bench.zoo.scenario import Fault, Notification, Rates, _copies, _unfold
from tests.support.timeline import rule_book

GOAL, WORST_GOAL_S = 4_000, 1.0
RESOURCES = 100_000
LARGEST = "TataNld"
ROUND_S, MENDS_AFTER_S, STEP_S = 240, 120, 0.25
SECOND = 1_000_000_000


def bench(arguments: Sequence[str]) -> Iterable[Bar]:
    """The rate, and the worst tick."""
    parser = argparse.ArgumentParser(prog="correlation-rate")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--faults", type=int, default=40, help="of each round, beside those of the largest network")
    parser.add_argument("--resources", type=int, default=RESOURCES)
    options = parser.parse_args(arguments)
    collect_seldom()  # as the worker does
    began = time.process_time()
    physics = Physics(carrier(options.resources))
    context = Context.of(inventory_of(physics.network), rule_book().alarm_types)
    print(f"correlation-rate: {len(context.topology.names)} resources made ready in {time.process_time() - began:.1f} s of CPU", flush=True)
    run = Run(context, DomainState.from_rows(context))
    for number in range(options.rounds):
        run.play(number, events_of(physics, number, options.faults))
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = run.alarms / run.spent_s
    against: dict[str, float | str] = {
        "bar": GOAL,
        "worst-tick-s": max(run.ticks_s),
        "worst-tick-bar-s": WORST_GOAL_S,
        "largest-incident": f"{run.largest} alarms",
        "resources": len(context.topology.names),
        "raises/s": run.raises / run.spent_s,
        "without-solving/s": run.alarms / run.folding_s,
        "whole-collection-s": run.collecting_s,
        "us/alarm": 1e6 * run.spent_s / run.alarms,
        "rss-max-mb": memory_mb,
        "load": os.getloadavg()[0],
    }
    return [
        Bar("correlation-rate", rate, "alarms/s", against),
        Bar("correlation-worst", max(run.ticks_s), "s", {"bar": WORST_GOAL_S, "median-of-rounds": median(run.worst_s)}),
    ]


@dataclass(slots=True)
class Run:
    """The core under load. CPU in seconds: of everything, of events alone, of each tick, of each round's longest, and of the longest
    collection of all garbage, which is made between rounds and may fall into any tick."""

    context: Context
    state: DomainState
    alarms: int = 0
    raises: int = 0
    spent_s: float = 0.0
    folding_s: float = 0.0
    collecting_s: float = 0.0
    largest: int = 0
    ticks_s: list[float] = field(default_factory=list)
    worst_s: list[float] = field(default_factory=list)

    def play(self, number: int, events: Sequence[tuple[float, Event]]) -> None:
        """One round, in messages of a quarter of a second with a tick behind each."""
        began = time.process_time()
        gc.collect()
        self.collecting_s = max(self.collecting_s, time.process_time() - began)
        place, at_s, worst_s, largest = 0, 0.0, 0.0, 0
        before_s, spent_s = number * ROUND_S, 0.0
        while at_s < ROUND_S:
            at_s += STEP_S
            batch: list[Item] = []
            while place < len(events) and events[place][0] <= at_s:
                batch.append(events[place][1])
                place += 1
            folded_s = self._advance(batch) if batch else 0.0
            tick_s = self._advance([Tick(START + int((before_s + at_s) * SECOND))])
            self.ticks_s.append(tick_s)
            self.folding_s += folded_s
            spent_s, worst_s = spent_s + folded_s + tick_s, max(worst_s, tick_s)
            largest = max((len(self.state.incidents[name].members) for name in self.state.open), default=0) if batch else largest
            self.largest = max(self.largest, largest)
        self.spent_s += spent_s
        self.alarms += len(events)
        self.raises += sum(event.signal is Signal.RAISE for _, event in events)
        self.worst_s.append(worst_s)
        print(
            f"correlation-rate: round {number + 1}: {len(events)} alarms in {spent_s:.2f} s of CPU, longest tick {worst_s:.3f} s, "
            f"{len(self.state.open)} incidents left open",
            flush=True,
        )

    def _advance(self, items: list[Item]) -> float:
        began = time.process_time()
        self.state, _ = advance(self.context, self.state, items)
        return time.process_time() - began


def carrier(resources: int) -> Network:
    """National networks in one, the largest with a full mesh of LSPs, until there are so many resources."""
    whole, count = Network("carrier"), 0
    for graph in (LARGEST, *(graph for graph in graphs() if graph != LARGEST)):
        if count >= resources:
            break
        network = meshed(network_of(graph)) if graph == LARGEST else network_of(graph)
        count += _merge(whole, network, f"{graph.lower()}-")
    return whole


def meshed(network: Network) -> Network:
    """An LSP from every fourth router to every other, on the way with fewest links."""
    near: dict[str, list[tuple[str, str]]] = {}
    for name, line in network.lines.items():
        a, b = line.a.partition("/")[0], line.b.partition("/")[0]
        if network.boxes[a].is_router and network.boxes[b].is_router:
            near.setdefault(a, []).append((b, name))
            near.setdefault(b, []).append((a, name))
    paths = dict(network.paths)
    for head in sorted(near)[::4]:
        ways: dict[str, tuple[str, ...]] = {head: ()}
        ring = [head]
        for router in ring:
            for other, link in near[router]:
                if other not in ways:
                    ways[other] = (*ways[router], link)
                    ring.append(other)
        paths |= {f"mesh-{head}-{tail}": Path(head, links) for tail, links in ways.items() if links}
    return replace(network, paths=paths)


def _merge(whole: Network, network: Network, prefix: str) -> int:
    """Take a network in under names of its own; about how many resources it has."""

    def named(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(prefix + name for name in names)

    whole.sites.update({prefix + name: named(feeds) for name, feeds in network.sites.items()})
    for name, box in network.boxes.items():
        whole.boxes[prefix + name] = Box(prefix + box.site, named(box.feeds), box.ports, box.uplinks, box.is_router)
    whole.fibres.update({prefix + name: named(ducts) for name, ducts in network.fibres.items()})
    whole.lines.update({prefix + name: Line(prefix + line.a, prefix + line.b, named(line.fibres)) for name, line in network.lines.items()})
    whole.paths.update({prefix + name: Path(prefix + path.head, named(path.links)) for name, path in network.paths.items()})
    whole.tunnels.update({prefix + name: named(lsps) for name, lsps in network.tunnels.items()})
    for name, sold in network.services.items():
        whole.services[prefix + name] = Sold(sold.customer, prefix + sold.tunnel, prefix + sold.a, prefix + sold.b)
    ports = sum(len(box.ports) for box in network.boxes.values())
    return 2 * ports + 5 * len(network.boxes) + len(network.fibres) + len(network.lines) + len(network.paths) + 2 * len(network.services)


def events_of(physics: Physics, number: int, faults: int) -> list[tuple[float, Event]]:
    """A round's alarms in order of arrival, raised and then cleared."""
    random = Random(f"correlation-rate|{number}")
    rates = Rates()
    sent = [each for each in _unfold(physics, tuple(_faults(physics, faults, random)), random)[0] if random.random() >= rates.lost]
    raised = [copy for each in sent for copy in _copies(each, rates, random)]
    cleared = [replace(each, arrives_s=(at_s := MENDS_AFTER_S + 10 * random.random()), stamped_s=at_s) for each in sent]
    before_s = number * ROUND_S
    told = [(each, Signal.RAISE) for each in raised] + [(each, Signal.CLEAR) for each in cleared]
    told.sort(key=lambda pair: (pair[0].arrives_s, pair[0].told))
    return [(each.arrives_s, _event(each, signal, before_s, number * 1_000_000 + place)) for place, (each, signal) in enumerate(told)]


def _faults(physics: Physics, count: int, random: Random) -> Iterator[Fault]:
    """The one by which most goes down of a few of the largest network, with two of its neighbourhood; then others anywhere."""
    prefix = f"{LARGEST.lower()}-"
    candidates = [
        each for kind in ("duct", "card", "device") for each in physics.elements[kind] if each.partition("/")[2].startswith(prefix)
    ]
    some = sorted({pick(random, candidates) for _ in range(40)})
    worst = max(some, key=lambda element: len(physics.told((element,))))
    beside = [each for each in candidates if each != worst and physics.told((each,)) & physics.told((worst,))] or candidates
    chosen = [worst, pick(random, beside), pick(random, beside)]
    chosen += [pick(random, physics.elements[pick(random, KINDS)]) for _ in range(count)]
    return (Fault(element, round(20 * random.random(), 3)) for element in dict.fromkeys(chosen))


def _event(notification: Notification, signal: Signal, before_s: float, sequence: int) -> Event:
    name, alarm_type = notification.told
    known = rule_book().alarm_types[alarm_type]
    return Event(
        id=f"trap-1:{sequence}:0",
        occurred_at=START + int((before_s + notification.stamped_s) * SECOND),
        resource=ResourceId(name),
        alarm_type=alarm_type,
        signal=signal,
        severity=known.severity or Severity.MAJOR,
        text=f"{alarm_type} of {name}",
        source=EventSource.TRAP,
        device=notification.device,
        collector="trap-1",
        sequence=sequence,
        condition=known.condition,
    )
