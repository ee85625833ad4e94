"""MIB files as they lie about: found, decoded, and cut into modules, which is not the same as files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 8 * 1024 * 1024
SUFFIXES = frozenset({"", ".txt", ".mib", ".my", ".mi2", ".smi", ".asn", ".asn1"})
_HEADING = re.compile(r"^[ \t]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*(?:\{[^}]*\}\s*)?\s*DEFINITIONS\s*::=\s*BEGIN\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """One module's text; ``line`` is the line of ``file`` on which its text begins, counting from 1."""

    module: str
    file: Path
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file without modules, and why."""

    file: Path
    message: str
    remedy: str


def find_sources(paths: Iterable[Path]) -> tuple[list[Source], list[Unreadable]]:
    """Every module of the given files and folders (their names do not matter), and the given files in which none was found."""
    sources: list[Source] = []
    failures: list[Unreadable] = []
    for path in paths:
        if not path.exists():
            failures.append(Unreadable(path, "no such file", "check the path"))
        for file in sorted(each for each in path.rglob("*") if _may_be_mib(each)) if path.is_dir() else [path] if path.exists() else []:
            found = modules_of(file)
            if isinstance(found, Unreadable):
                if file == path:
                    failures.append(found)
            else:
                sources += found
    return sources, failures


def _may_be_mib(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def modules_of(file: Path) -> list[Source] | Unreadable:
    """The modules of one file."""
    if file.stat().st_size > MAX_BYTES:
        return Unreadable(file, f"larger than {MAX_BYTES} bytes", "give the MIB source, not an archive")
    data = file.read_bytes()
    if b"\0" in data:
        return Unreadable(file, "not a text file", "give the MIB source, not an archive")
    text = _decoded(data)
    starts = list(_HEADING.finditer(text))
    if not starts:
        return Unreadable(file, "no module begins in it (NAME DEFINITIONS ::= BEGIN)", "give the MIB source")
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return [Source(m[1], file, text.count("\n", 0, m.start(1)) + 1, text[m.start(1) : end]) for m, end in zip(starts, ends, strict=True)]


def _decoded(data: bytes) -> str:
    """UTF-8, or else Latin-1, in which old vendors' DESCRIPTIONs are; it reads any byte."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
