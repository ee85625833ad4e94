"""Compiles one module with pysmi and prints the answer as JSON; a process of its own, so that no module can take more than itself down.

``python -m pipeline.mib.worker MODULE FOLDER...`` reads ``MODULE`` and what it imports from the first folder that has each. The answer has
either ``modules`` (the documents of the module and of its imports, by name) or ``message`` and ``line``, and ``missing`` modules.
"""

import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pysmi.codegen import JsonCodeGen
from pysmi.compiler import MibCompiler
from pysmi.error import PySmiError
from pysmi.parser.dialect import smi_v1_relaxed
from pysmi.parser.smi import parserFactory
from pysmi.reader import FileReader
from pysmi.writer import CallbackWriter

MAX_MEMORY_BYTES = 2 * 1024**3
"""What one module may cost in memory; the largest known need a tenth of it."""


def compile_module(module: str, folders: Sequence[Path]) -> dict[str, Any]:
    """The answer described above; an exception of any type becomes a message, because pysmi has more than its own."""
    documents: dict[str, Any] = {}

    def keep(name: str, text: str, _context: object) -> None:
        documents[name] = json.loads(text)

    compiler = MibCompiler(parserFactory(**smi_v1_relaxed)(), JsonCodeGen(), CallbackWriter(keep))
    compiler.add_sources(*(FileReader(str(folder)) for folder in folders))
    try:
        statuses = compiler.compile(module, rebuild=True)
    except Exception as unexpected:  # noqa: BLE001  # AttributeError, RecursionError and others were met
        return {"message": f"{type(unexpected).__name__}: {unexpected}", "line": 0, "missing": []}
    missing = sorted(name for name, status in statuses.items() if status == "missing")
    if module in documents:
        return {"modules": documents, "missing": missing}
    error = getattr(statuses.get(module), "error", None)
    return {"message": _message(error, module), "line": _line(error), "missing": missing}


def _message(error: PySmiError | None, module: str) -> str:
    return (error.msg if error else "not compiled").replace(f" at MIB {module}", "")


def _line(error: PySmiError | None) -> int:
    line = getattr(error, "lineno", 0)
    return line if isinstance(line, int) else 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    sys.stdout.write(json.dumps(compile_module(sys.argv[1], [Path(folder) for folder in sys.argv[2:]])))
