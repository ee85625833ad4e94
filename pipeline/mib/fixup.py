"""Repairs of MIB sources, so that modules compile which people published with mistakes. Text in, text out; lines keep their numbers.

Each repair is small and says what it met in the field; quoted text is never touched. :func:`repaired` applies them all in order.
"""

import re
from collections.abc import Callable

_QUOTED = re.compile(r'("[^"]*")')
_NAME = r"[A-Za-z][A-Za-z0-9-]*"
_IDENTIFIER = re.compile(_NAME)
_IMPORTS = re.compile(r"\bIMPORTS\b(.*?);", re.DOTALL)
_BEGIN = re.compile(r"::=\s*BEGIN\b")
_DEFINED = re.compile(rf"^[ \t]*({_NAME})\s*(?:::=|(?:OBJECT|MODULE|NOTIFICATION|TRAP|AGENT)[A-Z -]*\b)", re.MULTILINE)
_NUMBERED = r"\(\s*-?\d+\s*\)"

HOME_OF: dict[str, frozenset[str]] = {
    "SNMPv2-SMI": frozenset(
        {"Counter32", "Counter64", "Gauge32", "Integer32", "IpAddress", "Opaque", "TimeTicks", "Unsigned32"}
        | {"MODULE-IDENTITY", "NOTIFICATION-TYPE", "OBJECT-IDENTITY", "OBJECT-TYPE"}
    ),
    "SNMPv2-TC": frozenset(
        {"AutonomousType", "DateAndTime", "DisplayString", "InstancePointer", "MacAddress", "PhysAddress", "RowPointer", "RowStatus"}
        | {"StorageType", "TAddress", "TDomain", "TestAndIncr", "TEXTUAL-CONVENTION", "TimeInterval", "TimeStamp", "TruthValue"}
        | {"VariablePointer"}
    ),
    "SNMPv2-CONF": frozenset({"AGENT-CAPABILITIES", "MODULE-COMPLIANCE", "NOTIFICATION-GROUP", "OBJECT-GROUP"}),
    "RFC-1215": frozenset({"TRAP-TYPE"}),
    "IF-MIB": frozenset({"InterfaceIndex", "InterfaceIndexOrZero"}),
    "INET-ADDRESS-MIB": frozenset({"InetAddress", "InetAddressPrefixLength", "InetAddressType", "InetPortNumber"}),
    "SNMP-FRAMEWORK-MIB": frozenset({"SnmpAdminString", "SnmpEngineID"}),
}
"""Types and macros that modules use without importing them, and where they come from (RFC 2578, 2579, 2580, 1215, 2863, 4001, 3411)."""

ROOTS = frozenset({"enterprises", "experimental", "internet", "mgmt", "mib-2", "private", "snmpModules", "transmission"})
"""Places below which modules hang themselves without importing them from SNMPv2-SMI."""

OBJECTS_OF_IF_MIB = frozenset({"ifAdminStatus", "ifAlias", "ifDescr", "ifIndex", "ifName", "ifOperStatus"})
"""Objects of IF-MIB that notifications and indexes name without importing them."""

MODULE_ALIASES = {
    "RFC-1213": "RFC1213-MIB",
    "RFC1213": "RFC1213-MIB",
    "RFC-1213-MIB": "RFC1213-MIB",
    "RFC1158-MIB": "RFC1213-MIB",
    "RFC1215": "RFC-1215",
    "RFC1215-MIB": "RFC-1215",
    "RFC-1215-MIB": "RFC-1215",
    "RFC1212": "RFC-1212",
    "RFC1212-MIB": "RFC-1212",
    "RFC-1155": "RFC1155-SMI",
    "RFC1155": "RFC1155-SMI",
    "RFC-1155-SMI": "RFC1155-SMI",
    "RFC1155-MIB": "RFC1155-SMI",
    "RFC1065-SMI": "RFC1155-SMI",
    "SNMPV2-SMI": "SNMPv2-SMI",
    "SNMPv2-SMI-v1": "SNMPv2-SMI",
    "SNMPv2-SMI-V1": "SNMPv2-SMI",
    "SNMP-SMI": "SNMPv2-SMI",
    "SNMPV2-TC": "SNMPv2-TC",
    "SNMPv2-TC-v1": "SNMPv2-TC",
    "SNMPv2-TC-V1": "SNMPv2-TC",
    "SNMPV2-CONF": "SNMPv2-CONF",
    "SNMPv2-CONF-v1": "SNMPv2-CONF",
    "IF-MIB-v1": "IF-MIB",
    "RFC1573-MIB": "IF-MIB",
    "IANAIFTYPE-MIB": "IANAifType-MIB",
}
"""Wrong and retired names of modules in IMPORTS, as published."""

_NO_IMPORTS_NEEDED = re.compile(r"SNMPv2-(SMI|TC|CONF)|RFC-?1(065|155|212|215)(-SMI)?")


def repaired(text: str) -> str:
    """A source with every repair applied; a good one comes out meaning the same."""
    for repair in REPAIRS:
        text = repair(text)
    return text


def imports_of(text: str) -> tuple[str, ...]:
    """The names of the modules that a source imports from, in order; wrong names as they should be."""
    code = " ".join(_QUOTED.split(without_comments(text))[::2])
    clause = _IMPORTS.search(code)
    names = re.findall(rf"\bFROM\s+({_NAME})", clause[1]) if clause else []
    return tuple(dict.fromkeys(MODULE_ALIASES.get(name, name) for name in names))


def with_plain_characters(text: str) -> str:
    """No form feeds, byte order marks, end-of-file marks of DOS and fixed spaces; typographic quotes become plain ones where they quote."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_PLAIN)
    return _outside_quotes(lambda part: part.translate(_PLAIN_QUOTES), text)


def without_page_breaks(text: str) -> str:
    """Footers and headers of RFC pages, as they come with text that was cut out of an RFC, are blanked."""
    return _outside_quotes(lambda part: _PAGE_LINE.sub("", part), text)


def with_single_hyphens(text: str) -> str:
    """``low--power(1)`` becomes ``low-power(1)``: a label, not a comment that hides the rest of the line."""
    return _outside_quotes(lambda part: _HYPHENS_IN_LABEL.sub("-", part), text)


def without_comments(text: str) -> str:
    """Comments blanked out, to the end of the line. By ASN.1 a second ``--`` ends one, but authors draw rulers of hyphens.

    Words like END or MACRO in a comment are otherwise taken for the module's own. Hyphens after a label are the label's (``off--(2)``).
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
            label = _LABEL_HYPHENS.match(line, place) if place and line[place - 1].isalnum() else None
            if label is None:
                return line[:place], quoted
            place = label.end() - 1
        place += 1
    return line, quoted


def _outside_quotes(change: Callable[[str], str], text: str) -> str:
    parts = _QUOTED.split(text)
    return "".join(part if place % 2 else change(part) for place, part in enumerate(parts))


def without_underscores(text: str) -> str:
    """``my_name`` becomes ``my-name``: SMI names have no underscore (RFC 2578 section 3.1), some authors' do. One at the end goes."""

    def change(part: str) -> str:
        part = re.sub(r"(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])", "-", part)
        return re.sub(r"(?<=[A-Za-z0-9])_+(?![A-Za-z0-9_])", "", part)

    return _outside_quotes(change, text)


def without_trailing_hyphens(text: str) -> str:
    """``enum-(3)`` becomes ``enum(3)``: a label must not end in a hyphen."""
    return _outside_quotes(lambda part: re.sub(rf"([A-Za-z0-9])-+(\s*{_NUMBERED})", r"\1\2", part), text)


def with_module_names(text: str) -> str:
    """``FROM RFC-1213`` becomes ``FROM RFC1213-MIB``."""

    def rename(match: re.Match[str]) -> str:
        return match[1] + MODULE_ALIASES.get(match[2], match[2])

    return _outside_quotes(lambda part: re.sub(rf"(\bFROM\s+)({_NAME})", rename, part), text)


def with_closed_imports(text: str) -> str:
    """IMPORTS that lack the commas between names, have one too many, or lack the semicolon at the end."""

    def change(part: str) -> str:
        return _IMPORT_CLAUSE.sub(lambda match: match[1] + _punctuated(match[2]) + (match[3] or ";"), part)

    return _outside_quotes(change, text)


def _punctuated(clause: str) -> str:
    def names(match: re.Match[str]) -> str:
        listed = re.sub(rf"({_NAME})(\s+)(?={_NAME})", r"\1,\2", match[1])
        return re.sub(r",(\s*)$", r"\1", listed) + match[2]

    return re.sub(rf"((?:{_NAME}[\s,]+)+?)(FROM\s+{_NAME})", names, clause)


def with_commas(text: str) -> str:
    """Lists in braces that lack a comma between two of their parts, or have one after the last."""

    def change(part: str) -> str:
        return _BRACES.sub(lambda match: match[0] if "::=" in match[1] else match[1] + _listed(match[1], match[2]), part)

    return _outside_quotes(change, text)


def _listed(before: str, inside: str) -> str:
    inside = re.sub(r",(\s*\})$", r"\1", inside)
    inside = re.sub(rf"({_NUMBERED})(\s+)(?={_NAME}\s*{_NUMBERED})", r"\1,\2", inside)
    if _NAMES_IN.search(before):
        return re.sub(rf"(?<![A-Za-z0-9-])(?!IMPLIED\b)({_NAME})(\s+)(?={_NAME})", r"\1,\2", inside)
    if before.rstrip("{ \t\n").endswith("SEQUENCE"):
        return re.sub(r"([A-Za-z0-9)}])([ \t]*\n\s*)(?=[a-z][A-Za-z0-9-]*\s+[A-Z])", r"\1,\2", inside)
    return inside


def with_plain_traps(text: str) -> str:
    """A TRAP-TYPE whose ENTERPRISE stands in braces, or whose VARIABLES are none (RFC 1215 leaves the clause out then)."""

    def change(part: str) -> str:
        part = re.sub(rf"(\bENTERPRISE\s+)\{{(\s*)({_NAME})(\s*)\}}", r"\1\2\3\4", part)
        return re.sub(r"\b(?:VARIABLES|OBJECTS)(\s*)\{(\s*)\}", r"\1\2", part)

    return _outside_quotes(change, text)


def without_doubles(text: str) -> str:
    """Of two definitions with one name, the second gets a name of its own."""
    seen: dict[str, int] = {}

    def rename(match: re.Match[str]) -> str:
        count = seen[match[2]] = seen.get(match[2], 0) + 1
        return match[0] if count == 1 else f"{match[1]}{match[2]}-again{count}{match[3]}"

    return _outside_quotes(lambda part: _DEFINITION.sub(rename, part), text)


def with_imports(text: str) -> str:
    """Symbols of the base modules that are used but not imported are imported."""
    code = " ".join(_QUOTED.split(text)[::2])
    heading = re.search(rf"(?<![A-Za-z0-9-])({_NAME})\s+(?:\{{[^}}]*\}}\s*)?DEFINITIONS\b", code)
    if heading is None or _NO_IMPORTS_NEEDED.fullmatch(heading[1]) or heading[1] in HOME_OF:
        return text
    clause = _IMPORTS.search(code)
    known = set(_IDENTIFIER.findall(clause[1])) if clause else set()
    known |= set(_DEFINED.findall(code))
    used = set(_IDENTIFIER.findall(code)) - known
    missing = {module: sorted(used & symbols) for module, symbols in HOME_OF.items()}
    missing["SNMPv2-SMI"] += sorted(set(_ROOT_USED.findall(code)) - known)
    missing["IF-MIB"] += sorted(_listed_objects(code) & OBJECTS_OF_IF_MIB - known)
    added = "".join(f" {', '.join(symbols)} FROM {module}" for module, symbols in missing.items() if symbols)
    if not added:
        return text
    if clause:
        return _once_outside_quotes(re.compile(r"\bIMPORTS\b"), f"IMPORTS{added}", text)
    return _once_outside_quotes(_BEGIN, f"::= BEGIN IMPORTS{added};", text)


def _listed_objects(code: str) -> set[str]:
    return {name for inside in re.findall(r"\b(?:INDEX|OBJECTS|VARIABLES)\s*\{([^}]*)\}", code) for name in _IDENTIFIER.findall(inside)}


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


def with_one_end(text: str) -> str:
    """What follows a module's END is no code (prose of an RFC, say) and is blanked; a module without END gets one."""
    parts = _QUOTED.split(text)
    depth, begun = 0, False
    for place in range(0, len(parts), 2):
        for word in _BEGIN_END.finditer(parts[place]):
            depth += 1 if word[0] == "BEGIN" else -1
            begun = begun or word[0] == "BEGIN"
            if begun and depth <= 0:
                rest = parts[place][word.end() :] + "".join(parts[place + 1 :])
                return "".join(parts[:place]) + parts[place][: word.end()] + "\n" * rest.count("\n")
    return f"{text} END" if begun else text


_PLAIN = dict.fromkeys((0x0B, 0x0C, 0x1A, 0xA0, 0xFEFF), " ")
_PLAIN_QUOTES = dict.fromkeys((0x201C, 0x201D, 0x93, 0x94), '"')
"""The two of Unicode, and of Windows-1252 read as Latin-1."""
_PAGE_LINE = re.compile(
    r"^[^\n\"]*\[Page[ \t]+\d+\][ \t]*$|^RFC[ \t]+\d+[ \t][^\n\"]*(?:January|February|March|April|May|June|July|August|September|October"
    r"|November|December)[ \t]+\d{4}[ \t]*$",
    re.MULTILINE,
)
_HYPHENS_IN_LABEL = re.compile(rf"(?<=[A-Za-z0-9])--++(?=[A-Za-z0-9-]{{0,200}}+(?<=[A-Za-z0-9])\s*{_NUMBERED})")
_LABEL_HYPHENS = re.compile(rf"--+\s*{_NUMBERED}")
_IMPORT_CLAUSE = re.compile(rf"(\bIMPORTS\b)((?:\s*(?:{_NAME}[\s,]+)+?FROM\s+{_NAME}(?![A-Za-z0-9-]))+)(\s*;)?")
_BRACES = re.compile(r"((?:::=|[A-Z-]{1,100}|[A-Z]\w{0,100})\s*\{)([^{}]*\})")
_NAMES_IN = re.compile(r"\b(?:INDEX|OBJECTS|VARIABLES|NOTIFICATIONS|MANDATORY-GROUPS)\s*\{$")
_DEFINITION = re.compile(
    rf"(^[ \t]*)(?!IMPORTS\b|EXPORTS\b|SYNTAX\b|DEFINITIONS\b)({_NAME})(\s+(?:OBJECT\s+IDENTIFIER\s*::=|(?:OBJECT-TYPE|OBJECT-IDENTITY"
    r"|NOTIFICATION-TYPE|TRAP-TYPE|OBJECT-GROUP|NOTIFICATION-GROUP|MODULE-COMPLIANCE)\b(?!\s*(?:MACRO\b|FROM\b|[,;]))"
    r"|(?<=[ \t])::=\s*(?=SEQUENCE|TEXTUAL-CONVENTION|INTEGER|OCTET|Integer32|BITS|DisplayString)))",
    re.MULTILINE,
)
_ROOT_USED = re.compile(r"\{\s*(" + "|".join(sorted(ROOTS)) + r")\s+[A-Za-z0-9]")
_BEGIN_END = re.compile(r"(?<![A-Za-z0-9-])(?:BEGIN|END)(?![A-Za-z0-9-])")

REPAIRS: tuple[Callable[[str], str], ...] = (
    with_plain_characters,
    with_single_hyphens,
    without_comments,
    without_page_breaks,
    with_one_end,
    without_underscores,
    without_trailing_hyphens,
    with_module_names,
    with_closed_imports,
    with_commas,
    with_plain_traps,
    without_doubles,
    with_imports,
)
"""In order: comments go early, because what stands in them is no code."""
