"""What the tests of replays share: a recorded past of the lab's operator, made once and copied for each test that changes it."""

import shutil
from pathlib import Path

import pytest

from pipeline.config.settings import Settings
from pipeline.config.settings_file import load_settings
from tests.support.backtest import installation


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings file of an installation that heard half an hour; not to be changed."""
    return installation(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def settings(recorded: Path) -> Settings:
    return load_settings(recorded)


@pytest.fixture
def home(recorded: Path, tmp_path: Path) -> Path:
    """A copy of that installation's folder with ``rules-next`` and ``inventory-next`` beside, for a test to change."""
    folder = tmp_path / "home"
    shutil.copytree(recorded.parent, folder)
    shutil.copytree(folder / "rules", folder / "rules-next")
    shutil.copytree(folder / "inventory", folder / "inventory-next")
    return folder
