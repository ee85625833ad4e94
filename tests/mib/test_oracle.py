"""net-snmp is the oracle: every name of every module that it resolves has the number that we give it, and the other way round."""

import subprocess
from pathlib import Path

import pytest

from pipeline.mib.compiling import CompileReport, compile_mibs

ROOT = Path(__file__).resolve().parents[2]
NETSNMP_MIBS = Path("/usr/share/snmp/mibs")


def _numbers(names: list[str], folders: str) -> dict[str, str]:
    """What snmptranslate makes of qualified names; those it does not know are left out."""
    command = ["snmptranslate", "-Ln", "-M", folders, "-m", "ALL", "-On", *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = done.stdout.splitlines()
    found = [line.lstrip(".") for line in lines if line]
    return dict(zip(names, found, strict=True)) if len(found) == len(names) else {}


def _one_by_one(names: list[str], folders: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(names), 40):
        found |= _numbers(names[start : start + 40], folders)
    return found


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Base modules for net-snmp, which Debian ships without: our skeletons of them."""
    from pipeline.config.mib_file import load_facts  # noqa: PLC0415  # only where net-snmp is
    from pipeline.mib.skeleton import skeletons  # noqa: PLC0415  # as above

    folder = tmp_path_factory.mktemp("bases")
    for name, text in skeletons(load_facts(ROOT / "mibs" / "standard.yaml").index).items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def _compile(source: Path, folder: Path) -> CompileReport:
    return compile_mibs([source], folder / "index.json", facts=ROOT / "mibs" / "standard.yaml")


@pytest.mark.needs_netsnmp
@pytest.mark.parametrize("source", [ROOT / "mibs" / "ASSURE-LAB-MIB.txt", NETSNMP_MIBS], ids=["lab", "net-snmp's own"])
def test_every_name_has_the_number_that_net_snmp_gives_it(source: Path, bases: Path, tmp_path: Path) -> None:
    report = _compile(source, tmp_path)
    modules = {compiled.module for compiled in report.compiled}
    assert modules
    index = report.index
    ours = {
        f"{known.module}::{known.name}": known.oid
        for known in (*index.objects.values(), *index.notifications.values())
        if known.module in modules
    }
    theirs = _one_by_one(sorted(ours), f"{bases}:{source if source.is_dir() else source.parent}")
    assert len(theirs) >= len(ours) * 0.9
    assert {name: ours[name] for name in theirs} == theirs
