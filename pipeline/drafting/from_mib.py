"""A MIB's notifications -> drafted rules: one each, or one for each side of a state. Every guess says why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.config.rule_form import TrapForm
from pipeline.core.event import Severity, Signal
from pipeline.core.mib import MibIndex, MibNotification, MibObject, Syntax
from pipeline.core.rule import RuleBook
from pipeline.drafting.draft import Draft, DraftRule, DraftType, Refusal, Taken
from pipeline.drafting.example import varbinds_of
from pipeline.drafting.guess import known_type, new_type, severities_of, severity_of
from pipeline.drafting.naming import exact, object_of, written
from pipeline.drafting.place import Place, columns_of, place_of
from pipeline.drafting.word import BAD, Pair, Side, kebab, pairs_of, side_of_label, words_of

_MOST_DETAILS = 3
_MOST_DESCRIPTION = 160
_STATES = frozenset({"status", "state", "condition", "health", "cond", "stat", "oper", "operational", "result", "available"})
_ORDERS = frozenset({"admin", "administrative", "desired", "requested", "configured", "row", "storage"})
"""Objects of these words say what was ordered, not how things are."""


def draft_module(module: str, mibs: MibIndex, book: RuleBook, names: Taken, descriptions: Mapping[str, str] | None = None) -> Draft:
    """Draft rules for every notification of a module that no rule of ``book`` reads yet.

    ``names`` holds the names that are taken; ``descriptions`` are the MIB's own, by notification, where its text is at hand.
    """
    found = sorted((each for each in mibs.notifications.values() if each.module == module), key=lambda each: _arcs(each.oid))
    new = [each for each in found if each.oid not in book.by_oid]
    drafter = _Drafter(module, mibs, book, names, descriptions or {}, _common_prefix(new))
    for vendor in dict.fromkeys(each.vendor for each in new):
        drafter.run([each for each in new if each.vendor == vendor])
    heading = f"Drafted from {module} by `assure rules draft`. Each `# check:` is a guess: settle it, then take the comment out."
    refusals = tuple(
        Refusal(module, 0, each.name, "ruled", f"the rule {book.by_oid[each.oid][0].name} reads it already")
        for each in found
        if each not in new
    )
    return Draft(kebab(module) or "mib", heading, tuple(drafter.types), drafter.exact_rules(), refusals, read=len(found))


def _arcs(oid: str) -> tuple[int, ...]:
    return tuple(int(arc) for arc in oid.split("."))


def _common_prefix(notifications: Sequence[MibNotification]) -> int:
    """How many words all names begin with, which say whose MIB it is; at least one word of each name is left."""
    words = [words_of(each.name) for each in notifications]
    if len(words) < 2:  # noqa: PLR2004  # one name alone shares nothing
        return 0
    shared = 0
    while all(len(each) > shared + 1 and each[shared] == words[0][shared] for each in words):
        shared += 1
    return shared


@dataclass(slots=True)
class _Drafter:
    """Collects types and rules for one module."""

    module: str
    mibs: MibIndex
    book: RuleBook
    names: Taken
    descriptions: Mapping[str, str]
    prefix: int
    types: list[DraftType] = field(default_factory=list)
    rules: list[DraftRule] = field(default_factory=list)
    carried: list[Sequence[MibObject]] = field(default_factory=list)

    def exact_rules(self) -> tuple[DraftRule, ...]:
        """The rules, their objects named so that no other vendor's are meant."""
        return tuple(exact(rule, objects, self.mibs) for rule, objects in zip(self.rules, self.carried, strict=True))

    def run(self, notifications: Sequence[MibNotification]) -> None:
        """Draft rules for one vendor's notifications: within these a name is one thing."""
        by_name = {each.name: each for each in notifications}
        pairs = pairs_of(list(by_name))
        paired = {name for pair in pairs for name in (pair.clear, *pair.raises)}
        for each in notifications:
            pair = next((pair for pair in pairs if each.name == pair.raises[0]), None)
            if pair is not None:
                self._pair(pair, by_name)
            elif each.name not in paired:
                self._alone(each)

    def _pair(self, pair: Pair, by_name: Mapping[str, MibNotification]) -> None:
        raises, clear = [by_name[name] for name in pair.raises], by_name[pair.clear]
        place = self._shared_place([*raises, clear])
        first = raises[0]
        words = words_of(first.name)
        severity, why = severity_of(words, self._description(first))
        name = kebab(first.name) if len(raises) == 1 else kebab(pair.clear.replace(pair.word.capitalize(), ""))
        alarm_type = self._type(name, words, place, (severity, why), self._description(first), will_clear=True)
        ended = f"{clear.name} ends {', '.join(pair.raises)}: their names differ by the word '{pair.word}'"
        for each in raises:
            self._rule(each, place, alarm_type, Signal.RAISE, (ended,))
        self._rule(clear, place, alarm_type, Signal.CLEAR, (ended,))

    def _shared_place(self, notifications: Sequence[MibNotification]) -> Place:
        """A place that all of them can tell: what raises and what clears must name the same resource."""
        carried = [self._objects(each) for each in notifications]
        shared = [each for each in carried[0] if all(each in others for others in carried)]
        place = place_of(words_of(notifications[0].name), shared, self.mibs)
        if not shared and any(carried):
            return replace(place, checks=("the device itself: the notifications that raise and clear share no object",))
        return place

    def _alone(self, each: MibNotification) -> None:
        objects = self._objects(each)
        place = place_of(words_of(each.name), objects, self.mibs)
        grades = next(((known, found) for known in objects if (found := self._grades(known)) and None in found.values()), None)
        if grades is not None:
            self._by_severity(each, place, *grades)
            return
        state = self._state(objects)
        if state is not None:
            self._by_state(each, place, state)
            return
        words = words_of(each.name)
        severity = severity_of(words, self._description(each))
        alarm_type = self._type(kebab(each.name), words, place, severity, self._description(each), will_clear=False)
        sounds = [word for word in words if word in BAD]
        checks = (
            (f"'{sounds[0]}' sounds like an alarm, but nothing in {self.module} ends it: if something does, write raise, and its rule",)
            if sounds
            else ()
        )
        self._rule(each, place, alarm_type, Signal.NOTIFY, checks)

    def _grades(self, known: MibObject) -> dict[str, Severity | None]:
        return severities_of(label for _, label in sorted(known.enumeration.items())) if known.syntax is Syntax.INTEGER else {}

    def _by_severity(self, each: MibNotification, place: Place, known: MibObject, grades: Mapping[str, Severity | None]) -> None:
        """A rule for each severity, and one for cleared."""
        words = words_of(each.name)
        worst = max(severity for severity in grades.values() if severity is not None)
        reason = (worst, f"severity from the labels of {known.name}")
        alarm_type = self._type(kebab(each.name), words, place, reason, self._description(each), will_clear=True)
        why = f"raise or clear by {known.name}, whose labels are severities"
        by_severity: dict[Severity | None, list[str]] = {}
        for label, severity in grades.items():
            by_severity.setdefault(severity, []).append(label)
        for severity, labels in sorted(by_severity.items(), key=lambda item: -(item[0] or 0)):
            signal = Signal.CLEAR if severity is None else Signal.RAISE
            self._rule(each, place, alarm_type, signal, (why,), {known.name: _one_or_list(labels)}, severity)

    def _state(self, objects: Sequence[MibObject]) -> MibObject | None:
        """The object whose labels are good and bad news; one that is called a state before others."""
        both = [
            known
            for known in objects
            if known.syntax is Syntax.INTEGER
            and not _ORDERS & set(words_of(known.name))
            and {Side.BAD, Side.GOOD} <= {side_of_label(label) for label in known.enumeration.values()}
        ]
        return next((known for known in both if _STATES & set(words_of(known.name))), both[0] if both else None)

    def _by_state(self, each: MibNotification, place: Place, known: MibObject) -> None:
        """A rule for the bad labels, one for the good, and a stateless one for those that are neither."""
        labels = {side: [label for _, label in sorted(known.enumeration.items()) if side_of_label(label) is side] for side in Side}
        words = words_of(each.name)
        severity, why = severity_of([*words, *labels[Side.BAD]], self._description(each))
        alarm_type = self._type(kebab(each.name), words, place, (severity, why), self._description(each), will_clear=True)
        check = f"bad and good by the labels of {known.name}"
        self._rule(each, place, alarm_type, Signal.RAISE, (check,), {known.name: _one_or_list(labels[Side.BAD])})
        self._rule(each, place, alarm_type, Signal.CLEAR, (check,), {known.name: _one_or_list(labels[Side.GOOD])})
        if labels[Side.NEITHER]:
            other = self._type(
                f"{kebab(each.name)}-other",
                words,
                place,
                (Severity.INDETERMINATE, "neither good nor bad news, so of no severity"),
                self._description(each),
                will_clear=False,
            )
            neither = f"{known.name} is {', '.join(labels[Side.NEITHER])}: neither raises nor clears"
            self._rule(each, place, other, Signal.NOTIFY, (neither,))

    def _type(
        self, name: str, words: Sequence[str], place: Place, severity: tuple[Severity, str], description: str, *, will_clear: bool
    ) -> str:
        """The name of an alarm type: one of the catalogue that fits, or a new one."""
        known = known_type(words, place.resource.kind, will_clear=will_clear, catalogue=self.book.alarm_types)
        if known and not any(rule.form.alarm_type == known and rule.form.resource == place.resource for rule in self.rules):
            return known
        fresh = self.names.types.new(name or kebab(self.module) or "notification")
        said = description or f"{self._phrase(words).capitalize()} ({self.module})."
        form, why = new_type(fresh, words, severity[0], _shortened(said), will_clear=will_clear)
        self.types.append(DraftType(form, (severity[1], why)))
        return fresh

    def _rule(
        self,
        each: MibNotification,
        place: Place,
        alarm_type: str,
        signal: Signal,
        checks: tuple[str, ...],
        when: Mapping[str, Any] | None = None,
        severity: Severity | None = None,
    ) -> None:
        objects = self._objects(each)
        form = TrapForm(
            name=self.names.rules.new(_rule_name(each.name, signal, with_signal=bool(when), severity=severity)),
            resource=place.resource,
            alarm_type=alarm_type,
            signal=signal,
            text=self._text(each, replace(place, qualifier="") if signal is Signal.NOTIFY else place, objects),
            notification=written(each, self.mibs),
            when=dict(when or {}),
            severity=severity,
            qualifier="" if signal is Signal.NOTIFY else place.qualifier,
        )
        reused = (f"the alarm type {alarm_type} of the catalogue fits",) if alarm_type in self.book.alarm_types else ()
        example = varbinds_of(objects, form.when or self._remaining(each, objects), columns_of(objects, self.mibs))
        said = {check for rule in self.rules if rule.form.alarm_type == alarm_type for check in rule.checks}
        new = tuple(check for check in (*checks, *place.checks, *reused) if check not in said)
        self.rules.append(DraftRule(form, each.name, new, example=example))
        self.carried.append(objects)

    def _remaining(self, each: MibNotification, objects: Sequence[MibObject]) -> dict[str, Any]:
        """For a rule without conditions after those with some: a value that none of them asks for."""
        asked = [rule.form.when for rule in self.rules if rule.form.notification == written(each, self.mibs)]
        taken = {label for when in asked for labels in when.values() for label in (labels if isinstance(labels, list) else [labels])}
        known = next((known for known in objects if any(known.name in when for when in asked)), None)
        return {known.name: next(label for label in known.enumeration.values() if label not in taken)} if known else {}

    def _text(self, each: MibNotification, place: Place, objects: Sequence[MibObject]) -> str:
        named = {place.resource.varbind, place.resource.name_varbind}
        details = [known.name for known in objects if known.name not in named and f"{{{known.name}}}" not in place.qualifier]
        told = ", ".join(f"{name} {{{name}}}" for name in details[:_MOST_DETAILS])
        about = f"{self._phrase(words_of(each.name))} on {{resource}}"
        about += f" ({place.qualifier})" if place.qualifier else ""
        return about[0].upper() + about[1:] + (f": {told}" if told else "")

    def _phrase(self, words: Sequence[str]) -> str:
        return " ".join(words[self.prefix :]) or " ".join(words)

    def _objects(self, each: MibNotification) -> list[MibObject]:
        return [known for name in each.objects if (known := object_of(name, each, self.mibs)) is not None]

    def _description(self, each: MibNotification) -> str:
        return self.descriptions.get(each.name, "")


def _rule_name(name: str, signal: Signal, *, with_signal: bool, severity: Severity | None) -> str:
    said = severity.name.lower() if severity is not None else {Signal.RAISE: "raised", Signal.CLEAR: "cleared"}.get(signal, signal.value)
    return f"{kebab(name)}-{said}" if with_signal else kebab(name)


def _one_or_list(labels: list[str]) -> str | list[str]:
    return labels[0] if len(labels) == 1 else labels


def _shortened(text: str) -> str:
    """The first sentence, or as much of it as an entry of the catalogue should have."""
    sentence = next(_sentences(text), text)
    return sentence if len(sentence) <= _MOST_DESCRIPTION else sentence[: _MOST_DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"


def _sentences(text: str) -> Iterator[str]:
    for sentence in text.split(". "):
        yield sentence if sentence.endswith(".") else f"{sentence}."
