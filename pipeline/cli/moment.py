"""Times as people type them: RFC 3339, a day or a time of today in UTC, or how long ago; and how long."""

import re
import time
from datetime import UTC, datetime

import click

from pipeline.config.moment import nanoseconds

_AGO = re.compile(r"(\d+)\s*(s|min|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}
_OF_TODAY = re.compile(r"\d\d:\d\d(:\d\d(\.\d+)?)?")


def moment(text: str, now: int) -> int:
    """Text as UTC nanoseconds; ``now`` is what ``10m`` counts back from, and whose day ``10:46`` is of. Raises ``ValueError``."""
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _SECONDS[ago[2]] * 10**9
    if _OF_TODAY.fullmatch(text):
        return nanoseconds(f"{datetime.fromtimestamp(now / 1e9, UTC).date()}T{text}Z")
    try:
        known = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no time; write 2026-11-23T10:46:00Z, 10:46 (today, UTC) or 10m (ago)") from None
    return nanoseconds(text if known.tzinfo else f"{known.isoformat()}Z")


def ahead(text: str, now: int) -> int:
    """As :func:`moment`, but ``4h`` counts forward from ``now``. Raises ``ValueError``."""
    if span := _AGO.fullmatch(text):
        return now + int(span[1]) * _SECONDS[span[2]] * 10**9
    try:
        return moment(text, now)
    except ValueError:
        raise ValueError(f"'{text}' is no time; write 2026-11-23T10:46:00Z, 22:46 (today, UTC) or 4h (from now)") from None


class Moment(click.ParamType):
    """A point in time; UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """UTC nanoseconds; wrong usage for what is no time."""
        if isinstance(value, int):
            return value
        try:
            return moment(value, time.time_ns())
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Length(click.ParamType):
    """How long, in nanoseconds: ``90s``, ``10m``, ``6h`` or ``1d``."""

    name = "length"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds; wrong usage for what is no length of time."""
        if isinstance(value, int):
            return value
        found = _AGO.fullmatch(value)
        if found is None:
            self.fail(f"'{value}' is no length of time; write 90s, 10m, 6h or 1d", param, ctx)
        return int(found[1]) * _SECONDS[found[2]] * 10**9


class Ahead(Moment):
    """A point in time that may be told by how far ahead it is."""

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """UTC nanoseconds; wrong usage for what is no time."""
        if isinstance(value, int):
            return value
        try:
            return ahead(value, time.time_ns())
        except ValueError as error:
            self.fail(str(error), param, ctx)
