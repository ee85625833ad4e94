"""What every command has in common: a wrong word is answered with the right one, and no ending shows a traceback to a person."""

import contextlib
import os
import sys
from typing import Any

import click

from pipeline.cli.output import Exit
from pipeline.config.problem import ConfigError, did_you_mean


class Group(click.Group):
    """A group of commands that suggests the nearest name, and ends as a shell expects.

    Ctrl-C ends with 130. A reader that had enough (``| head``) ends with 0. A broken configuration is told whole and ends with 2.
    """

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is refused with the nearest that exists."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"there is no command '{name}'; {did_you_mean(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and turn what may end it early into an exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(Exit.INTERRUPTED)
        except BrokenPipeError:
            _say_no_more()
            ctx.exit(Exit.FINE)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(f"assure: {problem}", err=True)
            ctx.exit(Exit.USAGE)


def _say_no_more() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain about it at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
