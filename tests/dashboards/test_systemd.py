"""The systemd units start every part, with the one capability that a receiver needs and nothing else that systemd can take away."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

from click.testing import CliRunner

from pipeline.cli import assure
from pipeline.config.settings import COMPONENTS

UNITS = Path(__file__).resolve().parents[2] / "dashboards" / "production" / "systemd"
SERVICE, TARGET = UNITS / "assure@.service", UNITS / "assure.target"
ANALYZE = shutil.which("systemd-analyze")


def unit(path: Path) -> configparser.ConfigParser:
    read = configparser.ConfigParser(strict=True, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    read.read_string(path.read_text())
    return read


def test_the_target_wants_every_part() -> None:
    wanted = unit(TARGET)["Unit"]["Wants"].split()
    assert wanted == [f"assure@{name}.service" for name in COMPONENTS]


def test_the_command_of_each_part_is_one_that_assure_has() -> None:
    program, *command = unit(SERVICE)["Service"]["ExecStart"].split()
    assert Path(program).name == "assure"
    for name in (*COMPONENTS, "traps-2"):
        words = [word.replace("%i", name) for word in command]
        result = CliRunner().invoke(assure, [*words[:2], "--help"])
        assert result.exit_code == 0, result.output
        missing = CliRunner().invoke(assure, [*words[:-1], "missing.yaml"])
        assert "missing.yaml" in missing.output  # it came as far as the settings: the part is one that there is


def test_a_part_may_bind_low_ports_and_nothing_more() -> None:
    service = unit(SERVICE)["Service"]
    assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"] == "CAP_NET_BIND_SERVICE"
    assert service["User"] != "root"
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["Restart"]) == ("yes", "strict", "always")


def test_systemd_itself_accepts_the_units_and_finds_them_safe(tmp_path: Path) -> None:
    """Where systemd is; elsewhere each line is at least an assignment that the parser above could read."""
    if ANALYZE is None:
        assert all(re.fullmatch(r"|\[\w+\]|#.*|\w+=.*", line) for path in (SERVICE, TARGET) for line in path.read_text().splitlines())
        return
    (tmp_path / "assure@.service").write_text(SERVICE.read_text().replace("/opt/assure/bin/assure", "/bin/true"))
    (tmp_path / "assure.target").write_text(TARGET.read_text())
    done = subprocess.run(
        [ANALYZE, "verify", "--man=no", "assure@traps.service"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    about_us = [line for line in done.stderr.splitlines() if "assure" in line and "Failed to prepare" not in line]
    assert about_us == []
