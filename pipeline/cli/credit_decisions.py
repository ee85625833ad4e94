"""`assure credits approve|reject|adopt|retry|confirm|reverse|pause|resume`: what people decide about credits.

Who decides is the login name of whoever runs the command, as the system has it, and not what somebody says: two words of one person would
otherwise pass for two people's. The settings list who may.
"""

import os
import pwd
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.cli.config import config_option, read_settings
from pipeline.cli.effects import obligations
from pipeline.cli.output import Exit, console, fail, plural
from pipeline.config.settings import Settings
from pipeline.core.ledger import Credit, StepKind
from pipeline.core.money import money_text, to_minor
from pipeline.core.period import month_named
from pipeline.core.posting import NotAllowedError, UnknownCreditError, same
from pipeline.crediting import Crediting
from pipeline.obligations import Obligations

Json = dict[str, Any]
SHORT = 8
MOST_AT_ONCE = 100_000

keys_argument = click.argument("keys", nargs=-1, metavar="KEY...")
why_option = click.option("-m", "--message", required=True, help="Why, for whoever audits it.")


def login() -> str:
    """The login name of the user whose process this is, as the system knows it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


@contextmanager
def deciding(config: Path | None, *, anybody: bool = False) -> Iterator[tuple[Crediting, Obligations, str]]:
    """What decides, the store, and who asks; ends with exit code 1 for somebody who may not, or for what is not allowed."""
    settings, person = read_settings(config), login()
    if not anybody:
        _admit(settings, person)
    with obligations(settings) as store:
        try:
            yield Crediting(store, settings.billing), store, person
        except NotAllowedError as error:
            fail(str(error), Exit.PROBLEM)
        except UnknownCreditError as error:
            fail(str(error.args[0]), Exit.NOT_FOUND)


def _admit(settings: Settings, person: str) -> None:
    if same(person) not in {same(name) for name in settings.billing.approvers}:
        fail(f"{person} is no approver: add the login name to billing.approvers of the settings", Exit.PROBLEM)


def _each(config: Path | None, keys: tuple[str, ...], kind: StepKind, message: str, remote_id: str = "") -> None:
    if not keys:
        fail("say which credits, by their keys or the beginnings of them: `assure credits`", Exit.USAGE)
    refused = 0
    with deciding(config) as (crediting, _, person):
        for key in keys:
            try:
                _tell(crediting.decide(key, kind, person, message, remote_id))
            except (NotAllowedError, UnknownCreditError) as error:
                refused += 1
                click.echo(f"{key[:SHORT]}: {error.args[0]}", err=True)
    if refused:
        fail(f"{refused} of {plural(len(keys), 'credit')} not done", Exit.PROBLEM)


def _tell(found: Json) -> None:
    amount = money_text(found["amount_minor"], found["currency"])
    click.echo(f"{found['key'][:SHORT]}  {amount} to {found['customer']} for {found['service']}, {found['period']}: {found['told']}")


@click.command()
@keys_argument
@config_option
@click.option("--month", "--period", "month", default="", help="Everything computed for this month, as 2026-11, instead of keys.")
@click.option("--customer", default="", help="With --month: of this customer only.")
@click.option("--below", default="", metavar="AMOUNT", help="With --month: only smaller ones, in each credit's currency, as 100.00.")
@click.option("--yes", is_flag=True, help="Do not ask, with --month.")
@click.option("-m", "--message", default="", help="A comment that goes with it.")
@click.pass_obj
def approve(
    outer: Path | None, *, keys: tuple[str, ...], config: Path | None, month: str, customer: str, below: str, yes: bool, message: str
) -> None:
    """Approve credits, so that they are posted.

    Above the limit another person must too. KEY is a credit's key or the beginning of it.
    You are known by your login name, which must be listed in billing.approvers.

    \b
    assure credits approve f491e6dd
    assure credits approve --month 2026-11
    assure credits approve --month 2026-11 --customer acme --below 100.00
    """
    if keys and month:
        fail("say keys, or --month, not both", Exit.USAGE)
    if (customer or below) and not month:
        fail("say which month: --month 2026-11", Exit.USAGE)
    if not month:
        _each(config or outer, keys, StepKind.APPROVE, message)
        return
    with deciding(config or outer) as (crediting, store, person):
        chosen = _of_month(store, person, month, customer, below, yes=yes)
        _approve_all(crediting, chosen, person, message)


def _approve_all(crediting: Crediting, chosen: Sequence[Credit], person: str, message: str) -> None:
    """Approve many, with a bar while it takes time; what was refused is told one by one, the rest in one line."""
    done: Counter[str] = Counter()
    refused = 0
    columns = (TextColumn("approving"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(), transient=True) as bar:
        task = bar.add_task("", total=len(chosen))
        for chunk in crediting.approve_all(chosen, person, message):
            for each in chunk:
                if each.refused:
                    refused += 1
                    bar.console.print(f"{each.credit.key[:SHORT]}: {each.refused}", markup=False, highlight=False)
                else:
                    done[each.told] += 1
            bar.advance(task, len(chunk))
    for told, count in sorted(done.items()):
        click.echo(f"{plural(count, 'credit')}: {told}")
    if refused:
        fail(f"{refused} of {plural(len(chosen), 'credit')} not approved", Exit.PROBLEM)


def _of_month(store: Obligations, person: str, month: str, customer: str, below: str, *, yes: bool) -> list[Credit]:
    """What waits for this person's word in a month, the oldest first, after they were shown what it adds up to."""
    waiting = store.stored_credits(customer, _month(month), "computed", MOST_AT_ONCE)
    found = [each for each in waiting if same(person) not in each.standing.speakers and _is_below(each.entry.credit, below)]
    if not found:
        of = f" for {customer}" if customer else ""
        less = f" below {below}" if below else ""
        fail(f"nothing of {month}{of}{less} waits for your approval", Exit.PROBLEM)
    sums: Counter[str] = Counter()
    for each in found:
        sums[each.entry.credit.currency] += each.entry.credit.amount_minor
    total = ", ".join(money_text(minor, currency) for currency, minor in sorted(sums.items()))
    rehearsed = sum(not each.standing.live for each in found)
    click.echo(f"{plural(len(found), 'credit')} of {month}, {total} in all" + (f"; {rehearsed} in dry run" if rehearsed else ""))
    if not yes:
        click.confirm("Approve them?", abort=True)
    return [each.entry.credit for each in reversed(found)]


def _month(label: str) -> str:
    try:
        return month_named(label, "UTC").label
    except ValueError as error:
        fail(str(error), Exit.USAGE)


def _is_below(credit: Credit, below: str) -> bool:
    """Whether its amount, without sign, is smaller; adjustments that take back much are no small matter."""
    try:
        return not below or abs(credit.amount_minor) < to_minor(below, credit.currency)
    except ValueError as error:
        fail(f"--below: {error}", Exit.USAGE)


@click.command()
@keys_argument
@config_option
@why_option
@click.pass_obj
def reject(outer: Path | None, *, keys: tuple[str, ...], config: Path | None, message: str) -> None:
    """Say no to credits.

    They are never posted, and stay in the ledger with the reason.

    \b
    assure credits reject f491e6dd -m "the customer had no access"
    """
    _each(config or outer, keys, StepKind.REJECT, message)


@click.command()
@keys_argument
@config_option
@why_option
@click.pass_obj
def adopt(outer: Path | None, *, keys: tuple[str, ...], config: Path | None, message: str) -> None:
    """Let credits of a dry run be posted after all.

    They are posted once they are approved.

    \b
    assure credits adopt f491e6dd -m "November is paid as computed"
    """
    _each(config or outer, keys, StepKind.ADOPT, message)


@click.command()
@keys_argument
@config_option
@why_option
@click.pass_obj
def retry(outer: Path | None, *, keys: tuple[str, ...], config: Path | None, message: str) -> None:
    """Try credits again that failed.

    Billing is asked first whether it has them.

    \b
    assure credits retry f491e6dd -m "the account is mapped now"
    """
    _each(config or outer, keys, StepKind.RETRY, message)


@click.command()
@keys_argument
@config_option
@why_option
@click.option("--remote-id", default="", help="Billing's name for it.")
@click.pass_obj
def confirm(outer: Path | None, *, keys: tuple[str, ...], config: Path | None, message: str, remote_id: str) -> None:
    """Say that credits arrived in billing.

    For where billing cannot be asked: after a webhook, or by hand after it failed.

    \b
    assure credits confirm f491e6dd --remote-id CN-118 -m "on the invoice"
    """
    _each(config or outer, keys, StepKind.CONFIRMED, message, remote_id)


@click.command()
@click.argument("key")
@config_option
@why_option
@click.pass_obj
def reverse(outer: Path | None, *, key: str, config: Path | None, message: str) -> None:
    """Take a posted credit back.

    A counter-entry is made, which somebody else approves.

    \b
    assure credits reverse f491e6dd -m "the outage was another customer's"
    """
    with deciding(config or outer) as (crediting, _, person):
        _tell(crediting.reverse(key, person, message))


@click.command()
@config_option
@why_option
@click.pass_obj
def pause(outer: Path | None, *, config: Path | None, message: str) -> None:
    """Stop all posting at once, until it is resumed. Anybody who can run this may.

    \b
    assure credits pause -m "rates of plan gold look wrong"
    """
    with deciding(config or outer, anybody=True) as (crediting, _, person):
        click.echo("Posting is paused." if crediting.pause(person, message) else "Posting was paused already.")


@click.command()
@config_option
@why_option
@click.pass_obj
def resume(outer: Path | None, *, config: Path | None, message: str) -> None:
    """Let approved credits be posted again.

    \b
    assure credits resume -m "rates are checked"
    """
    with deciding(config or outer) as (crediting, _, person):
        click.echo("Posting goes on." if crediting.resume(person, message) else "Posting was not paused.")


DECISIONS: tuple[click.Command, ...] = (approve, reject, adopt, retry, confirm, reverse, pause, resume)
