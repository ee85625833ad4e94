"""Messages to customers in a terminal: what became of each, and what would."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pipeline.cli.output import clock
from pipeline.config.output_settings import MessageSettings
from pipeline.core.inventory import Channel
from pipeline.core.notice import Past, Send, Skip, Stage, judge
from pipeline.core.obligation import EffectState, StoredEffect

Json = dict[str, Any]
_BRACKETS = str.maketrans({"\uff3b": "[", "\uff3d": "]"})
"""Receipts keep the subject with look-alikes that no viewer takes for markup; a terminal shows what the customer read."""


def shown_rows(found: Sequence[StoredEffect], now: int) -> Iterator[tuple[str, ...]]:
    """Decided when, of which incident, for whom, which message, and what became of it; newest first, as they are given."""
    needless = _needless(found)
    for each in found:
        effect = each.effect
        became_ = f"will not be sent: {needless[effect.key]}" if effect.key in needless else became(each, now)
        yield (clock(effect.decided_at), effect.subject[:8], str(effect.body["customer"]), str(effect.body["stage"]), became_)


def _needless(found: Sequence[StoredEffect]) -> dict[str, str]:
    """What waits and will be left out, by its key, with the reason that it will get when its time comes."""
    lanes: dict[tuple[str, str], list[Past]] = {}
    for each in reversed(found):
        pending = each.state is EffectState.PENDING
        past = Past(each.effect.key, Stage(each.effect.body["stage"]), pending=pending, sent=bool(each.remote_id))
        lanes.setdefault((each.effect.subject, str(each.effect.body["customer"])), []).append(past)
    needless: dict[str, str] = {}
    for lane in lanes.values():
        earlier: list[Past] = []
        for place, past in enumerate(lane, 1):
            verdict = judge(past.stage, 0, earlier, lane[place:], 0, may_send=True) if past.pending else None
            if isinstance(verdict, Skip):
                needless[past.key] = verdict.why
            earlier.append(replace(past, sent=past.sent or isinstance(verdict, Send)))
    return needless


def became(stored: StoredEffect, now: int) -> str:
    """What became of a message that was decided; ``now`` is in UTC nanoseconds."""
    detail = stored.detail.translate(_BRACKETS)
    match stored.state:
        case EffectState.PENDING:
            return _waits(stored, now)
        case EffectState.DELIVERED if stored.remote_id:
            return detail if detail.startswith("dry run") else f"sent {clock(stored.ended_at)}: {detail}"
        case EffectState.DELIVERED:
            return f"not sent: {detail}"
        case EffectState.REFUSED:
            return f"refused: {detail}"
        case EffectState.DEAD:
            return f"given up: {detail}"


def _waits(stored: StoredEffect, now: int) -> str:
    due_at = int(stored.effect.body["due_at"])
    failed = f": {stored.detail}" if stored.attempts > 1 and stored.next_attempt_at > due_at else ""
    until = max(due_at, stored.next_attempt_at)
    return f"waits until {clock(until)} UTC{failed}" if until > now else "waits for what was decided before it"


def addressed(contacts: Sequence[Json], settings: MessageSettings) -> str:
    """Whom a message goes to; a channel that the settings have no way for is marked."""
    ways = {Channel.EMAIL.value: bool(settings.mail), Channel.TMF681.value: bool(settings.tmf681_url)}
    return "\n".join(each["address"] + ("" if ways[each["channel"]] else " *") for each in contacts)


def intention(settings: MessageSettings, told: Sequence[Json]) -> str:
    """Whether it would be sent, and what is missing for it."""
    if not told:
        return "No customer would be told."
    lacking = sorted({one["channel"] for each in told for one in each["contacts"] if addressed([one], settings).endswith("*")})
    ways = {Channel.EMAIL.value: "messages.mail", Channel.TMF681.value: "messages.tmf681_url"}
    missing = f"\n* the settings name no way by {', '.join(lacking)}: {', '.join(ways[one] for one in lacking)}" if lacking else ""
    lasting = "If it lasts that long" if told[0]["stage"] != Stage.RESTORED.value else "If it is over now"
    if settings.sending:
        return f"{lasting}, these are told.{missing}"
    return f"{lasting}, these are told, in dry run: nothing is sent while messages.sending is false.{missing}"
