"""Actions of remedies that cannot be meant are told, each at its place and with the remedy."""

from pathlib import Path

import pytest

from pipeline.config.problem import ConfigError
from pipeline.config.settings_file import read_settings

HEAD = "data_dir: data\ninventory_dir: inventory\nremedies:\n  actions:\n"


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ("  - {name: a, argv: [/bin/a]}\n  - {name: a, argv: [/bin/b]}\n", "$.remedies.actions[1].name: 'a' stands twice"),
        ("  - {name: a}\n", "an action is either a POST or a program"),
        ("  - {name: a, url: https://a.example, argv: [/bin/a]}\n", "an action is either a POST or a program"),
        ("  - {name: a, argv: [power-cycle]}\n", "power-cycle is no whole path"),
        (
            "  - {name: a, argv: [/bin/a], timeout_s: 60}\n",
            "$.remedies.actions[0].timeout_s: 60 s are not to be had",
        ),
        ("  - {name: a, argv: [/bin/a], timeout_s: 0}\n", "0 s are not to be had"),
    ],
)
def test_each_mistake_is_told(tmp_path: Path, actions: str, message: str) -> None:
    path = tmp_path / "assure.yaml"
    path.write_text(HEAD + actions)
    with pytest.raises(ConfigError) as problems:
        read_settings(path, {})
    assert message in str(problems.value)
