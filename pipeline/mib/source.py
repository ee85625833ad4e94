"""MIB files as they lie about: found, decoded, and cut into modules, which is not the same as files."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.mib.archive import ArchiveError, is_archive, members

MAX_BYTES = 8 * 1024 * 1024
SUFFIXES = frozenset({"", ".txt", ".mib", ".my", ".mi2", ".smi", ".smiv2", ".asn", ".asn1", ".inc"})
_HEADING = re.compile(r"^[ \t]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*(?:\{[^}]*\}\s*)?\s*DEFINITIONS\s*::=\s*BEGIN\b", re.MULTILINE)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """One module's text; ``line`` is the line of ``file`` on which its text begins, counting from 1.

    ``file`` of what lay in an archive is the archive's path with the member's after it.
    """

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
    """Every module of the given files, folders and archives (file names do not matter), and the given ones in which none was found."""
    sources: list[Source] = []
    failures: list[Unreadable] = []
    for path in paths:
        before = len(sources)
        for found in _found(path):
            if isinstance(found, Unreadable):
                failures.append(found)
            else:
                sources += found
        if len(sources) == before and not any(failure.file == path for failure in failures):
            failures.append(Unreadable(path, "no MIB module in it", "give MIB sources: files, folders, .zip or .tar.gz"))
    return sources, failures


def _found(path: Path) -> Iterator[list[Source] | Unreadable]:
    """What a path holds. Of folders and archives, which hold readmes and pictures too, files without modules are passed over."""
    if not path.exists():
        yield Unreadable(path, "no such file", "check the path")
    elif path.is_dir():
        for file in sorted(each for each in path.rglob("*") if _may_be_mib(each)):
            found = modules_of(file)
            if not isinstance(found, Unreadable):
                yield found
    elif is_archive(path):
        yield from _in_archive(path)
    else:
        yield modules_of(path)


def _in_archive(path: Path) -> Iterator[list[Source] | Unreadable]:
    try:
        for name, data in members(path, SUFFIXES, MAX_BYTES):
            found = _modules(path / name, data)
            if not isinstance(found, Unreadable):
                yield found
    except ArchiveError as error:
        yield Unreadable(path, str(error), "unpack it yourself, look at it, and give the folder")


def _may_be_mib(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def modules_of(file: Path) -> list[Source] | Unreadable:
    """The modules of one file."""
    if file.stat().st_size > MAX_BYTES:
        return Unreadable(file, f"larger than {MAX_BYTES} bytes", "give the MIB source itself")
    return _modules(file, file.read_bytes())


def _modules(file: Path, data: bytes) -> list[Source] | Unreadable:
    text = _decoded(data)
    if "\0" in text:
        return Unreadable(file, "not a text file", "give the MIB source, or a .zip or .tar.gz of sources")
    starts = list(_HEADING.finditer(text))
    if not starts:
        return Unreadable(file, "no module begins in it (NAME DEFINITIONS ::= BEGIN)", "give the MIB source")
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return [_source(file, text, match, end) for match, end in zip(starts, ends, strict=True)]


def _source(file: Path, text: str, heading: re.Match[str], end: int) -> Source:
    name = heading[1].replace("_", "-").rstrip("-")
    return Source(name, file, text.count("\n", 0, heading.start(1)) + 1, text[heading.start(1) : end])


def _decoded(data: bytes) -> str:
    """UTF-8, or UTF-16 with its mark, or else Latin-1, in which old vendors' DESCRIPTIONs are; it reads any byte."""
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
