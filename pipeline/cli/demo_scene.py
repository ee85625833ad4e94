"""What the demo shows: the incident, its end, the settlement, and where to look next; values in, renderables out."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pipeline.cli.output import clock, duration, money, styled, table
from pipeline.config.settings import Settings
from pipeline.core.claim import claim_word
from pipeline.core.evaluation import METRIC

Json = dict[str, Any]


def incident(found: Json, deliveries: Sequence[Json]) -> RenderableType:
    """One incident as a person on call wants it: the cause and why, who suffers, who is told."""
    lines: list[RenderableType] = [
        Text(found["reason"], style="bold"),
        Text(),
        *(_hanging(line, "- ", style="dim") for line in found["explanation"][:4]),
        Text(),
        impacts(found["impacts"]),
        Text(),
        _facts(
            ("root cause", Text(found["root_cause"], style="bold")),
            ("alarms", f"{found['alarm_count']}, the first at {clock(found['started_at'])} UTC"),
            ("ticket", Text.assemble((found["ticket"]["number"], "bold"), f" ({found['ticket']['status']})")),
            ("webhook", f"{', '.join(sorted({str(d.get('type')) for d in deliveries}))}: delivered, signature verified"),
        ),
    ]
    return Panel(
        Group(*lines), title=f"incident {found['id'][:8]}  {found['severity']}", title_align="left", border_style="red", box=box.ROUNDED
    )


def impacts(found: Sequence[Json]) -> Table:
    """Services that are down first within each tier, gold before silver before bronze."""
    return table(
        ("tier", "customer", "service", "state"),
        ((styled(i["tier"]), i["customer_name"], i["service"], styled(i["state"])) for i in found),
    )


def foretold(found: Sequence[Json]) -> RenderableType:
    """What customers read if a fault lasts: who and when, and the first of the messages in full; who feels nothing is only counted."""
    told = [each for each in found if not each["reason"]]
    if not told:
        return Text()
    rows = ((f"{each['after_s'] / 60:.0f} min", each["name"], each["language"], _services(each)) for each in told)
    first = told[0]
    lines: list[RenderableType] = [
        table(("after", "customer", "in", "of"), rows),
        Text(),
        Text.assemble("To ", (first["contacts"][0]["address"], "bold")),
        _hanging(first["text"].strip(), "  ", style="italic"),
    ]
    spared = len(found) - len(told)
    if spared:
        lines.append(Text(f"\n{spared} more customers lost only redundancy: they feel nothing and are told nothing", style="dim"))
    lines.append(Text("Dry run: messages are worded and kept, and sent to nobody.", style="dim"))
    shown = Panel(Group(*lines), title="if it lasts, customers are told", title_align="left", border_style="blue", box=box.ROUNDED)
    return Group(shown, Text())


def _services(told: Json) -> str:
    return ", ".join(each["service"] for each in told["services"])


def resolution(found: Json, outages: Sequence[Json]) -> RenderableType:
    """The end of an incident: how long it took, and each outage with its minutes."""
    down = [outage for outage in outages if outage["state"] != "redundancy-lost"]
    rows = (
        (
            o["service"],
            styled(o["state"]),
            clock(o["started_at"]),
            duration(o["ended_at"] - o["started_at"]),
            "yes" if o["confirmed_by"] else "no",
        )
        for o in sorted(down, key=lambda o: str(o["service"]))
    )
    lasted, ticket = duration(found["resolved_at"] - found["started_at"]), found["ticket"]
    lines: list[RenderableType] = [
        Text(f"alarms clear; resolved after {lasted}; ticket {ticket['number']} {ticket['status']}"),
        Text(),
        table(("service", "was", "from (UTC)", "for", "confirmed"), rows),
    ]
    spared = len(outages) - len(down)
    if spared:
        lines.append(Text(f"\n{spared} protected services only lost redundancy: no outage, nothing owed", style="dim"))
    return Panel(Group(*lines), title=f"incident {found['id'][:8]}  resolved", title_align="left", border_style="green", box=box.ROUNDED)


def settlement(evaluations: Sequence[Json], credits_: Sequence[Json]) -> RenderableType:
    """Each service against its plan; for each credit the arithmetic line by line."""
    on_claim = any(claim_word(evaluation["arithmetic"]) for evaluation in evaluations)
    rows = (
        (
            evaluation["customer"],
            evaluation["service"],
            f"{float(evaluation['availability']):.5f} %",
            duration(evaluation["counted_s"] * 10**9),
            Text("missed", style="bold red") if evaluation["violated"] else Text("met", style="green"),
            money(evaluation["credit_minor"], evaluation["currency"]) if evaluation["credit_minor"] else "",
            *([claim_word(evaluation["arithmetic"])] if on_claim else []),
        )
        for evaluation in sorted(evaluations, key=lambda e: (not e["violated"], e["customer"], e["service"]))
    )
    shown = table(("customer", "service", "availability", "down", "target", "credit", *(["claim"] if on_claim else [])), rows)
    settled = {(each["service"], each["period"]): each for each in evaluations if each.get("metric", METRIC) == METRIC}
    latest = {(credit["service"], credit["period"]): credit for credit in reversed(credits_)}  # the last word on each month
    proposed = [_credit(credit, settled[of]) for of, credit in latest.items() if of in settled]
    rehearsed = [credit for credit in credits_ if credit["dry_run"]]
    told = "\nDry run: credits are proposed in the ledger and posted nowhere.\n" if len(rehearsed) == len(credits_) else "\n"
    return Group(shown, *proposed, Text(told, style="dim"))


def _credit(credit: Json, evaluation: Json) -> RenderableType:
    amount = money(credit["amount_minor"], credit["currency"])
    head = Text.assemble("\n", (amount, "bold"), f" to {credit['customer']} for {credit['service']}, {evaluation['plan']} plan, because")
    return Group(head, *(_hanging(line, "  ") for line in evaluation["arithmetic"]), Text(f"  credit {credit['key']}", style="dim"))


def next_steps(settings: Settings, credits_: Sequence[Json], command: str) -> RenderableType:
    """Where to look while it runs; ``command`` is how this shell calls ``assure``."""
    history = settings.history
    shown = ["incidents", "alarms --all", "messages ls", "sla report", "credits", "topology impact fibre/f-ams-rtm-1", "doctor"]
    return Group(
        Text("Look next, in another terminal in this folder", style="bold"),
        _facts(
            ("console", f"http://{settings.api.listen}/"),
            ("why", f"{command} explain {credits_[0]['key'] if credits_ else '<incident>'}"),
            *(("look" if not number else "", f"{command} {one}") for number, one in enumerate(shown)),
            ("break it", f"{command} lab do cut f-ams-lon-1"),
            ("", f"{command} lab commands"),
            ("SQL", f"http://{history.host}:{history.port}/play  user viewer, password in {settings.data_dir / 'secrets' / 'viewer'}"),
            ("", "SELECT root_cause, reason, length(alarms) FROM incident_current"),
        ),
    )


def _facts(*pairs: tuple[str, str | Text]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(name, value)
    return grid


def _hanging(line: str, mark: str, style: str = "") -> Table:
    """A line whose continuation is indented under its first word."""
    grid = Table.grid()
    grid.add_column(width=len(mark))
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark, style=style), Text(line, style=style))
    return grid
