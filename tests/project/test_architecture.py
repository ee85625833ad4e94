"""The import graph is the pipeline: one direction, and each foreign library in its one room."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SHELLS = (
    "pipeline.stream",
    "pipeline.store",
    "pipeline.obligations",
    "pipeline.outputs",
    "pipeline.detectors",
    "pipeline.inventory",
    "pipeline.mib",
    "pipeline.drafting",
    "pipeline.embedded",
    "pipeline.api",
    "pipeline.lab",
    "collectors",
)
COMMON = ("pipeline.wire", "pipeline.bus", "pipeline.loop", "pipeline.telemetry", "pipeline.resources", "pipeline.tmf")

ROOMS = {
    "faust": ("pipeline.stream",),
    "mode": ("pipeline.stream",),
    "aiokafka": ("pipeline.bus", "pipeline.stream.transport", "pipeline.embedded.broker"),
    "sqlalchemy": ("pipeline.obligations",),
    "alembic": ("pipeline.obligations",),
    "clickhouse_connect": ("pipeline.store",),
    "_chdb": ("pipeline.embedded.clickhouse",),
    "pysmi": ("pipeline.mib",),
    "defusedxml": ("pipeline.drafting",),
    "gufo": ("collectors.poll", "collectors.discover", "collectors.snmp"),
    "click": ("pipeline.cli", "pipeline.__main__"),
    "rich": ("pipeline.cli",),
    "sklearn": ("pipeline.detectors",),
    "matplotlib": ("pipeline.cli",),
    "plotext": ("pipeline.cli",),
    "pynetbox": ("pipeline.inventory",),
    "yaml": ("pipeline.config", "pipeline.inventory"),
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("pipeline", "collectors"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path, module: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide the direction"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def is_in(module: str, *rooms: str) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def layer(module: str) -> int:
    """Core, configuration, what all share, the shells, the root that wires them."""
    if module in {"pipeline", "collectors"}:
        return 0
    for number, rooms in enumerate([("pipeline.core",), ("pipeline.config",), COMMON, SHELLS]):
        if is_in(module, *rooms):
            return number
    return 4


ALL = list(modules())


@pytest.mark.parametrize(("module", "path"), ALL, ids=[name for name, _ in ALL])
def test_imports_point_upstream_only(module: str, path: Path) -> None:
    """A module imports from its own layer or one below; a shell never imports another shell."""
    ours = {name for name in imports(path, module) if is_in(name, "pipeline", "collectors")}
    assert [name for name in ours if layer(name) > layer(module)] == []
    own = next((shell for shell in SHELLS if is_in(module, shell)), None)
    if own:
        assert [name for name in ours if is_in(name, *SHELLS) and not is_in(name, own)] == []


@pytest.mark.parametrize(("module", "path"), ALL, ids=[name for name, _ in ALL])
def test_each_library_stays_in_its_room(module: str, path: Path) -> None:
    """The one place to look when a library changes is the one place that imports it."""
    for name in imports(path, module):
        rooms = ROOMS.get(name.partition(".")[0])
        assert rooms is None or is_in(module, *rooms), f"{module} imports {name}; that belongs in {rooms}"


@pytest.mark.parametrize(("module", "path"), [(m, p) for m, p in ALL if is_in(m, "pipeline.core")])
def test_the_core_is_pure(module: str, path: Path) -> None:
    """Core imports the standard library, numpy and itself, and calls neither a clock nor anything that does I/O."""
    foreign = {name.partition(".")[0] for name in imports(path, module)} - {"pipeline", "numpy"}
    assert foreign <= sys.stdlib_module_names
    assert not foreign & {"asyncio", "socket", "subprocess", "logging", "random", "threading", "urllib", "http", "os", "time"}
    source = ast.parse(path.read_text())
    calls = {ast.unparse(node.func) for node in ast.walk(source) if isinstance(node, ast.Call)}
    assert not calls & {
        "open",
        "print",
        "datetime.now",
        "datetime.utcnow",
        "date.today",
        "datetime.datetime.now",
        "uuid4",
        "uuid.uuid4",
        "uuid1",
    }


def test_the_walk_sees_the_code() -> None:
    """The checks above look at real modules."""
    assert {"pipeline.core.alarm", "pipeline.wire", "pipeline.bus", "collectors"} <= {name for name, _ in ALL}
