"""What people get: the wheel in an empty environment runs the whole demo, with nothing of the checkout around it."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.cli.demo_stage import Ports

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 170


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel installed; the dependencies are lent by the one that runs the tests, the checkout is not."""
    folder = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    packages = next(folder.glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder / "bin" / "python")]
    run([*pip, "install", "--quiet", "--no-deps", "--no-compile", str(wheel)], folder)
    (packages / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return folder


def run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def free_shift() -> int:
    """A shift at which every port of the demo is free; below the range from which the kernel gives out ports."""
    for _ in range(100):
        shift = random.randrange(4_000, 13_000, 50)
        if not Ports(shift).taken():
            return shift
    raise AssertionError("no free ports")


def test_the_wheel_carries_its_data(wheel: Path) -> None:
    """Rules, MIB index, dashboards and the lab's inventory come along; tests do not."""
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "pipeline/_data/rules/traps/standard/",
        "pipeline/_data/mibs/index.json",
        "pipeline/_data/dashboards/",
        "pipeline/lab/inventory/network.yaml",
        "pipeline/api/pages/",
        "collectors/trap/",
    ):
        assert any(name.startswith(wanted) for name in names), wanted
    assert not [name for name in names if name.startswith(("tests/", "var/"))]


def test_the_command_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """The code is the wheel's own."""
    code = "import pipeline, collectors; print(pipeline.__file__); print(collectors.__file__)"
    where = run([str(installed / "bin" / "python"), "-c", code], tmp_path).split()
    assert all(Path(path).is_relative_to(installed) for path in where)
    assert run([str(installed / "bin" / "assure"), "--version"], tmp_path).startswith("assure, version ")


@pytest.mark.slow
async def test_the_demo_tells_its_story_and_ends_with_0(installed: Path, tmp_path: Path) -> None:
    """`assure demo --once` in an empty folder: one incident, its ticket and page, the end of both, the credit with its arithmetic."""
    demo = await asyncio.create_subprocess_exec(
        *(str(installed / "bin" / "assure"), "demo", "--once", "--shift", str(free_shift())),
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "80"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        told, _ = await asyncio.wait_for(demo.communicate(), DEADLINE_S)
    finally:
        if demo.returncode is None:
            os.killpg(demo.pid, signal.SIGKILL)
    text = told.decode()
    assert demo.returncode == 0, text + logs(tmp_path)
    in_order = (
        "18 devices answer their polls",
        "is cut",
        "one incident, one ticket, one page",
        "Fibre f-ams-rtm-1 is cut",
        "nsx-lowlat-1    down",
        "incident.opened: delivered",
        "a poll has confirmed the outages",
        "if it lasts, customers are told",
        "Dear North Sea Exchange B.V.",
        "is mended",
        "resolved",
        "missed  490.00 EUR",
        "= 490.00 EUR",
        "explain",
    )
    places = [text.find(promise) for promise in in_order]
    assert -1 not in places, text
    assert max(map(len, text.splitlines())) <= 80


def logs(folder: Path) -> str:
    """What a failed demo's parts complained of."""
    lines = (line for log in sorted(folder.glob("var/demo/log/*.log")) for line in log.read_text().splitlines())
    return "\n".join(line for line in lines if line.startswith("{") and json.loads(line)["level"] in {"warning", "error", "critical"})
