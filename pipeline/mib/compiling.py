"""Compiles MIB sources, each module in a process of its own with a time limit, into one index. No network is ever asked for a module."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config.mib_file import INDEX_NAME, index_text, load_facts
from pipeline.core.mib import MibIndex
from pipeline.mib.extract import notifications_of, objects_of
from pipeline.mib.fixup import repaired
from pipeline.mib.skeleton import skeletons
from pipeline.mib.source import Source, find_sources

FACTS_NAME = "standard.yaml"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A module that is in the index, with how much of it."""

    module: str
    file: Path
    objects: int
    notifications: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A module, or a file, that is not; ``line`` is that of the file, 0 when the whole is meant."""

    module: str
    file: Path
    line: int
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.module or 'no module'}: {self.message}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class CompileReport:
    """What became of every module; ``index`` holds the facts and everything that compiled."""

    compiled: tuple[Compiled, ...]
    failures: tuple[Failure, ...]
    index: MibIndex


def compile_mibs(sources: Sequence[Path], out: Path, timeout_s: float = 30.0, facts: Path | None = None) -> CompileReport:
    """Compile every module of files and folders and write the index to ``out`` (a folder, as ``index.json``, or a file).

    ``facts`` is the table of standard facts, which is part of the index and stands in for base modules that are not among the sources;
    by default ``standard.yaml`` beside the index, if it is there. A module that fails, crashes or takes longer than ``timeout_s`` seconds
    costs itself alone and is reported. Without any source the index holds the facts. Raises ``ConfigError`` for broken facts and
    ``OSError`` when ``out`` cannot be written.
    """
    target = out / INDEX_NAME if out.is_dir() else out
    facts_file = facts or target.parent / FACTS_NAME
    known = load_facts(facts_file) if facts_file.exists() else MibIndex()
    found, unreadable = find_sources(sources)
    failures = [Failure("", each.file, 0, each.message, each.remedy) for each in unreadable]
    unique, doubles = _without_doubles(found)
    compiled, index, failed = _compile_all(unique, known, timeout_s)
    report = CompileReport(tuple(compiled), (*failures, *doubles, *failed), known.merged(index))
    _write(target, index_text(report.index))
    return report


def _without_doubles(found: Sequence[Source]) -> tuple[dict[str, Source], list[Failure]]:
    unique: dict[str, Source] = {}
    doubles: list[Failure] = []
    for source in found:
        first = unique.setdefault(source.module, source)
        if first is not source and first.text != source.text:
            remedy = "keep one of them, or compile them into indexes of their own"
            doubles.append(Failure(source.module, source.file, source.line, f"another text of this module is in {first.file}", remedy))
    return unique, doubles


def _compile_all(unique: Mapping[str, Source], known: MibIndex, timeout_s: float) -> tuple[list[Compiled], MibIndex, list[Failure]]:
    compiled: list[Compiled] = []
    failures: list[Failure] = []
    index = MibIndex()
    with tempfile.TemporaryDirectory(prefix="assure-mibs-") as folder, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        _stage(Path(folder), unique, known)
        for source, answer in zip(unique.values(), pool.map(lambda module: _run(module, folder, timeout_s), unique), strict=True):
            if "modules" not in answer:
                failures.append(_failure(source, answer))
                continue
            part = _part(source.module, answer["modules"])
            compiled.append(Compiled(source.module, source.file, len(part.objects), len(part.notifications)))
            index = index.merged(part)
    return compiled, index, failures


def _stage(folder: Path, unique: Mapping[str, Source], known: MibIndex) -> None:
    """Lay every module down under its own name, the name by which pysmi finds it."""
    for module, text in skeletons(known).items():
        (folder / module).write_text(text, encoding="utf-8")
    for module, source in unique.items():
        (folder / module).write_text(repaired(source.text), encoding="utf-8")


def _run(module: str, folder: str, timeout_s: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "pipeline.mib.worker", module, folder]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=True, text=True)  # noqa: S603  # our own program
        answer: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"message": f"not compiled within {timeout_s:g} s", "line": 0, "missing": [], "remedy": "allow it more time"}
    except (subprocess.CalledProcessError, ValueError) as error:
        last = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
        return {"message": f"the compiler ended: {' '.join(last)}", "line": 0, "missing": []}
    return answer


def _failure(source: Source, answer: Mapping[str, Any]) -> Failure:
    missing = ", ".join(answer.get("missing", ()))
    line = source.line + answer["line"] - 1 if answer["line"] else 0
    if missing:
        remedy = f"give its file too: {missing}"
        return Failure(source.module, source.file, line, f"it imports {missing}, which is not among the sources", remedy)
    default = "mend the source at this line or just above it" if line else "mend the source, or give the module that defines what it names"
    return Failure(source.module, source.file, line, answer["message"], answer.get("remedy", default))


def _part(module: str, documents: Mapping[str, Any]) -> MibIndex:
    return MibIndex.of(objects_of(module, documents), notifications_of(module, documents))


def _write(target: Path, text: str) -> None:
    """Replace the index at once, so that a reader sees the old one or the new one."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(target)
