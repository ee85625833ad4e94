"""docker-compose.yml is right by reading: it parses, its commands exist, its files are there, its images are pinned."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from pipeline.cli import assure
from pipeline.config.settings_file import load_settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
PARTS = {name: service for name, service in SERVICES.items() if str(service.get("image", "")).startswith("assurance-pipeline")}


def default_of(text: str) -> str:
    """What compose puts for ``${NAME:-default}`` when NAME is not set."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


def test_every_part_of_the_pipeline_is_there() -> None:
    """Kafka, ClickHouse, PostgreSQL, the parts, the lab's profile, Grafana, Prometheus, Alertmanager."""
    assert {"kafka", "clickhouse", "postgres", "grafana", "prometheus", "alertmanager"} | {
        "traps",
        "polls",
        "worker",
        "sink",
        "outputs",
        "api",
        "detectors",
        "lab",
    } == set(SERVICES)
    assert SERVICES["lab"]["profiles"] == ["lab"]


@pytest.mark.parametrize("name", PARTS)
def test_each_command_exists(name: str) -> None:
    """`assure <command> --help` knows the command and the options that the service uses."""
    command = PARTS[name]["command"]
    words = [word for word in command if not word.startswith("-")][:2]
    group = CliRunner().invoke(assure, [words[0], "--help"])
    assert group.exit_code == 0, group.output
    known = group.output
    if words[0] == "lab":
        known = CliRunner().invoke(assure, [*words, "--help"]).output
    for option in (word for word in command if word.startswith("--")):
        assert option in known
    assert words[1] in group.output


@pytest.mark.parametrize("name", SERVICES)
def test_each_mounted_file_is_in_the_repository(name: str) -> None:
    """A bind mount of something that is not there makes Docker invent an empty folder."""
    for mount in SERVICES[name].get("volumes", []):
        source = default_of(mount).split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists(), f"{name} mounts {source}"
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in PARTS])
def test_each_image_is_pinned_by_version(name: str) -> None:
    """No image floats."""
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)*", SERVICES[name]["image"])


def test_what_a_service_waits_for_has_a_health_check() -> None:
    """``service_healthy`` on a service without a check waits for ever."""
    for service in SERVICES.values():
        for dependency, condition in service.get("depends_on", {}).items():
            assert condition["condition"] != "service_healthy" or "healthcheck" in SERVICES[dependency]


def test_the_settings_file_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that compose mounts are valid, and every secret comes from the environment."""
    path = ROOT / "dashboards" / "production" / "assure.yaml"
    names = re.findall(r"env:([A-Z_]+)", path.read_text())
    example = (ROOT / "dashboards" / "production" / "env.example").read_text()
    for name in names:
        assert f"{name}=" in example
        monkeypatch.setenv(name, f"value-of-{name}")
    settings = load_settings(path)
    assert not settings.broker.embedded
    assert settings.history.password.reveal() == "value-of-ASSURE_HISTORY_PASSWORD"
