"""What decoding needs, out of pysmi's documents: names, OIDs, syntax, labels, hints, units, notification objects in order."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.mib import MibNotification, MibObject, Syntax

Documents = Mapping[str, Mapping[str, Any]]
"""pysmi's JSON by module name."""

_BASE: dict[str, Syntax] = {
    "INTEGER": Syntax.INTEGER,
    "Integer32": Syntax.INTEGER,
    "OCTET STRING": Syntax.OCTET_STRING,
    "OBJECT IDENTIFIER": Syntax.OBJECT_IDENTIFIER,
    "IpAddress": Syntax.IP_ADDRESS,
    "NetworkAddress": Syntax.IP_ADDRESS,
    "Counter": Syntax.COUNTER32,
    "Counter32": Syntax.COUNTER32,
    "Gauge": Syntax.GAUGE32,
    "Gauge32": Syntax.GAUGE32,
    "Unsigned32": Syntax.GAUGE32,
    "TimeTicks": Syntax.TIME_TICKS,
    "Opaque": Syntax.OPAQUE,
    "Counter64": Syntax.COUNTER64,
    "BITS": Syntax.BITS,
    "Bits": Syntax.BITS,
}
_MAX_STEPS = 32
_KEYWORD = "_pysmi_"
"""What pysmi puts before names that are words of Python."""


def objects_of(module: str, documents: Documents) -> Iterator[MibObject]:
    """The scalars and columns of a module."""
    for entry in documents[module].values():
        if isinstance(entry, dict) and entry.get("class") == "objecttype" and entry.get("nodetype") in {"scalar", "column"}:
            syntax, labels, hint = _resolve(entry.get("syntax", {}), module, documents)
            yield MibObject(entry["name"].removeprefix(_KEYWORD), entry["oid"], syntax, module, labels, hint, entry.get("units", ""))


def notifications_of(module: str, documents: Documents) -> Iterator[MibNotification]:
    """The notifications of a module; a v1 TRAP-TYPE's OID is already that of RFC 3584 section 3.1 (enterprise.0.specific)."""
    for entry in documents[module].values():
        if isinstance(entry, dict) and entry.get("class") == "notificationtype":
            yield MibNotification(
                entry["name"].removeprefix(_KEYWORD), entry["oid"], module, tuple(each["object"] for each in entry.get("objects", ()))
            )


def _resolve(syntax: Mapping[str, Any], module: str, documents: Documents) -> tuple[Syntax, dict[int, str], str]:
    """Follow textual conventions, through imports, to the base type; the first labels and the first hint on the way hold."""
    labels: dict[int, str] = {}
    hint = ""
    for _ in range(_MAX_STEPS):
        constraints = syntax.get("constraints", {})
        labels = labels or _labels(constraints.get("enumeration") or syntax.get("bits"))
        hint = hint or syntax.get("displayhint", "")
        name = syntax.get("type", "")
        if name in _BASE:
            return _BASE[name], labels, hint
        module, definition = _definition(name, module, documents)
        if definition is None:
            return (Syntax.INTEGER if labels else Syntax.OCTET_STRING), labels, hint
        hint = hint or definition.get("displayhint", "")
        syntax = definition.get("type", {}) if isinstance(definition.get("type"), dict) else definition
    return Syntax.OCTET_STRING, labels, hint


def _definition(name: str, module: str, documents: Documents) -> tuple[str, Mapping[str, Any] | None]:
    for _ in range(_MAX_STEPS):
        document = documents.get(module, {})
        if name in document and name != "imports":
            return module, document[name]
        home = [origin for origin, names in document.get("imports", {}).items() if isinstance(names, list) and name in names]
        if not home or home[0] == module:
            return module, None
        module = home[0]
    return module, None


def _labels(enumeration: Mapping[str, Any] | None) -> dict[int, str]:
    return {int(number): label for label, number in (enumeration or {}).items()}
