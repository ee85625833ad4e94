"""`assure correlations`: which alarms follow which by the history, proposed as rules; nothing is in force before somebody takes it on."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.group import Group
from pipeline.cli.moment import Moment
from pipeline.cli.output import Exit, clock, console, fail, json_option, plural, print_json, table

if TYPE_CHECKING:
    from pipeline.core.co_occurrence import Finding
    from pipeline.correlating import Proposal, Verdict

Json = dict[str, Any]
PROPOSED = Path("proposed-correlations.yaml")
WIDE = 130


@click.group(cls=Group)
def correlations() -> None:
    """Which alarms follow which, learned from the history.

    \b
    assure correlations propose --from 30d
    """


@correlations.command()
@config_option
@click.option("--from", "starts_at", type=Moment(), default="90d", show_default=True, help="From when on: 2026-09-01 or 90d (ago).")
@click.option("--to", "ends_at", type=Moment(), help="Until when. Default: now.")
@click.option(
    "--window", default=300.0, show_default=True, type=click.FloatRange(1, 3600), help="Seconds within which an effect follows its cause."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=PROPOSED, show_default=True, help="File to write.")
@click.option("--dry-run", is_flag=True, help="Print the evidence, and write nothing.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def propose(
    *, config: Path | None, starts_at: int, ends_at: int | None, window: float, out: Path, dry_run: bool, force: bool, as_json: bool
) -> None:
    """Propose rules from past alarms, each with its evidence.

    Counts how often alarms of one type followed those of another on the same or on neighbouring elements (by the present inventory), and
    holds that against chance. What is no chance is printed; what a rule could use is written as a file of rules with their evidence and
    tests. It is not in force: look through it, and move it into rules/correlation.

    `followed` is out of the cause's episodes, `lift` how many times as often as by chance at least (95 %), `after` the median time between.

    \b
    assure correlations propose --from 30d
    assure correlations propose --from 2026-09-01 --to 2026-10-01 --dry-run
    """
    from pipeline.core.co_occurrence import Limits  # noqa: PLC0415  # numbers and the database client, for this command alone
    from pipeline.correlating import propose as look  # noqa: PLC0415  # as above
    from pipeline.correlating import rules_folder  # noqa: PLC0415  # as above
    from pipeline.inventory.present import load_present  # noqa: PLC0415  # as above
    from pipeline.store.raises import Raises  # noqa: PLC0415  # as above

    settings = read_settings(config)
    if not dry_run:
        _refuse(out, rules_folder(settings), force=force)
    inventory = load_present(settings)
    try:
        with Raises.of(settings.history) as history:
            found = look(history, settings, inventory, starts_at, ends_at or time.time_ns(), Limits(window_s=window))
    except OSError as error:
        no_answer(str(error), config)
    written = _write(found, out) if not dry_run else None
    if as_json:
        print_json({**_summary(found), "written": str(written) if written else None, "findings": [_json(*each) for each in found.findings]})
    else:
        _print(found, written)


def _refuse(out: Path, rules: Path, *, force: bool) -> None:
    """A proposal is never written where rules are in force, and over nothing that is there."""
    if out.resolve().is_relative_to(rules.resolve()):
        fail(f"{out} would be in force at once; write the proposal elsewhere, and move it when you have looked through it", Exit.USAGE)
    if out.exists() and not force:
        fail(f"{out} is there already; --force writes over it", Exit.USAGE)


def _write(found: "Proposal", out: Path) -> Path | None:
    from pipeline.drafting.correlation import proposal_file  # noqa: PLC0415  # what only this needs

    if not found.proposed:
        return None
    out.write_text(proposal_file(found.study, found.proposed), encoding="utf-8")
    return out


def _summary(found: "Proposal") -> Json:
    study = found.study
    return {"raises": study.raises, "asked": study.asked, "starts_at": study.starts_at, "ends_at": study.ends_at}


def _json(finding: "Finding", verdict: "Verdict") -> Json:
    return {**asdict(finding), "share": finding.share, "lift": finding.lift, "verdict": verdict.value}


def _print(found: "Proposal", written: Path | None) -> None:
    study = found.study
    if not study.raises:
        click.echo("No alarm was raised in that time.")
        return
    click.echo(f"{plural(study.raises, 'raise')} of alarms, {clock(study.starts_at, 1)} to {clock(study.ends_at, 1)} UTC.")
    click.echo(f"{plural(study.asked, 'pair')} of alarm types held against chance.\n")
    if not found.findings:
        click.echo("None follows another more often than chance would have it.")
        return
    console().print(findings_table(found.findings, wide=console().width >= WIDE))
    if written:
        click.echo(f"\n{plural(len(found.proposed), 'rule')} written to {written}, not in force.")
        click.echo("Look through them, then move the file into rules/correlation of your rules.")
    elif not found.proposed:
        click.echo("\nThere is nothing that a new rule would say.")


def findings_table(findings: "Sequence[tuple[Finding, Verdict]]", *, wide: bool) -> Table:
    """One row for each."""
    from pipeline.correlating import WHY  # noqa: PLC0415  # what only this needs

    rows = (
        (
            each.cause,
            each.effect,
            each.relation.value,
            f"{each.followed}/{each.episodes}",
            f"{each.lift_low:.0f}x",
            f"{each.lag_s:.0f} s",
            *((f"{each.expected:.2g}", f"{each.low:.0%}-{each.high:.0%}", f"{each.q:.0e}") if wide else ()),
            WHY[verdict] if wide else verdict.value,
        )
        for each, verdict in findings
    )
    extra = ("by chance", "share", "false rate") if wide else ()
    return table(("cause", "effect", "where", "followed", "lift", "after", *extra, "what"), rows)
