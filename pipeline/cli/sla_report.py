"""`assure sla report --month` and `assure sla what-if`: a month rated again from the history."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from pipeline.cli.config import config_option
from pipeline.cli.output import Exit, console, fail, json_option, money, plural, print_json, table
from pipeline.cli.show import reader
from pipeline.config.outage_sheet import read_plan
from pipeline.core.credit import evaluation_json
from pipeline.core.evaluation import METRIC, Evaluation
from pipeline.observing import Asked
from pipeline.reading import Reader
from pipeline.rerating import Chosen
from pipeline.statement import Line, as_csv, as_html, lines_of

Json = dict[str, Any]
STDOUT = Path("-")


def chosen_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--customer``, ``--contract`` and ``--service`` to a command."""
    for word in ("service", "contract", "customer"):
        command = click.option(f"--{word}", default="", help=f"Only this {word}.")(command)
    return command


@dataclass(frozen=True, slots=True)
class Files:
    """Where a month is written to, and the name of the provider on the page."""

    csv: Path | None = None
    html: Path | None = None
    provider: str = ""


def report_month(config: Path | None, month: str, chosen: Chosen, files: Files, *, as_json: bool) -> None:
    """Tell a month: as a table, as JSON, or into files."""
    now = time.time_ns()
    with reader(config) as read:
        lines = _lines(read, month, now, chosen)
    if files.csv is not None:
        _write(files.csv, as_csv(lines))
    if files.html is not None:
        _write(files.html, as_html(lines, month, files.provider, now))
    if as_json:
        print_json([{**evaluation_json(line.evaluation), "in_ledger_minor": line.in_ledger, "observed": line.observed} for line in lines])
    elif files.csv is None and files.html is None:
        _print(lines, month)


def _lines(read: Reader, month: str, now: int, chosen: Chosen) -> list[Line]:
    entered: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for entry in read.entered(month):
        entered[entry.contract, entry.service, entry.metric, entry.period] += entry.amount_minor
    rated = _rated(read, month, now, chosen)
    seen = [each.observation for each in read.observed(Asked(month, now, chosen))]
    observed = {(each.contract, each.service): each.told for each in seen}
    return lines_of(rated, entered, read.customer_names(), observed)


def _rated(read: Reader, month: str, now: int, chosen: Chosen, **by: Any) -> list[Evaluation]:
    try:
        return read.rated(month, now, chosen, **by)
    except ValueError as error:
        fail(str(error), Exit.USAGE)


def _write(path: Path, text: str) -> None:
    if path == STDOUT:
        click.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", Exit.PROBLEM)
    click.echo(f"written: {path}")


def _print(lines: Sequence[Line], month: str) -> None:
    if not lines:
        click.echo(f"No agreement has anything to say of {month}.")
        return
    beside = any(line.evaluation.metric != METRIC for line in lines)
    differ = any(line.evaluation.credit_minor != line.in_ledger for line in lines)
    on_claim = any(line.claim for line in lines)
    unlike = len({line.observed for line in lines}) > 1
    rows = (
        (
            line.evaluation.customer,
            line.evaluation.service,
            *([line.evaluation.metric] if beside else []),
            line.figure.replace(" %", "%"),
            *([line.observed.replace(" %", "%")] if unlike else []),
            line.target.replace(" %", "%"),
            Text(line.verdict, style="bold red" if line.evaluation.violated else "green"),
            line.credit if line.evaluation.credit_minor else "",
            *([line.entered if line.in_ledger else ""] if differ else []),
            *([line.claim] if on_claim else []),
        )
        for line in lines
    )
    promise, ledger = (["promise"] if beside else []), (["ledger"] if differ else [])
    seen, claimed = (["observed"] if unlike else []), (["claim"] if on_claim else [])
    columns = ("customer", "service", *promise, "delivered", *seen, "target", "", "credit", *ledger, *claimed)
    console().print(table(columns, rows))
    if not unlike:
        click.echo(f"observed of every service: {lines[0].observed} (`assure sla observed`)")
    for line in lines:
        if line.evaluation.violated:
            click.echo(f"\n{line.evaluation.service}, {line.evaluation.metric}, plan {line.evaluation.plan} {line.evaluation.plan_version}")
            click.echo("\n".join(f"  {step}" for step in line.evaluation.arithmetic))
    apart = [line for line in lines if line.evaluation.payable_minor != line.in_ledger]
    if apart:
        how_many = plural(len(apart), "credit is", "credits are")
        click.echo(f"\n{how_many} not in the ledger as rated here: `assure sla settle` proposes the difference.")


@click.command("what-if")
@config_option
@click.option("--plan", "plan_file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="A file of plans.")
@click.option("--name", default="", help="Which plan of the file, if there are several.")
@click.option("--month", required=True, help="Such as 2026-11.")
@click.option("--of", "of_plan", default="", help="Only contracts that have this plan now.")
@chosen_options
@json_option
def what_if(
    *,
    config: Path | None,
    plan_file: Path,
    name: str,
    month: str,
    of_plan: str,
    customer: str,
    contract: str,
    service: str,
    as_json: bool,
) -> None:
    """What a month would cost under another plan.

    The outages of the history are rated by each contract's own plan, and by the plan of the file. Nothing is entered anywhere.

    \b
    assure sla what-if --plan gold-2027.yaml --month 2026-11
    assure sla what-if --plan gold-2027.yaml --month 2026-11 --of gold
    """
    plan, now = read_plan(plan_file, name), time.time_ns()
    chosen = Chosen(customer, contract, service, of_plan)
    with reader(config) as read:
        was, would = (_credits(_rated(read, month, now, chosen, plan=each)) for each in (None, plan))
    rows = [_compared(key, was.get(key), would.get(key)) for key in dict.fromkeys((*was, *would))]
    if as_json:
        print_json(rows)
    elif rows:
        _print_compared(rows, f"{plan.name} {plan.version}")
    else:
        click.echo(f"No agreement that was chosen has anything to say of {month}.")


def _credits(found: Sequence[Evaluation]) -> dict[tuple[str, str], list[Evaluation]]:
    """Evaluations by contract and service."""
    by_service: dict[tuple[str, str], list[Evaluation]] = defaultdict(list)
    for each in found:
        by_service[each.contract, each.service].append(each)
    return by_service


def _compared(key: tuple[str, str], was: list[Evaluation] | None, would: list[Evaluation] | None) -> Json:
    """One service under both plans; amounts are what all promises together owe, in minor units."""
    one = (was or would or [])[0]
    amounts = [sum(each.credit_minor for each in side or ()) for side in (was, would)]
    return {
        "contract": key[0],
        "service": key[1],
        "customer": one.customer,
        "plan": one.plan,
        "missed": any(each.violated for each in was or ()),
        "would_be_missed": any(each.violated for each in would or ()),
        "credit_minor": amounts[0],
        "would_be_minor": amounts[1],
        "currency": one.currency,
    }


def _print_compared(rows: Sequence[Json], other: str) -> None:
    telling = [row for row in rows if row["credit_minor"] or row["would_be_minor"] or row["missed"] or row["would_be_missed"]]
    shown = (
        (
            row["customer"],
            row["service"],
            "missed" if row["missed"] else "met",
            money(row["credit_minor"], row["currency"]),
            "missed" if row["would_be_missed"] else "met",
            money(row["would_be_minor"], row["currency"]),
        )
        for row in telling
    )
    if telling:
        console().print(table(("customer", "service", "now", "credit", "would be", "credit"), shown))
    if len(telling) < len(rows):
        click.echo(f"{plural(len(rows) - len(telling), 'service meets', 'services meet')} what is promised either way")
    click.echo(f"by {other}:")
    for currency in sorted({row["currency"] for row in rows}):
        was, would = (sum(row[side] for row in rows if row["currency"] == currency) for side in ("credit_minor", "would_be_minor"))
        click.echo(f"  {money(would, currency)} instead of {money(was, currency)}, a difference of {money(would - was, currency)}")
