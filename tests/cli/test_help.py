"""Every command teaches itself: what it does, an example to copy, within eighty columns."""

from collections.abc import Iterator

import click
import pytest

from pipeline.cli import assure
from tests.cli.conftest import Run, widest


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command as its words, groups before what is in them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        yield (*words, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*words, name))


ALL = list(commands(assure))


def test_the_walk_sees_the_commands() -> None:
    """The list below is the whole command line."""
    assert {("demo",), ("doctor",), ("effects", "revive"), ("topology", "impact"), ("lab", "do"), ("mibs", "compile")} <= set(ALL)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_command_explains_itself(run: Run, words: tuple[str, ...]) -> None:
    """``--help`` says what it does, shows a command line that begins like it, and fits the screen."""
    result = run(*words, "--help")
    assert result.exit_code == 0, result.output
    about = result.output.partition("\n\n")[2].partition("Options:")[0]
    assert len(about.split()) > 5
    examples = [line.strip() for line in about.splitlines() if line.startswith("  assure ")]
    assert any(line.startswith(f"assure {' '.join(words)}") for line in examples), "no example to copy"
    assert widest(result.output) <= 80


def test_the_first_page_lists_every_command(run: Run) -> None:
    """Without importing them, so that it comes fast."""
    result = run("--help")
    assert all(f"  {words[0]} " in result.output for words in ALL if len(words) == 1)
    assert widest(result.output) <= 80
    assert "Exit codes" in result.output


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [(("incidnts",), "incidents"), (("lab", "comands"), "commands"), (("topology", "impct", "x"), "impact"), (("sla", "setle"), "settle")],
)
def test_a_mistyped_command_is_answered_with_the_nearest(run: Run, words: tuple[str, ...], suggestion: str) -> None:
    """In groups too; wrong usage is exit code 2."""
    result = run(*words)
    assert result.exit_code == 2
    assert f"did you mean '{suggestion}'?" in result.output


GROUPS = sorted({words[:-1] for words in ALL if len(words) > 1})


@pytest.mark.parametrize("words", [(), *GROUPS], ids=lambda words: " ".join(words) or "assure")
def test_no_command_in_a_list_is_described_by_half_a_sentence(run: Run, words: tuple[str, ...]) -> None:
    """What a group lists fits its line."""
    listed = run(*words, "--help").output.partition("\nCommands:")[2]
    assert listed
    assert "..." not in listed
