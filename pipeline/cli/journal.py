"""`assure journal`: what the collectors heard, as it lies on disk; nothing needs to run for it."""

import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from collectors.journal import JournalCorruptError
from collectors.journal.overview import Overview
from collectors.trap.ber import DecodeError
from pipeline import wire
from pipeline.cli.config import config_option, read_settings
from pipeline.cli.group import Group
from pipeline.cli.journal_choice import address, folders, journals_read, tell_damage
from pipeline.cli.journal_replay import replay
from pipeline.cli.moment import Moment
from pipeline.cli.output import Exit, clock, console, fail, json_option, plural, print_json, table
from pipeline.config.mib_file import load_mib_index
from pipeline.config.settings import Settings
from pipeline.core.mib import MibIndex, value_text
from pipeline.core.raw import RawTrap, VarBind
from pipeline.journaled import Found, Stock, Wanted, collectors_of, decoded, decoder_of, find, masked, select, select_quarantined, stock
from pipeline.resources import data_dir

Json = dict[str, Any]


@click.group(cls=Group)
def journal() -> None:
    """The collectors' journals: what was heard, byte by byte, before anything read it.

    Nothing needs to run for `ls` and `show`; they may be used while the collectors write.

    \b
    assure journal ls
    assure journal show trap-1:4711
    assure journal show --from 10m --source 192.0.2.1
    assure journal replay --from 10:00 --to 11:00
    """


journal.add_command(replay)


@journal.command()
@config_option
@json_option
def ls(*, config: Path | None, as_json: bool) -> None:
    """What lies in each journal and quarantine.

    How much, from when to when, and how much of it waits to be published.
    Published records stay until their room is wanted (journal_bytes) or their time is over (journal_days). Times are UTC.

    \b
    assure journal ls
    assure journal ls --json | jq '.[] | select(.waiting > 0)'
    """
    settings = read_settings(config)
    with journals_read():
        found = list(stock(settings))
    if as_json:
        print_json([row for each in found for row in _as_json(each)])
    elif found:
        columns = ("journal", "segments", "sequences", "from", "to", "size", "published", "waiting")
        console().print(table(columns, (row for each in found for row in _rows(each))))
    else:
        click.echo(f"No journal in {settings.journal_dir('any').parent} yet: a collector makes its own when it first starts.")


def _rows(each: Stock) -> Iterator[tuple[object, ...]]:
    yield each.collector, *_row(each.journal), str(each.journal.acknowledged), _waiting(each.journal.waiting)
    if each.quarantined is not None:
        yield "quarantine", *_row(each.quarantined), "-", "-"


def _row(found: Overview) -> tuple[str, ...]:
    sequences = f"{found.first_sequence} to {found.last_sequence}" if found.records else "none"
    return str(found.segments), sequences, clock(found.first_at), clock(found.last_at), f"{found.bytes / 1e6:.1f} MB"


def _waiting(count: int) -> Text:
    return Text(str(count), style="yellow" if count else "")


def _as_json(each: Stock) -> Iterator[Json]:
    yield {"collector": each.collector, "kind": each.collects, **_numbers(each.journal), "waiting": each.journal.waiting}
    if each.quarantined is not None:
        yield {"collector": each.collector, "kind": "quarantine", **_numbers(each.quarantined)}


def _numbers(found: Overview) -> Json:
    names = ("segments", "first_sequence", "last_sequence", "records", "first_at", "last_at", "bytes", "acknowledged")
    return {"folder": str(found.directory)} | {name: getattr(found, name) for name in names}


@journal.command()
@click.argument("sequences", nargs=-1, metavar="[SEQUENCE...]")
@click.option("--from", "starts_at", type=Moment(), help="Received from then on: 2026-11-23T10:46:00Z, 10:46, or 10m (ago).")
@click.option("--to", "ends_at", type=Moment(), help="Received before then. Default: now.")
@click.option("--source", default="", help="Sent from this address.")
@click.option("--quarantined", is_flag=True, help="Only what is in quarantine.")
@click.option("--collector", default="", help="Only this collector's. Default: every collector of traps.")
@click.option("--limit", default=20, show_default=True, help="At most this many.")
@click.option("--hex", "with_hex", is_flag=True, help="Their bytes, too.")
@config_option
@json_option
def show(
    *,
    sequences: tuple[str, ...],
    starts_at: int | None,
    ends_at: int | None,
    source: str,
    quarantined: bool,
    collector: str,
    limit: int,
    with_hex: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Datagrams as they came, read anew.

    Who sent what, with the names and labels of the MIB index; or why it is refused.

    SEQUENCE is a place in the journal (4711 or trap-1:4711, as `assure explain` names it); without one, say when. Communities are masked,
    in the bytes too. Times are UTC.

    \b
    assure journal show trap-1:4711 --hex
    assure journal show --from 10:00 --to 10:05 --source 192.0.2.1
    assure journal show --from 1d --quarantined

    Exit code 3 when there is none.
    """
    settings = read_settings(config)
    if bool(sequences) == (starts_at is not None or quarantined):
        raise click.UsageError("name sequences, or say when: --from TIME [--to TIME]")
    wanted = Wanted(starts_at or 0, time.time_ns() if ends_at is None else ends_at, address(source))
    damage: list[JournalCorruptError] = []
    with journals_read():
        if sequences:
            found = iter([_named(settings, text, collector) for text in sequences])
        else:
            found = chain.from_iterable(
                select_quarantined(folder, name, wanted) if quarantined else select(folder, name, wanted, damage.append)
                for name, folder in folders(settings, collector)
            )
        shown = list(islice(found, limit if not sequences else None))
        more = next(found, None) is not None
    tell_damage(damage)
    if not shown:
        fail(f"nothing was received then{f' from {source}' if source else ''}; `assure journal ls` shows what there is", Exit.NOT_FOUND)
    _print(settings, shown, more=more, with_hex=with_hex, as_json=as_json)


def _named(settings: Settings, text: str, collector: str) -> Found:
    """The record that is meant by ``4711`` or ``trap-1:4711``; ends when there is none."""
    prefix, _, number = text.rpartition(":")
    if not number.isdecimal():
        raise click.UsageError(f"'{text}' is no sequence; write 4711 or trap-1:4711")
    for name, folder in folders(settings, prefix or collector):
        if found := find(folder, name, int(number)):
            return found
    return fail(f"no journal holds {text} (not yet, or no longer); `assure journal ls` shows what there is", Exit.NOT_FOUND)


def _print(settings: Settings, shown: Sequence[Found], *, more: bool, with_hex: bool, as_json: bool) -> None:
    mibs = load_mib_index(settings.mibs_dir or data_dir("mibs"))
    facts = [tell(settings, found, mibs, with_hex=with_hex) for found in shown]
    if as_json:
        print_json(facts)
        return
    out = console()
    for one in facts:
        for line in lines(one):
            out.print(line)
    if more:
        click.echo(f"There are more than {plural(len(shown), 'datagram')}: --limit shows them.")


def tell(settings: Settings, found: Found, mibs: MibIndex, *, with_hex: bool) -> Json:
    """One record as a JSON-ready value; times are UTC nanoseconds."""
    record = found.record
    facts: Json = {
        "collector": found.collector,
        "sequence": record.sequence,
        "received_at": record.received_at,
        "source": record.source,
        "bytes": len(record.payload),
        "quarantined": {"reason": found.refused[0], "detail": found.refused[1]} if found.refused else None,
    }
    if collectors_of(settings)[found.collector] == "polls":
        facts |= _poll(record.payload)
    else:
        read = decoded(decoder_of(settings, found.collector), found)
        facts |= _refusal(read) if isinstance(read, DecodeError) else _trap(read, mibs)
    return facts | ({"hex": masked(record.payload)} if with_hex else {})


def _refusal(error: DecodeError) -> Json:
    return {"refused": {"reason": error.reason.value, "detail": error.detail}}


def _trap(trap: RawTrap, mibs: MibIndex) -> Json:
    return {
        "refused": None,
        "version": trap.version.name.lower(),
        "inform": trap.inform,
        "authenticated": trap.authenticated,
        "device_address": trap.source,
        "agent_address": trap.agent_address,
        "trap_oid": trap.trap_oid,
        "trap_name": mibs.named(trap.trap_oid),
        "uptime_ticks": trap.uptime_ticks,
        "varbinds": [_varbind(each, mibs) for each in trap.varbinds],
    }


def _varbind(varbind: VarBind, mibs: MibIndex) -> Json:
    known, _ = mibs.split(varbind.oid)
    return {"name": mibs.named(varbind.oid), "oid": varbind.oid, "value": value_text(varbind, known, mibs)}


def _poll(payload: bytes) -> Json:
    try:
        (poll,) = wire.decode(payload)
    except (wire.WireError, ValueError) as error:
        return {"refused": {"reason": "undecodable", "detail": str(error)}}
    return {"refused": None, "device": poll.device, "outcome": poll.outcome.value, "interfaces": len(poll.indexes), "columns": poll.columns}


def lines(one: Json) -> Iterator[Text]:
    """One record for people: where it lies and who sent it, what it says or why it is refused, its bytes."""
    head = f"{one['collector']}:{one['sequence']}  {_instant(one['received_at'])}  from {one['source']}, {one['bytes']} bytes"
    yield Text(head, style="bold", no_wrap=True, overflow="ellipsis")
    if one["quarantined"]:
        yield Text(f"  in quarantine: {one['quarantined']['reason']}, {one['quarantined']['detail']}", style="yellow")
    if one["refused"] and one["refused"] != one["quarantined"]:
        yield Text(f"  refused: {one['refused']['reason']}, {one['refused']['detail']}", style="red")
    if "trap_oid" in one:
        yield from _trap_lines(one)
    elif "device" in one:
        yield Text(f"  poll of {one['device']}: {one['outcome']}, {plural(one['interfaces'], 'interface')}")
    if "hex" in one:
        yield Text(f"  {one['hex']}", style="dim", overflow="fold")


def _trap_lines(one: Json) -> Iterator[Text]:
    if one["quarantined"]:
        yield Text("  by the present settings it is a notification: `assure journal replay` publishes it")
    kind = "INFORM" if one["inform"] else "trap"
    number = "" if one["trap_name"] == one["trap_oid"] else f" ({one['trap_oid']})"
    yield Text(f"  {one['version']} {kind} {one['trap_name']}{number}", style="cyan")
    if one["device_address"] != one["source"]:
        yield Text(f"  forwarded for {one['device_address']}")
    width = min(max((len(each["name"]) for each in one["varbinds"]), default=0), 40)
    for each in one["varbinds"]:
        yield Text(f"    {each['name']:<{width}}  {each['value']}", overflow="fold")


def _instant(at: int) -> str:
    from pipeline.evidence import clock as instant  # noqa: PLC0415  # to the millisecond, as `assure explain` tells it

    return instant(at)
