"""What a MIB source says beyond the index: descriptions of notifications, and by which objects a table's columns are indexed.

The run time needs neither, so the index does not hold them (descriptions would be most of it); whoever drafts rules reads them from the
source. Only well-formed clauses are seen; what is not found is simply not known.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.mib.fixup import repaired
from pipeline.mib.source import Source

_QUOTED = re.compile(r'"[^"]*"')
_MACRO = re.compile(r"\b([a-z][A-Za-z0-9-]*)\s+(OBJECT-TYPE|NOTIFICATION-TYPE|TRAP-TYPE)\b")
_DESCRIPTION = re.compile(r"\bDESCRIPTION\s+\x00([0-9]+)\x00")
_INDEX = re.compile(r"\bINDEX\s*\{([^{}]*)\}")
_AUGMENTS = re.compile(r"\bAUGMENTS\s*\{\s*([A-Za-z][A-Za-z0-9-]*)\s*\}")
_PARENT = re.compile(r"::=\s*\{\s*([A-Za-z][A-Za-z0-9-]*)\s+[0-9]+\s*\}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_MOST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Described:
    """Descriptions by notification, and index objects by column."""

    notifications: dict[str, str] = field(default_factory=dict)
    index_of: dict[str, tuple[str, ...]] = field(default_factory=dict)


def describe(sources: Iterable[Source]) -> Described:
    """What the sources say. A column of a table that augments another has the other's index (RFC 2578 section 7.8)."""
    notifications: dict[str, str] = {}
    entries: dict[str, tuple[str, ...]] = {}
    augments: dict[str, str] = {}
    parents: dict[str, str] = {}
    for source in sources:
        for name, macro, body, quoted in _clauses(repaired(source.text)):
            if macro != "OBJECT-TYPE":
                found = _DESCRIPTION.search(body)
                notifications.setdefault(name, " ".join(quoted[int(found[1])].split()) if found else "")
                continue
            if index := _INDEX.search(body):
                entries[name] = tuple(each for each in _NAME.findall(index[1]) if each != "IMPLIED")
            if augmented := _AUGMENTS.search(body):
                augments[name] = augmented[1]
            if parent := _PARENT.search(body):
                parents[name] = parent[1]
    index_of = {column: _index(entry, entries, augments) for column, entry in parents.items() if entry in entries or entry in augments}
    return Described(notifications, index_of)


def _clauses(text: str) -> Iterable[tuple[str, str, str, list[str]]]:
    """Each macro's name, kind and body; quoted texts are put aside, because they may hold anything."""
    quoted: list[str] = []

    def put_aside(match: re.Match[str]) -> str:
        quoted.append(match[0][1:-1])
        return f"\x00{len(quoted) - 1}\x00"

    bare = _QUOTED.sub(put_aside, text.replace("\x00", " "))
    starts = list(_MACRO.finditer(bare))
    ends = [match.start() for match in starts[1:]] + [len(bare)]
    for match, end in zip(starts, ends, strict=True) if starts else ():
        yield match[1], match[2], bare[match.end() : end], quoted


def _index(entry: str, entries: dict[str, tuple[str, ...]], augments: dict[str, str]) -> tuple[str, ...]:
    for _ in range(_MOST_STEPS):
        if entry in entries:
            return entries[entry]
        entry = augments.get(entry, "")
    return ()
