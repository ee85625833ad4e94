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

Json = dict[str, Any]


def incident(found: Json, deliveries: Sequence[Json]) -> RenderableType:
    """One incident as a person on call wants it: the cause and why, who suffers, who is told."""
    lines: list[RenderableType] = [
        Text(found["reason"], style="bold"),
        Text.assemble(
            "root cause ", (found["root_cause"], "bold"), f", {found['alarm_count']} alarms, probability {found['probability']:.2f}"
        ),
        *(Text(f"- {line}", style="dim") for line in found["explanation"][:4]),
        Text(),
        impacts(found["impacts"]),
        Text(),
        Text.assemble("ticket ", (found["ticket"]["number"], "bold"), f" ({found['ticket']['status']})"),
        Text(
            f"webhooks delivered and verified: {', '.join(sorted({str(d.get('type', 'notification')) for d in deliveries})) or 'none yet'}"
        ),
    ]
    return Panel(
        Group(*lines), title=f"incident {found['id'][:8]}  {found['severity']}", title_align="left", border_style="red", box=box.ROUNDED
    )


def impacts(found: Sequence[Json]) -> Table:
    """Services that are down first within each tier, gold before silver before bronze."""
    return table(
        ("tier", "customer", "service", "state", "since (UTC)"),
        ((styled(i["tier"]), i["customer_name"], i["service"], styled(i["state"]), clock(i["since_at"])) for i in found),
    )


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
    rows = (
        (
            evaluation["customer"],
            evaluation["service"],
            evaluation["plan"],
            f"{float(evaluation['availability']):.5f} %",
            duration(evaluation["counted_s"] * 10**9),
            Text("missed", style="bold red") if evaluation["violated"] else Text("met", style="green"),
            money(evaluation["credit_minor"], evaluation["currency"]) if evaluation["credit_minor"] else "",
        )
        for evaluation in sorted(evaluations, key=lambda e: (not e["violated"], e["customer"], e["service"]))
    )
    shown = table(("customer", "service", "plan", "availability", "down", "target", "credit"), rows)
    by_service = {evaluation["service"]: evaluation for evaluation in evaluations}
    sums = [
        Text.assemble(
            "\ncredit ", (credit["key"], "bold"), f"  {money(credit['amount_minor'], credit['currency'])} to {credit['customer']}"
        )
        for credit in credits_
    ]
    arithmetic = [Text("\n".join(f"  {line}" for line in by_service[credit["service"]]["arithmetic"])) for credit in credits_]
    pairs = [line for pair in zip(sums, arithmetic, strict=True) for line in pair]
    return Group(shown, *pairs, Text("\nDry run: credits are proposed in the ledger and posted nowhere.\n", style="dim"))


def next_steps(settings: Settings, credits_: Sequence[Json]) -> RenderableType:
    """Where to look while it runs."""
    history = settings.history
    query = "SELECT root_cause, reason, length(alarms) AS alarms FROM incident_current"
    rows = [
        ("console", f"http://{settings.api.listen}/"),
        ("why", f"assure explain {credits_[0]['key']}" if credits_ else "assure explain <incident>"),
        ("terminal", "assure incidents, assure alarms --all, assure sla report, assure credits, assure doctor"),
        ("SQL", f"http://{history.host}:{history.port}/play (user viewer, password in {settings.data_dir / 'secrets' / 'viewer'})"),
        ("", query),
        ("break it", "assure lab do cut f-ams-rtm-1; assure lab commands"),
    ]
    return Group(Text("Look next", style="bold"), table(("", ""), rows))
