"""What one can do to the lab, as words: ``cut f-ams-rtm-1``, ``flap ams-p1/et-0/0/0 5 2``, ``drop-clears lsp/ams-rtm-a``."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from pipeline.lab.plant import Plant


class Verb(StrEnum):
    """The commands."""

    CUT = "cut"
    MEND = "mend"
    FAIL_DEVICE = "fail-device"
    RESTORE_DEVICE = "restore-device"
    FAIL_PORT = "fail-port"
    RESTORE_PORT = "restore-port"
    FAIL_POWER = "fail-power"
    RESTORE_POWER = "restore-power"
    FAIL_PEER = "fail-peer"
    RESTORE_PEER = "restore-peer"
    REBOOT = "reboot"
    FLAP = "flap"
    CONGEST = "congest"
    RELIEVE = "relieve"
    DIRTY = "dirty"
    CLEAN = "clean"
    BURDEN = "burden"
    UNBURDEN = "unburden"
    HEAT = "heat"
    COOL = "cool"
    DIM = "dim"
    BRIGHTEN = "brighten"
    DROP_RAISES = "drop-raises"
    DROP_CLEARS = "drop-clears"
    DROP_TRAPS = "drop-traps"
    FALSE_RAISE = "false-raise"
    FALSE_CLEAR = "false-clear"
    MEND_ALL = "mend-all"


class Target(StrEnum):
    """What a command acts on."""

    ROUTE = "fibre or duct"
    DEVICE = "device"
    INTERFACE = "interface"
    PEER = "peer"
    RESOURCE = "resource"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that a command takes after its target; without ``default`` it must be given."""

    name: str
    low: float
    high: float
    default: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """How a command is written, and what it does."""

    target: Target
    help: str
    amounts: tuple[Amount, ...] = ()


USAGES: dict[Verb, Usage] = {
    Verb.CUT: Usage(Target.ROUTE, "cut a fibre, or a duct with all its fibres"),
    Verb.MEND: Usage(Target.ROUTE, "splice it again"),
    Verb.FAIL_DEVICE: Usage(Target.DEVICE, "switch a device off: it dies without a word"),
    Verb.RESTORE_DEVICE: Usage(Target.DEVICE, "switch it on: it cold-starts with empty counters"),
    Verb.FAIL_PORT: Usage(Target.INTERFACE, "break an interface's port"),
    Verb.RESTORE_PORT: Usage(Target.INTERFACE, "replace the port"),
    Verb.FAIL_POWER: Usage(Target.DEVICE, "take one of a device's two power supplies"),
    Verb.RESTORE_POWER: Usage(Target.DEVICE, "give it back"),
    Verb.FAIL_PEER: Usage(Target.PEER, "let a BGP session fail, though its link works"),
    Verb.RESTORE_PEER: Usage(Target.PEER, "establish it again"),
    Verb.REBOOT: Usage(Target.DEVICE, "restart a device so fast that no link is lost: coldStart, sysUpTime and counters from zero"),
    Verb.FLAP: Usage(
        Target.INTERFACE,
        "break and replace a port, again and again",
        (Amount("times", 1, 1000, 5), Amount("period in seconds", 0.01, 3600, 2)),
    ),
    Verb.CONGEST: Usage(
        Target.INTERFACE,
        "offer an interface this much of its speed to send; what exceeds 100 is discarded",
        (Amount("percent", 0, 1000),),
    ),
    Verb.RELIEVE: Usage(Target.INTERFACE, "back to the everyday load"),
    Verb.DIRTY: Usage(Target.INTERFACE, "receive broken frames", (Amount("errors a second", 0, 1e6, 10),)),
    Verb.CLEAN: Usage(Target.INTERFACE, "receive none"),
    Verb.BURDEN: Usage(Target.DEVICE, "keep a device's processor this busy", (Amount("percent", 0, 100, 95),)),
    Verb.UNBURDEN: Usage(Target.DEVICE, "back to the everyday work"),
    Verb.HEAT: Usage(Target.DEVICE, "warm the air that goes into a device", (Amount("degrees Celsius", 0, 60, 25),)),
    Verb.COOL: Usage(Target.DEVICE, "back to the everyday temperature"),
    Verb.DIM: Usage(Target.INTERFACE, "take light from what an interface receives", (Amount("decibels", 0, 60, 12),)),
    Verb.BRIGHTEN: Usage(Target.INTERFACE, "give it back"),
    Verb.DROP_RAISES: Usage(Target.RESOURCE, "lose the next notifications that raise an alarm", (Amount("count", 1, 1e6, 1),)),
    Verb.DROP_CLEARS: Usage(Target.RESOURCE, "lose the next notifications that clear an alarm", (Amount("count", 1, 1e6, 1),)),
    Verb.DROP_TRAPS: Usage(Target.DEVICE, "lose the next notifications of a device, whatever they say", (Amount("count", 1, 1e6, 1),)),
    Verb.FALSE_RAISE: Usage(Target.RESOURCE, "send the notification that raises an alarm, though nothing failed"),
    Verb.FALSE_CLEAR: Usage(Target.RESOURCE, "send the notification that clears it, though nothing mended"),
    Verb.MEND_ALL: Usage(Target.NETWORK, "end every fault"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """One order to the lab; ``amounts`` as many as the verb's usage names."""

    verb: Verb
    target: str = ""
    amounts: tuple[float, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.verb.value, *([self.target] if self.target else []), *(f"{amount:g}" for amount in self.amounts)])


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did at once. ``changes`` counts facts that changed; a script's later steps (a flap's) are not in it."""

    command: str
    changes: int


class CommandError(ValueError):
    """A command that cannot be done; the message says what can."""


def parse(plant: Plant, text: str) -> Command:
    """Read a command. Raises :class:`CommandError` that names the nearest verb or target, or the amount that does not fit."""
    words = text.split()
    if not words:
        raise CommandError(f"an empty command; one of: {', '.join(USAGES)}")
    verb = _verb(words[0])
    usage = USAGES[verb]
    if usage.target is Target.NETWORK:
        return _without_target(verb, words)
    if len(words) < 2:  # noqa: PLR2004 - the verb and its target
        raise CommandError(f"{verb} wants a {usage.target}")
    target = _target(plant, usage.target, words[1])
    return Command(verb, target, _amounts(verb, usage.amounts, words[2:]))


def usage_text() -> str:
    """Every command with its arguments and what it does, one a line."""
    return "\n".join(f"{synopsis:<44} {meaning}" for synopsis, meaning in usages())


def usages() -> tuple[tuple[str, str], ...]:
    """Every command with its arguments, and what it does."""
    return tuple((_synopsis(verb, usage), usage.help) for verb, usage in USAGES.items())


def _synopsis(verb: Verb, usage: Usage) -> str:
    target = [] if usage.target is Target.NETWORK else [f"<{usage.target}>"]
    amounts = [f"<{amount.name}>" if amount.default is None else f"[{amount.name}]" for amount in usage.amounts]
    return " ".join([verb.value, *target, *amounts])


def _verb(word: str) -> Verb:
    try:
        return Verb(word)
    except ValueError:
        raise CommandError(f"'{word}' is not a command{_did_you_mean(word, list(USAGES))}; one of: {', '.join(USAGES)}") from None


def _without_target(verb: Verb, words: list[str]) -> Command:
    if len(words) > 1:
        raise CommandError(f"{verb} takes nothing after it")
    return Command(verb)


def _target(plant: Plant, kind: Target, name: str) -> str:
    names = targets(plant, kind)
    if name not in names:
        raise CommandError(f"'{name}' is no {kind} of the lab{_did_you_mean(name, sorted(names))}")
    return name


def targets(plant: Plant, kind: Target) -> frozenset[str]:
    """The names that a command of this kind can act on."""
    inventory = plant.inventory
    match kind:
        case Target.ROUTE:
            return frozenset(inventory.fibres) | {fibre.duct for fibre in inventory.fibres.values() if fibre.duct}
        case Target.DEVICE:
            return frozenset(inventory.devices)
        case Target.INTERFACE:
            return frozenset(plant.interfaces)
        case Target.PEER:
            return frozenset(plant.peers)
        case Target.RESOURCE:
            return _resources(plant)
        case Target.NETWORK:
            return frozenset()


def _resources(plant: Plant) -> frozenset[str]:
    """What notifications are about."""
    inventory = plant.inventory
    named: dict[str, Iterable[str]] = {
        "interface": plant.interfaces,
        "port": plant.far_end,
        "lsp": inventory.lsps,
        "service": inventory.services,
        "device": inventory.devices,
        "peer": plant.peers,
    }
    return frozenset(f"{kind}/{name}" for kind, names in named.items() for name in names)


def _amounts(verb: Verb, wanted: tuple[Amount, ...], words: list[str]) -> tuple[float, ...]:
    if len(words) > len(wanted):
        raise CommandError(f"{verb} does not take '{' '.join(words[len(wanted) :])}'")
    given: list[str | None] = [*words, *([None] * (len(wanted) - len(words)))]
    return tuple(_amount(verb, amount, word) for amount, word in zip(wanted, given, strict=True))


def _amount(verb: Verb, amount: Amount, word: str | None) -> float:
    if word is None:
        if amount.default is None:
            raise CommandError(f"{verb} wants a number: {amount.name}")
        return amount.default
    try:
        value = float(word)
    except ValueError:
        raise CommandError(f"{verb}: {amount.name} is '{word}', not a number") from None
    if not amount.low <= value <= amount.high:
        raise CommandError(f"{verb}: {amount.name} is {value:g}, not between {amount.low:g} and {amount.high:g}")
    return value


def _did_you_mean(word: str, names: list[str]) -> str:
    near = get_close_matches(word, names, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
