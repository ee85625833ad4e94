"""`assure up` runs the whole chain; `assure init` writes the configuration that it needs."""

import asyncio
import secrets
from pathlib import Path

import click

from pipeline.cli.config import config_option, read_settings, settings_path
from pipeline.cli.output import Exit, console, fail
from pipeline.cli.parent import stop_event
from pipeline.config.problem import ConfigError
from pipeline.config.settings import Settings
from pipeline.config.starter import STARTER_INVENTORY, starter_settings
from pipeline.knowing import FileKnowledge


@click.command()
@config_option
def up(config: Path | None) -> None:
    """Run the whole chain for your own network: embedded parts as the settings say, collectors, worker, sink, outputs, console.

    Each line says what started and where it listens. Ctrl-C stops everything in reverse order. Logs lie in <data_dir>/log.

    \b
    assure up -c mynet/assure.yaml
    """
    settings = read_settings(config)
    try:
        FileKnowledge(settings).load()
    except ConfigError as error:
        fail(str(error), Exit.USAGE)
    asyncio.run(run_up(settings, settings_path(config).resolve()))


async def run_up(settings: Settings, settings_file: Path) -> None:
    """Start all children, stay until SIGTERM or Ctrl-C, stop all. Ends with exit code 2 when one cannot start."""
    from pipeline.installation import groups  # noqa: PLC0415  # after the settings were read: a mistake there shows at once
    from pipeline.supervisor import ChildFailedError, Supervisor  # noqa: PLC0415  # as above

    out = console()
    stop = await stop_event()
    supervised = Supervisor(groups(settings, settings_file), settings.data_dir / "log", lambda line: out.print(f"  {line}", markup=False))
    try:
        async with supervised.until(stop) as is_up:
            if is_up:
                out.print("Everything runs. Ctrl-C stops it.")
                await stop.wait()
            out.print("Stopping.")
    except ChildFailedError as error:
        fail(str(error), Exit.USAGE)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(folder: Path) -> None:
    """Write a commented starting configuration into FOLDER: assure.yaml, a first inventory, generated secrets.

    Nothing that exists is overwritten. Then: edit inventory/network.yaml, `assure check`, `assure up`.

    \b
    assure init mynet
    """
    settings_file, inventory_file, secret_dir = folder / "assure.yaml", folder / "inventory" / "network.yaml", folder / "secrets"
    for path in (settings_file, inventory_file):
        if path.exists():
            fail(f"{path} exists already; choose another folder", Exit.USAGE)
    inventory_file.parent.mkdir(parents=True, exist_ok=True)
    secret_dir.mkdir(mode=0o700, exist_ok=True)
    for name in ("history", "viewer", "api"):
        write_secret(secret_dir / name)
    settings_file.write_text(starter_settings())
    inventory_file.write_text(STARTER_INVENTORY)
    click.echo(f"wrote {settings_file}, {inventory_file} and generated secrets in {secret_dir}/")
    click.echo(f"next: describe your network in {inventory_file}, then")
    click.echo(f"  assure check --config {settings_file}\n  assure up --config {settings_file}")


def write_secret(path: Path) -> None:
    """A fresh random secret in a file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(secrets.token_urlsafe(24))
