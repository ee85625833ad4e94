"""Files that change are read again; a broken set is refused whole, the value before stays, and the reason is told once."""

import logging
import os
from pathlib import Path

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.reload import Reloading
from pipeline.config.yaml_source import read_yaml


def _source(folder: Path) -> Reloading[str]:
    return Reloading(
        (folder,), (".yaml",), lambda: str(read_yaml(folder / "a.yaml").line) + (folder / "a.yaml").read_text(), what="test set"
    )


def _write(path: Path, text: str) -> None:
    """Write with a time that differs from the last, however fast the test is."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_the_same_value_until_something_changes(tmp_path: Path) -> None:
    _write(tmp_path / "a.yaml", "a: 1")
    source = _source(tmp_path)
    first = source.current()
    assert source.current() is first
    _write(tmp_path / "a.yaml", "a: 2")
    assert source.current() == "1a: 2"


def test_a_broken_set_leaves_the_old_one_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _write(tmp_path / "a.yaml", "a: 1")
    source = _source(tmp_path)
    good = source.current()
    _write(tmp_path / "a.yaml", "a: [")
    with caplog.at_level(logging.ERROR):
        assert source.current() is good
        assert source.current() is good
    assert len(caplog.records) == 1
    assert "a.yaml" in source.problem
    _write(tmp_path / "a.yaml", "a: 3")
    assert source.current() == "1a: 3"
    assert source.problem == ""


def test_a_first_set_that_is_broken_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "a.yaml", "a: [")
    with pytest.raises(ConfigError):
        _source(tmp_path).current()


def test_a_file_that_goes_is_a_change(tmp_path: Path) -> None:
    _write(tmp_path / "a.yaml", "a: 1")
    source = _source(tmp_path)
    good = source.current()
    (tmp_path / "a.yaml").unlink()
    assert source.current() is good
    assert "No such file" in source.problem
