"""The network as a fold: ``apply(state, command, at) -> (state, changes)``. No clock, no socket."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random
from typing import Any

from pipeline.lab.command import Command, Verb
from pipeline.lab.condition import Condition, Faults, condition_of
from pipeline.lab.plant import Plant
from pipeline.lab.traffic import NANOSECONDS, SILENCE, Curve, Meter, daily, steady

OCTETS_PER_PACKET = 700
DAY = 86_400 * NANOSECONDS


class Fact(StrEnum):
    """Kinds of fact that can change, and that a device may send a notification about."""

    LIGHT = "light"
    INTERFACE = "interface"
    SESSION = "session"
    LSP = "lsp"
    SERVICE = "service"
    POWER = "power"
    BOOT = "boot"


@dataclass(frozen=True, slots=True)
class Change:
    """A fact that changed: ``up`` is true for the better. ``name`` is the inventory's; a session's is ``device/neighbour``."""

    fact: Fact
    name: str
    up: bool


@dataclass(frozen=True, slots=True)
class Meters:
    """What an interface counts: octets in and out, packets discarded on the way out, errors on the way in."""

    octets_in: Meter
    octets_out: Meter
    discards_out: Meter
    errors_in: Meter

    def turn(self, curves: tuple[Curve, Curve, Curve, Curve], at: int) -> "Meters":
        """Go on with other curves, in the order of the fields."""
        octets_in, octets_out, discards_out, errors_in = curves
        return Meters(
            self.octets_in.turn(octets_in, at),
            self.octets_out.turn(octets_out, at),
            self.discards_out.turn(discards_out, at),
            self.errors_in.turn(errors_in, at),
        )


@dataclass(frozen=True, slots=True)
class NetworkState:
    """The network at one time. Interfaces are ``device/interface``, times UTC nanoseconds.

    ``loads`` is the offered percentage of a congested interface, ``dirt`` its received errors a second; ``losses`` counts the
    notifications still to lose, by (resource, whether it clears), ``muted`` those of a device whatever they say. ``burdens`` are percent of
    a device's processor, ``heat`` degrees Celsius above the everyday, ``dims`` decibels of light that an interface lacks.
    """

    faults: Faults
    condition: Condition
    booted_at: dict[str, int]
    changed_at: dict[str, int]
    meters: dict[str, Meters]
    loads: dict[str, float] = field(default_factory=dict)
    dirt: dict[str, float] = field(default_factory=dict)
    losses: dict[tuple[str, bool], int] = field(default_factory=dict)
    muted: dict[str, int] = field(default_factory=dict)
    burdens: dict[str, float] = field(default_factory=dict)
    heat: dict[str, float] = field(default_factory=dict)
    dims: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """What does not change: the plant, and the seed of everything that looks random."""

    plant: Plant
    seed: int = 1


def begin(network: Network, at: int) -> NetworkState:
    """A network without fault, whose devices booted between 3 and 300 days before ``at`` and have counted since."""
    random = Random(network.seed)  # noqa: S311 - a plausible network needs no secret randomness
    booted_at = {name: at - int(random.uniform(3, 300) * DAY) for name in network.plant.inventory.devices}
    state = NetworkState(Faults(), condition_of(network.plant, Faults()), booted_at, dict.fromkeys(network.plant.interfaces, 0), {})
    return replace(state, meters={name: _zero(network, state, name) for name in network.plant.interfaces})


def apply(network: Network, state: NetworkState, command: Command, at: int) -> tuple[NetworkState, tuple[Change, ...]]:
    """Do one command. A command that changes nothing (a fibre cut twice) gives no changes. For ``flap`` see :func:`expand`."""
    was_dead = command.target in state.condition.dead
    after = _ACTIONS[command.verb](state, command)
    after = replace(after, condition=condition_of(network.plant, after.faults))
    changes = _differences(state.condition, after.condition)
    revived = state.condition.dead - after.condition.dead
    booted = revived | ({command.target} if command.verb is Verb.REBOOT and not was_dead else set())
    after = _boot(network, after, booted, at)
    after = _mark(after, changes, at)
    told = (*(Change(Fact.BOOT, name, up=True) for name in sorted(booted)), *changes, *_untrue(network.plant, command))
    return _meter(network, after, at), told


def expand(command: Command) -> tuple[tuple[float, Command], ...]:
    """A command as (delay in seconds, command) steps: a flap is failures and restorations of a port, any other is itself, now."""
    if command.verb is not Verb.FLAP:
        return ((0.0, command),)
    times, period_s = command.amounts
    fail, restore = Command(Verb.FAIL_PORT, command.target), Command(Verb.RESTORE_PORT, command.target)
    return tuple(step for n in range(int(times)) for step in ((n * period_s, fail), ((n + 0.5) * period_s, restore)))


_FACTS = {
    "interface": Fact.INTERFACE,
    "port": Fact.LIGHT,
    "lsp": Fact.LSP,
    "service": Fact.SERVICE,
    "peer": Fact.SESSION,
    "device": Fact.POWER,
}
_UNTRUE = {Verb.FALSE_RAISE: False, Verb.FALSE_CLEAR: True}


def _untrue(plant: Plant, command: Command) -> tuple[Change, ...]:
    """What a device is made to say though it is not so: a change that the state does not know."""
    if command.verb not in _UNTRUE:
        return ()
    kind, _, name = command.target.partition("/")
    return (Change(_FACTS[kind], plant.peers[name] if kind == "peer" else name, up=_UNTRUE[command.verb]),)


_Action = Callable[[NetworkState, Command], NetworkState]


def _add(kind: str) -> _Action:
    def add(state: NetworkState, command: Command) -> NetworkState:
        return replace(state, faults=replace(state.faults, **{kind: getattr(state.faults, kind) | {command.target}}))

    return add


def _take(kind: str) -> _Action:
    def take(state: NetworkState, command: Command) -> NetworkState:
        return replace(state, faults=replace(state.faults, **{kind: getattr(state.faults, kind) - {command.target}}))

    return take


def _put(kind: str) -> _Action:
    """Note a command's amount under its target."""

    def put(state: NetworkState, command: Command) -> NetworkState:
        changed: Any = {**getattr(state, kind), command.target: command.amounts[0]}
        return replace(state, **{kind: changed})

    return put


def _forget(kind: str) -> _Action:
    def drop(state: NetworkState, command: Command) -> NetworkState:
        changed: Any = _without(getattr(state, kind), command.target)
        return replace(state, **{kind: changed})

    return drop


def _drop(*, clears: bool) -> _Action:
    def drop(state: NetworkState, command: Command) -> NetworkState:
        return replace(state, losses={**state.losses, (command.target, clears): int(command.amounts[0])})

    return drop


def _mute(state: NetworkState, command: Command) -> NetworkState:
    return replace(state, muted={**state.muted, command.target: int(command.amounts[0])})


def _nothing(state: NetworkState, _: Command) -> NetworkState:
    return state


def _mend_all(state: NetworkState, _: Command) -> NetworkState:
    return replace(state, faults=Faults(), loads={}, dirt={}, losses={}, muted={}, burdens={}, heat={}, dims={})


_ACTIONS: dict[Verb, _Action] = {
    Verb.CUT: _add("cut"),
    Verb.MEND: _take("cut"),
    Verb.FAIL_DEVICE: _add("devices"),
    Verb.RESTORE_DEVICE: _take("devices"),
    Verb.FAIL_PORT: _add("ports"),
    Verb.RESTORE_PORT: _take("ports"),
    Verb.FAIL_POWER: _add("power"),
    Verb.RESTORE_POWER: _take("power"),
    Verb.FAIL_PEER: _add("sessions"),
    Verb.RESTORE_PEER: _take("sessions"),
    Verb.REBOOT: _nothing,
    Verb.FLAP: _nothing,
    Verb.CONGEST: _put("loads"),
    Verb.RELIEVE: _forget("loads"),
    Verb.DIRTY: _put("dirt"),
    Verb.CLEAN: _forget("dirt"),
    Verb.BURDEN: _put("burdens"),
    Verb.UNBURDEN: _forget("burdens"),
    Verb.HEAT: _put("heat"),
    Verb.COOL: _forget("heat"),
    Verb.DIM: _put("dims"),
    Verb.BRIGHTEN: _forget("dims"),
    Verb.DROP_RAISES: _drop(clears=False),
    Verb.DROP_CLEARS: _drop(clears=True),
    Verb.DROP_TRAPS: _mute,
    Verb.FALSE_RAISE: _nothing,
    Verb.FALSE_CLEAR: _nothing,
    Verb.MEND_ALL: _mend_all,
}


def _without(values: dict[str, float], name: str) -> dict[str, float]:
    return {key: value for key, value in values.items() if key != name}


def _differences(before: Condition, after: Condition) -> tuple[Change, ...]:
    """What changed, in the order in which a network notices: light, interface, session, path, service."""
    facts: tuple[tuple[Fact, frozenset[str], frozenset[str]], ...] = (
        (Fact.LIGHT, before.dark, after.dark),
        (Fact.INTERFACE, before.interfaces_down, after.interfaces_down),
        (Fact.SESSION, before.sessions_down, after.sessions_down),
        (Fact.LSP, before.lsps_down, after.lsps_down),
        (Fact.SERVICE, before.services_down, after.services_down),
        (Fact.POWER, before.unpowered, after.unpowered),
    )
    return tuple(Change(fact, name, up=name in old) for fact, old, new in facts for name in sorted(old ^ new))


def _boot(network: Network, state: NetworkState, devices: Iterable[str], at: int) -> NetworkState:
    """Start devices: sysUpTime and every counter from zero (RFC 2863: counters are discontinuous at re-initialisation)."""
    booted = dict.fromkeys(devices, at)
    if not booted:
        return state
    state = replace(state, booted_at={**state.booted_at, **booted})
    fresh = {name: _zero(network, state, name) for name, device in network.plant.device_of.items() if device in booted}
    changed = {name: 0 if name in fresh else since for name, since in state.changed_at.items()}
    return replace(state, meters={**state.meters, **fresh}, changed_at=changed)


def _mark(state: NetworkState, changes: tuple[Change, ...], at: int) -> NetworkState:
    changed = {change.name: at for change in changes if change.fact is Fact.INTERFACE}
    return replace(state, changed_at={**state.changed_at, **changed})


def _meter(network: Network, state: NetworkState, at: int) -> NetworkState:
    return replace(state, meters={name: meters.turn(_curves(network, state, name), at) for name, meters in state.meters.items()})


def _zero(network: Network, state: NetworkState, name: str) -> Meters:
    since = state.booted_at[network.plant.device_of[name]]
    return Meters(*(Meter(0, since, curve) for curve in _curves(network, state, name)))


def _curves(network: Network, state: NetworkState, name: str) -> tuple[Curve, Curve, Curve, Curve]:
    """What turns an interface's meters, in the order of :class:`Meters`. One that is down counts nothing."""
    if name in state.condition.interfaces_down:
        return (SILENCE,) * 4
    sender = network.plant.far_end.get(name)
    inward = _sent(network, state, sender) if sender else daily(network.seed, f"customer at {name}", _capacity(network, name))
    excess = max(0.0, state.loads.get(name, 0.0) - 100) / 100 * _capacity(network, name) / OCTETS_PER_PACKET
    return inward, _sent(network, state, name), steady(excess), steady(state.dirt.get(name, 0.0))


def _sent(network: Network, state: NetworkState, name: str) -> Curve:
    capacity = _capacity(network, name)
    load = state.loads.get(name)
    return daily(network.seed, name, capacity) if load is None else steady(capacity * min(load, 100.0) / 100)


def _capacity(network: Network, name: str) -> float:
    """Octets a second."""
    return network.plant.interfaces[name].speed_mbps * 1e6 / 8
