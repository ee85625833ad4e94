"""snmptt events -> drafted rules. It has no clear keys: what ends what is guessed, from names and from a severity of Normal."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.rule_form import ResourceForm, TrapForm
from pipeline.core.event import Severity, Signal
from pipeline.core.mib import MibIndex, MibObject
from pipeline.core.resource import ResourceKind
from pipeline.core.rule import RuleBook
from pipeline.core.text import shown
from pipeline.drafting.carry import (
    Matching,
    clean,
    example_of,
    filled,
    matching_oid,
    numeric,
    object_at,
    object_named,
    objects_of,
    ruled_by,
)
from pipeline.drafting.condition import condition_of, is_number
from pipeline.drafting.draft import Draft, DraftRule, DraftType, Names, Refusal, Taken
from pipeline.drafting.guess import new_type, severity_of, severity_of_label
from pipeline.drafting.naming import is_plain
from pipeline.drafting.pattern import NotAFewTextsError, Texts, texts_of
from pipeline.drafting.place import Place, place_of
from pipeline.drafting.snmptt_conf import MatchLine, TrapEntry, read_conf
from pipeline.drafting.word import kebab, pairs_of, words_of

_TOKEN = re.compile(r"\$([+-]?[0-9]{1,4}|[+-]?\*|v[0-9]{1,4}|[aBFp](?:[A-Za-z][0-9]{0,4}|[0-9]{1,4})|[A-Za-z#$@])")
_SENDER = {**dict.fromkeys(("A", "R", "r"), "{device}"), **dict.fromkeys(("aA", "aR", "ar"), "{source}")}
_WHITE = {**dict.fromkeys(("Fa", "Ff", "Fn", "Fr", "Ft"), " "), "$": "$"}
_RANGE = re.compile(r"([0-9]{1,18})\s*-\s*([0-9]{1,18})")
_BOUND = re.compile(r"([<>])\s*(-?[0-9]{1,18})")
_REGEX = re.compile(r"\((.*)\)([a-z]*)")
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_OTHERS = {
    "EXEC": "it starts a command: no notification ever starts one here",
    "PREEXEC": "it starts a command: no notification ever starts one here",
    "REGEX": "it rewrites the text; the text is as before",
}


@dataclass(frozen=True, slots=True)
class _Carried:
    """An event that can be a rule, with the signal that is guessed of it and why."""

    entry: TrapEntry
    matching: Matching
    when: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Alarm:
    """Events that are taken for one alarm: what raises it, what clears it, and why they are."""

    name: str
    raises: tuple[_Carried, ...]
    clears: tuple[_Carried, ...]
    reason: str


class NotCarriedError(Exception):
    """An event that has no counterpart; ``kind`` counts, the message says why."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def read_and_draft(files: Sequence[Path], mibs: MibIndex, book: RuleBook, taken: Taken) -> list[Draft]:
    """Draft rules from snmptt.conf files; each is a set of its own."""
    names = Names()
    seen: dict[tuple[str, str], TrapEntry] = {}
    return [_draft(file, names.new(kebab(file.name.removesuffix(".conf")) or "snmptt"), mibs, book, taken, seen) for file in files]


def _draft(file: Path, name: str, mibs: MibIndex, book: RuleBook, taken: Taken, seen: dict[tuple[str, str], TrapEntry]) -> Draft:
    entries, refusals = read_conf(file)
    importer = _Importer(mibs, book, taken, seen)
    for entry in entries:
        importer.take(entry)
    heading = f"Carried over from {file.name} by `assure rules import snmptt`. Each `# check:` is a guess: settle it, then take it out."
    rules, types = importer.rules()
    return Draft(name, heading, tuple(types), tuple(rules), (*refusals, *importer.refusals), tuple(importer.losses), len(entries))


class _Importer:
    """Collects the events of a file, then guesses which belong together, then writes them as rules."""

    def __init__(self, mibs: MibIndex, book: RuleBook, taken: Taken, seen: dict[tuple[str, str], TrapEntry]) -> None:
        self._mibs = mibs
        self._book = book
        self._taken = taken
        self._seen = seen
        self._carried: list[_Carried] = []
        self.refusals: list[Refusal] = []
        self.losses: list[Refusal] = []

    def take(self, entry: TrapEntry) -> None:
        """Read one event; alternatives on several varbinds make several rules of it."""
        try:
            matching = self._matching(entry)
            whens = self._whens(entry, matching)
        except NotCarriedError as error:
            self._refuse(entry, error.kind, str(error))
            return
        for when in whens:
            self._keep(_Carried(entry, matching, when))
        for keyword in entry.others:
            self._lose(entry, keyword, f"{keyword} is left out: {_OTHERS.get(keyword, 'not a keyword that is known')}")

    def _keep(self, each: _Carried) -> None:
        ruled = ruled_by(each.matching, self._book)
        if ruled:
            self._refuse(each.entry, "ruled", f"the rule {ruled} reads this notification already")
            return
        for oid in each.matching.oids:
            first = self._seen.setdefault((oid, repr(sorted(each.when.items(), key=lambda item: item[0]))), each.entry)
            if first is not each.entry:
                self._refuse(each.entry, "same-match", f"never reached: the EVENT of {first.file}:{first.line} matches the same")
                return
        self._carried.append(each)

    def _matching(self, entry: TrapEntry) -> Matching:
        if entry.category.upper() == "IGNORE":
            raise NotCarriedError("ignored", "its category IGNORE drops the notification; here nothing is dropped: shelve it instead")
        if "NODES" in entry.others:
            raise NotCarriedError("nodes", "NODES limits it to some senders; a rule is for a notification of any sender")
        if "*" in entry.oid:
            raise NotCarriedError("wildcard", f"a wildcard OID ({shown(entry.oid, 60)}); a rule is for one notification")
        oid = numeric(entry.oid) or self._mibs.oid_of(entry.oid) or ""
        if not oid or (not numeric(entry.oid) and oid not in self._mibs.notifications):
            raise NotCarriedError("unknown-name", f"'{shown(entry.oid, 60)}' is not a notification of any known MIB: compile it first")
        return matching_oid(oid, self._mibs)

    def _whens(self, entry: TrapEntry, matching: Matching) -> list[dict[str, Any]]:
        """The conditions of an event: one set, or in mode ``or`` one for each varbind that is asked about."""
        found = [self._condition(line, matching) for line in entry.matches]
        if not found:
            return [{}]
        if entry.every:
            if len({name for name, _ in found}) < len(found):
                raise NotCarriedError("match", "it asks twice about one varbind")
            return [dict(found)]
        grouped: dict[str, list[Any]] = {}
        for name, condition in found:
            grouped.setdefault(name, []).append(condition)
        return [{name: condition} for name, conditions in grouped.items() for condition in _joined(conditions)]

    def _condition(self, line: MatchLine, matching: Matching) -> tuple[str, Any]:
        if not is_number(line.variable) or not 0 < int(line.variable) <= 9999:  # noqa: PLR2004  # the last place of a varbind
            about = f"${shown(line.variable, 20)}, which is no varbind" if line.variable else "something that is not understood"
            raise NotCarriedError("match", f"a MATCH on {about}")
        name = object_at(int(line.variable), matching, self._mibs)
        known = object_named(name, self._mibs)
        try:
            condition = self._expression(line.expression, known)
        except NotAFewTextsError as error:
            raise NotCarriedError("match-regex", f"a MATCH on ${line.variable}: {error}") from error
        return name, {"not": condition} if line.negated else condition

    def _expression(self, said: str, known: MibObject | None) -> Any:
        if found := _REGEX.fullmatch(said):
            if found[2]:
                raise NotAFewTextsError(f"a regular expression with the flag {found[2]}")
            return condition_of(known, texts_of(found[1], whole=False))
        if found := _RANGE.fullmatch(said):
            return {"from": int(found[1]), "to": int(found[2])}
        if found := _BOUND.fullmatch(said):
            return {"from": int(found[2]) + 1} if found[1] == ">" else {"to": int(found[2]) - 1}
        if _ADDRESS.fullmatch(said) or is_number(said):
            return condition_of(known, Texts((said,)))
        raise NotAFewTextsError(
            "a bit mask or a network" if said[:1] == "&" or "/" in said or "." in said else "an expression of another kind"
        )

    def _refuse(self, entry: TrapEntry, kind: str, reason: str) -> None:
        self.refusals.append(Refusal(entry.file, entry.line, shown(entry.name), kind, reason))

    def _lose(self, entry: TrapEntry, kind: str, reason: str) -> None:
        self.losses.append(Refusal(entry.file, entry.line, shown(entry.name), kind, reason))

    def rules(self) -> tuple[list[DraftRule], list[DraftType]]:
        """Every event as a rule, alarms first guessed from all of them."""
        alarms = list(self._alarms())
        rules: dict[int, DraftRule] = {}
        types: list[DraftType] = []
        for alarm in alarms:
            place = self._place([*alarm.raises, *alarm.clears])
            worst = max(self._raised_severity(each)[0] for each in alarm.raises)
            name = self._type(types, kebab(alarm.name), alarm.raises[0], worst, will_clear=True)
            for each in (*alarm.raises, *alarm.clears):
                signal = Signal.RAISE if each in alarm.raises else Signal.CLEAR
                severity, why = self._raised_severity(each) if signal is Signal.RAISE else (None, "")
                checks = (alarm.reason, *((why,) if why else ()))
                rules[id(each)] = self._rule(each, name, signal, place, checks, severity if severity != worst else None)
        for each in self._carried:
            if id(each) not in rules:
                severity, why = self._severity(each)
                name = self._type(types, kebab(each.entry.name), each, severity or Severity.INDETERMINATE, will_clear=False)
                place = Place(ResourceForm(ResourceKind.DEVICE))
                rules[id(each)] = self._rule(each, name, Signal.NOTIFY, place, (why,) if why else (), None)
        return [rules[id(each)] for each in self._carried], types

    def _alarms(self) -> Iterator[_Alarm]:
        """Events of one notification of which some are Normal; and events whose names end each other."""
        used: set[int] = set()
        for _, group in itertools.groupby(sorted(self._carried, key=lambda each: each.matching.oids), key=lambda each: each.matching.oids):
            events = list(group)
            clears = tuple(each for each in events if self._severity(each)[0] is None and each.when)
            raises = tuple(each for each in events if self._severity(each)[0] is not None and each.when)
            if clears and raises:
                used |= {id(each) for each in (*clears, *raises)}
                yield _Alarm(raises[0].entry.name, raises, clears, "raise and clear of one notification, because one severity is Normal")
        left = {each.entry.name: each for each in self._carried if id(each) not in used and not each.when}
        for pair in pairs_of(list(left)):
            reason = f"{shown(pair.clear, 60)} ends {shown(', '.join(pair.raises), 120)}: their names differ by the word '{pair.word}'"
            yield _Alarm(pair.raises[0], tuple(left[name] for name in pair.raises), (left[pair.clear],), reason)

    def _severity(self, each: _Carried) -> tuple[Severity | None, str]:
        """The severity, ``None`` for Normal and its like; and what is to be checked of it."""
        try:
            return severity_of_label(each.entry.severity), ""
        except KeyError:
            return Severity.INDETERMINATE, f"the severity '{shown(each.entry.severity, 40)}' is taken for indeterminate"

    def _raised_severity(self, each: _Carried) -> tuple[Severity, str]:
        """The severity of what raises, where Normal (which converters give to everything) is none: then that of its name."""
        severity, why = self._severity(each)
        if severity is not None:
            return severity, why
        guessed, why = severity_of(words_of(each.entry.name), each.entry.text)
        return guessed, f"the severity {shown(each.entry.severity, 40)} is not that of a raise; {why}"

    def _place(self, events: Sequence[_Carried]) -> Place:
        """Where the resource of an alarm is found: among the objects that all of its events carry."""
        carried = [objects_of(each.matching, self._mibs) for each in events]
        shared = [known for known in carried[0] if all(known in each for each in carried) and is_plain(known, self._mibs)]
        if shared:
            return place_of(words_of(events[0].entry.name), shared, self._mibs)
        check = 'the device itself, since no MIB of it is known; if varbinds tell its parts apart, write qualifier: "{#1}"'
        return Place(ResourceForm(ResourceKind.DEVICE), checks=(check,))

    def _type(self, types: list[DraftType], wanted: str, each: _Carried, severity: Severity, *, will_clear: bool) -> str:
        name = self._taken.types.new(wanted or "event")
        form, why = new_type(
            name, words_of(each.entry.name), severity, clean(f"{each.entry.name} ({each.entry.category})"), will_clear=will_clear
        )
        types.append(DraftType(form, (why,)))
        return name

    def _rule(
        self, each: _Carried, alarm_type: str, signal: Signal, place: Place, checks: tuple[str, ...], severity: Severity | None
    ) -> DraftRule:
        entry, matching = each.entry, each.matching
        text, lost = filled(entry.text or entry.name, _TOKEN, lambda match: self._placeholder(match[1], matching))
        if lost:
            self._lose(entry, "text-token", f"left out of its text: {', '.join(shown(token) for token in lost)}")
        form = TrapForm(
            name=self._taken.rules.new(kebab(entry.name) or "event"),
            resource=place.resource,
            alarm_type=alarm_type,
            signal=signal,
            text=text or clean(entry.name),
            notification=matching.notification,
            oid=matching.oid,
            when=dict(each.when),
            severity=severity,
            qualifier=place.qualifier,
        )
        used = [name for name in re.findall(r"\{([^{}]+)\}", form.text) if name not in {"device", "source", "resource"}]
        origin = f"{Path(entry.file).name}:{entry.line}"
        note = f"{origin} {entry.name}, category {entry.category}"
        example = example_of(matching, form.when, used, self._mibs)
        return DraftRule(form, origin, (*checks, *place.checks), (note,), example)

    def _placeholder(self, token: str, matching: Matching) -> str | None:
        if token in _SENDER:
            return _SENDER[token]
        if token in _WHITE:
            return _WHITE[token]
        number = token.lstrip("+-")
        if number == "*":
            return ""
        if not number.isdigit() or not int(number):
            return None
        return f"{{{object_at(int(number), matching, self._mibs)}}}"


def _joined(conditions: Sequence[Any]) -> Iterator[Any]:
    """Plain values of one varbind as one list; a mapping stays alone."""
    plain = [each for each in conditions if not isinstance(each, dict)]
    values = [value for each in plain for value in (each if isinstance(each, list) else [each])]
    if values:
        yield values[0] if len(values) == 1 else values
    yield from (each for each in conditions if isinstance(each, dict))
