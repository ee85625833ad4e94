"""What ``assure init`` writes loads as it is, and tells the truth about every default."""

import re
from pathlib import Path

import pytest

from pipeline.config.settings import Settings
from pipeline.config.settings_file import read_settings
from pipeline.config.starter import STARTER_INVENTORY, starter_settings
from pipeline.inventory.check import check

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as ``assure init`` leaves it."""
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "network.yaml").write_text(STARTER_INVENTORY)
    (tmp_path / "secrets").mkdir()
    for name in ("history", "viewer", "api"):
        (tmp_path / "secrets" / name).write_text("s3cret")
        (tmp_path / "secrets" / name).chmod(0o600)
    return tmp_path


def _load(folder: Path, text: str) -> Settings:
    (folder / "assure.yaml").write_text(text)
    settings, warnings = read_settings(folder / "assure.yaml", {})
    assert warnings == ()
    return settings


def test_the_starting_settings_load_without_a_problem(folder: Path) -> None:
    settings = _load(folder, starter_settings())
    assert settings.data_dir == folder / "data"
    assert settings.history.password.reveal() == "s3cret"


def test_each_commented_default_is_the_real_default(folder: Path) -> None:
    """Taking every # away changes nothing but the folders that are named."""
    text = starter_settings()
    everything = re.sub(r"^( *)#(?=[a-z_]+:)", r"\1", text, flags=re.MULTILINE)
    commented, plain = _load(folder, everything), _load(folder, text)
    for name in Settings.__dataclass_fields__:
        if name not in {"rules_dir", "mibs_dir"}:
            assert getattr(commented, name) == getattr(plain, name), name


def test_every_key_is_shown(folder: Path) -> None:
    text = starter_settings()
    sections = {name: f.default_factory for name, f in Settings.__dataclass_fields__.items() if name != "webhooks"}
    for name, factory in sections.items():
        assert re.search(rf"^#?{name}:", text, re.MULTILINE), name
        for key in getattr(factory, "__dataclass_fields__", {}):
            body = text.split(f"\n{name}:\n", 1)[1].split("\n\n", 1)[0]
            assert re.search(rf"^  #?{key}:", body, re.MULTILINE), f"{name}.{key}"


def test_the_starting_inventory_agrees_with_the_packaged_rules(folder: Path) -> None:
    """All that is told is that nobody is notified yet."""
    (folder / "assure.yaml").write_text(starter_settings())
    result = check(ROOT / "rules", folder / "inventory", folder / "assure.yaml", environ={})
    assert [problem.message.split(", which")[0] for problem in result.problems] == ["route on-call sends to 'on-call'"]
