"""snmptt.conf, read line by line: EVENT, FORMAT, MATCH, NODES, EXEC, PREEXEC, REGEX, SDESC to EDESC. Nothing of it is run."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.drafting.draft import Refusal

MAX_BYTES = 32 * 1024 * 1024
MAX_EVENTS = 100_000
_EVENT = re.compile(r'EVENT\s+(\S{1,200})\s+(\S{1,800})\s+"([^"]{0,200})"\s*(.{0,100})')
_MATCH = re.compile(r"\$(\S{1,20}?):\s*(!?)\s*(.{1,500})")
_WHITE = re.compile(r"\\[nrt]")
_MODE = re.compile(r"MODE\s*=\s*(or|and)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MatchLine:
    """``MATCH $variable: expression``; ``negated`` by an exclamation mark."""

    variable: str
    expression: str
    negated: bool


@dataclass(frozen=True, slots=True)
class TrapEntry:
    """One EVENT and the lines that follow it.

    ``every``: all of ``matches`` must hold, else any. ``others`` are keywords without counterpart.
    """

    file: str
    line: int
    name: str
    oid: str
    category: str
    severity: str
    text: str = ""
    matches: tuple[MatchLine, ...] = ()
    every: bool = False
    others: tuple[str, ...] = field(default=())


def read_conf(path: Path) -> tuple[list[TrapEntry], list[Refusal]]:
    """The events of a file, and the lines that are none."""
    name = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            return [], [Refusal(name, 0, "file", "unreadable", f"larger than {MAX_BYTES} bytes: split it")]
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        return [], [Refusal(name, 0, "file", "unreadable", f"cannot be read: {error.strerror}")]
    entries: list[TrapEntry] = []
    refusals: list[Refusal] = []
    described = False
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        keyword = words.partition(" ")[0].partition("\t")[0].upper()
        described = (described or keyword == "SDESC") and keyword != "EDESC"
        if described or not words or words.startswith("#") or keyword in {"SDESC", "EDESC"}:
            continue
        if keyword == "EVENT":
            found = _EVENT.fullmatch(words)
            if found is None or len(entries) >= MAX_EVENTS:
                refusals.append(Refusal(name, number, "EVENT", "unreadable", 'not of the form EVENT name OID "category" severity'))
            else:
                entries.append(TrapEntry(name, number, found[1], found[2], found[3], found[4].strip()))
        elif entries:
            entries[-1] = _with(entries[-1], keyword, words[len(keyword) :].strip())
    if not entries and not refusals:
        refusals.append(Refusal(name, 0, "file", "unreadable", "no EVENT in it"))
    return entries, refusals


def _with(entry: TrapEntry, keyword: str, rest: str) -> TrapEntry:
    """An event with one more of its lines."""
    if keyword == "FORMAT":
        return replace(entry, text=_WHITE.sub(" ", rest))
    if keyword == "MATCH":
        mode = _MODE.fullmatch(rest)
        if mode is not None:
            return replace(entry, every=mode[1].lower() == "and")
        found = _MATCH.fullmatch(rest)
        line = MatchLine(found[1], found[3].strip(), bool(found[2])) if found else MatchLine("", rest, negated=False)
        return replace(entry, matches=(*entry.matches, line))
    return replace(entry, others=tuple(dict.fromkeys((*entry.others, keyword.partition("(")[0]))))
