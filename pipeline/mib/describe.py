"""What a MIB source says of its notifications in words.

The run time needs no descriptions, so the index does not hold them (they would be most of it); whoever drafts rules reads them from the
source. Only well-formed clauses are seen; what is not found is simply not known.
"""

import re
from collections.abc import Iterable

from pipeline.mib.fixup import repaired
from pipeline.mib.source import Source

_QUOTED = re.compile(r'"[^"]*"')
_MACRO = re.compile(r"\b([a-z][A-Za-z0-9-]*)\s+(OBJECT-TYPE|NOTIFICATION-TYPE|TRAP-TYPE)\b")
_DESCRIPTION = re.compile(r"\bDESCRIPTION\s+\x00([0-9]+)\x00")


def describe(sources: Iterable[Source]) -> dict[str, str]:
    """The descriptions of the sources' notifications, by name; of two of one name the first."""
    found: dict[str, str] = {}
    for source in sources:
        for name, macro, body, quoted in _clauses(repaired(source.text)):
            if macro != "OBJECT-TYPE":
                place = _DESCRIPTION.search(body)
                found.setdefault(name, " ".join(quoted[int(place[1])].split()) if place else "")
    return found


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
