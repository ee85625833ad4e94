"""Which settings a command works with: ``--config``, ``$ASSURE_CONFIG``, ``./assure.yaml``, else those of the demo in this folder."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from pipeline.cli.output import Exit, fail
from pipeline.config.problem import ConfigError
from pipeline.config.settings import Settings
from pipeline.config.settings_file import load_settings

DEMO_SETTINGS = Path("var/demo/assure.yaml")
DEMO_MARK = "# Written by `assure demo`"
_option = click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file. Default: $ASSURE_CONFIG, ./assure.yaml, or the demo's in var/demo.",
)


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--config`` to a command."""
    return _option(command)


def settings_path(config: Path | None) -> Path:
    """The settings file to use; ends with the remedy when there is none."""
    found = settings_if_any(config)
    if found is None:
        fail("no settings file here; `assure init mynet` writes one, `assure demo` makes its own", Exit.USAGE)
    return found


def settings_if_any(config: Path | None) -> Path | None:
    """The settings file to use, or ``None``; ends when one is named and is not there."""
    named = config or (Path(os.environ["ASSURE_CONFIG"]) if os.environ.get("ASSURE_CONFIG") else None)
    if named and not named.is_file():
        fail(f"no settings file at {named}; `assure init mynet` writes one, `assure demo` makes its own", Exit.USAGE)
    return named or next((path for path in (Path("assure.yaml"), DEMO_SETTINGS) if path.is_file()), None)


def start_command(path: Path) -> str:
    """The command that starts what these settings describe."""
    if path.read_text().startswith(DEMO_MARK):
        return "assure demo"
    return "assure up" if path == Path("assure.yaml") else f"assure up -c {path}"


def read_settings(config: Path | None) -> Settings:
    """The settings; ends with every problem of the file, each with line and remedy."""
    path = settings_path(config)
    try:
        return load_settings(path)
    except ConfigError as error:
        fail(str(error), Exit.USAGE)


def no_answer(what: str, config: Path | None) -> NoReturn:
    """End because a part does not answer, and name the command that starts it."""
    fail(f"{what}\n  Is it running? `{start_command(settings_path(config))}` starts it.", Exit.NO_ANSWER)
