"""`assure replay`: the past by other rules, another topology, or as it is read now; what would have been other."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from pipeline.backtest.difference import NONE, Difference, Money, Pair, amount_words, told_words
from pipeline.backtest.past import Past, Stretch
from pipeline.backtest.run import rounded
from pipeline.backtest.told import document, outcome, write
from pipeline.backtest.trying import Answer, Question, ask
from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.journal_choice import journals_read
from pipeline.cli.moment import Length, Moment, moment
from pipeline.cli.output import Exit, clock, console, duration, existing, fail, json_option, money, plural, print_json, styled, table
from pipeline.cli.topology_view import known_inventory
from pipeline.core.inventory import Inventory
from pipeline.core.knowledge import Knowledge
from pipeline.core.outage import Outage, ServiceState
from pipeline.store.client import StoreError

HISTORY, PRESENT = "history", "present"
SHOWN_INCIDENTS = 15
SHOWN_ROWS = 20
REFRESH_S = 0.2
DAY_NS = 86_400 * 10**9


@click.command()
@click.option("--from", "starts_at", type=Moment(), required=True, help="From then on: 2026-11-23T10:46:00Z, 10:46, 10m (ago).")
@click.option("--to", "ends_at", type=Moment(), help="Before then. Default: now.")
@click.option("--rules", type=click.Path(path_type=Path), metavar="DIR", help="By the rules of this folder instead of the settings'.")
@click.option("--topology", metavar="TIME|DIR", help="By the inventory of a folder, or as it was known at a time.")
@click.option("--against", type=click.Choice([HISTORY, PRESENT]), help="What it is held against. Default: as told above.")
@click.option("--warm-up", "warm_up", type=Length(), default="1d", show_default=True, help="Read from so long before, to know what stood.")
@click.option("--kpis", is_flag=True, help="Measure every KPI, also for alarms that no incident comes of: many times slower.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write CSV tables and the JSON document there."
)
@config_option
@json_option
def replay(
    *,
    starts_at: int,
    ends_at: int | None,
    rules: Path | None,
    topology: str | None,
    against: str | None,
    warm_up: int,
    kpis: bool,
    out: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """What would have been: the past through the same core, at full speed.

    Reads the collectors' journals on this machine, every datagram and every poll, through trap rules, KPIs, thresholds, correlation,
    routing and SLA plans, and tells what would be other: incidents, tickets, pages, outages, credits. What people did then takes part,
    where the history answers. It writes to no topic, ticket, webhook, table or ledger.

    \b
    --rules DIR or --topology TIME|DIR
        is held against a replay by the settings' own (--against present): all
        that differs comes of the change, and the history need not run.
    neither
        is held against the history (--against history): what the present
        rules and topology would have made of what was judged by those of then.

    What stands as it begins is known by reading from --warm-up before. Credits are reckoned for the months that the time has a part in, as
    if they ended with it; outages of the same months before it come from the history. Time is that of the journals: no message is late that
    the broker or the worker delayed then, and what storm guards held back is heard. Devices are not asked: what other rules would have
    asked back is not known.

    \b
    assure replay --from 1d --rules mynet/rules-next
    assure replay --from 2026-11-01 --to 2026-11-08 --rules rules-next --json
    assure replay --from 10:00 --to 11:00 --topology mynet/inventory-next
    assure replay --from 10:00 --to 11:00            against what was

    KPIs are measured where an incident may come of them, and all of them where both sides differ in KPIs, thresholds, profiles or anomaly
    rules, or with --kpis: then alarms that are only told apart (warnings of thresholds and anomalies) are counted, too.

    The same question gives the same answer, byte for byte, as long as the journals and the history keep what it is made of.

    Exit code 0 when nothing is other, 1 when something is, 3 when nothing was heard then, 4 when the history does not answer.
    """
    settings = read_settings(config)
    question = _question(config, starts_at, ends_at, rules, topology, against, warm_up, all_kpis=kpis)
    began = time.monotonic()
    with journals_read(), _progress(question, quiet=as_json) as tell:
        try:
            answer = ask(settings, question, tell)
        except StoreError as error:
            no_answer(f"{error}\n  (`--rules DIR` and `--against present` do without the history.)", config)
    took = time.monotonic() - began
    if not (answer.account.notifications or answer.account.polls):
        fail("nothing was heard then; `assure journal ls` shows what there is", Exit.NOT_FOUND)
    if as_json:
        print_json(document(answer))
    else:
        _print(answer, took)
    if out is not None:
        written = write(answer, out)
        click.echo(f"{plural(len(written), 'file')} written into {out}: {', '.join(path.name for path in written)}", err=as_json)
    raise click.exceptions.Exit(Exit.FINE if answer.difference.is_empty else Exit.PROBLEM)


def _question(
    config: Path | None,
    starts_at: int,
    ends_at: int | None,
    rules: Path | None,
    topology: str | None,
    against: str | None,
    warm_up: int,
    *,
    all_kpis: bool,
) -> Question:
    stretch = Stretch(rounded(starts_at), rounded(time.time_ns() if ends_at is None else ends_at))
    if stretch.starts_at >= stretch.ends_at:
        raise click.UsageError("--to must be later than --from")
    is_other = rules is not None or topology is not None
    if against == PRESENT and not is_other:
        raise click.UsageError("--against present needs something to hold against it: --rules or --topology")
    inventory, known_at = _topology(config, topology) if topology is not None else (None, 0)
    return Question(
        stretch=stretch,
        warm_from=stretch.starts_at - warm_up,
        rules=existing(rules) if rules is not None else None,
        topology=inventory,
        known_at=known_at,
        against_history=(against or (PRESENT if is_other else HISTORY)) == HISTORY,
        all_kpis=all_kpis,
    )


def _topology(config: Path | None, text: str) -> tuple[Path | Inventory, int]:
    """The inventory of a folder, or as it was known at a time, with that time."""
    if Path(text).is_dir():
        return Path(text), 0
    try:
        at = moment(text, time.time_ns())
    except ValueError:
        raise click.UsageError(f"'{text}' is no folder, and no time as in 2026-11-23T10:46:00Z, 10:46 or 10m (ago)") from None
    return known_inventory(config, at), at


@contextmanager
def _progress(question: Question, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, so that what is printed stays clean."""
    columns = (TextColumn("replaying"), BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        whole = question.stretch.ends_at - question.warm_from
        task = bar.add_task(clock(question.warm_from), total=whole)
        shown = time.monotonic()

        def tell(at: int) -> None:
            nonlocal shown
            if time.monotonic() - shown > REFRESH_S:
                shown = time.monotonic()
                bar.update(task, completed=at - question.warm_from, description=clock(at))

        yield tell


def _print(answer: Answer, took_s: float) -> None:
    out, found = console(), answer.difference
    out.print(Text(_heading(answer)))
    for line in answer.limits:
        out.print(Text.assemble(("! ", "yellow"), line))
    out.print()
    out.print(table(("", "before", "after", "change"), [*_count_rows(found), *_money_rows(found.money)]))
    _print_incidents(out, answer)
    _print_outages(out, found)
    _print_money(out, found.money)
    click.echo(f"\n{_speed(answer, took_s)}")
    if found.is_empty:
        click.echo("Nothing would be other.")


def _heading(answer: Answer) -> str:
    stretch, account = answer.question.stretch, answer.account
    warm_up = stretch.starts_at - answer.question.warm_from
    before, after = answer.known
    when = f"{clock(stretch.starts_at)} to {clock(stretch.ends_at)} UTC, warmed up for {_length(warm_up)}"
    read = f"{plural(account.notifications, 'notification')}, {plural(account.polls, 'poll')}"
    was = "what was, by the history" if before is None else f"the rules and topology of the settings ({_versions(before)})"
    return f"{when}: {read}\nbefore  {was}\nafter   {_tried(answer.question)} ({_versions(after)})"


def _versions(known: Knowledge) -> str:
    return f"{known.rules.version[:12]}, {known.topology.version[:12]}"


def _tried(question: Question) -> str:
    rules = f"the rules of {question.rules}" if question.rules is not None else "the rules of the settings"
    if question.topology is None:
        return f"{rules}, its topology" if question.rules is None else f"{rules}, the topology of the settings"
    where = f"of {question.topology}" if isinstance(question.topology, Path) else f"as it was known at {clock(question.known_at)}"
    return f"{rules}, the topology {where}"


def _length(nanoseconds: int) -> str:
    days, rest = divmod(nanoseconds, DAY_NS)
    return plural(days, "day") if days and not rest else duration(nanoseconds)


def _count_rows(found: Difference) -> list[tuple[str, ...]]:
    return [(each.what, str(each.before), str(each.after), _change(each.after - each.before)) for each in found.counts]


def _change(by: int) -> str:
    return f"{by:+d}" if by else "="


def _money_rows(found: Sequence[Money]) -> list[tuple[str, ...]]:
    """What is owed in all, currency by currency."""
    sums: dict[str, list[int]] = {}
    for each in found:
        for place, owed in enumerate((each.before, each.after)):
            if owed is not None and owed.currency:
                sums.setdefault(owed.currency, [0, 0])[place] += owed.amount_minor
    return [
        (f"credits, {currency}", money(before, currency), money(after, currency), _signed(after - before, currency))
        for currency, (before, after) in sorted(sums.items())
    ]


def _signed(minor: int, currency: str) -> str:
    return ("+" if minor > 0 else "") + money(minor, currency) if minor else "="


def _print_incidents(out: Console, answer: Answer) -> None:
    changed = answer.difference.changed
    if not changed:
        return
    out.print(Text(f"\n{len(changed)} of {plural(len(answer.difference.pairs), 'incident')} would be other", style="bold"))
    for pair in changed[:SHOWN_INCIDENTS]:
        one = pair.one
        out.print()
        out.print(Text.assemble((f"{clock(pair.started_at)}  {one.root_cause}", "bold"), f"  {one.id[:8]}, {outcome(pair)}"))
        if pair.before is not None and pair.after is not None:
            out.print(table(("", "before", "after"), [(each.what, each.before, each.after) for each in pair.changes]))
        else:
            past = answer.sides[pair.before is None]
            for line in _alone(pair, past):
                out.print(Text(f"  {line}"))
    if len(changed) > SHOWN_INCIDENTS:
        click.echo(f"\nand {len(changed) - SHOWN_INCIDENTS} more; --json and --out tell all")


def _alone(pair: Pair, past: Past) -> Iterator[str]:
    """An incident that has no counterpart."""
    one = pair.one
    planned = f", planned: {one.planned}" if one.planned else ""
    yield f"{one.severity.name.lower()}, {one.state.value}{planned}. {one.reason}"
    if one.impacts:
        yield "services: " + ", ".join(sorted(f"{each.service} {each.state.value}" for each in one.impacts))
    for who, what in told_words(past.acts_of(one.id)).items():
        yield f"{who}: {what}"


def _print_outages(out: Console, found: Difference) -> None:
    """Outages that differ, the same stretch of before and after in one line; what only cost redundancy is counted."""
    lines: dict[tuple[str, int, str], list[str]] = {}
    redundancy = 0
    for place, outages in enumerate((found.outages_before, found.outages_after)):
        for one in outages:
            if one.state is ServiceState.REDUNDANCY_LOST:
                redundancy += 1
            else:
                lines.setdefault((one.service, one.started_at, one.state.value), [NONE, NONE])[place] = _outage_words(one)
    if lines:
        rows = [(service, styled(state), clock(at), *words) for (service, at, state), words in sorted(lines.items())]
        out.print(Text("\nOutages that would be other", style="bold"))
        out.print(table(("service", "was", "from (UTC)", "before", "after"), rows[:SHOWN_ROWS]))
        if len(rows) > SHOWN_ROWS:
            click.echo(f"and {len(rows) - SHOWN_ROWS} more; --json and --out tell all")
    if redundancy:
        what = f"{plural(redundancy, 'stretch', 'stretches')} of lost redundancy on one side only, which is no outage"
        click.echo(f"and {what}" if lines else f"\n{what}")


def _outage_words(outage: Outage) -> str:
    lasted = _length(outage.ended_at - outage.started_at) if outage.ended_at else "lasts"
    counts = f"planned: {outage.excluded}" if outage.excluded else "counts" if outage.confirmed_by else "unconfirmed"
    return f"{lasted}, {counts}"


def _print_money(out: Console, found: Sequence[Money]) -> None:
    rows = [_money_row(each) for each in found if each.differs]
    if rows:
        out.print(Text("\nCredits that would be other", style="bold"))
        out.print(table(("customer", "service", "month", "before", "after"), rows[:SHOWN_ROWS]))
        if len(rows) > SHOWN_ROWS:
            click.echo(f"and {len(rows) - SHOWN_ROWS} more; --json and --out tell all")


def _money_row(each: Money) -> tuple[str, ...]:
    owed = each.after or each.before
    assert owed is not None
    month = owed.period if owed.is_over else f"{owed.period} so far"
    return owed.customer, owed.service, month, amount_words(each.before), amount_words(each.after)


def _speed(answer: Answer, took_s: float) -> str:
    first_at = min((journal.first_at for journal in answer.journals if journal.first_at), default=0)
    read_s = (answer.question.stretch.ends_at - max(answer.question.warm_from, first_at)) / 1e9
    times = sum(each is not None for each in answer.known)
    rate = (answer.account.notifications + answer.account.polls) * times / took_s
    by_both = ", twice side by side" if times > 1 else ""
    speed = f"{rate:,.0f} notifications and polls a second, {read_s / took_s:,.0f} times as fast as it was"
    return f"Replayed in {took_s:.1f} s{by_both}: {speed}."
