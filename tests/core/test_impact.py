"""What each service feels of which incident, told anew only where something changed, is what letting all failures happen again gives."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.impact import DEGRADED, DOWN, Impacts, Loss, felt_by
from pipeline.core.inventory import Device, Fibre, Interface, Inventory, Link, Lsp, Service, Tunnel
from pipeline.core.outage import ServiceState
from pipeline.core.resource import ResourceId
from pipeline.core.topology import Closure, Topology
from pipeline.core.trace import paths

LOST = Loss(ServiceState.REDUNDANCY_LOST)


def network(seed: int, devices: int = 6) -> Topology:
    """A random network with links that share fibres, protected tunnels, access devices with uplinks, services on anything."""
    chance = random.Random(seed)
    ports = range(4)
    names = [f"d{number}" for number in range(devices)]
    known = {
        name: Device(
            name,
            f"s{number % 3}",
            f"192.0.2.{number}",
            interfaces=tuple(Interface(str(port), port, 10) for port in ports),
            uplinks=chance.choice(((), ("0",), ("0", "1"))),
        )
        for number, name in enumerate(names)
    }
    ends = [f"{name}/{port}" for name in names for port in ports]
    chance.shuffle(ends)
    links = {
        f"l{number}": Link(f"l{number}", a, b, tuple(chance.sample(["f0", "f1", "f2", "f3"], chance.randint(1, 2))))
        for number, (a, b) in enumerate(zip(ends[::2], ends[1::2], strict=False))
    }
    lsps = {f"p{n}": Lsp(f"p{n}", chance.choice(names), tuple(chance.sample(list(links), chance.randint(1, 3)))) for n in range(8)}
    tunnels = {}
    for number in range(6):
        paths = tuple(chance.sample(list(lsps), chance.randint(1, 3)))
        tunnels[f"t{number}"] = Tunnel(f"t{number}", paths, chance.randint(1, len(paths)))
    needs = [*(f"tunnel/{name}" for name in tunnels), *(f"interface/{end}" for end in ends), *(f"reachability/{name}" for name in names)]
    services = {}
    for number in range(14):
        chosen = tuple(chance.sample([*needs, *(f"service/{name}" for name in services)], chance.randint(1, 3)))
        weights = {need: chance.choice((0.5, 1.0, 3.0)) for need in chosen if chance.random() < 0.7} if chance.random() < 0.5 else {}
        keep = chance.randint(0, len(chosen))
        services[f"v{number}"] = Service(f"v{number}", "c", "k", "vpn", chosen, keep=keep, weights=weights)
    fibres = {f"f{number}": Fibre(f"f{number}", f"u{number % 2}") for number in range(4)}
    return Topology.of(Inventory("v", devices=known, fibres=fibres, links=links, lsps=lsps, tunnels=tunnels, services=services))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**32))
def test_any_sequence_of_incidents_is_felt_as_if_all_had_failed_one_after_the_other(of_network: int, seed: int) -> None:
    """Opened, moved to another root, made earlier, worse or milder, and resolved, in any order; whom nothing touched feels the same."""
    topology, chance = network(of_network), random.Random(seed)
    impacts, open_now, told = Impacts(topology), dict[str, tuple[ResourceId, bool, int]](), dict[str, dict[str, Loss]]()
    for _ in range(25):
        name = f"i{chance.randrange(8)}"
        if name in open_now and chance.random() < 0.4:
            del open_now[name]
            impacts.drop(name)
        else:
            root = chance.choice([*topology.names, ResourceId("device/unknown")])
            open_now[name] = (root, chance.random() < 0.8, chance.randrange(5))
            impacts.put(name, root, down=open_now[name][1], began_at=open_now[name][2])
        ordered = sorted(open_now.items(), key=lambda each: (each[1][2], each[0]))
        expected = felt_by(topology, [(incident, root, down) for incident, (root, down, _) in ordered])
        assert {incident: impacts.losses(incident) for incident in open_now} == expected
        for incident, states in expected.items():
            assert impacts.paths(incident, states) == paths(impacts.felling, incident, states)
        touched = impacts.take_touched()
        assert {incident for incident, states in expected.items() if told.get(incident, {}) != states} <= touched
        assert touched <= open_now.keys() | {name}
        told = expected


@pytest.mark.parametrize("seed", range(20))
def test_when_all_is_over_nothing_is_left(seed: int) -> None:
    """No node, gate or incident stays behind, so that a long life leaks nothing."""
    topology, chance = network(seed, 10), random.Random(seed)
    impacts = Impacts(topology)
    names = [f"i{number}" for number in range(30)]
    for number, name in enumerate(names):
        besides = chance.sample(topology.names, chance.randrange(3))
        impacts.put(name, chance.choice(topology.names), down=chance.random() < 0.8, began_at=number, besides=besides)
    chance.shuffle(names)
    for name in names:
        impacts.drop(name)
    felling = impacts.felling
    assert not any((felling.ranks, felling.owned, felling.roots, felling.failed, felling.weakened, felling.besides))


@pytest.mark.parametrize("seed", range(20))
def test_what_fails_besides_for_want_of_a_record_is_felt_as_if_the_record_were_there(seed: int) -> None:
    """A root with others besides takes down what one that they all depend on would; and no more once it has none besides."""
    chance = random.Random(seed)
    topology = network(seed)
    root, *besides = chance.sample(topology.names, 3)
    nodes = [node for each in (root, *besides) if (node := topology.node(each)) is not None]
    impacts = Impacts(topology)
    impacts.put("i", root, down=True, began_at=1, besides=besides)
    assert impacts.felling.down == set(Closure(topology).add(nodes))
    impacts.put("i", root, down=True, began_at=1)
    assert impacts.felling.down == set(Closure(topology).add(nodes[:1]))


PROTECTED = Topology.of(
    Inventory(
        "v",
        fibres={"f1": Fibre("f1"), "f2": Fibre("f2")},
        links={"l1": Link("l1", "a/1", "b/1", ("f1",)), "l2": Link("l2", "a/2", "b/2", ("f2",))},
        lsps={"p1": Lsp("p1", "a", ("l1",)), "p2": Lsp("p2", "a", ("l2",))},
        tunnels={"t": Tunnel("t", ("p1", "p2"))},
        services={"vpn": Service("vpn", "c", "k", "vpn", ("tunnel/t",)), "line": Service("line", "c", "k", "line", ("lsp/p1",))},
    )
)
F1, F2 = ResourceId("fibre/f1"), ResourceId("fibre/f2")


def test_a_service_that_two_take_down_together_is_laid_to_the_later_and_given_back_when_one_ends() -> None:
    """The second leg completes it; when the first is mended, the second has but weakened it."""
    impacts = Impacts(PROTECTED)
    impacts.put("first", F1, down=True, began_at=1)
    assert impacts.losses("first") == {"vpn": LOST, "line": DOWN}
    impacts.put("second", F2, down=True, began_at=2)
    assert (impacts.losses("first"), impacts.losses("second")) == ({"line": DOWN}, {"vpn": DOWN})
    impacts.take_touched()
    impacts.drop("first")
    assert impacts.losses("second") == {"vpn": LOST}
    assert impacts.take_touched() == {"first", "second"}


def test_what_is_only_degraded_comes_after_all_that_is_down_however_early_it_began() -> None:
    impacts = Impacts(PROTECTED)
    impacts.put("slow", F1, down=False, began_at=1)
    assert impacts.losses("slow") == {"line": DEGRADED}
    impacts.put("cut", F2, down=True, began_at=2)
    assert impacts.losses("slow") == {"line": DEGRADED, "vpn": DEGRADED}
    assert impacts.losses("cut") == {"vpn": LOST}


def test_nobody_is_touched_by_what_happens_elsewhere() -> None:
    """The work follows what changed, not how many incidents are open."""
    topology = Topology.of(
        Inventory(
            "v",
            fibres={f"f{n}": Fibre(f"f{n}") for n in range(50)},
            links={f"l{n}": Link(f"l{n}", f"a{n}/1", f"b{n}/1", (f"f{n}",)) for n in range(50)},
            services={f"v{n}": Service(f"v{n}", "c", "k", "line", (f"link/l{n}",)) for n in range(50)},
        )
    )
    impacts = Impacts(topology)
    for number in range(49):
        impacts.put(f"i{number}", ResourceId(f"fibre/f{number}"), down=True, began_at=number)
    impacts.take_touched()
    impacts.put("new", ResourceId("fibre/f49"), down=True, began_at=7)
    assert impacts.take_touched() == {"new"}
    impacts.put("new", ResourceId("fibre/f49"), down=True, began_at=7)
    assert impacts.take_touched() == set()
