"""Compiles MIB sources, each module in a process of its own with a time limit, into one index. No network is ever asked for a module.

A module is told from others by (vendor, name). What it imports is looked for among the same vendor's modules, then the standard's, then
those of whoever else has one by that name; skeletons made of facts (``skeleton.py``) stand in for base modules that nobody brought.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.config.mib_file import FORMAT, INDEX_NAME, Facts, index_text, load_facts
from pipeline.core.mib import STANDARD, MibIndex, MibModule
from pipeline.mib.extract import module_of
from pipeline.mib.fixup import imports_of, repaired
from pipeline.mib.skeleton import BASES, skeletons
from pipeline.mib.source import Source, find_sources
from pipeline.mib.vendor import vendors_of

FACTS_NAME = "standard.yaml"
Identity = tuple[str, str]
"""Vendor and module."""
SKELETONS, ANYBODY = ".skeletons", ".anybody"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A module that is in the index, with how much of it; ``fresh`` is false when it was compiled before and did not change."""

    vendor: str
    module: str
    file: Path
    objects: int
    notifications: int
    fresh: bool = True

    @property
    def identity(self) -> Identity:
        """Vendor and module."""
        return self.vendor, self.module


@dataclass(frozen=True, slots=True)
class Failure:
    """A module, or a file, that is not; ``line`` is that of the file, 0 when the whole is meant."""

    module: str
    file: Path
    line: int
    message: str
    remedy: str
    vendor: str = ""

    @property
    def identity(self) -> Identity:
        """Vendor and module; of no module when a file is meant."""
        return self.vendor, self.module

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.module or 'no module'}: {self.message}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class CompileReport:
    """What became of every module; ``index`` holds the facts and everything that compiled."""

    compiled: tuple[Compiled, ...]
    failures: tuple[Failure, ...]
    index: MibIndex


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a set of sources."""

    compiled: tuple[Compiled, ...]
    failures: tuple[Failure, ...]
    modules: tuple[MibModule, ...]


Progress = Callable[[int, int], None]
"""Is told how many modules are done, and of how many."""


def silent(_done: int, _all: int) -> None:
    """Tells nobody."""


def compile_mibs(
    sources: Sequence[Path], out: Path, timeout_s: float = 30.0, facts: Path | None = None, vendor: str = "", progress: Progress = silent
) -> CompileReport:
    """Compile every module of files, folders and archives and write the index to ``out`` (a folder, as ``index.json``, or a file).

    ``facts`` is the table of standard facts, which is part of the index and stands in for base modules that are not among the sources;
    by default ``standard.yaml`` beside the index, if it is there. ``vendor`` is whose the modules are; by default that is derived
    (``vendor.py``). A module that fails, crashes or takes longer than ``timeout_s`` seconds costs itself alone and is reported. Without any
    source the index holds the facts. Raises ``ConfigError`` for broken facts and ``OSError`` when ``out`` cannot be written.
    """
    target = out / INDEX_NAME if out.is_dir() else out
    facts_file = facts or target.parent / FACTS_NAME
    known = load_facts(facts_file) if facts_file.exists() else Facts()
    found, unreadable = find_sources(sources)
    failures = [Failure("", each.file, 0, each.message, each.remedy) for each in unreadable]
    unique, doubles = identified(found, known, {}, vendor)
    outcome = compile_modules(unique, known, {}, timeout_s, progress)
    modules = (*known.modules, *outcome.modules)
    write_index(target, modules)
    return CompileReport(outcome.compiled, (*failures, *doubles, *outcome.failures), MibIndex.of_modules(modules))


def identified(
    found: Sequence[Source], facts: Facts, known: Mapping[str, str], vendor: str = ""
) -> tuple[dict[Identity, Source], list[Failure]]:
    """Sources by vendor and name, and those of which another text stands among them too.

    ``known`` are the vendors of modules that are there already.
    """
    standard = frozenset(module.name for module in facts.modules) | BASES
    vendors = {} if vendor else vendors_of(found, facts.vendors, standard, known)
    unique: dict[Identity, Source] = {}
    doubles: list[Failure] = []
    for source in found:
        identity = (vendor or vendors[source], source.module)
        first = unique.setdefault(identity, source)
        if first is not source and first.text.split() != source.text.split():
            remedy = "keep one of them, or add one with another --vendor"
            message = f"another text of {identity[0]}'s module of this name is in {first.file}"
            doubles.append(Failure(source.module, source.file, source.line, message, remedy))
    return unique, doubles


def compile_modules(
    sources: Mapping[Identity, Source],
    facts: Facts,
    before: Mapping[Identity, MibModule],
    timeout_s: float,
    progress: Progress = silent,
) -> Outcome:
    """Compile every source, apart from those that are in ``before`` with the same text and the same imports."""
    compiled: list[Compiled] = []
    failures: list[Failure] = []
    modules: list[MibModule] = []
    shelf = _Shelf.of(sources, facts)
    with tempfile.TemporaryDirectory(prefix="assure-mibs-") as folder, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        shelf.lay_down(Path(folder))

        def one(identity: Identity) -> MibModule | Mapping[str, Any]:
            digest = shelf.digest(identity)
            kept = before.get(identity)
            if kept is not None and kept.digest == digest:
                return kept
            answer = _run(identity, folder, timeout_s)
            return module_of(identity[1], identity[0], answer["modules"], digest) if "modules" in answer else answer

        for number, (identity, answer) in enumerate(zip(sources, pool.map(one, sources), strict=True), start=1):
            progress(number, len(sources))
            if isinstance(answer, MibModule):
                modules.append(answer)
                file, fresh = sources[identity].file, answer is not before.get(identity)
                compiled.append(Compiled(*identity, file, len(answer.objects), len(answer.notifications), fresh))
            else:
                failures.append(_failure(identity[0], sources[identity], answer))
    return Outcome(tuple(compiled), tuple(failures), tuple(modules))


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Every text by identity, mended, and the skeletons: what a module's imports are found in, and what its digest is made of."""

    texts: Mapping[Identity, str]
    bases: Mapping[str, str]

    @classmethod
    def of(cls, sources: Mapping[Identity, Source], facts: Facts) -> "_Shelf":
        return cls({identity: repaired(source.text) for identity, source in sources.items()}, skeletons(facts.index))

    def lay_down(self, folder: Path) -> None:
        """Write every text under its module's name, the name by which pysmi finds it, in a folder for each vendor."""
        for place in {vendor for vendor, _ in self.texts} | {STANDARD, ANYBODY, SKELETONS}:
            (folder / place).mkdir()
        for module, text in self.bases.items():
            (folder / SKELETONS / module).write_text(text, encoding="utf-8")
        for (vendor, module), text in self.texts.items():
            (folder / vendor / module).write_text(text, encoding="utf-8")
        for module in {module for _, module in self.texts} - BASES:
            (folder / ANYBODY / module).write_text(self.texts[self._anybodys(module)], encoding="utf-8")

    def _anybodys(self, module: str) -> Identity:
        return min(identity for identity in self.texts if identity[1] == module)

    def _found(self, vendor: str, module: str) -> tuple[Identity, str] | None:
        """What ``vendor``'s modules get who import ``module``; the same order as in :func:`_run`."""
        for identity in ((vendor, module), (STANDARD, module)):
            if identity in self.texts:
                return identity, self.texts[identity]
        others = [identity for identity in self.texts if identity[1] == module and module not in BASES]
        if others:
            return min(others), self.texts[min(others)]
        return ((SKELETONS, module), self.bases[module]) if module in self.bases else None

    def digest(self, identity: Identity) -> str:
        """A digest of the text and of all that it imports, directly or not, and of what compiles them."""
        seen: dict[Identity, str] = {}
        waiting = [(identity, self.texts[identity])]
        while waiting:
            place, text = waiting.pop()
            if place in seen:
                continue
            seen[place] = text
            waiting += [found for module in imports_of(text) if (found := self._found(identity[0], module)) is not None]
        content = repr((FORMAT, version("pysmi"), sorted(seen.items())))
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def _run(identity: Identity, folder: str, timeout_s: float) -> dict[str, Any]:
    vendor, module = identity
    places = dict.fromkeys(f"{folder}/{place}" for place in (vendor, STANDARD, ANYBODY, SKELETONS))
    command = [sys.executable, "-m", "pipeline.mib.worker", module, *places]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=True, text=True)  # noqa: S603  # our own program
        answer: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"message": f"not compiled within {timeout_s:g} s", "line": 0, "missing": [], "remedy": "allow it more time"}
    except (subprocess.CalledProcessError, ValueError) as error:
        last = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
        return {"message": f"the compiler ended: {' '.join(last)}", "line": 0, "missing": []}
    return answer


def _failure(vendor: str, source: Source, answer: Mapping[str, Any]) -> Failure:
    missing = ", ".join(answer.get("missing", ()))
    line = source.line + answer["line"] - 1 if answer["line"] else 0
    if missing:
        remedy = f"give its file too: {missing}"
        return Failure(source.module, source.file, line, f"it imports {missing}, which is not among the sources", remedy, vendor)
    default = "mend the source at this line or just above it" if line else "mend the source, or give the module that defines what it names"
    return Failure(source.module, source.file, line, answer["message"], answer.get("remedy", default), vendor)


def write_index(target: Path, modules: Iterable[MibModule]) -> None:
    """Replace the index at once, so that a reader sees the old one or the new one."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.write_text(index_text(modules), encoding="utf-8")
    beside.replace(target)
