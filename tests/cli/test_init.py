"""`assure init` writes what `check` accepts and `up` can use, keeps secrets to their owner, and overwrites nothing."""

import stat
from pathlib import Path

import pytest

from pipeline.config.settings_file import load_settings
from tests.cli.conftest import Run


def test_a_folder_is_made_ready(run: Run, tmp_path: Path) -> None:
    """Settings that load, an inventory, secrets that only the owner reads; the next commands are told."""
    folder = tmp_path / "mynet"
    result = run("init", str(folder))
    assert result.exit_code == 0
    assert f"assure check --config {folder}/assure.yaml" in result.output
    settings = load_settings(folder / "assure.yaml")
    assert settings.history.password
    assert settings.history.password.reveal() != settings.history.viewer_password.reveal()
    for secret in (folder / "secrets").iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert run("check", "-c", str(folder / "assure.yaml")).exit_code == 0


@pytest.mark.parametrize("existing", ["assure.yaml", "inventory/network.yaml"])
def test_nothing_is_overwritten(run: Run, tmp_path: Path, existing: str) -> None:
    """Somebody's work stays, and no part of a configuration is left behind."""
    kept = tmp_path / existing
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    result = run("init", str(tmp_path))
    assert result.exit_code == 2
    assert f"{kept} exists already" in result.output
    assert kept.read_text() == "mine"
    assert not (tmp_path / "secrets").exists()
