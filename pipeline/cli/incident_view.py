"""One incident in a terminal: what it is, why it is believed, who suffers and how long a contract still bears it, and how it was found."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.cli.output import clock, duration, plural, styled, table
from pipeline.core.wording import tiers_text

Json = dict[str, Any]

SHOWN_SERVICES = 8
MINUTE_S, HOUR_S = 60, 3600


def whole(incident: Json, command: str, *, everything: bool) -> RenderableType:
    """The incident in full; ``command`` tells more of it, with ``--all`` or ``--history``."""
    parts: list[RenderableType] = [Text(incident["reason"], style="bold"), Text(), _grid(_facts(incident)), Text()]
    parts += [_grid(_why(incident)), Text()]
    if incident["impacts"]:
        shown = incident["impacts"] if everything else incident["impacts"][:SHOWN_SERVICES]
        parts += [services(shown)]
        rest = len(incident["impacts"]) - len(shown)
        if rest:
            parts += [Text(f"and {plural(rest, 'more service', 'more services')}: {command} --all", style="dim")]
    else:
        parts += [Text("No service feels it.")]
    if incident["revision"] > 1:
        parts += [Text(), Text(f"{incident['revision']} revisions: {command} --history", style="dim")]
    return Group(*parts)


def services(impacts: Sequence[Json]) -> Table:
    """Each service with its state, then on which way the failure reaches it, then what its month still bears."""
    made = Table.grid(padding=(0, 2))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for impact in impacts:
        told = Text(str(impact["told"]), style=styled(impact["state"]).style)
        who = Text.assemble((impact["service"], "bold"), f" of {impact['customer_name']}, ", told, f" since {clock(impact['since_at'])}")
        made.add_row(styled(impact["tier"]), who)
        if impact["by"]:
            made.add_row("", Text(f"by {impact['by']}", style="dim"))
        if impact["budget"]:
            made.add_row("", Text(f"SLA {impact['budget']['plan']}: {impact['budget']['told']}", style=_alarming(impact["budget"])))
    return made


def revisions(found: Sequence[Json]) -> Table:
    """What each revision changed, oldest first."""
    rows = ((str(each["revision"]), clock(each["at"]), "\n".join(each["changed"]) or "nothing that is told") for each in found)
    return table(("revision", "when", "what changed"), rows)


def soonest(incident: Json) -> str:
    """For a list: the downtime left of the contract that is missed first, in whole units; a dash where no contract is touched."""
    budget = incident["tightest"]
    if budget is None:
        return "-"
    if budget["left_s"] < 0:
        return "missed"
    left_s = budget["left_s"]
    if left_s < MINUTE_S:
        return f"{left_s} s"
    return f"{left_s // MINUTE_S} min" if left_s < HOUR_S else f"{left_s // HOUR_S} h"


def _grid(pairs: Iterator[tuple[str, str | Text]]) -> Table:
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, value)
    return made


def _facts(incident: Json) -> Iterator[tuple[str, str | Text]]:
    resolved_at = incident["resolved_at"]
    lasted = duration((resolved_at or max(time.time_ns(), incident["started_at"])) - incident["started_at"])
    ended = f"resolved {clock(resolved_at)} after {lasted}" if resolved_at else f"for {lasted}"
    beside = "".join((f", planned: {incident['planned']}" if incident["planned"] else "", ", flapping" if incident["flapping"] else ""))
    yield "incident", incident["id"]
    yield "state", Text.assemble(styled(incident["state"]), ", ", styled(incident["severity"]), beside)
    yield "since", f"{clock(incident['started_at'])} UTC, {ended}"
    yield "root cause", incident["root_cause"]
    yield "ticket", f"{incident['ticket']['number']} {incident['ticket']['status']}" if incident["ticket"] else "none"
    yield from _handling(incident)
    yield "customers", tiers_text(incident["customers"])


def _handling(incident: Json) -> Iterator[tuple[str, str | Text]]:
    if incident["acknowledged_by"]:
        yield "acknowledged", Text(f"by {incident['acknowledged_by']} at {clock(incident['acknowledged_at'])} UTC")
    elif incident["escalation"]:
        yield "escalated", f"{plural(incident['escalation'], 'time')}: nobody has acknowledged it"
    if incident["shelved"]:
        yield "shelved", Text(incident["shelved"])
    for number, said in enumerate(incident["comments"]):
        yield "" if number else "comments", Text(f"{clock(said['at'])} {said['operator']}: {said['text']}")


def _why(incident: Json) -> Iterator[tuple[str, str | Text]]:
    label = ""
    for point in incident["points"]:
        style = "yellow" if point["label"] in {"against", "doubtful", "supposed", "to settle it"} else ""
        yield "" if point["label"] == label else point["label"], Text(point["text"], style=style)
        label = point["label"]


def _alarming(budget: Json) -> str:
    if budget["left_s"] < 0:
        return "red"
    return "yellow" if budget["missed_at"] else "dim"
