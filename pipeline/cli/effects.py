"""`assure effects`, `assure webhooks`: what was to be done outside and was not, and how to have it done after all."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.cli.config import config_option, read_settings
from pipeline.cli.group import Group
from pipeline.cli.output import Exit, clock, console, fail, json_option, print_json, table
from pipeline.config.problem import did_you_mean
from pipeline.config.receiver_settings import PAGERDUTY_URL, ReceiverKind, ReceiverSettings
from pipeline.config.rule_set import load_routing
from pipeline.config.settings import Settings
from pipeline.core.effect import Outcome, Receipt
from pipeline.core.obligation import EffectState, StoredEffect
from pipeline.core.routing import Routing
from pipeline.obligations import Obligations
from pipeline.resources import data_dir

Json = dict[str, Any]
MANY = 1_000
_OUTCOMES = {Outcome.DEAD.value: "given up"}


@contextmanager
def obligations(settings: Settings) -> Iterator[Obligations]:
    """The obligations store; ends with exit code 4 when it cannot be used. Nothing else needs to run."""
    try:
        with Obligations(settings.obligations_url()) as store:
            yield store
    except BrokenPipeError:
        raise
    except OSError as error:
        fail(f"{error}", Exit.NO_ANSWER)


@click.group(cls=Group)
def effects() -> None:
    """Effects: tickets, notifications and credits that were decided and are carried out with retries.

    \b
    assure effects pending           how many still wait, by route
    assure effects dead              what was given up, and why
    assure effects refused           to what a receiver said no, and why
    assure effects revive KEY        try one again, once its receiver is mended
    """


@effects.command()
@config_option
@json_option
def pending(*, config: Path | None, as_json: bool) -> None:
    """How many effects are still to be sent, by route.

    \b
    assure effects pending
    """
    with obligations(read_settings(config)) as store:
        found = store.pending()
    if as_json:
        print_json(found)
    elif found:
        console().print(table(("route", "to be sent"), ((route, str(count)) for route, count in sorted(found.items()))))
    else:
        click.echo("Nothing waits: every effect has ended.")


@effects.command()
@config_option
@click.option("--limit", default=100, show_default=True, help="At most this many.")
@json_option
def dead(*, config: Path | None, limit: int, as_json: bool) -> None:
    """Effects that were given up, newest first, and why.

    \b
    assure effects dead
    assure effects dead --json | jq -r '.[].key'
    """
    with obligations(read_settings(config)) as store:
        found = store.dead_letters(limit)
    _print_ended(found, "given up", as_json=as_json)


@effects.command()
@config_option
@click.option("--limit", default=100, show_default=True, help="At most this many.")
@json_option
def refused(*, config: Path | None, limit: int, as_json: bool) -> None:
    """What a receiver refused for good, and why.

    A ticket system that wants another field, a webhook that is gone; or a ticket that people have closed and that takes no more changes.

    \b
    assure effects refused
    """
    with obligations(read_settings(config)) as store:
        found = store.refused(limit)
    _print_ended(found, "refused", as_json=as_json)


def _print_ended(found: Sequence[StoredEffect], how: str, *, as_json: bool) -> None:
    if as_json:
        print_json([as_row(each) for each in found])
    elif found:
        for each in found:
            _print_one(each, how)
        click.echo("\nOnce the receiver is mended: assure effects revive KEY")
    else:
        click.echo(f"Nothing was {how}.")


def _print_one(stored: StoredEffect, how: str) -> None:
    """The key alone on its line, to be copied; then what it was and why it failed."""
    effect = stored.effect
    click.echo(effect.key)
    click.echo(f"  {effect.kind.value} by {effect.route}, decided {clock(effect.decided_at)}, {how} {clock(stored.ended_at)} UTC")
    click.echo(f"  after {stored.attempts} attempts: {stored.detail or 'no answer was kept'}")


@effects.command()
@click.argument("keys", nargs=-1, metavar="KEY...", required=False)
@click.option("--all", "everything", is_flag=True, help="Every effect that was given up.")
@config_option
def revive(*, keys: tuple[str, ...], everything: bool, config: Path | None) -> None:
    """Try effects again that were given up or refused.

    They begin with their first attempt, within a second if the outputs part runs. Later effects of the same incident may have
    been delivered meanwhile. An effect keeps its key, so what did arrive is not done twice. Credits and remedies that were refused
    stay so.

    \b
    assure effects revive ticket:8d7876c1-e507-5eda-af87-2df5665d2329:open
    assure effects revive --all
    """
    if bool(keys) == everything:
        raise click.UsageError("name the keys of effects, or give --all; `assure effects dead` and `refused` list them")
    with obligations(read_settings(config)) as store:
        wanted = [each.effect.key for each in store.dead_letters(MANY)] if everything else list(keys)
        revived = [key for key in wanted if store.revive(key)]
        left = [_refusal(store, key) for key in wanted if key not in revived]
    click.echo(f"{len(revived)} revived")
    if left:
        fail("\nassure: ".join(left), Exit.NOT_FOUND)


def _refusal(store: Obligations, key: str) -> str:
    found = store.effect(key)
    if found is None:
        return f"there is no effect {key}; `assure effects dead` and `refused` list keys"
    if found.state is EffectState.REFUSED:
        return f"{key} is a refused {found.effect.kind.value}: a rule of ours said no to it, and it stays so"
    return f"{key} is {found.state.value}, not {EffectState.DEAD.value} or {EffectState.REFUSED.value}"


def as_row(stored: StoredEffect) -> Json:
    """An effect of the outbox as JSON."""
    effect = stored.effect
    told = {"key": effect.key, "kind": effect.kind.value, "subject": effect.subject, "route": effect.route, "reason": effect.reason}
    kept = {"state": stored.state.value, "attempts": stored.attempts, "decided_at": effect.decided_at, "ended_at": stored.ended_at}
    return {**told, **kept, "detail": stored.detail, "body": json.loads(json.dumps(effect.body, default=str))}


@click.group(cls=Group)
def webhooks() -> None:
    """Receivers of notifications.

    Those of the settings: `webhooks` (Standard Webhooks) and `receivers`.
    A webhook that answers 410 Gone is switched off until somebody switches it on.

    \b
    assure webhooks ls
    assure webhooks enable on-call
    """


@webhooks.command()
@config_option
@json_option
def ls(*, config: Path | None, as_json: bool) -> None:
    """The receivers and their last notification.

    Of each its kind, whether it is sent to, and where it is. Times are UTC.

    \b
    assure webhooks ls
    assure webhooks ls --json | jq '.[] | select(.last_outcome == "dead")'
    """
    settings = read_settings(config)
    with obligations(settings) as store:
        lanes = Lanes(load_routing(settings.rules_dir or data_dir("rules")), store.last_notified())
        found = [
            *(
                _receiver("webhook", hook.name, hook.url, lanes, store.endpoint_gone(hook.name, hook.url) or "")
                for hook in settings.webhooks
            ),
            *(_receiver(each.kind.value, each.name, _place(each), lanes) for each in settings.receivers),
        ]
    if as_json:
        print_json(found)
    elif found:
        for each in found:
            click.echo(f"{each['name']}  {each['kind']}, {'switched off' if each['gone'] else 'sent to'}")
            click.echo(f"  {each['url']}")
            click.echo(f"  {_last(each)}")
            if each["gone"]:
                click.echo(f"  {each['gone']}; once it is mended: assure webhooks enable {each['name']}")
        if any(each["last_outcome"] == Outcome.DEAD.value for each in found):
            click.echo("\nWhat was given up, and why: assure effects dead")
    else:
        click.echo("The settings have no receivers: add `webhooks` or `receivers`, and let rules/routing.yaml name them.")


class Lanes:
    """The last receipt for each receiver, whichever route it came by."""

    def __init__(self, routing: Routing, receipts: Iterable[Receipt]) -> None:
        self._routing = routing
        self._receipts = list(receipts)

    def last(self, receiver: str) -> Receipt | None:
        """The latest; ``None`` for a receiver that was never told anything."""
        own = {self._routing.lane(route, receiver) for route in self._routing.by_name}
        mine = (each for each in self._receipts if each.route in own or each.route.endswith(f"/{receiver}"))
        return max(mine, key=lambda each: each.at, default=None)


def _receiver(kind: str, name: str, url: str, lanes: Lanes, gone: str | None = None) -> Json:
    last = lanes.last(name)
    told = {"last_at": last.at if last else 0, "last_outcome": last.outcome.value if last else "", "detail": last.detail if last else ""}
    return {"name": name, "kind": kind, "url": url, "gone": gone or "", **told}


def _place(receiver: ReceiverSettings) -> str:
    """Where a receiver is, without what is secret of it."""
    match receiver.kind:
        case ReceiverKind.EMAIL:
            return f"{', '.join(receiver.to)} by {receiver.url}"
        case ReceiverKind.PAGERDUTY:
            return receiver.url or PAGERDUTY_URL
        case ReceiverKind.SLACK:
            return receiver.url or "the URL is its secret"
        case _:
            return receiver.url


def _last(each: Json) -> str:
    outcome = _OUTCOMES.get(each["last_outcome"], each["last_outcome"])
    return f"last notification {clock(each['last_at'])}, {outcome}" if each["last_at"] else "no notification yet"


@webhooks.command()
@click.argument("name")
@config_option
def enable(*, name: str, config: Path | None) -> None:
    """Send to a receiver again.

    NAME is a webhook of the settings that was switched off because it answered 410 Gone. Other receivers are never switched off.

    What was refused meanwhile stays so: `assure effects refused` lists it, `assure effects revive` sends it again.

    \b
    assure webhooks enable on-call
    """
    settings = read_settings(config)
    names = [hook.name for hook in settings.webhooks]
    if name in {each.name for each in settings.receivers}:
        click.echo(f"{name} was not switched off: only webhooks are")
        return
    if name not in names:
        fail(f"the settings have no webhook '{name}'; {did_you_mean(name, names) or 'they have none'}", Exit.NOT_FOUND)
    with obligations(settings) as store:
        enabled = store.enable_endpoint(name)
    click.echo(f"{name} is sent to again" if enabled else f"{name} was not switched off")
