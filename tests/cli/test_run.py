"""`assure run` knows every process of the settings by its name, and says what to change for one that is not there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.mark.parametrize("section", ["traps", "polls"])
def test_a_process_that_the_settings_do_not_have_is_told_with_the_setting(run: Run, home: Path, section: str) -> None:
    """Further receivers and pollers are as many as their section says."""
    told = run("run", f"{section}-2")
    assert told.exit_code == 2
    assert f"{section}.processes is 1: there is no {section}-2" in " ".join(told.output.split())


def test_a_part_that_is_none_is_told_with_the_nearest(run: Run, home: Path) -> None:
    told = run("run", "pols")
    assert told.exit_code == 2
    assert "did you mean 'polls'?" in " ".join(told.output.split())
