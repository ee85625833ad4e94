"""Faults and what is told of them: lost, late, repeated, false, out of order. Frozen, as the network is (see tests/bench/README.md)."""

from dataclasses import dataclass, field
from random import Random

from tests.bench.zoo.network import Network, damaged, network_of, pick
from tests.bench.zoo.physics import KINDS, LINK_DOWN, LSP_DOWN, UNREACHABLE, Down, Physics, Told, physics_of, without_polls

FAULTS_WITHIN_S, LATEST_S = 30.0, 30.0
TRIES = 400
SENT_AFTER_S = {LINK_DOWN: 1.0, LSP_DOWN: 3.0}
"""How long after its cause a device tells at the latest, by alarm type; others tell within a second."""


@dataclass(frozen=True, slots=True)
class Rates:
    """``lost``: share of alarms that never come; ``false``: false alarms for each true one; ``repeated``: share that comes more than once.

    ``stale``: share of the topology's edges that the inventory lacks or has wrong.
    """

    lost: float = 0.1
    false: float = 0.02
    repeated: float = 0.2
    stale: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """An element that fails, so many seconds after the beginning."""

    element: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Notification:
    """One trap as the collector stamps it, and when it gets to the chain (seconds after the beginning)."""

    told: Told
    device: str
    stamped_s: float
    arrives_s: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One trial. ``cause`` says which fault (by its place) first took each thing down; what is not in it is nobody's: false."""

    name: str
    graph: str
    faults: tuple[Fault, ...]
    notifications: tuple[Notification, ...]
    cause: dict[Told, int]
    downs: tuple[tuple[float, frozenset[str]], ...]
    inventory: Network = field(repr=False)

    def down_at(self, at_s: float) -> frozenset[str]:
        """What is down at a time."""
        known: frozenset[str] = frozenset()
        for since_s, down in self.downs:
            if since_s <= at_s:
                known = down
        return known


def scenario_of(row: str, graph: str, faults: int, turn: int, rates: Rates) -> Scenario:
    """One trial of a row of the benchmark; the same on every machine. On a small graph there may be fewer faults that can be seen."""
    name = f"{row}|{graph}|{faults}|{turn}"
    random = Random(name)
    physics = physics_of(graph)
    chosen = _faults(physics, faults, random)
    true, cause, downs = _unfold(physics, chosen, random)
    sent = [*true, *_false(physics, len(true), rates.false, downs, random)]
    heard = [each for each in sent if random.random() >= rates.lost]
    notifications = [copy for each in heard for copy in _copies(each, rates, random)]
    network = network_of(graph)
    inventory = damaged(network, rates.stale, random) if rates.stale else network
    ordered = tuple(sorted(notifications, key=lambda each: (each.arrives_s, each.stamped_s, each.told)))
    return Scenario(name, graph, chosen, ordered, cause, downs, inventory)


def _faults(physics: Physics, count: int, random: Random) -> tuple[Fault, ...]:
    """Kinds are alike likely, and within a kind its elements; each fault adds something to what notifications tell, given the others."""
    chosen: list[str] = []
    for _ in range(TRIES):
        kinds = [kind for kind in KINDS if physics.elements[kind]]
        element = pick(random, physics.elements[pick(random, kinds)])
        trial = [*chosen, element]
        if element not in chosen and all(_adds(physics, trial, each) for each in trial):
            chosen = trial
        if len(chosen) == count:
            break
    times = sorted(round(random.random() * FAULTS_WITHIN_S, 3) for _ in chosen)
    return tuple(Fault(element, at_s) for element, at_s in zip(chosen, times, strict=True))


def _adds(physics: Physics, elements: list[str], element: str) -> bool:
    rest = [other for other in elements if other != element]
    return bool(without_polls(physics.told(elements)) - without_polls(physics.told(rest)))


def _unfold(
    physics: Physics, faults: tuple[Fault, ...], random: Random
) -> tuple[list[Notification], dict[Told, int], tuple[tuple[float, frozenset[str]], ...]]:
    """The faults one after the other: what is told, whose doing each thing is, and what is down since when."""
    down = Down()
    sent: list[Notification] = []
    cause: dict[Told, int] = {}
    downs: list[tuple[float, frozenset[str]]] = []
    for place, fault in enumerate(faults):
        failed = physics.fail(down, fault.element)
        weakened = {f"device/{node.partition('/')[2]}" for node in down.lost if node.startswith("supply/")}
        for told in sorted(told for told in physics.told_by if told[0] in failed or told[0] in weakened):
            is_new = told not in cause and (told[0] in down.nodes or physics.is_told(told, down))
            if not is_new:
                continue
            cause[told] = place
            if told[1] != UNREACHABLE and physics.is_told(told, down):
                at_s = fault.at_s + random.random() * SENT_AFTER_S.get(told[1], 1.0)
                sent.append(Notification(told, physics.told_by[told], at_s, at_s))
        downs.append((fault.at_s, frozenset(down.nodes)))
    return sent, cause, tuple(downs)


def _false(physics: Physics, true: int, rate: float, downs: tuple[tuple[float, frozenset[str]], ...], random: Random) -> list[Notification]:
    """For each true alarm, with a probability of ``rate``, a false one of something that stays well, from a device that can be heard."""
    down = downs[-1][1] if downs else frozenset[str]()
    well = sorted(
        told
        for told, device in physics.told_by.items()
        if told[1] in SENT_AFTER_S and told[0] not in down and f"reachability/{device}" not in down
    )
    found: list[Notification] = []
    for _ in range(true):
        if random.random() < rate and well:
            told = pick(random, well)
            at_s = random.random() * FAULTS_WITHIN_S
            found.append(Notification(told, physics.told_by[told], at_s, at_s))
    return found


def _copies(sent: Notification, rates: Rates, random: Random) -> list[Notification]:
    """The notification and its repeats, each late by its own. Of what is late, half was held up before the collector stamped it."""
    count = 1 if random.random() >= rates.repeated else 2 + (random.random() < 0.5)
    copies: list[Notification] = []
    for number in range(count):
        at_s = sent.stamped_s + (random.random() * 5.0 if number else 0.0)
        late_s = _late_s(random)
        stamped_s = at_s + late_s if random.random() < 0.5 else at_s
        copies.append(Notification(sent.told, sent.device, round(stamped_s, 3), round(at_s + late_s, 3)))
    return copies


def _late_s(random: Random) -> float:
    """Four in five within a second, most others within ten, one in twenty up to thirty."""
    draw, share = random.random(), random.random()
    if draw < 0.8:
        return share
    return 1.0 + 9.0 * share if draw < 0.95 else 10.0 + (LATEST_S - 10.0) * share
