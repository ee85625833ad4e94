"""Settings are read with every mistake told at once; warnings are logged and never hold a secret."""

import logging
from pathlib import Path

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.settings_file import is_host_port, load_settings


def _write(folder: Path, text: str) -> Path:
    path = folder / "assure.yaml"
    path.write_text(text)
    return path


def test_paths_begin_at_the_file(tmp_path: Path) -> None:
    settings = load_settings(_write(tmp_path, "data_dir: var\ninventory_dir: ../inv\n"), {})
    assert settings.data_dir == tmp_path / "var"
    assert settings.inventory_dir == (tmp_path / "../inv").resolve()
    assert settings.rules_dir is None


def test_what_cannot_be_meant_is_told_all_at_once(tmp_path: Path) -> None:
    text = """\
data_dir: d
inventory_dir: i
metrics_port: 99999
traps:
  listen: ["127.0.0.1"]
  allow: [127.0.0.0/33, 10.0.0.0/8]
  batch_ms: 0
  processes: 0
  journal_days: -1
api: {listen: "nowhere:80"}
webhooks: [{name: a, url: "http://x"}, {name: a, url: "http://y"}]
"""
    with pytest.raises(ConfigError) as caught:
        load_settings(_write(tmp_path, text), {})
    told = [f"{problem.line}: {problem.path}: {problem.message}" for problem in caught.value.problems]
    assert told == [
        "3: $.metrics_port: 99999 is not a port",
        "5: $.traps.listen[0]: '127.0.0.1' is not an address and a port",
        "6: $.traps.allow[0]: '127.0.0.0/33' is not a network",
        "7: $.traps.batch_ms: 0 is not more than nothing",
        "8: $.traps.processes: 0 processes",
        "9: $.traps.journal_days: -1 is less than nothing",
        "10: $.api.listen: 'nowhere:80' is not an address and a port",
        "11: $.webhooks[1].name: 'a' stands twice",
    ]
    assert all(problem.remedy for problem in caught.value.problems)


def test_a_missing_file_and_text_that_is_no_utf8_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_settings(tmp_path / "nope.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"data_dir: \xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 10; save the file as UTF-8"):
        load_settings(tmp_path / "latin.yaml")


def test_a_secret_in_clear_text_is_logged_as_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load_settings(_write(tmp_path, "data_dir: d\ninventory_dir: i\nhistory: {password: hunter2}\n"), {})
    assert "clear text" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("127.0.0.1:80", True),
        ("[::1]:162", True),
        ("localhost:1", True),
        ("::1:162", False),
        ("host:80", False),
        ("1.2.3.4:", False),
        ("1.2.3.4:x", False),
    ],
)
def test_an_address_has_a_port(text: str, good: bool) -> None:
    assert is_host_port(text) is good
