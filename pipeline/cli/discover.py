"""`assure discover`: what a network says of itself, as an inventory and against the one that is declared."""

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from collectors.discover.asker import Asked, Outcome, Place
from collectors.discover.credential import Credential
from collectors.discover.target import TargetError, addresses_of
from collectors.discover.walk import Limits
from collectors.poll.user import PollUser
from collectors.publish import SendError
from pipeline.cli.config import config_option, no_answer, read_settings, settings_if_any
from pipeline.cli.discover_view import print_found, to_json
from pipeline.cli.output import Exit, fail, json_option, plural, print_json
from pipeline.config.rule_files import default_mibs
from pipeline.config.rule_set import load_rule_set
from pipeline.config.secret import Secret
from pipeline.config.secret_source import SecretError, find_secret
from pipeline.config.settings import AuthProtocol, PrivProtocol, Settings, SnmpUserSettings
from pipeline.core.discovered_inventory import inventory_of
from pipeline.core.inventory import Inventory
from pipeline.discovering import ALARM_TYPE, Effort, Found, ask, events_of, found_of, places_of, publish, remarks_of, unchosen_of
from pipeline.inventory.files import load_inventory
from pipeline.inventory.present import load_present
from pipeline.inventory.writer import NETWORK_FILE, network_text, write_network
from pipeline.resources import data_dir

DIFFERS = 3
"""The exit code when the network differs from the inventory."""
folder_type = click.Path(path_type=Path, exists=True, file_okay=False)
TOLD_BY = "env:NAME, file:PATH, or the text itself."


@click.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--community", "communities", multiple=True, help=f"SNMPv2c community; may be repeated. {TOLD_BY} [default: public]")
@click.option("--user", default="", help="Ask by SNMPv3 as this user of the settings (traps.users), or of the four options below.")
@click.option(
    "--auth", type=click.Choice([each.value for each in AuthProtocol]), default=AuthProtocol.SHA256.value, help="Digest of --user."
)
@click.option("--auth-password", default="", help=TOLD_BY)
@click.option(
    "--priv", type=click.Choice([each.value for each in PrivProtocol]), default=PrivProtocol.AES128.value, help="Cipher of --user."
)
@click.option("--priv-password", default="", help=TOLD_BY)
@click.option("--port", type=click.IntRange(1, 65_535), default=161, show_default=True, help="UDP port of agents that are not declared.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help=f"Write what was found into this folder, as {NETWORK_FILE}.")
@click.option("--force", is_flag=True, help="With --out: replace the file that is there.")
@click.option("--against", type=folder_type, help="Compare with this inventory folder. Default: the settings' own, if there are any.")
@click.option("--alone", is_flag=True, help="Compare with nothing.")
@click.option("--events", is_flag=True, help="Publish the differences as events, so that they are alarms and history.")
@click.option("--jobs", type=click.IntRange(1, 1_000), default=32, show_default=True, help="Addresses asked at once.")
@click.option("--rate", type=click.FloatRange(0), default=500.0, show_default=True, help="Questions a second over all; 0 for no bound.")
@click.option("--timeout", type=click.FloatRange(0.01), default=1.0, show_default=True, help="Seconds to wait for an answer.")
@click.option("--retries", type=click.IntRange(0), default=1, show_default=True, help="So often a question is asked again.")
@click.option("--limit", type=click.FloatRange(0.1), default=60.0, show_default=True, help="Seconds that one device may take.")
@config_option
@json_option
def discover(
    *,
    targets: tuple[str, ...],
    communities: tuple[str, ...],
    user: str,
    auth: str,
    auth_password: str,
    priv: str,
    priv_password: str,
    port: int,
    out: Path | None,
    force: bool,
    against: Path | None,
    alone: bool,
    events: bool,
    jobs: int,
    rate: float,
    timeout: float,
    retries: int,
    limit: float,
    config: Path | None,
    as_json: bool,
) -> None:
    """Ask a network over SNMP what is there.

    TARGET is a range (192.0.2.0/24), an address, a host's name, or a file that lists such, one a line. Without one, the declared
    devices are asked again.

    Each device tells its interfaces, parts, sensors, addresses, neighbours (LLDP), routing peers and link aggregations. A link is as
    sure as what says so:

    \b
    1.0  both ends name each other by LLDP
    0.8  one end does, and both are in one subnet for two (/30, /31);
         or both do, and one does not say at which of its ports
    0.6  one end does
    0.5  a subnet for two alone; 0.7 with a BGP or OSPF session over it
    0.3  the ends disagree: told, but put into no inventory

    --out writes an inventory of it, with source and confidence of each entry, for you to go on with. Held against the declared
    inventory, it shows what is missing, new or changed: devices, interfaces, links. What was not asked is not missing.

    \b
    assure discover 192.0.2.0/24 --community env:SNMP_COMMUNITY --out found
    assure discover seeds.txt core1.example.net --user noc
    assure discover -c mynet/assure.yaml              the declared devices again
    assure discover -c mynet/assure.yaml --events     ... and alarms of it
    assure check --inventory found

    Exit code 0 when nothing differs from the inventory (or there is none), 3 when something does, 4 when nobody answered.
    """
    settings = read_settings(config) if settings_if_any(config) is not None else None
    declared = None if alone else _declared(against, settings)
    if events and (declared is None or settings is None):
        raise click.UsageError("--events publishes differences: it wants settings (-c) and an inventory to compare with")
    if out is not None and (out / NETWORK_FILE).exists() and not force:
        fail(f"{out / NETWORK_FILE} is there already; choose another folder, or --force to replace it", Exit.USAGE)
    wanted = _user(user, auth, auth_password, priv, priv_password, settings) if user else None
    places = places_of(
        _addresses(targets, declared), port, _credentials(communities, wanted), declared, _secret, settings.traps.users if settings else ()
    )
    found = found_of(_ask(places, Effort(jobs, rate, Limits(timeout, retries), limit)), declared)
    if out is not None and found.discovery.devices:
        _write(found, out, force=force)
    if events and declared is not None and settings is not None:
        _publish(found, declared, settings, config)
    print_json(to_json(found)) if as_json else print_found(found)
    if not found.discovery.devices:
        raise click.exceptions.Exit(Exit.NO_ANSWER)
    if found.comparison is not None and found.comparison.differences:
        raise click.exceptions.Exit(DIFFERS)


def _declared(against: Path | None, settings: Settings | None) -> Inventory | None:
    if against is not None:
        return load_inventory(against)
    return load_present(settings) if settings and settings.inventory_dir.is_dir() else None


def _addresses(targets: Sequence[str], declared: Inventory | None) -> tuple[str, ...]:
    """What to ask: the targets, or without any the declared devices."""
    if not targets and declared is None:
        raise click.UsageError("nothing to ask; name a TARGET (192.0.2.0/24), or settings with an inventory (-c)")
    try:
        return addresses_of(targets or [device.address for device in declared.devices.values()] if declared else targets)
    except TargetError as error:
        raise click.UsageError(str(error)) from None


def _secret(text: str) -> Secret:
    """A secret as it is told on the command line; files are relative to the working folder."""
    try:
        return find_secret(text, Path(), os.environ)[0]
    except SecretError as error:
        raise click.UsageError(str(error)) from None


def _user(name: str, auth: str, auth_password: str, priv: str, priv_password: str, settings: Settings | None) -> SnmpUserSettings:
    """The SNMPv3 user: as told on the command line, else the settings' one of that name."""
    if auth_password or priv_password:
        return SnmpUserSettings(name, AuthProtocol(auth), _secret(auth_password), PrivProtocol(priv), _secret(priv_password))
    known = next((each for each in settings.traps.users if each.name == name), None) if settings else None
    if known is None:
        raise click.UsageError(f"no user '{name}' in traps.users of the settings; tell --auth-password and --priv-password")
    return known


def _credentials(communities: Sequence[str], user: SnmpUserSettings | None) -> tuple[Credential, ...]:
    if user is not None:
        return (Credential(user.name, user=PollUser(user)),)
    return tuple(Credential(text, _secret(text)) for text in communities)


def _ask(places: Sequence[Place], effort: Effort) -> tuple[Asked, ...]:
    """Ask, with a bar on standard error that tells how it goes."""
    counts: Counter[Outcome] = Counter()
    bar = Progress(
        TextColumn("asking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=len(places), told="")

        def tell(asked: Asked) -> None:
            counts[asked.outcome] += 1
            bar.update(task, advance=1, told=", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome))

        return ask(places, effort, tell)


def _write(found: Found, folder: Path, *, force: bool) -> None:
    inventory = inventory_of(found.discovery)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    heading = [
        f"Found by `assure discover` on {today}: {plural(len(inventory.devices), 'device')}, {plural(len(inventory.links), 'link')}.",
        "Yours to go on with: sites are what sysLocation says; roles, uplinks, fibres and services are known to people alone.",
        "confidence: 1.0 is what a device says of itself, or both ends of each other; `assure discover --help` tells the rest.",
    ]
    text = network_text(inventory, heading, remarks_of(found.discovery, inventory), unchosen_of(found.discovery))
    try:
        path = write_network(folder, text, replaces=force)
    except FileExistsError:
        fail(f"{folder / NETWORK_FILE} is there already; choose another folder, or --force to replace it", Exit.USAGE)
    except OSError as error:
        fail(f"{folder} cannot be written: {error.strerror}", Exit.USAGE)
    click.echo(f"wrote {path}; `assure check --inventory {folder}` reads it", err=True)


def _publish(found: Found, declared: Inventory, settings: Settings, config: Path | None) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say of a broker that is down is said below
    rules = settings.rules_dir or data_dir("rules")
    alarm_type = load_rule_set(rules, default_mibs(rules)).book.alarm_types.get(ALARM_TYPE)
    if alarm_type is None:
        fail(f"{rules} has no alarm type {ALARM_TYPE}; add it, as the catalogue that comes along has it", Exit.USAGE)
    if found.comparison is None or not found.comparison.differences:
        return
    events = events_of(found.comparison.differences, declared, alarm_type, time.time_ns())
    try:
        asyncio.run(publish(events, settings.broker))
    except SendError as error:
        no_answer(f"{error}\n  The differences were not published.", config)
    click.echo(f"{plural(len(events), 'event')} published; `assure alarms --all` shows them", err=True)
