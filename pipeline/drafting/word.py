"""What names say: ``acmeFanFailed`` is about a fan and is bad news, ``acmeFanOk`` ends it. Guesses only; each is told as one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

_PARTS = re.compile(r"[A-Z]+(?![a-z])s?|[A-Z]?[a-z]+|[0-9]+")
_BAD = (
    "down failed failure fail fails failing fault faulted faulty lost loss bad error errors high low raised raise set removed removal"
    " exceeded exceed exceeds degraded unavailable unavail unreachable missing overheat overheated disconnected disconnect offline"
    " violated violation asserted inactive absent dead broken alarm critical over under rising interrupted expired stuck blocked"
)
_GOOD = (
    "up ok okay okey good restored restore recovered recovery recover recovers normal clear cleared clears clearing resolved resolve"
    " inserted insertion returned repaired fixed available avail reachable present connected connect online deasserted active healthy"
    " alive nominal abated abate falling corrected established working operational rearmed"
)
_OPPOSITES = "start:stop started:stopped begin:end enter:exit entered:exited on:off open:closed opened:closed"
BAD, GOOD = frozenset(_BAD.split()), frozenset(_GOOD.split())
OPPOSITES: tuple[tuple[str, str], ...] = tuple((bad, good) for bad, _, good in (each.partition(":") for each in _OPPOSITES.split()))
"""Words that end each other without being good or bad; the first is taken for the bad news."""
RUNS = frozenset({"power", "service", "process", "daemon", "agent", "server", "system", "session", "application", "node", "host", "ups"})
"""What is well while it is on: here the opposites mean the contrary."""
_NEGATIONS = frozenset({"not", "no", "non"})

_BAD_LABELS = frozenset(
    BAD
    | {"notpresent", "notready", "shutdown", "crit", "major", "minor", "warning", "severe", "emergency", "fatal", "nonfunctional"}
    | {"outofservice", "lowerlayerdown", "notresponding", "toohigh", "toolow", "hardwareerror", "unhealthy", "empty", "idle", "stopped"}
    | {"noncritical", "nonrecoverable", "sensorfailed", "poweroff", "outoforder", "notfunctioning", "inoperational", "exhausted"}
)
_GOOD_LABELS = frozenset(
    GOOD
    | {"enabled", "full", "running", "inservice", "ready", "on", "master", "primary", "poweron", "functional", "functioning", "loaded"}
    | {"inserted", "noalarm", "noerror", "nofault", "none"}
)


def words_of(name: str) -> tuple[str, ...]:
    """``jnxLdpLspDown`` as ``("jnx", "ldp", "lsp", "down")``."""
    return tuple(part.lower() for part in _PARTS.findall(name))


def kebab(name: str, limit: int = 60) -> str:
    """A name as rules and alarm types are named: ``acmeFanFailed`` is ``acme-fan-failed``; empty when nothing is left of it."""
    return "-".join(words_of(name))[:limit].strip("-")


class Side(Enum):
    """What a label says of a state."""

    BAD = auto()
    GOOD = auto()
    NEITHER = auto()


def side_of_label(label: str) -> Side:
    """Whether a label of an enumeration is bad news: ``failed``, ``notPresent``; or good: ``up``, ``normal``."""
    flat = re.sub(r"[^a-z]", "", label.lower())
    words = words_of(label)
    if flat in _BAD_LABELS:
        return Side.BAD
    if flat in _GOOD_LABELS:
        return Side.GOOD
    if any(word in _NEGATIONS for word in words):
        return Side.NEITHER
    if words and words[-1] in BAD:
        return Side.BAD
    return Side.GOOD if words and words[-1] in GOOD else Side.NEITHER


@dataclass(frozen=True, slots=True)
class Pair:
    """A name that ends what other names begin; ``word`` is what says so."""

    clear: str
    raises: tuple[str, ...]
    word: str


def pairs_of(names: Sequence[str]) -> tuple[Pair, ...]:
    """Which names end which others: the same name but for a word that is good news, or with such a word added."""
    words = {name: words_of(name) for name in names}
    found = {pair.clear: pair for pair in _opposite_pairs(words)}
    for name in names:
        taken = {raised for pair in found.values() for raised in pair.raises}
        if name not in found and name not in taken:
            pair = _pair_of(name, words, frozenset(found))
            if pair is not None:
                found[name] = pair
    return tuple(found.values())


def _pair_of(name: str, words: Mapping[str, tuple[str, ...]], clears: frozenset[str]) -> Pair | None:
    for place, word in reversed(list(enumerate(words[name]))):
        if word not in GOOD or _negated(words[name], place):
            continue
        rest = _without(words[name], place)
        raises = tuple(other for other in words if other != name and other not in clears and rest in _stems(words[other]))
        if raises:
            return Pair(name, raises, word)
    return None


def _stems(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    """What is left of a name without its bad word; all of it too, unless it is itself good news."""
    stems = {_without(words, place) for place, word in enumerate(words) if word in BAD}
    stems |= {words[: place - 1] + words[place + 1 :] for place, word in enumerate(words) if word in GOOD and _negated(words, place)}
    return stems if words and words[-1] in GOOD and not _negated(words, len(words) - 1) else stems | {words}


def _negated(words: tuple[str, ...], place: int) -> bool:
    return place > 0 and words[place - 1] in _NEGATIONS


def _without(words: tuple[str, ...], place: int) -> tuple[str, ...]:
    return words[:place] + words[place + 1 :]


def _opposite_pairs(words: Mapping[str, tuple[str, ...]]) -> Iterable[Pair]:
    names = {each: name for name, each in words.items()}
    for each, name in names.items():
        for first, second in OPPOSITES:
            for place in (place for place, word in enumerate(each) if word == first):
                other = names.get((*each[:place], second, *each[place + 1 :]))
                if other is not None:
                    runs = RUNS & set(each)
                    yield Pair(name, (other,), first) if runs else Pair(other, (name,), second)
