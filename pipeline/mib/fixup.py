"""Repairs of MIB sources, so that modules compile which people published with mistakes. Text in, text out; lines keep their numbers.

Each repair is small and says what it met in the field; quoted text is never touched. :func:`repaired` applies them all in order.
"""

import re
from collections.abc import Callable

_QUOTED = re.compile(r'("[^"]*")')
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_IMPORTS = re.compile(r"\bIMPORTS\b(.*?);", re.DOTALL)
_BEGIN = re.compile(r"::=\s*BEGIN\b")
_DEFINED_TYPE = re.compile(r"^[ \t]*([A-Z][A-Za-z0-9-]*)\s*::=", re.MULTILINE)

HOME_OF: dict[str, frozenset[str]] = {
    "SNMPv2-SMI": frozenset(
        {"Counter32", "Counter64", "Gauge32", "Integer32", "IpAddress", "Opaque", "TimeTicks", "Unsigned32", "enterprises"}
        | {"MODULE-IDENTITY", "NOTIFICATION-TYPE", "OBJECT-IDENTITY", "OBJECT-TYPE"}
    ),
    "SNMPv2-TC": frozenset(
        {"AutonomousType", "DateAndTime", "DisplayString", "InstancePointer", "MacAddress", "PhysAddress", "RowPointer", "RowStatus"}
        | {"StorageType", "TAddress", "TDomain", "TestAndIncr", "TEXTUAL-CONVENTION", "TimeInterval", "TimeStamp", "TruthValue"}
        | {"VariablePointer"}
    ),
}
"""Symbols that modules use without importing them, and where they come from (RFC 2578, RFC 2579)."""

MODULE_ALIASES = {
    "RFC-1213": "RFC1213-MIB",
    "RFC1215": "RFC-1215",
    "RFC1212": "RFC-1212",
    "RFC-1155": "RFC1155-SMI",
    "SNMPV2-SMI": "SNMPv2-SMI",
}
"""Wrong names of modules in IMPORTS, as published."""

_NO_IMPORTS_NEEDED = re.compile(r"SNMPv2-(SMI|TC|CONF)|RFC-?1(065|155|212|215)(-SMI)?")


def repaired(text: str) -> str:
    """A source with every repair applied; a good one comes out meaning the same."""
    for repair in REPAIRS:
        text = repair(text)
    return text


def without_comments(text: str) -> str:
    """Comments blanked out, to the end of the line. By ASN.1 a second ``--`` ends one, but authors draw rulers of hyphens.

    Words like END or MACRO in a comment are otherwise taken for the module's own.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept: list[str] = []
    quoted = False
    for line in text.split("\n"):
        clean, quoted = _uncommented(line, quoted=quoted)
        kept.append(clean)
    return "\n".join(kept)


def _uncommented(line: str, *, quoted: bool) -> tuple[str, bool]:
    place = 0
    while place < len(line):
        if line[place] == '"':
            quoted = not quoted
        elif not quoted and line.startswith("--", place):
            return line[:place], quoted
        place += 1
    return line, quoted


def _outside_quotes(change: Callable[[str], str], text: str) -> str:
    parts = _QUOTED.split(text)
    return "".join(part if place % 2 else change(part) for place, part in enumerate(parts))


def without_underscores(text: str) -> str:
    """``my_name`` becomes ``my-name``: SMI names have no underscore (RFC 2578 section 3.1), some authors' do."""
    return _outside_quotes(lambda part: re.sub(r"(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])", "-", part), text)


def without_trailing_hyphens(text: str) -> str:
    """``enum-(3)`` becomes ``enum(3)``: a label must not end in a hyphen."""
    return _outside_quotes(lambda part: re.sub(r"([A-Za-z0-9])-+(\s*\(\s*-?\d+\s*\))", r"\1\2", part), text)


def with_module_names(text: str) -> str:
    """``FROM RFC-1213`` becomes ``FROM RFC1213-MIB``."""

    def rename(match: re.Match[str]) -> str:
        return match[1] + MODULE_ALIASES.get(match[2], match[2])

    return _outside_quotes(lambda part: re.sub(r"(\bFROM\s+)([A-Za-z][A-Za-z0-9-]*)", rename, part), text)


def without_doubles(text: str) -> str:
    """Of two assignments of an OBJECT IDENTIFIER to one name, the second gets a name of its own."""
    seen: dict[str, int] = {}

    def rename(match: re.Match[str]) -> str:
        count = seen[match[2]] = seen.get(match[2], 0) + 1
        return match[0] if count == 1 else f"{match[1]}{match[2]}-again{count}{match[3]}"

    pattern = re.compile(r"(^[ \t]*)([a-z][A-Za-z0-9-]*)(\s+OBJECT\s+IDENTIFIER\s*::=)", re.MULTILINE)
    return _outside_quotes(lambda part: pattern.sub(rename, part), text)


def with_imports(text: str) -> str:
    """Symbols of the base modules that are used but not imported are imported."""
    code = " ".join(_QUOTED.split(text)[::2])
    heading = re.search(r"([A-Za-z][A-Za-z0-9-]*)\s+(?:\{[^}]*\}\s*)?DEFINITIONS\b", code)
    if heading is None or _NO_IMPORTS_NEEDED.fullmatch(heading[1]):
        return text
    clause = _IMPORTS.search(code)
    known = set(_IDENTIFIER.findall(clause[1])) if clause else set()
    used = set(_IDENTIFIER.findall(code)) - known - set(_DEFINED_TYPE.findall(code))
    missing = {module: sorted(used & symbols) for module, symbols in HOME_OF.items()}
    added = "".join(f" {', '.join(symbols)} FROM {module}" for module, symbols in missing.items() if symbols)
    if not added:
        return text
    if clause:
        return _once_outside_quotes(re.compile(r"\bIMPORTS\b"), f"IMPORTS{added}", text)
    return _once_outside_quotes(_BEGIN, f"::= BEGIN IMPORTS{added};", text)


def _once_outside_quotes(pattern: re.Pattern[str], replacement: str, text: str) -> str:
    done = False

    def change(part: str) -> str:
        nonlocal done
        if done:
            return part
        found = pattern.search(part)
        if found is None:
            return part
        done = True
        return part[: found.start()] + replacement + "\n" * found[0].count("\n") + part[found.end() :]

    return _outside_quotes(change, text)


REPAIRS: tuple[Callable[[str], str], ...] = (
    without_comments,
    without_underscores,
    without_trailing_hyphens,
    with_module_names,
    without_doubles,
    with_imports,
)
"""In order: comments go first, because what stands in them is no code."""
