"""`assure sla rate`: a pocket calculator for an SLA plan; nothing of an installation is asked."""

from pathlib import Path

import click

from pipeline.cli.output import Exit, fail, json_option, print_json
from pipeline.config.outage_sheet import read_outages, read_plan
from pipeline.config.plan_proof import evaluated, exclusions_of, outages_of
from pipeline.core.credit import evaluation_json
from pipeline.core.evaluation import METRIC, PERCENT, Evaluation
from pipeline.core.money import money_text, to_minor
from pipeline.core.period import month_named, month_of

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option("--plan", "plan_file", type=_file, required=True, help="A file of plans, as in rules/slas.")
@click.option("--name", default="", help="Which plan of the file, if there are several.")
@click.option("--outages", "outage_file", type=_file, required=True, help="YAML (outages:, exclusions:) or CSV with such columns.")
@click.option("--charge", default="1000.00", show_default=True, help="The service's monthly charge.")
@click.option("--access-charge", default="0", show_default=True, help="That of its access line.")
@click.option("--currency", default="", help="Of the charge. Default: the plan's own, else EUR.")
@click.option("--month", default="", help="Such as 2026-11. Default: that of the first outage.")
@click.option("--tz", "timezone", default="UTC", show_default=True, help="The customer's time zone, such as Europe/Amsterdam.")
@json_option
def rate(
    *,
    plan_file: Path,
    name: str,
    outage_file: Path,
    charge: str,
    access_charge: str,
    currency: str,
    month: str,
    timezone: str,
    as_json: bool,
) -> None:
    """Rate outages by a plan, line by line.

    A calculator: it reads the two files and nothing else, and tells how each figure comes about.

    \b
    assure sla rate --plan gold.yaml --outages november.csv --charge 1200.00 --tz Europe/Amsterdam
    assure sla rate --plan published.yaml --name example-cable --outages o.yaml --month 2026-11

    \b
    outages:                                    at,lasts_s,until,kind,text
      - {at: 2026-11-10T08:00:00Z, lasts_s: 300}
      - {at: 2026-11-12T08:00:00+01:00, until: 2026-11-12T09:30:00+01:00, state: degraded}
    exclusions:
      - {kind: force-majeure, at: 2026-11-12T08:00:00+01:00, lasts_s: 600, text: flood}
    """
    plan, sheet = read_plan(plan_file, name), read_outages(outage_file)
    money = currency or plan.currency or "EUR"
    try:
        outages = tuple(outages_of(sheet.outages))
        if not month and not outages:
            fail("say which month: there is no outage to tell it from (--month 2026-11)", Exit.USAGE)
        at = month_named(month, timezone).starts_at if month else min(outage.started_at for outage in outages)
        found = evaluated(
            plan,
            outages,
            exclusions_of(sheet.exclusions),
            at=month_of(at, timezone).starts_at,
            charge_minor=to_minor(charge, money),
            access_minor=to_minor(access_charge, money),
            currency=money,
            timezone=timezone,
        )
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    if as_json:
        print_json([evaluation_json(each) for each in found])
        return
    for each in found:
        click.echo("\n".join(lines_of(each)))


def lines_of(found: Evaluation) -> tuple[str, ...]:
    """An evaluation for a terminal: what it is about, the arithmetic, what is owed."""
    figure = f"{found.availability} %" if found.unit == PERCENT else f"{found.figure} {found.unit}"
    promised = f"{found.target} %" if found.unit == PERCENT else f"{found.target} {found.unit}"
    verdict = "missed" if found.violated else "met"
    owed = f"; credit {money_text(found.credit_minor, found.currency)}" if found.credit_minor or found.metric == METRIC else ""
    return (
        f"{found.metric}, plan {found.plan} version {found.plan_version}",
        *(f"  {line}" for line in found.arithmetic),
        f"= {figure}, promised {promised}: {verdict}{owed}",
    )
