"""Several sources tell of one network, each in part: one inventory of it, entry by entry and field by field, by stated precedence.

A source states fields and leaves others out. What is the same thing is recognised first, since sources name things differently: a device
by its name, then by its management address; an interface by its name, short or long; a link by its ends. Then the first source in order
that states a field has it; what the others say differently is a conflict, told and never hidden.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.directory import canonical
from pipeline.core.inventory_name import Renames, same_interface

FILES = "files"
"""The source that people write: the folder ``inventory_dir``."""

Fields = Mapping[str, Any]
"""The fields that a source states of an entry. ``interfaces`` of a device are a mapping: name -> fields."""
Entries = Mapping[str, Mapping[str, Fields]]
"""Section -> name of an entry -> its fields."""

_INTERFACES = "interfaces"
_ENDS = ("a", "b")
_OF_ITSELF = frozenset({"name", "source", "confidence", _INTERFACES})
"""What is merged in ways of its own."""
_IN_ORDER = frozenset({("lsps", "links")})
"""Lists whose order is a statement; others are compared as sets."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one source says. ``confidence`` (0 to 1) is of its entries that state none."""

    source: str
    entries: Entries
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Precedence:
    """Whose word counts: ``order`` lists sources, the first wins. ``exceptions`` put others first for a section or one field of it.

    A key is ``links``, ``devices.address``, ``devices.interfaces.speed_mbps``; the narrowest that there is counts. Who is not listed in it
    follows in the usual order.
    """

    order: tuple[str, ...] = (FILES,)
    exceptions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, section: str, key: str = "") -> tuple[str, ...]:
        """Sources for a field, or for a section as a whole, the first wins."""
        first = self.exceptions.get(self._rule(section, key), ())
        return (*first, *(source for source in self.order if source not in first))

    def why(self, winner: str, loser: str, section: str, key: str) -> str:
        """Why the one wins over the other."""
        rule = self._rule(section, key)
        if rule and winner in self.exceptions[rule]:
            return f"{rule}: {winner} first"
        return f"{winner} before {loser}"

    def _rule(self, section: str, key: str) -> str:
        """The narrowest exception for a field; empty when there is none."""
        path = f"{section}.{key}" if key else section
        while path:
            if path in self.exceptions:
                return path
            path = path.rpartition(".")[0]
        return ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sources say different things of one field: ``value`` of ``source`` is used, ``other`` of ``other_source`` is not, and why."""

    section: str
    name: str
    field: str
    value: Any
    source: str
    other: Any
    other_source: str
    why: str


@dataclass(frozen=True, slots=True)
class Merged:
    """One inventory of all. ``told_by`` is which sources know an entry: (section, name) -> sources, the first in order first."""

    entries: dict[str, dict[str, dict[str, Any]]]
    conflicts: tuple[Conflict, ...] = ()
    told_by: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


def merge(parts: Iterable[Part], precedence: Precedence) -> Merged:
    """One inventory of several parts; the same parts, in whatever order, give the same.

    An entry that several sources know is as sure as at least one of them being right, if they err by themselves: 1 - product of
    (1 - confidence). One that a source contradicts at its ends loses up to a half: times (1 - that source's confidence / 2).
    """
    known = _known(parts, precedence)
    return _Merge(precedence).run(known)


def agreed(confidences: Iterable[float]) -> float:
    """How sure is what several say, each by itself: 1 - product of (1 - c), in four places."""
    doubt = 1.0
    for confidence in confidences:
        doubt *= 1.0 - confidence
    return round(1.0 - doubt, 4)


def _known(parts: Iterable[Part], precedence: Precedence) -> list[Part]:
    """The parts in order of precedence; those that are not in it come last, by name."""
    place = {source: number for number, source in enumerate(precedence.order)}
    return sorted(parts, key=lambda part: (place.get(part.source, len(place)), part.source))


class _Merge:
    """One merge: what was recognised, and what was found on the way."""

    def __init__(self, precedence: Precedence) -> None:
        self._precedence = precedence
        self._conflicts: list[Conflict] = []
        self._doubts: dict[str, list[float]] = {}

    def run(self, parts: Sequence[Part]) -> Merged:
        named = self._devices_named(parts)
        linked = self._links_named(named)
        sections = sorted({section for part in linked for section in part.entries})
        entries: dict[str, dict[str, dict[str, Any]]] = {}
        told_by: dict[tuple[str, str], tuple[str, ...]] = {}
        for section in sections:
            entries[section] = made = {}
            ranked = self._ranked(linked, section)
            names = sorted({name for part in ranked for name in part.entries.get(section, {})})
            for name in names:
                claims = [(part, part.entries[section][name]) for part in ranked if name in part.entries.get(section, {})]
                made[name] = self._entry(section, name, claims)
                told_by[section, name] = tuple(part.source for part, _ in claims)
        conflicts = sorted(self._conflicts, key=lambda each: (each.section, each.name, each.field, each.other_source, str(each.other)))
        return Merged(entries, tuple(conflicts), told_by)

    def _ranked(self, parts: Sequence[Part], section: str, key: str = "") -> list[Part]:
        place = {source: number for number, source in enumerate(self._precedence.of(section, key))}
        return sorted(parts, key=lambda part: place.get(part.source, len(place)))

    # What is the same thing

    def _devices_named(self, parts: Sequence[Part]) -> list[Part]:
        """The parts with devices and interfaces called alike: each as the first source in order that knows it calls it."""
        seen = _Devices()
        renames = {part.source: self._recognise(part, seen) for part in self._ranked(parts, "devices")}
        return [renames[part.source].applied(part.entries, part) for part in parts]

    def _recognise(self, part: Part, seen: "_Devices") -> "_Named":
        names = Renames()
        devices = part.entries.get("devices", {})
        taken: set[str] = set()
        for name in sorted(devices):
            told = devices[name]
            address = canonical(str(told.get("address", "")))
            called, by_address = seen.called(name, address, devices)
            if called in taken:  # two of one source are never the same device
                called, by_address = name, False
            taken.add(called)
            if called != name:
                names.devices[name] = called
            if by_address:
                first = seen.source[called]
                why = f"both are at {address}; {self._precedence.why(first, part.source, 'devices', 'name')}"
                self._conflicts.append(Conflict("devices", called, "name", called, first, name, part.source, why))
            seen.add(called, address, part.source)
            for port in sorted(told.get(_INTERFACES, ())):
                own = seen.port(called, port)
                if own != port:
                    names.interfaces[name, port] = own
        for name in devices:  # only then: two interfaces of one source are never the same one
            called = names.devices.get(name, name)
            seen.add_ports(called, (names.interfaces.get((name, port), port) for port in devices[name].get(_INTERFACES, ())))
        return _Named(names)

    def _links_named(self, parts: Sequence[Part]) -> list[Part]:
        """The parts with links called alike, by their ends; a link at an end that another has is left out, and told as a conflict."""
        seen = _Links()
        renamed = {part.source: self._links_of(part, seen) for part in self._ranked(parts, "links")}
        return [renamed[part.source] for part in parts]

    def _links_of(self, part: Part, seen: "_Links") -> Part:
        links = part.entries.get("links", {})
        names = Renames()
        dropped: set[str] = set()
        for name in sorted(links):
            ends = _ends(links[name])
            if ends is not None and len(ends) == 1:
                dropped.add(name)
                self._loop(name, part, *ends)
                continue
            called = seen.called(name, ends)
            taken = called if called != name and seen.source[called] == part.source else seen.taken(called, ends)
            if taken:
                dropped.add(name)
                self._clash(taken, part, links[name], seen)
                continue
            if called in seen.ends and ends is not None and not seen.ends[called] & ends:
                called = f"{called}@{part.source}"
            if called != name:
                names.links[name] = called
            seen.add(called, ends, part.source)
        entries = {**part.entries, "links": {name: told for name, told in links.items() if name not in dropped}} if links else part.entries
        return _Named(names).applied(entries, part)

    def _loop(self, name: str, part: Part, end: str) -> None:
        """A link from an interface to itself, as two names of one device make it, is none."""
        why = "both of its ends are one interface, now that its devices are known to be one"
        self._conflicts.append(Conflict("links", name, "ends", "", part.source, f"{end} - {end}", part.source, why))

    def _clash(self, taken: str, part: Part, told: Fields, seen: "_Links") -> None:
        first = seen.source[taken]
        rule = self._precedence.why(first, part.source, "links", "") if first != part.source else "the first by name is kept"
        why = f"an interface ends one link; {rule}"
        ends = " - ".join(sorted(seen.ends[taken]))
        self._conflicts.append(Conflict("links", taken, "ends", ends, first, f"{told['a']} - {told['b']}", part.source, why))
        self._doubts.setdefault(taken, []).append(float(told.get("confidence", 1.0)) * part.confidence)

    # What is said of it

    def _entry(self, section: str, name: str, claims: Sequence[tuple[Part, Fields]]) -> dict[str, Any]:
        if len(claims) == 1:
            made = {key: value for key, value in claims[0][1].items() if key not in {"source", "confidence"}}
        else:
            made = self._fields(section, name, "", claims)
            if any(_INTERFACES in told for _, told in claims):
                made[_INTERFACES] = self._interfaces(section, name, claims)
        confidence = agreed(_confidence(part, told) for part, told in claims)
        for doubt in self._doubts.get(name, ()) if section == "links" else ():
            confidence = round(confidence * (1 - doubt / 2), 4)
        source = "+".join(dict.fromkeys(str(told.get("source") or part.source) for part, told in claims))
        made["name"] = name
        made["source"] = "" if source == FILES else source
        made["confidence"] = confidence
        return made

    def _interfaces(self, section: str, name: str, claims: Sequence[tuple[Part, Fields]]) -> dict[str, dict[str, Any]]:
        ports = dict.fromkeys(port for _, told in claims for port in told.get(_INTERFACES, ()))
        made = {}
        for port in ports:
            stated = [(part, told[_INTERFACES][port]) for part, told in claims if port in told.get(_INTERFACES, {})]
            made[port] = self._fields(section, name, f"{_INTERFACES}[{port}]", stated) if len(stated) > 1 else dict(stated[0][1])
        return made

    def _fields(self, section: str, name: str, within: str, claims: Sequence[tuple[Part, Fields]]) -> dict[str, Any]:
        """Field by field, the first in order that states it; ``within`` is the interface of a device, if it is of one."""
        keys = dict.fromkeys(key for _, told in claims for key in told if key not in _OF_ITSELF)
        made = {}
        if section == "links" and {"a", "b"} <= keys.keys():
            made.update(self._link_ends(name, claims))
            keys = dict.fromkeys(key for key in keys if key not in _ENDS)
        for key in keys:
            rule = f"{_INTERFACES}.{key}" if within else key
            stating = [(part, told[key]) for part, told in self._in_order(section, rule, claims) if key in told]
            saying = [(part, value) for part, value in stating if _says(value)] or stating
            (winner, value), *others = saying
            made[key] = value
            for loser, other in others:
                if not _alike(section, key, value, other):
                    why = self._precedence.why(winner.source, loser.source, section, rule)
                    place = f"{within}.{key}" if within else key
                    self._conflicts.append(Conflict(section, name, place, value, winner.source, other, loser.source, why))
        return made

    def _link_ends(self, name: str, claims: Sequence[tuple[Part, Fields]]) -> dict[str, Any]:
        """Both ends are one statement: never one of each source."""
        (winner, told), *others = [each for each in self._in_order("links", "ends", claims) if _ends(each[1]) is not None]
        ends = f"{told['a']} - {told['b']}"
        for loser, other in others:
            if _ends(other) != _ends(told):
                why = self._precedence.why(winner.source, loser.source, "links", "ends")
                self._conflicts.append(
                    Conflict("links", name, "ends", ends, winner.source, f"{other['a']} - {other['b']}", loser.source, why)
                )
                self._doubts.setdefault(name, []).append(_confidence(loser, other))
        return {"a": told["a"], "b": told["b"]}

    def _in_order(self, section: str, key: str, claims: Sequence[tuple[Part, Fields]]) -> list[tuple[Part, Fields]]:
        if not self._precedence.exceptions:
            return list(claims)
        place = {source: number for number, source in enumerate(self._precedence.of(section, key))}
        return sorted(claims, key=lambda claim: place.get(claim[0].source, len(place)))


class _Devices:
    """The devices that were met so far, as they are called, where they are, and what their interfaces are called."""

    def __init__(self) -> None:
        self.source: dict[str, str] = {}
        self._by_folded: dict[str, str] = {}
        self._by_address: dict[str, str] = {}
        self._ports: dict[str, dict[str, None]] = {}

    def called(self, name: str, address: str, own: Mapping[str, object]) -> tuple[str, bool]:
        """What a device is called, and whether only its address tells that it is that one. ``own`` are its source's devices."""
        if name in self.source:
            return name, False
        folded = self._by_folded.get(name.casefold())
        if folded is not None and folded not in own:
            return folded, False
        there = self._by_address.get(address) if address else None
        if there is not None and there not in own:
            return there, True
        return name, False

    def add(self, name: str, address: str, source: str) -> None:
        self.source.setdefault(name, source)
        self._by_folded.setdefault(name.casefold(), name)
        if address:
            self._by_address.setdefault(address, name)

    def port(self, device: str, name: str) -> str:
        """What an interface is called: as it is written here, or in the one other way that means the same."""
        known = self._ports.get(device, {})
        if not known or name in known:
            return name
        like = [each for each in known if same_interface(each, name)]
        return like[0] if len(like) == 1 else name

    def add_ports(self, device: str, names: Iterable[str]) -> None:
        self._ports.setdefault(device, {}).update(dict.fromkeys(names))


class _Links:
    """The links that were met so far, by name and by their ends."""

    def __init__(self) -> None:
        self.ends: dict[str, frozenset[str]] = {}
        self.source: dict[str, str] = {}
        self._by_ends: dict[frozenset[str], str] = {}
        self._at: dict[str, str] = {}

    def called(self, name: str, ends: frozenset[str] | None) -> str:
        return self._by_ends.get(ends, name) if ends is not None else name

    def taken(self, name: str, ends: frozenset[str] | None) -> str:
        """The link of another name that has one of these ends; empty when they are free."""
        return next((self._at[end] for end in sorted(ends or ()) if self._at.get(end, name) != name), "")

    def add(self, name: str, ends: frozenset[str] | None, source: str) -> None:
        self.source.setdefault(name, source)
        if ends is None or name in self.ends:
            return
        self.ends[name] = ends
        self._by_ends[ends] = name
        for end in ends:
            self._at.setdefault(end, name)


@dataclass(frozen=True, slots=True)
class _Named:
    """How one source's names are written from now on."""

    renames: Renames

    def applied(self, entries: Entries, part: Part) -> Part:
        """The part with its entries renamed, and what refers to them."""
        if not self.renames:
            return Part(part.source, entries, part.confidence)
        made: dict[str, dict[str, Fields]] = {}
        for section, named in entries.items():
            made[section] = {}
            for name, told in named.items():
                made[section][self.renames.entry(section, name)] = self.renames.fields(section, name, told)
        return Part(part.source, made, part.confidence)


def _ends(told: Fields) -> frozenset[str] | None:
    return frozenset({str(told["a"]), str(told["b"])}) if "a" in told and "b" in told else None


def _confidence(part: Part, told: Fields) -> float:
    return float(told.get("confidence", 1.0)) * part.confidence


def _says(value: object) -> bool:
    """Whether a value states anything: no text, an empty list and a whole number 0 do not."""
    return value is not None and value not in ("", (), {}) and not (type(value) is int and value == 0)


def _alike(section: str, key: str, one: Any, other: Any) -> bool:
    """Whether two sources say the same; what says nothing contradicts nothing."""
    if one == other or not _says(other) or not _says(one):
        return True
    if isinstance(one, tuple) and isinstance(other, tuple):
        return (section, key) not in _IN_ORDER and sorted(map(str, one)) == sorted(map(str, other))
    if isinstance(one, str) and isinstance(other, str):
        return canonical(one) == canonical(other) if key == "address" else one.casefold() == other.casefold()
    return False


def counts(entries: Entries) -> Iterator[tuple[str, int]]:
    """How many entries each section has, of those that have any."""
    yield from ((section, len(named)) for section, named in entries.items() if named)
