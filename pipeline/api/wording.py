"""How values look on the console's pages."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from pipeline.core.inventory import Tier
from pipeline.core.money import money_text
from pipeline.core.wording import duration, rfc3339

_TIERS = tuple(tier.value for tier in Tier)


def clock(at: int) -> Markup:
    """UTC nanoseconds as a ``time`` element that reads ``2026-11-23 10:46:23``; a dash for never."""
    if not at:
        return Markup("&ndash;")
    text = datetime.fromtimestamp(at // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(at), text)


def local(at: int, view: Mapping[str, Any]) -> Markup:
    """UTC nanoseconds as a ``time`` element on a customer's clock, written as their language writes it; a dash for never."""
    if not at:
        return Markup("&ndash;")
    text = datetime.fromtimestamp(at // 1_000_000_000, UTC).astimezone(ZoneInfo(view["timezone"])).strftime(view["moment"])
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(at), text)


def money(minor: int, currency: str) -> str:
    """Minor units as ``60.00 EUR``; a currency that is not known is shown in its minor units rather than guessed at."""
    try:
        return money_text(minor, currency)
    except ValueError:
        return f"{minor} minor units of {currency}"


def words(name: str) -> str:
    """A name of ours for people: ``redundancy-lost`` reads ``redundancy lost``."""
    return name.replace("-", " ")


def count(number: int, noun: str) -> str:
    """``1 incident``, ``2 incidents``, ``no incident``."""
    return f"{number or 'no'} {noun}{'' if number in {0, 1} else 's'}"


def tier_place(tier: str) -> int:
    """0 for the tier that is told first; what has none comes last."""
    return _TIERS.index(tier) if tier in _TIERS else len(_TIERS)


FILTERS: dict[str, Callable[..., Any]] = {
    "clock": clock,
    "local": local,
    "duration": duration,
    "money": money,
    "words": words,
    "count": count,
}
