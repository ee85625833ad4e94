"""However a command ends early, the shell gets a clear exit code and the person no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipeline.cli.group import Group
from pipeline.cli.output import console
from pipeline.config.problem import ConfigError, Problem
from tests.cli.conftest import Run

ENDINGS = {
    "ctrl-c": (KeyboardInterrupt(), 130, ""),
    "a closed pipe": (BrokenPipeError(), 0, ""),
    "a broken file": (ConfigError([Problem("a.yaml", 3, "$.x", "is wrong", "mend it")]), 2, "a.yaml:3: $.x: is wrong; mend it"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_early_end_has_an_exit_code(ending: str) -> None:
    """And says only what helps."""
    error, code, told = ENDINGS[ending]

    @click.group(cls=Group)
    def group() -> None:
        """Hold one command."""

    @group.command()
    def command() -> None:
        raise error

    result = CliRunner().invoke(group, ["command"])
    assert result.exit_code == code
    assert "Traceback" not in result.output
    assert told in result.output


@pytest.mark.parametrize("words", [["topology", "impact", "site/ams"], ["mibs", "lookup", "ifOperStatus", "--json"], ["lab", "commands"]])
def test_a_reader_that_had_enough_is_no_error(words: list[str]) -> None:
    """``| head -1`` leaves nothing on standard error, also when the pipe was closed before the first byte."""
    if words[0] == "topology":
        words = [*words, "--inventory", "pipeline/lab/inventory"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd=ROOT
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_console_leaves_a_closed_pipe_to_the_command() -> None:
    """Else the exit code would be 1, which means that a problem was found."""
    with pytest.raises(BrokenPipeError):
        console().on_broken_pipe()


def test_ctrl_c_in_a_running_command_is_130(tmp_path: Path) -> None:
    """A command that waits (here for the doctor's sums to come right) ends at once.

    The child listens to Ctrl-C as at a terminal, even when these tests run in the background, where a shell has it ignored.
    """
    environment = {**os.environ, "ASSURE_CONFIG": ""}
    subprocess.run([sys.executable, "-m", "pipeline", "init", "."], cwd=tmp_path, check=True, capture_output=True, env=environment)
    listens = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    waits = "import sys, time; import pipeline.cli.doctor as d\nd.watch = lambda *_: (print('waits', flush=True), time.sleep(60))\n"
    program = f"{listens}{waits}from pipeline.cli import assure; assure(['doctor'])"
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in told


def test_an_empty_command_line_shows_the_first_page(run: Run) -> None:
    """As wrong usage, so that a script that lost its arguments notices."""
    result = run()
    assert "First steps" in result.output
    assert result.exit_code == 2


ROOT = Path(__file__).resolve().parents[2]
