"""A made-up history of alarms over the benchmark's operators: noise of many kinds, storms, and effects that are planted."""

from collections.abc import Iterator
from random import Random

from pipeline.core.co_occurrence import Raise
from pipeline.core.correlation_rule import Relations
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Topology
from tests.bench.zoo.inventory import inventory_of
from tests.bench.zoo.network import Network, network_of, pick

DAY_S = 86_400
BEGINS_S = 1_790_000_000
NOISE = tuple(f"noise-{number}" for number in range(12))

Timed = tuple[float, str, str, str]


def alarm_history(graph: str, days: int, seed: int, *, planted: bool = True, noisy: float = 0.05) -> tuple[list[Raise], Relations]:
    """``noisy`` alarms of each kind a day and device, half of them in the evening, one in five a burst; every third day a storm.

    Planted are effects of cut links: light that fades on the same port within seconds, BGP peers that are lost on the same device within
    minutes, congestion on neighbours a minute or two later; each only about every other time.
    """
    random, network = Random(f"{graph}|{seed}"), network_of(graph)
    inventory = inventory_of(network)
    relations = Relations.of(inventory, Topology.of(inventory))
    told = [*_noise(random, network, days, noisy), *_storms(random, network, days)]
    if planted:
        told += _cuts(random, network, relations, days)
    return [Raise(int((BEGINS_S + at_s) * 1e9), kind, ResourceId(resource), device) for at_s, kind, resource, device in told], relations


def _noise(random: Random, network: Network, days: int, noisy: float) -> Iterator[Timed]:
    for kind in NOISE:
        for device in network.boxes:
            wanted = noisy * random.expovariate(1) * days
            for _ in range(int(wanted) + (random.random() < wanted % 1)):
                at_s = random.random() * days * DAY_S
                if random.random() < 0.5:
                    at_s = at_s // DAY_S * DAY_S + (18 + 4 * random.random()) * 3600
                for step in range(1 if random.random() < 0.8 else 1 + int(random.random() * 10)):
                    yield at_s + step * random.random() * 60, kind, f"device/{device}", device


def _storms(random: Random, network: Network, days: int) -> Iterator[Timed]:
    for _ in range(days // 3):
        at_s, kind = random.random() * days * DAY_S, pick(random, NOISE)
        for device in network.boxes:
            if random.random() < 0.4:
                yield at_s + random.random() * 20, kind, f"device/{device}", device


def _cuts(random: Random, network: Network, relations: Relations, days: int) -> Iterator[Timed]:
    for _ in range(int(days * 1.5)):
        at_s, line = random.random() * days * DAY_S, pick(random, list(network.lines.values()))
        for end in (line.a, line.b):
            device = end.partition("/")[0]
            yield at_s + random.random() * 2, "link-down", f"interface/{end}", device
            if random.random() < 0.6:
                yield at_s + 5 + random.expovariate(1 / 30), "peer-down", f"peer/{device}/192.0.2.1", device
            if random.random() < 0.5:
                yield at_s + 2 + random.random() * 3, "optical-power-low", f"interface/{end}", device
        for near in sorted(relations.neighbours[line.a.partition("/")[0]]):
            if random.random() < 0.5:
                port = pick(random, list(network.boxes[near].ports))
                yield at_s + 60 + random.random() * 100, "congestion", f"interface/{near}/{port}", near
