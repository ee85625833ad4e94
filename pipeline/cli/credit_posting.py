"""`assure credits post|reconcile`: the ledger and the billing system, one round by hand."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.config import config_option, read_settings
from pipeline.cli.effects import obligations
from pipeline.cli.output import Exit, console, fail, json_option, money, plural, print_json, table
from pipeline.config.settings import Settings
from pipeline.core.obligation import StoredCredit
from pipeline.core.posting import paused_by
from pipeline.obligations import Obligations

if TYPE_CHECKING:
    from pipeline.outputs.billing.reconcile import Difference

SHORT = 8
MANY = 100_000


@click.command()
@config_option
@json_option
@click.pass_obj
def post(outer: Path | None, *, config: Path | None, as_json: bool) -> None:
    """Post what is approved and read back what was posted, now.

    The running pipeline does the same by itself, every few seconds; both at once post nothing twice. What is held back is told.

    \b
    assure credits post
    """
    settings = read_settings(config or outer)
    _require_posting(settings)
    with obligations(settings) as store:
        pause = paused_by(store.switched())
        if pause is not None:
            fail(f"posting is paused by {pause.step.person}: {pause.step.comment}\n  assure credits resume -m WHY", Exit.PROBLEM)
        done = asyncio.run(_post(settings, store))
        waiting = store.stored_credits(state="approved", limit=MANY) + store.stored_credits(state="posting", limit=MANY)
    if as_json:
        print_json({"done": done, "waiting": [{"key": each.entry.key, "why": each.detail} for each in waiting]})
        return
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(done.items()))
    click.echo(f"{settings.billing.system}: {told or 'nothing was due'}")
    rows = [(each.entry.key[:SHORT], _money(each), each.detail or "dry run: `assure credits adopt`") for each in waiting]
    if rows:
        console().print(table(("waits", "amount", "why"), rows))


async def _post(settings: Settings, store: Obligations) -> Counter[str]:
    from pipeline.outputs.billing import Poster, billing_system  # noqa: PLC0415  # the HTTP client is for these commands only
    from pipeline.outputs.metrics import process_metrics  # noqa: PLC0415
    from pipeline.outputs.webhook import open_sessions  # noqa: PLC0415

    async with open_sessions() as sessions:
        system = billing_system(settings, sessions)
        assert system is not None
        return await Poster(store, system, settings.billing, process_metrics()).once()


@click.command()
@config_option
@click.option("--period", default="", help="Of this month only, as 2026-11.")
@click.option("--customer", default="", help="Of this customer only.")
@json_option
@click.pass_obj
def reconcile(outer: Path | None, *, config: Path | None, period: str, customer: str, as_json: bool) -> None:
    """Hold billing against the ledger.

    It is asked for every credit that was posted, and what it says otherwise is told. Nothing is changed.
    Exit code 1 when there is a difference. What a person did there by hand, and confirmed, has no key to be found by: it is told apart.

    \b
    assure credits reconcile --period 2026-11
    """
    settings = read_settings(config or outer)
    _require_posting(settings)
    with obligations(settings) as store:
        found = list(reversed(store.stored_credits(customer, period, limit=MANY)))
    count, differing = asyncio.run(_reconcile(settings, found))
    rows = [(each.stored.entry.key, _money(each.stored), each.what) for each in differing if not each.on_word]
    words = [(each.stored.entry.key[:SHORT], _money(each.stored), each.what) for each in differing if each.on_word]
    if as_json:
        print_json([{"key": key, "amount": amount, "what": what} for key, amount, what in rows])
        words = []
    elif rows:
        console().print(table(("credit", "amount", "difference"), ((key[:SHORT], amount, what) for key, amount, what in rows)))
    else:
        click.echo(f"{plural(count, 'credit')} asked for in {settings.billing.system}: the ledger and billing agree")
    if words:
        click.echo("\nNot found by its key, on a person's word:")
        console().print(table(("credit", "amount", "what was said"), words))
    if rows:
        fail(f"{plural(len(rows), 'difference')} in {plural(count, 'credit')}", Exit.PROBLEM)


async def _reconcile(settings: Settings, found: Sequence[StoredCredit]) -> "tuple[int, list[Difference]]":
    from pipeline.outputs.billing import billing_system  # noqa: PLC0415  # the HTTP client is for these commands only
    from pipeline.outputs.billing.reconcile import MAY_BE_THERE, differences  # noqa: PLC0415
    from pipeline.outputs.webhook import open_sessions  # noqa: PLC0415

    async with open_sessions() as sessions:
        system = billing_system(settings, sessions)
        assert system is not None
        if not system.reads_back:
            fail(f"{settings.billing.system} cannot be asked; `assure credits confirm` says what arrived", Exit.PROBLEM)
        differing = await differences(system, found, settings.billing.accounts)
    asked = sum(each.standing.state in MAY_BE_THERE for each in found)
    return asked, differing


def _require_posting(settings: Settings) -> None:
    if not settings.billing.posting:
        fail("posting is off: set billing.posting: true in the settings (until then credits are a dry run)", Exit.PROBLEM)
    if settings.billing.system == "none":
        fail("billing.system names none: stripe, kill-bill, lago, webhook or csv", Exit.PROBLEM)


def _money(stored: StoredCredit) -> str:
    return str(money(stored.entry.credit.amount_minor, stored.entry.credit.currency))


POSTING: tuple[click.Command, ...] = (post, reconcile)
