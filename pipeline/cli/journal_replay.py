"""`assure journal replay`: what other rules would make of what was heard, and having it made so."""

import asyncio
import logging
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from collectors.journal import JournalCorruptError, JournalReader
from collectors.publish import SendError, kafka_sender
from collectors.trap import quarantine
from pipeline.cli.config import config_option, no_answer, read_settings
from pipeline.cli.journal_choice import Folders, address, folders, journals_read, tell_damage
from pipeline.cli.moment import Moment
from pipeline.cli.output import Exit, clock, console, existing, fail, json_option, plural, print_json, table
from pipeline.config.rule_set import load_rule_set
from pipeline.config.settings import Settings
from pipeline.core.raw import RawTrap
from pipeline.core.rule import RuleBook
from pipeline.journaled import Wanted, decoder_of, select
from pipeline.knowing import FileKnowledge
from pipeline.replaying import Before, Chosen, Difference, Scope, Told, choose, publish, stored_by_sequence, told_by
from pipeline.store.client import StoreError
from pipeline.store.queries import Queries
from pipeline.wire import Topic

Json = dict[str, Any]
NEW = "new"
SHOWN_OIDS = 10


@dataclass
class Review:
    """What a replay would do: the difference over all journals, and what was chosen in each."""

    difference: Difference = field(default_factory=Difference)
    chosen: dict[str, Chosen] = field(default_factory=dict)
    damage: list[JournalCorruptError] = field(default_factory=list)

    @property
    def to_publish(self) -> int:
        """Notifications that would be published again."""
        return sum(len(each.sequences) for each in self.chosen.values())

    @property
    def refused(self) -> Counter[str]:
        """What is no notification now either, by reason."""
        return sum((each.refused for each in self.chosen.values()), Counter())


@click.command()
@click.option("--from", "starts_at", type=Moment(), required=True, help="Received from then on: 2026-11-23T10:46:00Z, 10:46, 10m (ago).")
@click.option("--to", "ends_at", type=Moment(), help="Received before then. Default: now.")
@click.option("--source", default="", help="Sent from this address.")
@click.option("--collector", default="", help="Only this collector's. Default: every collector of traps.")
@click.option("--rules", default=NEW, metavar="DIR|new", help="The rules to try: a folder, or new: those of the settings as they are now.")
@click.option("--apply", "applies", is_flag=True, help="Publish again what differs, after a question.")
@click.option("--all", "everything", is_flag=True, help="With --apply: publish all of it again, also what does not differ.")
@click.option("--rate", default=1_000, show_default=True, type=click.IntRange(1), help="With --apply: so many a second at most.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@json_option
def replay(
    *,
    starts_at: int,
    ends_at: int | None,
    source: str,
    collector: str,
    rules: str,
    applies: bool,
    everything: bool,
    rate: int,
    yes: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """What other rules would make of what was heard.

    Reads datagrams again and tells which events would differ: a dry run, unless --apply is given.

    With --rules new (the default) the rules and the inventory of the settings, as they are now, are held against the events in the history.
    With --rules DIR those of a folder are held against the settings' own; the history need not run.

    --apply publishes what differs on raw.traps again, and what was in quarantine and is understood now. Each notification keeps its
    identity and its time:

    \b
    - the history holds it once. Its event is replaced, unless it is now about
      another resource; then the old one stays beside it;
    - alarms take it as late news: it never undoes anything newer. A raise whose
      alarm is not known is raised, as of then, and stands until its clear: let
      the time of the replay hold that, too;
    - an incident of then may open, and people be told of it, now;
    - live notifications go on between, at --rate.

    \b
    assure journal replay --from 10:00 --to 11:00
    assure journal replay --from 1d --rules mynet/rules-next
    assure journal replay --from 10:00 --to 11:00 --apply

    Exit code 0 when nothing differs or all was published, 1 when something differs or was not published, 3 when nothing was received then,
    4 when history or broker do not answer.
    """
    settings = read_settings(config)
    if applies and rules != NEW:
        raise click.UsageError("--apply is read by the running worker's rules: put these into rules_dir, then replay without --rules")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say of a broker that is down is said below
    wanted = Wanted(starts_at, time.time_ns() if ends_at is None else ends_at, address(source))
    places = folders(settings, collector)
    review = Review()
    with _judges(settings, rules) as judge, journals_read(), _status("reading the journals", quiet=as_json):
        try:
            for name, folder in places:
                review.chosen[name] = _read(settings, name, folder, wanted, judge, review, everything=everything)
        except StoreError as error:
            no_answer(f"{error}\n  (`--rules DIR` compares two sets of rules without the history.)", config)
    if not any(each.read for each in review.chosen.values()):
        fail("nothing was received then; `assure journal ls` shows what there is", Exit.NOT_FOUND)
    tell_damage(review.damage)
    print_json(_as_json(review)) if as_json else _print(review, applies=applies)
    if not applies:
        raise click.exceptions.Exit(Exit.PROBLEM if review.difference.differing else Exit.FINE)
    if review.to_publish:
        if not (yes or click.confirm(f"Publish {plural(review.to_publish, 'notification')} again?", err=as_json)):
            fail("nothing was published", Exit.PROBLEM)
        _apply(settings, places, wanted, review, rate, config)


@dataclass(frozen=True, slots=True)
class Judge:
    """By what notifications are read before and after; ``before`` is made for each collector."""

    before: Callable[[str], Before]
    after: Callable[[Sequence[RawTrap]], Sequence[Told]]


@contextmanager
def _judges(settings: Settings, rules: str) -> Iterator[Judge]:
    present = FileKnowledge(settings).load()

    def by(book: RuleBook) -> Callable[[Sequence[RawTrap]], Sequence[Told]]:
        return lambda traps: told_by(traps, book, present.directory, present.mibs)

    if rules != NEW:
        other = load_rule_set(existing(Path(rules)), present.mibs).book
        yield Judge(lambda _: lambda traps: dict(zip((trap.sequence for trap in traps), by(present.rules)(traps), strict=True)), by(other))
        return
    with Queries.of(settings.history) as queries:
        yield Judge(lambda collector: _stored(queries, collector), by(present.rules))


def _stored(queries: Queries, collector: str) -> Before:
    """What the history has of a batch of notifications, in one question."""

    def ask(traps: Sequence[RawTrap]) -> Mapping[int, Told]:
        times = [trap.received_at for trap in traps]
        rows = queries.trap_events(collector, traps[0].sequence, traps[-1].sequence, (min(times), max(times)))
        return stored_by_sequence(rows)

    return ask


def _read(settings: Settings, collector: str, folder: Path, wanted: Wanted, judge: Judge, review: Review, *, everything: bool) -> Chosen:
    scope = Scope(JournalReader(folder).acknowledged, quarantine.replayed(folder), everything)
    found = select(folder, collector, wanted, review.damage.append)
    return choose(found, decoder_of(settings, collector), judge.before(collector), judge.after, scope, review.difference)


def _status(text: str, *, quiet: bool) -> AbstractContextManager[object]:
    """A line that turns while something is done, on a terminal."""
    return nullcontext() if quiet else console().status(text)


def _apply(settings: Settings, places: Folders, wanted: Wanted, review: Review, rate: int, config: Path | None) -> None:
    bar = Progress(TextColumn("publishing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console(), transient=True)
    with journals_read(), bar:
        try:
            asyncio.run(_publish(settings, places, wanted, review, _Pace(bar, review.to_publish, rate)))
        except SendError as error:
            no_answer(f"{error}\n  What is published twice is the same notification: replay it again.", config)
    click.echo(f"{plural(review.to_publish, 'notification')} published again; the worker reads them as late news", err=True)


async def _publish(settings: Settings, places: Folders, wanted: Wanted, review: Review, pace: "_Pace") -> None:
    broker = settings.broker
    async with kafka_sender(broker.bootstrap, Topic.RAW_TRAPS) as sender:
        for name, folder in places:
            chosen = review.chosen[name].sequences
            found = (each for each in select(folder, name, wanted, lambda _: None) if each.record.sequence in chosen)
            await publish(found, folder, decoder_of(settings, name), sender, broker.partitions, pace)


class _Pace:
    """Moves the bar, and lets no more through than so many a second."""

    def __init__(self, bar: Progress, total: int, rate: int) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total)
        self._rate = rate
        self._began = time.monotonic()
        self._count = 0

    async def __call__(self, count: int) -> None:
        self._count += count
        self._bar.advance(self._task, count)
        await asyncio.sleep(max(0.0, self._began + self._count / self._rate - time.monotonic()))


def _print(review: Review, *, applies: bool) -> None:
    out, difference = console(), review.difference
    for name, chosen in review.chosen.items():
        if chosen.read:
            waiting = f", {chosen.waiting} of them still to be published" if chosen.waiting else ""
            click.echo(f"{name}: {plural(chosen.read, 'datagram')}{waiting}")
    for reason, count in sorted(review.refused.items()):
        click.echo(f"  {count} are no notification: {reason}")
    rows = [(rule, str(before), str(after), _change(after - before)) for rule, before, after in difference.rules]
    if rows:
        out.print()
        out.print(table(("events by rule", "before", "after", "change"), rows))
    told = {"now known": difference.now_known, "known no longer": difference.now_unknown, "unknown": difference.still_unknown}
    for what, oids in told.items():
        for oid, count in oids.most_common(SHOWN_OIDS):
            click.echo(f"{what}: {oid}, {plural(count, 'notification')}")
        if len(oids) > SHOWN_OIDS:
            click.echo(f"{what}: and {len(oids) - SHOWN_OIDS} more OIDs")
    for trap, before, after in difference.examples:
        out.print(Text(f"\n{trap.collector}:{trap.sequence}  {clock(trap.received_at)}  from {trap.source}", style="bold"))
        out.print(Text(f"  before  {_says(before)}"))
        out.print(Text(f"  after   {_says(after)}"))
    click.echo(f"\n{_summary(review, applies=applies)}")


def _change(by: int) -> str:
    return f"{by:+d}" if by else "="


def _says(told: Told | None) -> str:
    if told is None:
        return "in quarantine"
    qualifier = f" ({told.qualifier})" if told.qualifier else ""
    return f"{told.signal} {told.alarm_type}, {told.severity}, on {told.resource}{qualifier}; {told.rule or 'no rule'}"


def _summary(review: Review, *, applies: bool) -> str:
    difference = review.difference
    said = f"{difference.differing} of {plural(difference.notifications, 'event')} differ."
    if difference.missing:
        where = "not in the history (absorbed in a storm, not there yet, or no longer)"
        said += f" {difference.missing} are {where}: only --all publishes these."
    if not applies:
        said += " This was a dry run: nothing was published." + (" --apply publishes what differs." if difference.differing else "")
    return textwrap.fill(said, 79)


def _as_json(review: Review) -> Json:
    difference = review.difference
    return {
        "datagrams": sum(each.read for each in review.chosen.values()),
        "waiting": sum(each.waiting for each in review.chosen.values()),
        "refused": dict(review.refused),
        "notifications": difference.notifications,
        "missing": difference.missing,
        "differing": difference.differing,
        "to_publish": review.to_publish,
        "rules": [{"rule": rule, "before": before, "after": after} for rule, before, after in difference.rules],
        "now_known": dict(difference.now_known),
        "now_unknown": dict(difference.now_unknown),
        "still_unknown": dict(difference.still_unknown),
        "examples": [
            {
                "collector": trap.collector,
                "sequence": trap.sequence,
                "source": trap.source,
                "before": before._asdict() if before else None,
                "after": after._asdict(),
            }
            for trap, before, after in difference.examples
        ],
    }
