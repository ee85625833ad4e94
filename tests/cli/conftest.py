"""What the tests of commands share: a folder with settings, a reader in memory, and eighty columns."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import assure
from tests.support.reader import FakeReader

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in eighty columns; ``run("incidents", "--json")``."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("ASSURE_CONFIG", raising=False)

    def invoke(*words: str, columns: int = 80) -> Result:
        monkeypatch.setenv("COLUMNS", str(columns))
        return CliRunner().invoke(assure, list(words))

    return invoke


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """A folder made by ``assure init``, as the working folder."""
    monkeypatch.chdir(tmp_path)
    assert run("init").exit_code == 0
    return tmp_path


@pytest.fixture
def reader(home: Path, monkeypatch: pytest.MonkeyPatch) -> type[FakeReader]:
    """What commands read from instead of the stores; change its fields to change the answers."""
    fake = type("Reading", (FakeReader,), {})
    monkeypatch.setattr("pipeline.cli.show.Reader", fake)
    return fake


def widest(text: str) -> int:
    """The length of the longest line."""
    return max(map(len, text.splitlines()), default=0)
