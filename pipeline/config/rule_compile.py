"""Forms -> compiled rules: names become OIDs, labels become numbers, texts become templates. Whatever cannot is told with its remedy."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.config.decode import Decoder
from pipeline.config.problem import Path_, did_you_mean
from pipeline.config.rule_form import PROBABLE_CAUSES, AlarmTypeForm, ResourceForm, TrapForm
from pipeline.config.settings_file import line_at
from pipeline.config.yaml_source import Node
from pipeline.core.event import AlarmType, Signal
from pipeline.core.mib import MibIndex, MibObject, Syntax
from pipeline.core.resource import ResourceKind
from pipeline.core.rule import By, Locator, Match, Template, TrapRule

_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9-]*|#[0-9]+|[012](?:\.[0-9]+)+)\}")
_OID = re.compile(r"[012](\.(0|[1-9][0-9]*))+")
SPECIAL_NAMES = frozenset({"device", "source", "resource"})
"""Placeholders that are no varbinds."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the forms of one file; ``node`` is its root, for the lines of problems."""

    decoder: Decoder
    node: Node
    mibs: MibIndex

    def tell(self, path: Path_, message: str, remedy: str = "") -> None:
        """Report a problem at a place of the file."""
        self.decoder.tell(line_at(self.node, path), path, message, remedy)

    def alarm_type(self, form: AlarmTypeForm, path: Path_) -> AlarmType:
        """An entry of the catalogue; its probable cause must be one of its registry."""
        registry, _, cause = form.probable_cause.partition("/")
        if registry not in PROBABLE_CAUSES:
            remedy = did_you_mean(registry, PROBABLE_CAUSES)
            self.tell((*path, "probable_cause"), f"'{registry}' is not a registry of probable causes", remedy)
        elif cause not in PROBABLE_CAUSES[registry]:
            remedy = did_you_mean(cause, PROBABLE_CAUSES[registry])
            self.tell((*path, "probable_cause"), f"'{cause}' is not a probable cause of {registry}", remedy)
        return AlarmType(
            form.name, form.event_type.value, form.probable_cause, form.severity, form.will_clear, form.condition, form.description
        )

    def trap_rule(self, form: TrapForm, types: Mapping[str, AlarmType], path: Path_) -> TrapRule | None:
        """A rule, or ``None`` after telling what is wrong with it."""
        oids = self._trap_oids(form, path)
        alarm_type = types.get(form.alarm_type)
        if alarm_type is None:
            self.tell((*path, "alarm_type"), f"'{form.alarm_type}' is not an alarm type", did_you_mean(form.alarm_type, types))
        elif not alarm_type.will_clear and form.signal is not Signal.NOTIFY:
            message = f"'{form.alarm_type}' never clears, so it cannot be {form.signal.value}d"
            self.tell((*path, "signal"), message, "write notify, or an alarm type that clears")
        locator = self._locator(form.resource, (*path, "resource"))
        conditions = [self._match(name, value, (*path, "when", name)) for name, value in form.when.items()]
        text = self.template(form.text, (*path, "text"))
        qualifier = self.template(form.qualifier, (*path, "qualifier")) if form.qualifier else None
        if not oids or alarm_type is None or locator is None or text is None or None in conditions:
            return None
        matches = tuple(condition for condition in conditions if condition is not None)
        severity = form.severity or alarm_type.severity
        return TrapRule(form.name, oids[0], locator, alarm_type, form.signal, severity, text, qualifier, matches, "".join(oids[1:]))

    def _trap_oids(self, form: TrapForm, path: Path_) -> tuple[str, ...]:
        """The OIDs of a rule's notification: two for an enterprise and a specific number, none after telling what is wrong."""
        if not form.enterprise and form.specific is None:
            oid = self.trap_oid(form.notification, form.oid, path)
            return () if oid is None else (oid,)
        if form.notification or form.oid or not form.enterprise or form.specific is None:
            self.tell(path, "a rule matches by notification, by oid, or by enterprise and specific", "write one of them")
            return ()
        enterprise = self._number(form.enterprise, (*path, "enterprise"))
        return () if enterprise is None else (f"{enterprise}.0.{form.specific}", f"{enterprise}.{form.specific}")

    def trap_oid(self, notification: str, oid: str, path: Path_) -> str | None:
        """The OID of a notification, by name or as written."""
        if bool(notification) == bool(oid):
            self.tell(path, "a rule matches by notification or by oid", "write one of both")
            return None
        if oid:
            return self._number(oid, (*path, "oid"))
        number = self.mibs.oid_of(notification)
        names = [known.name for known in self.mibs.notifications.values()]
        if number is None or number not in self.mibs.notifications:
            remedy = did_you_mean(notification, names) or "add its MIB (assure mibs add FILE), or write oid: 1.3.6.…"
            self.tell((*path, "notification"), f"'{notification}' is not a notification of any known MIB", remedy)
            return None
        return number if self._is_one(notification, self.mibs.notifications, (*path, "notification")) else None

    def _is_one(self, name: str, kind: Mapping[str, Any], path: Path_) -> bool:
        """Whether a name stands for one OID; two vendors may use one name, and a rule must not mean the wrong one's."""
        meanings = [oid for oid in self.mibs.meanings(name) if oid in kind]
        if len(meanings) > 1:
            exact = [self.mibs.qualified(oid) for oid in meanings]
            self.tell(path, f"'{name}' may be {' or '.join(exact)}", f"write {exact[0]}, or whichever is meant")
        return len(meanings) <= 1

    def _number(self, oid: str, path: Path_) -> str | None:
        if _OID.fullmatch(oid):
            return oid
        self.tell(path, f"'{oid}' is not an OID", "write numbers and dots, without a leading dot: 1.3.6.1.…")
        return None

    def object_oid(self, name: str, path: Path_) -> str | None:
        """The OID of an object, by name or as written; the place of a varbind (``#2``) stands for itself."""
        if name[:1] == "#":
            return self._place(name, path)
        if name[:1].isdigit():
            return self._number(name, path)
        oid = self.mibs.oid_of(name)
        if oid is None or oid not in self.mibs.objects:
            remedy = (
                did_you_mean(name, [known.name for known in self.mibs.objects.values()])
                or "add its MIB (assure mibs add FILE), or write its OID"
            )
            self.tell(path, f"'{name}' is not an object of any known MIB", remedy)
            return None
        return oid if self._is_one(name, self.mibs.objects, path) else None

    def _place(self, name: str, path: Path_) -> str | None:
        if _PLACE.fullmatch(name):
            return name
        self.tell(path, f"'{name}' is not the place of a varbind", "write '#1' for the first, '#2' for the second, …")
        return None

    def _locator(self, form: ResourceForm, path: Path_) -> Locator | None:
        wanted = _KEYS_OF[form.by]
        given = {key for key in ("varbind", "name_varbind", "index_of", "arcs") if getattr(form, key)}
        for key in sorted(given - wanted):
            self.tell((*path, key), f"'{key}' says nothing when the resource is found by {form.by.value}", "take it out, or change 'by'")
        needed = {By.DEVICE: "", By.IF_INDEX: "varbind", By.NAME: "varbind", By.INDEX: "index_of"}[form.by]
        if needed and needed not in given:
            self.tell(path, f"'{needed}' is missing", f"name the object that tells the {form.kind.value}")
            return None
        if form.by is By.DEVICE and form.kind not in _WHOLE_DEVICE:
            self.tell((*path, "by"), f"a device alone does not tell which {form.kind.value}", "write by: if-index, name or index")
            return None
        oids = {key: self.object_oid(getattr(form, key), (*path, key)) for key in sorted(given & wanted - {"arcs"})}
        if None in oids.values():
            return None
        if form.by is By.INDEX and form.index_of[:1] == "#":
            self.tell((*path, "index_of"), "where the index begins cannot be told from a place alone", "name the object, or write its OID")
            return None
        main = oids.get("varbind") or oids.get("index_of") or ""
        return Locator(form.kind, form.by, main, oids.get("name_varbind") or "", form.arcs)

    def _match(self, name: str, value: Any, path: Path_) -> Match | None:
        oid = self.object_oid(name, path)
        return None if oid is None else self._condition(Match(oid), value, path)

    def _condition(self, match: Match, value: Any, path: Path_) -> Match | None:
        """The condition with what ``value`` asks for: a value, a list of values, or a mapping of :data:`_TESTS`."""
        if isinstance(value, dict):
            return self._tested(match, value, path)
        known = self.mibs.objects.get(match.oid)
        values = [self.wire_value(known, each, path) for each in (value if isinstance(value, list) else [value])]
        if None in values:
            return None
        wanted = {each for each in values if each is not None}
        if known is None:  # 1 may be the number or the text: nothing says which the agent sends
            wanted |= {str(each).encode() for each in wanted if isinstance(each, int)}
        return replace(match, values=frozenset(wanted))

    def _tested(self, match: Match, value: dict[str, Any], path: Path_) -> Match | None:
        unknown = sorted(value.keys() - _TESTS)
        for key in unknown:
            self.tell((*path, key), f"'{key}' is no condition", did_you_mean(key, _TESTS))
        if not value:
            self.tell(path, "an empty mapping is no condition", did_you_mean("", _TESTS))
        elif "not" in value and (len(value) > 1 or match.negated):
            self.tell(path, "'not' stands alone", "take the other keys out, or write a rule of its own")
        elif "not" in value:
            return self._condition(replace(match, negated=True), value["not"], path)
        elif not unknown:
            return self._within(match, value, path)
        return None

    def _within(self, match: Match, value: dict[str, Any], path: Path_) -> Match | None:
        """The condition with a range of numbers, and with beginnings and parts of texts."""
        ends = [value.get("from", -_FAR), value.get("to", _FAR)]
        if any(isinstance(end, bool) or not isinstance(end, int) for end in ends):
            self.tell(path, "a range has whole numbers as ends", "write from: 1, to: 5; one of both may be left out")
            return None
        texts = {key: self._texts(match.oid, value[key], (*path, key)) for key in ("begins", "contains") if key in value}
        if None in texts.values():
            return None
        ranges = ((ends[0], ends[1]),) if value.keys() & {"from", "to"} else ()
        return replace(match, ranges=ranges, prefixes=texts.get("begins") or (), parts=texts.get("contains") or ())

    def _texts(self, oid: str, value: Any, path: Path_) -> tuple[bytes, ...] | None:
        """Texts to look for in a value, which must be text itself; ``None`` after telling what is wrong."""
        known = self.mibs.objects.get(oid)
        if known is not None and known.syntax in _NUMERIC:
            self.tell(path, f"{known.name} is a number", "name its values, or write from: and to:")
            return None
        texts = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(each, (str, int)) and str(each) for each in texts):
            self.tell(path, f"{value!r} is no text to look for", "write a text, or a list of texts")
            return None
        return tuple(str(each).encode() for each in texts)

    def wire_value(self, known: MibObject | None, value: Any, path: Path_) -> int | bytes | None:
        """What a value of YAML is on the wire: a label its number, text its bytes. ``None`` after telling what is wrong."""
        numeric = known is not None and known.syntax in _NUMERIC
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            self.tell(path, f"{value!r} is no value of a varbind", "write a label, a number or text")
            return None
        if isinstance(value, int):
            return value if numeric or known is None else str(value).encode()
        if numeric:
            assert known is not None
            return self._label(known, value, path)
        return bytes.fromhex(value[4:]) if _HEX.fullmatch(value) else value.encode()

    def _label(self, known: MibObject, label: str, path: Path_) -> int | None:
        numbers = {name: number for number, name in known.enumeration.items()}
        if label in numbers:
            return numbers[label]
        self.tell(path, f"'{label}' is not a value of {known.name}", did_you_mean(label, numbers) or "write a number")
        return None

    def template(self, text: str, path: Path_) -> Template | None:
        """A text with its placeholders found; braces that are none are refused."""
        parts = _PLACEHOLDER.split(text)
        if any("{" in part or "}" in part for part in parts[::2]):
            self.tell(path, "a placeholder is a name in braces and nothing else", "write {ifName}; no attribute, index or format")
            return None
        for name in parts[1::2]:
            known = name in SPECIAL_NAMES or (self.mibs.oid_of(name) or "") in self.mibs.objects
            if not known and self.object_oid(name, path) is None:
                return None
        return Template(tuple(parts))


_PLACE = re.compile(r"#[1-9][0-9]{0,3}")
_TESTS = frozenset({"not", "from", "to", "begins", "contains"})
_FAR = 1 << 64
"""Beyond every number of SNMP."""
_HEX = re.compile(r"hex:([0-9a-fA-F]{2})*")
_NUMERIC = frozenset({Syntax.INTEGER, Syntax.COUNTER32, Syntax.GAUGE32, Syntax.TIME_TICKS, Syntax.COUNTER64})
_WHOLE_DEVICE = frozenset({ResourceKind.DEVICE, ResourceKind.REACHABILITY, ResourceKind.UPLINKS, ResourceKind.SYSTEM})
_KEYS_OF: dict[By, set[str]] = {
    By.DEVICE: set(),
    By.IF_INDEX: {"varbind", "name_varbind"},
    By.NAME: {"varbind"},
    By.INDEX: {"index_of", "arcs"},
}
