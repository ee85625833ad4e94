"""OpenNMS events -> drafted rules. Its reduction key is our identity: what an event's clear key names is what the event clears.

A key is made of literals and placeholders. Those that mean the sender (``%nodeid%``, ``%dpname%``, ``%interface%``…) are our resource; the
others are our qualifier, in their order. Two keys are the same when their literals are and a placeholder stands at the same places.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.config.rule_form import ResourceForm, TrapForm
from pipeline.core.event import Severity, Signal
from pipeline.core.mib import MibIndex
from pipeline.core.resource import ResourceKind
from pipeline.core.rule import By, EventType, RuleBook
from pipeline.core.text import shown
from pipeline.drafting.carry import (
    STANDARD,
    Matching,
    clean,
    example_of,
    filled,
    matching_oid,
    matching_specific,
    name_of,
    numeric,
    object_at,
    object_named,
    ruled_by,
)
from pipeline.drafting.condition import condition_of
from pipeline.drafting.draft import Draft, DraftRule, DraftType, Names, Refusal, Taken
from pipeline.drafting.eventconf import NOT_CARRIED, EventEntry, VarbindMask, read_eventconf
from pipeline.drafting.guess import new_type
from pipeline.drafting.pattern import NotAFewTextsError, Texts, texts_of
from pipeline.drafting.place import IF_INDEX
from pipeline.drafting.word import kebab, words_of

PROBLEM, RESOLUTION = "1", "2"
UNKEPT = "donotpersist"
"""A destination: the event is not kept, and never an alarm."""
MAX_ALTERNATIVES = 16
_TOKEN = re.compile(r"%([A-Za-z][A-Za-z0-9_-]{0,60}(?:\[[^\[\]%]{1,200}\])?)%")
_PARM = re.compile(r"parm\[(.*)\]")
_BARE_PARM = re.compile(r"parm([1-9][0-9]{0,3})")
"""``%parm3%``, as older files write the third varbind."""
_SENDER = frozenset(
    {"nodeid", "dpname", "nodelabel", "host", "interface", "snmphost", "foreignsource", "foreignid", "nodelocation", "interfaceresolv"}
)
_SHOWN_SENDER = {**dict.fromkeys(("nodelabel", "nodeid", "host"), "device"), **dict.fromkeys(("interface", "snmphost"), "source")}
_EVERY_VARBIND = frozenset({"parm[all]", "parm[values-all]", "parm[names-all]", "parm[##]"})
"""All varbinds at once, or their number: an event keeps every varbind anyway."""
_SEVERITIES: dict[str, Severity | None] = {
    "critical": Severity.CRITICAL,
    "major": Severity.MAJOR,
    "minor": Severity.MINOR,
    "warning": Severity.WARNING,
    "indeterminate": Severity.INDETERMINATE,
    "normal": None,
    "cleared": None,
}
_EVENT_TYPES = {each.value.replace("-", ""): each for each in EventType}
_GENERIC = 6


class NotCarriedError(Exception):
    """An event that has no counterpart; ``kind`` counts, the message says why."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class _Key:
    """A reduction or clear key: ``shape`` with a star for each placeholder that is not the sender, and what these stand for."""

    shape: str
    parts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the alarm is called: the last part of the event's identifier, with which a key usually begins."""
        return self.shape.partition(":")[0].rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class _Carried:
    """An event that can be a rule: what it matches, when, and its keys, as far as it is an alarm."""

    entry: EventEntry
    matching: Matching
    when: Mapping[str, Any] = field(default_factory=dict)
    raises: _Key | None = None
    clears: _Key | None = None


def read_and_draft(files: Sequence[Path], mibs: MibIndex, book: RuleBook, taken: Taken) -> list[Draft]:
    """Draft rules from event configuration files, read as one set: a clear key may name an event of another file."""
    importer = _Importer(mibs, book, taken)
    for file in files:
        entries, refusals = read_eventconf(file)
        importer.refusals += refusals
        for entry in entries:
            importer.take(entry)
    return importer.drafts([str(file) for file in files])


class _Importer:
    """Collects events of all files, then pairs them by their keys, then writes them as rules."""

    def __init__(self, mibs: MibIndex, book: RuleBook, taken: Taken) -> None:
        self._mibs = mibs
        self._book = book
        self._taken = taken
        self._carried: list[_Carried] = []
        self._seen: dict[tuple[str, str], EventEntry] = {}
        self._lost_keys: dict[str, EventEntry] = {}
        self._counts: dict[str, int] = {}
        self._keys: dict[str, list[_Key]] = {}
        self._first: dict[str, _Carried] = {}
        self._severest: dict[str, Severity] = {}
        self._types: dict[str, tuple[str, DraftType | None]] = {}
        self.refusals: list[Refusal] = []
        self.losses: list[Refusal] = []

    def take(self, entry: EventEntry) -> None:
        """Read one event; what it matches may be several notifications."""
        self._counts[entry.file] = self._counts.get(entry.file, 0) + 1
        try:
            found = [self._carry(entry, *each) for each in self._masks(entry)]
        except NotCarriedError as error:
            self._refuse(entry, error.kind, str(error))
            return
        for each in found:
            self._keep(each)
        for extra in entry.extras:
            self._lose(entry, extra, f"<{extra}> is left out: {NOT_CARRIED[extra]}")
        alarm = entry.alarm
        if alarm is not None and entry.destination == UNKEPT:
            self._lose(entry, "no-alarm", f"{UNKEPT} keeps it from becoming an alarm there: written as notify")
        elif alarm is not None and alarm.alarm_type == RESOLUTION and not alarm.clear_key:
            self._lose(entry, "no-clear-key", "it is to end something, but has no clear key that says what: written as notify")

    def _keep(self, each: _Carried) -> None:
        """Of two events for the same notifications the second is never reached, there as here; of half of them it is for the other half."""
        ruled = ruled_by(each.matching, self._book)
        if ruled:
            self._refuse(each.entry, "ruled", f"the rule {ruled} reads this notification already")
            return
        asked = repr(sorted(each.when.items(), key=lambda item: item[0]))
        first = {oid: self._seen.setdefault((oid, asked), each.entry) for oid in each.matching.oids}
        free = [oid for oid, entry in first.items() if entry is each.entry]
        if not free:
            other = first[each.matching.oids[0]]
            self._refuse(each.entry, "same-mask", f"never reached: the event of {other.file}:{other.line} has the same mask")
            return
        if len(free) < len(first):
            taken, other = next((oid, entry) for oid, entry in first.items() if entry is not each.entry)
            self._lose(each.entry, "half-mask", f"as {free[0]} only: the event of {other.file}:{other.line} is for {taken}")
            each = replace(each, matching=matching_oid(free[0], self._mibs))
        self._carried.append(each)

    def _masks(self, entry: EventEntry) -> Iterator[tuple[Matching, tuple[VarbindMask, ...]]]:
        if not entry.uei:
            raise NotCarriedError("no-uei", "it has no <uei>")
        if entry.destination == "discardtraps":
            raise NotCarriedError("discarded", "discardtraps throws the notification away; here nothing is: shelve it instead")
        if entry.destination == "suppress":
            raise NotCarriedError("suppressed", "it is suppressed there, neither kept nor shown")
        if not entry.mask:
            raise NotCarriedError("no-mask", "it has no mask: a program sends it, not a device")
        elements = dict(entry.mask)
        others = sorted(elements.keys() - {"id", "generic", "specific"})
        if "uei" in others or not elements.keys() & {"id", "generic", "specific"}:
            raise NotCarriedError("no-notification", "its mask is for events of programs, not for notifications")
        if others:
            raise NotCarriedError("mask-element", f"its mask asks for {', '.join(others)}; a rule is for a notification of any sender")
        names = ("id", "generic", "specific")
        choices = list(itertools.islice(itertools.product(*(elements.get(name) or ("",) for name in names)), MAX_ALTERNATIVES + 1))
        if len(choices) > MAX_ALTERNATIVES:
            raise NotCarriedError("alternatives", f"its mask has more than {MAX_ALTERNATIVES} alternatives")
        matchings = {found.oids: found for found in (self._matching(*choice) for choice in choices)}
        for matching in matchings.values():
            yield matching, entry.varbinds

    def _matching(self, enterprise: str, generic: str, specific: str) -> Matching:
        for value in (enterprise, generic, specific):
            if value.startswith("~"):
                raise NotCarriedError("mask-regex", f"a regular expression in its mask: {_quoted(value)}")
            if value.endswith("%"):
                raise NotCarriedError("mask-wildcard", f"a wildcard in its mask: {_quoted(value)}; a rule is for one notification")
        number = numeric(enterprise)
        if generic.isdigit() and int(generic) < _GENERIC:
            if number and number != STANDARD:
                raise NotCarriedError("generic-of-vendor", f"a generic trap of one enterprise only ({number}); it is one notification here")
            return matching_oid(f"{STANDARD}.{int(generic) + 1}", self._mibs)
        if not number or not specific.isdigit():
            raise NotCarriedError("open-mask", "its mask names no single notification: an id and a specific are needed")
        return matching_specific(number, int(specific), self._mibs)

    def _carry(self, entry: EventEntry, matching: Matching, masks: Sequence[VarbindMask]) -> _Carried:
        when: dict[str, Any] = {}
        for mask in masks:
            name = object_at(mask.place, matching, self._mibs) if mask.place else name_of(numeric(mask.oid), self._mibs)
            if not name or name in when:
                raise NotCarriedError("varbind", "a condition on a varbind that it does not name, or names twice")
            try:
                when[name] = condition_of(object_named(name, self._mibs), _texts(mask.values))
            except NotAFewTextsError as error:
                raise NotCarriedError("varbind-regex", f"a condition on varbind {mask.place or mask.oid}: {error}") from error
        carried = _Carried(entry, matching, when)
        alarm = entry.alarm
        if alarm is None or alarm.alarm_type not in {PROBLEM, RESOLUTION} or entry.destination == UNKEPT:
            return carried
        if alarm.alarm_type == RESOLUTION:
            return replace(carried, clears=self._key(entry, alarm.clear_key, matching)) if alarm.clear_key else carried
        return replace(carried, raises=self._key(entry, alarm.reduction_key, matching))

    def _key(self, entry: EventEntry, text: str, matching: Matching | None) -> _Key:
        """A key's shape, and its placeholders as names of ours; one that is not known is kept by its own name."""
        parts: list[str] = []

        def put(match: re.Match[str]) -> str:
            name = match[1] if match[1].startswith("parm") else match[1].lower()
            if name == "uei":
                return entry.uei
            if name in _SENDER:
                return ""
            parts.append(self._named(name, matching) or f"?{name}")
            return "*"

        shape = ":".join(filter(None, _TOKEN.sub(put, text).split(":")))
        return _Key(shape, tuple(parts))

    def _named(self, token: str, matching: Matching | None) -> str | None:
        """How a placeholder's varbind is called here: a name, an OID or a place; ``None`` when it is no varbind."""
        parm, bare = _PARM.fullmatch(token), _BARE_PARM.fullmatch(token)
        if parm is None and bare is None:
            return None
        said = parm[1] if parm else f"#{bare[1] if bare else ''}"
        if said.startswith("#"):
            place = said[1:]
            if not (place.isascii() and place.isdigit() and 0 < int(place[:5]) <= 9999):  # noqa: PLR2004  # the last place
                return None
            return object_at(int(place), matching, self._mibs) if matching else f"#{int(place)}"
        number = numeric(said)
        if number:
            return name_of(number, self._mibs)
        return said if object_named(said, self._mibs) is not None else None

    def _refuse(self, entry: EventEntry, kind: str, reason: str) -> None:
        self.refusals.append(Refusal(entry.file, entry.line, shown(entry.uei) or "event", kind, reason))
        if entry.alarm is not None and entry.alarm.alarm_type == PROBLEM:
            self._lost_keys[self._key(entry, entry.alarm.reduction_key, None).shape] = entry

    def _lose(self, entry: EventEntry, kind: str, reason: str) -> None:
        self.losses.append(Refusal(entry.file, entry.line, shown(entry.uei), kind, reason))

    def drafts(self, files: Sequence[str]) -> list[Draft]:
        """One draft for each file that gave a rule, in order; what was refused goes with its file."""
        raised = {each.raises.shape for each in self._carried if each.raises is not None}
        cleared = {each.clears.shape for each in self._carried if each.clears is not None}
        self._learn_keys()
        rules: dict[str, list[DraftRule]] = {}
        types: dict[str, list[DraftType]] = {}
        for each in self._carried:
            rule, new = self._rule(each, raised, cleared)
            rules.setdefault(each.entry.file, []).append(rule)
            types.setdefault(each.entry.file, []).extend([new] if new else [])
        names = Names()
        return [
            Draft(
                names.new(kebab(Path(file).name.partition(".")[0]) or "events"),
                f"Carried over from {Path(file).name} by `assure rules import opennms`. Each `# check:` wants a person's eyes.",
                tuple(types.get(file, ())),
                tuple(rules.get(file, ())),
                tuple(each for each in self.refusals if each.file == file),
                tuple(each for each in self.losses if each.file == file),
                self._counts.get(file, 0),
            )
            for file in dict.fromkeys(files)
        ]

    def _learn_keys(self) -> None:
        """What all events of one key have in common: the keys themselves, the first that raises, the highest severity."""
        for each in self._carried:
            for key in (each.raises, each.clears):
                if key is not None:
                    self._keys.setdefault(key.shape, []).append(key)
            if each.raises is not None:
                severity = _severity(each.entry) or Severity.INDETERMINATE
                self._first.setdefault(each.raises.shape, each)
                self._severest[each.raises.shape] = max(severity, self._severest.get(each.raises.shape, severity))

    def _rule(self, each: _Carried, raised: set[str], cleared: set[str]) -> tuple[DraftRule, DraftType | None]:
        signal, key, checks = self._signal(each, raised, cleared)
        alarm_type, new = self._alarm_type(each, key)
        resource, qualifier, more = self._identity(key)
        text, lost = filled(each.entry.text or each.entry.label, _TOKEN, lambda match: self._placeholder(match[1], each.matching))
        if lost:
            self._lose(each.entry, "text-token", f"left out of its text: {', '.join(shown(each) for each in lost)}")
        severity = _severity(each.entry)
        worst = self._severest.get(key.shape) if key else None
        form = TrapForm(
            name=self._taken.rules.new(kebab(each.entry.uei.rpartition("/")[2]) or "event"),
            resource=resource,
            alarm_type=alarm_type,
            signal=signal,
            text=text or clean(each.entry.label) or shown(each.entry.uei),
            notification=each.matching.notification,
            oid=each.matching.oid,
            enterprise=each.matching.enterprise,
            specific=each.matching.specific,
            when=dict(each.when),
            severity=severity if signal is Signal.RAISE and severity != worst else None,
            qualifier=qualifier,
        )
        used = [*re.findall(r"\{([^{}]+)\}", form.text + qualifier), form.resource.varbind]
        example = example_of(each.matching, form.when, [name for name in used if name and name not in _SPECIAL], self._mibs)
        origin = f"{Path(each.entry.file).name}:{each.entry.line}"
        return DraftRule(form, origin, (*checks, *more), tuple(self._notes(each)), example), new

    def _signal(self, each: _Carried, raised: set[str], cleared: set[str]) -> tuple[Signal, _Key | None, tuple[str, ...]]:
        if each.raises is not None:
            if each.raises.shape in cleared:
                return Signal.RAISE, each.raises, ()
            self._lose(each.entry, "never-cleared", "an alarm that no event of these files clears: written as notify")
            return Signal.NOTIFY, None, ("a raise there, but no event clears it; write raise, and the rule that clears, if one does",)
        if each.clears is not None:
            if each.clears.shape in raised:
                return Signal.CLEAR, each.clears, ()
            self._lose(each.entry, "dangling-clear", f"its clear key has no raise: {self._why_dangling(each.clears, raised)}")
            return Signal.NOTIFY, None, ("a clear there, but its clear key names no alarm that is raised",)
        return Signal.NOTIFY, None, ()

    def _why_dangling(self, key: _Key, raised: set[str]) -> str:
        lost = self._lost_keys.get(key.shape)
        if lost is not None:
            return f"the event of {lost.file}:{lost.line} was not carried over"
        near = next((shape for shape in sorted(raised) if shape.partition(":")[0] == key.shape.partition(":")[0]), None)
        if near is not None:
            return f"'{shown(near)}' is raised, '{shown(key.shape)}' is to be cleared (a star is a value)"
        return f"no event of these files has the reduction key '{shown(key.shape)}'"

    def _alarm_type(self, each: _Carried, key: _Key | None) -> tuple[str, DraftType | None]:
        """The type of an alarm, one for all events of a key; an event that is no alarm has a stateless type of its own."""
        shape = key.shape if key else ""
        if shape in self._types:
            return self._types[shape][0], None
        label = key.name if key else each.entry.uei.rpartition("/")[2]
        raising = self._first.get(shape, each)
        severity = self._severest.get(shape) or _severity(each.entry) or Severity.INDETERMINATE
        name = self._taken.types.new(kebab(label) or "event")
        described = clean(raising.entry.label) or shown(raising.entry.uei)
        form, why = new_type(name, words_of(label), severity, described, will_clear=key is not None)
        told = _EVENT_TYPES.get((raising.entry.alarm.event_type if raising.entry.alarm else "").replace("-", "").lower())
        if told is not None:
            form, why = replace(form, event_type=told), f"{why}; its event type was given"
        new = DraftType(form, (why,))
        if shape:
            self._types[shape] = (name, new)
        return name, new

    def _identity(self, key: _Key | None) -> tuple[ResourceForm, str, tuple[str, ...]]:
        """Resource and qualifier of a key. An ifIndex in it names the interface, if all events of the key have it at that place."""
        if key is None:
            return ResourceForm(ResourceKind.DEVICE), "", ()
        unknown = [part[1:] for part in key.parts if part.startswith("?")]
        resource = ResourceForm(ResourceKind.DEVICE)
        parts = list(key.parts)
        for place, part in enumerate(parts):
            if part == "ifIndex" and all(self._is_if_index(other, place) for other in self._keys[key.shape]):
                named = "ifName" if self._mibs.oid_of("ifName") in self._mibs.objects else ""
                resource = ResourceForm(ResourceKind.INTERFACE, By.IF_INDEX, "ifIndex", named)
                del parts[place]
                break
        rest = iter(f"{{{part}}}" for part in parts if not part.startswith("?"))
        literals = [literal for literal in re.split(r"[*:]+", key.shape.partition(":")[2]) if literal]
        qualifier = " ".join([*(clean(literal) for literal in literals), *rest])
        checks = tuple(f"its key holds %{shown(each)}%, which has no counterpart: are two such alarms told apart?" for each in unknown)
        return resource, qualifier, checks

    def _is_if_index(self, key: _Key, place: int) -> bool:
        known = object_named(key.parts[place], self._mibs)
        return known is not None and known.oid == IF_INDEX

    def _placeholder(self, token: str, matching: Matching) -> str | None:
        if token in _EVERY_VARBIND:
            return ""
        if token.lower() in _SHOWN_SENDER:
            return f"{{{_SHOWN_SENDER[token.lower()]}}}"
        named = self._named(token, matching)
        return f"{{{named}}}" if named else None

    def _notes(self, each: _Carried) -> Iterator[str]:
        yield f"{Path(each.entry.file).name}:{each.entry.line} {each.entry.uei}"
        if each.entry.instruction:
            yield f"what to do: {clean(each.entry.instruction)}"
        for parm, labels in each.entry.decodes.items():
            named = self._named(parm if parm.startswith("parm") else f"parm[{parm}]", each.matching)
            if object_named(named or "#", self._mibs) is None and labels:
                told = ", ".join(f"{value} is {label}" for value, label in list(labels.items())[:_MOST_LABELS])
                yield f"values of {named or parm}: {told}"


_MOST_LABELS = 12
_SPECIAL = frozenset({"device", "source", "resource"})


def _severity(entry: EventEntry) -> Severity | None:
    return _SEVERITIES.get(entry.severity.lower(), Severity.INDETERMINATE)


def _texts(values: Sequence[str]) -> Texts:
    """The alternatives of a mask as texts: ``~`` begins a regular expression, ``%`` ends a beginning."""
    if not values:
        raise NotAFewTextsError("no value")
    found = [_text(value) for value in values]
    if len({(each.open_start, each.open_end) for each in found}) > 1:
        raise NotAFewTextsError("exact values beside open ones")
    return Texts(tuple(text for each in found for text in each.texts), found[0].open_start, found[0].open_end)


def _text(value: str) -> Texts:
    if value.startswith("~"):
        return texts_of(value[1:], whole=True)
    if value.endswith("%") and len(value) > 1:
        return Texts((value[:-1],), open_end=True)
    return Texts((value,))


def _quoted(value: str) -> str:
    return f"'{shown(value, 60)}'"
