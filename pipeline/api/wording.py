"""How values look on the console's pages."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any


def clock(at: int) -> str:
    """UTC nanoseconds as ``2026-11-23 10:46:23``; a dash for never."""
    return datetime.fromtimestamp(at / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def span(nanoseconds: int) -> str:
    """``1:02:03`` of hours, minutes, seconds."""
    minutes, seconds = divmod(round(nanoseconds / 1e9), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def money(minor: int, currency: str) -> str:
    """Minor units with two places: ``60.00 EUR``."""
    sign, amount = ("-", -minor) if minor < 0 else ("", minor)
    return f"{sign}{amount // 100}.{amount % 100:02d} {currency}"


FILTERS: dict[str, Callable[..., Any]] = {"clock": clock, "span": span, "money": money}
