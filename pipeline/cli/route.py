"""`assure route`, `assure oncall`: who would be told of what, and why; who is on call. Nothing needs to run, but for an incident's id."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from pipeline.cli.config import config_option, read_settings, settings_if_any
from pipeline.cli.group import Group
from pipeline.cli.incident_asked import by_id, described, impact, of_cause
from pipeline.cli.moment import Ahead, Length
from pipeline.cli.output import Exit, clock, console, duration, fail, json_option, print_json, table
from pipeline.config.problem import did_you_mean
from pipeline.config.rule_set import load_routing
from pipeline.config.settings import Settings
from pipeline.core.audience import foretold, watch
from pipeline.core.event import Severity
from pipeline.core.incident import Incident
from pipeline.core.inventory import Tier
from pipeline.core.period import local_text
from pipeline.core.resource import ResourceId
from pipeline.core.routing import Routing, Traits
from pipeline.core.topology import Topology
from pipeline.inventory.present import read_present
from pipeline.resources import data_dir

Json = dict[str, Any]
NANO = 1_000_000_000
WEEK = 7 * 86_400 * NANO

rules_option = click.option(
    "--rules", type=click.Path(path_type=Path, exists=True), help="Routing of another rules folder, or file, than the settings'."
)
at_option = click.option("--at", type=Ahead(), help="Then: 2026-12-25T03:00Z, 03:00 (UTC), 4h (from now). Default: now.")


@click.group(cls=Group)
def route() -> None:
    """Routing: who is told of which incident, by rules/routing.yaml.

    \b
    assure route test 8d7876c1
    assure route test --cause fibre/f-ams-rtm-1 --at 03:00
    assure route test --severity critical --tier gold --site ams
    """


@route.command()
@click.argument("incident", required=False)
@click.option("--cause", help="As if this resource failed now: who feels it comes from the inventory.")
@click.option("--severity", type=click.Choice([each.name.lower() for each in reversed(Severity)]), help="An incident of this severity.")
@click.option("--tier", "tiers", multiple=True, type=click.Choice([each.value for each in Tier]), help="A customer of this tier feels it.")
@click.option("--service", "services", multiple=True, help="This service is down.")
@click.option("--customer", "customers", multiple=True, help="A service of this customer is down.")
@click.option("--site", "sites", multiple=True, help="The cause is at this site.")
@click.option("--region", "regions", multiple=True, help="The cause is in this region.")
@at_option
@rules_option
@config_option
@json_option
def test(*, config: Path | None, rules: Path | None, at: int | None, as_json: bool, **asked: Any) -> None:
    """Who would be told of INCIDENT, or of one that is described, and why.

    INCIDENT is an id or its beginning: as it stands now, which needs the stores; the other ways need nothing to run. Nobody is told
    anything. Ends with 1 when nobody would be told and no ticket opened.

    \b
    assure route test 8d7876c1
    assure route test --cause fibre/f-ams-rtm-1 --at 03:00
    assure route test --severity critical --tier gold --rules rules-next
    """
    routing = _routing(config, rules)
    incident, traits = _asked(config, **asked)
    found = foretold(routing, incident, traits, time.time_ns() if at is None else at)
    known = _receivers(config)
    if as_json:
        print_json(found)
    else:
        for line in _lines(found, known):
            console().print(Text(line))
        if found["hidden"]:
            click.echo(f"Nobody is told: {found['hidden']}.")
        else:
            console().print(table(("route", "told", "why", "receivers"), _rows(found, known)))
        for line in _after(found, known):
            console().print(Text(line))
    if not found["ticket"]["opened"] and not any(each["receivers"] for each in (*found["routes"], *found["escalations"])):
        click.get_current_context().exit(Exit.PROBLEM)


def _routing(config: Path | None, rules: Path | None) -> Routing:
    settings = None if rules else settings_if_any(config)
    own = read_settings(config).rules_dir if settings else None
    return load_routing(rules or own or data_dir("rules"))


def _receivers(config: Path | None) -> Sequence[str] | None:
    """The receivers of the settings; ``None`` without settings."""
    return read_settings(config).receiver_names if settings_if_any(config) else None


def _asked(
    config: Path | None,
    incident: str | None,
    cause: str | None,
    severity: str | None,
    **felt: Sequence[str],
) -> tuple[Incident, Traits]:
    if sum(map(bool, (incident, cause, severity))) != 1:
        raise click.UsageError("name an INCIDENT, or a --cause, or a --severity")
    if (incident or cause) and any(felt.values()):
        raise click.UsageError("who feels an incident or a cause is known; tiers, services and places go with --severity")
    if incident or cause:
        return _placed(read_settings(config), by_id(config, incident) if incident else str(cause))
    assert severity is not None
    tiers = tuple(Tier(each) for each in felt["tiers"])
    impacts = tuple(impact(f"of-{tier.value}", "", tier) for tier in tiers)
    services = felt["services"] or (felt["customers"] and [f"of-{each}" for each in felt["customers"]])
    if not impacts:
        impacts = tuple(impact(each, "", Tier.BRONZE) for each in services)
    made = described(ResourceId("link/some"), Severity[severity.upper()], impacts)
    places = (tuple(felt["sites"]), tuple(felt["regions"]))
    return made, Traits(made.severity, tiers, tuple(felt["services"]), tuple(felt["customers"]), *places, made.root_cause)


def _placed(settings: Settings, incident: Incident | str) -> tuple[Incident, Traits]:
    """An incident, or one of a cause that failed, with what routing looks at."""
    inventory = read_present(settings).inventory
    topology = Topology.of(inventory)
    made = of_cause(inventory, topology, incident) if isinstance(incident, str) else incident
    return made, Traits.of(made, topology, inventory.sites)


def _lines(found: Json, known: Sequence[str] | None) -> Iterator[str]:
    parts = [found["severity"], f"felt by {', '.join(found['tiers'])}" if found["tiers"] else "felt by nobody"]
    services = found["services"]
    parts += [f"{len(services)} services" if len(services) > 1 else f"service {services[0]}"] if services else []
    parts += [f"at {', '.join(found['sites'])}"] if found["sites"] else []
    yield f"At {clock(found['at'])} UTC: {', '.join(parts)}"
    if known is None:
        yield "No settings file here: whether these receivers exist is not known."


def _rows(found: Json, known: Sequence[str] | None) -> Iterator[tuple[str, ...]]:
    for each in found["routes"]:
        told = "yes" if each["told"] and each["receivers"] and "opened" in each["events"] else "no"
        yield ("  " * each["depth"] + each["route"], told, _why(found, each), _said(each["receivers"], known))


def _why(found: Json, each: Json) -> str:
    if not each["told"]:
        return f"{each['reason']}: {each['detail']}"
    said = [each["detail"]]
    if not each["receivers"]:
        said.append("nobody is on call")
    if "opened" not in each["events"]:
        said.append(f"but it is told of {', '.join(each['events']) or 'escalations'} only")
    if each["first_at"] > found["at"]:
        said.append(f"if it still stands after {duration(each['first_at'] - found['at'])}")
    if each["group"]:
        said.append(f"together with others of {each['group']}")
    if each["repeat_min"]:
        said.append(f"again every {each['repeat_min']:g} min until acknowledged")
    return "; ".join(said)


def _said(receivers: Sequence[Json], known: Sequence[str] | None) -> str:
    return "\n".join(
        each["receiver"]
        + (f": {each['person']} ({each['why']})" if each["person"] else "")
        + (" (not in the settings!)" if known is not None and each["receiver"] not in known else "")
        for each in receivers
    )


def _after(found: Json, known: Sequence[str] | None) -> Iterator[str]:
    ticket = found["ticket"]
    yield f"Ticket: {'opened in ' + ticket['system'] if ticket['opened'] else 'none, ' + ticket['reason']}"
    if found["escalations"]:
        yield f"While nobody acknowledges, by {found['escalations'][0]['rule']}:"
    for each in found["escalations"]:
        who = _said(each["receivers"], known).replace("\n", ", ") or "nobody is on call"
        again = f", and so on every {each['repeat_min']:g} min" if each["repeat_min"] else ""
        yield f"  after {each['after_min']:g} min, {clock(each['at'])} UTC{again}: {each['route']}: {who}"


EXAMPLE = """\
people:
  - {name: alice, receivers: [alice-phone]}     # receivers, or webhooks, of the settings
  - {name: bob, receivers: [bob-phone]}
on_call:
  - name: core
    timezone: Europe/Amsterdam
    rotations:
      - {people: [alice, bob], starts_on: 2026-01-05, every_days: 7, handover: "09:00"}
"""
NO_SCHEDULE = (
    f"rules/routing.yaml has no on-call schedule. Add one, such as\n\n{EXAMPLE}\n"
    "and say `on_call: core` in a route, in the place of its webhook or receivers. Then `assure check`, and `assure oncall` again."
)


@click.command()
@click.argument("schedule", required=False)
@at_option
@click.option("--for", "length", type=Length(), default=WEEK, help="How far to look ahead: 12h, 30d. Default: 7d.")
@rules_option
@config_option
@json_option
def oncall(*, schedule: str | None, at: int | None, length: int, rules: Path | None, config: Path | None, as_json: bool) -> None:
    """Who is on call, and who next; of SCHEDULE, or of every schedule of rules/routing.yaml.

    Times are on the schedule's own clock.

    \b
    assure oncall
    assure oncall core --at 2026-12-25T03:00:00Z
    assure oncall core --for 30d --json

    Exit code 3 when there is no schedule.
    """
    routing = _routing(config, rules)
    if schedule and schedule not in routing.schedules:
        remedy = did_you_mean(schedule, routing.schedules) or "rules/routing.yaml has none: add it to on_call"
        fail(f"there is no schedule '{schedule}'; {remedy}", Exit.NOT_FOUND)
    now = time.time_ns() if at is None else at
    found = [watch(routing, name, now, now + length) for name in ([schedule] if schedule else routing.schedules)]
    if as_json:
        print_json(found)
    elif not found:
        fail(NO_SCHEDULE, Exit.NOT_FOUND)
    for each in found if not as_json else ():
        _print_watch(each)


def _print_watch(found: Json) -> None:
    who = f"{found['person']} ({found['why']}), by {', '.join(found['receivers'])}" if found["person"] else f"nobody: {found['why']}"
    click.echo(f"{found['schedule']}: {who}")
    rows = (
        (_local(each["from"], found), _local(each["until"], found), each["person"] or "nobody", each["why"] if each["person"] else "")
        for each in found["shifts"]
    )
    console().print(table((f"from ({found['timezone']})", "until", "on call", "by"), rows))


def _local(at: int, found: Json) -> str:
    return local_text(at, found["timezone"])[:16].replace("T", " ")
