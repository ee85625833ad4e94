"""One notification as every kind of receiver is given it, and what people read of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from pipeline.core.effect import Effect
from pipeline.outputs.ports import Delivery

OPENED, UPDATED, ACKNOWLEDGED, RESOLVED = "opened", "updated", "acknowledged", "resolved"
REPEATED, ESCALATED = "repeated", "escalated"
_LISTED = 20
_FIRST_WORDS = {
    RESOLVED: "Resolved",
    UPDATED: "Update",
    ACKNOWLEDGED: "Acknowledged",
    REPEATED: "Still open",
    ESCALATED: "Nobody has acknowledged",
}


class _Payload(msgspec.Struct):
    type: str
    timestamp: str
    data: dict[str, Any]


class _Body(msgspec.Struct):
    payload: _Payload
    receiver: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification. ``occasion`` is what happened, ``page`` what receivers file it under, ``link`` leads to the console if it may.

    ``data`` is that of :func:`pipeline.core.wording.incident_data` and what :mod:`pipeline.core.paging` adds; its texts are plain.
    """

    key: str
    occasion: str
    page: str
    timestamp: str
    data: dict[str, Any]
    link: str = ""

    @classmethod
    def of(cls, effect: Effect, console: str = "") -> "Notice":
        """From an effect. Raises ``msgspec.ValidationError`` for what is none."""
        body = msgspec.convert(effect.body, _Body)
        data = body.payload.data
        incident = str(data.get("incident", effect.subject))
        link = f"{console.rstrip('/')}/incidents/{incident}" if console else ""
        occasion = body.payload.type.removeprefix("incident.")
        return cls(effect.key, occasion, str(data.get("page", incident)), body.payload.timestamp, data, link)

    def text(self, name: str) -> str:
        """A member of the data as text; empty when there is none."""
        value = self.data.get(name)
        return "" if value is None else str(value)

    @property
    def is_over(self) -> bool:
        """Whether it says that all is over."""
        return self.occasion == RESOLVED

    def title(self) -> str:
        """One line: what happened, how bad it is, and to what."""
        severity = self.text("severity").capitalize()
        first = _FIRST_WORDS.get(self.occasion, severity)
        said = f"{first}: {self.text('summary')}" if first == severity else f"{first} ({severity.lower()}): {self.text('summary')}"
        more = int(self.data.get("grouped_total", 1)) - 1
        return f"{said} (and {more} more at {self.text('group')})" if more > 0 else said

    def lines(self) -> Iterator[str]:
        """What a person needs to know, a line each; without markup."""
        yield f"Why: {self.text('reason')}"
        yield f"Since: {self.text('started_at')}"
        if self.text("resolved_at"):
            yield f"Resolved: {self.text('resolved_at')}"
        if self.text("acknowledged_by"):
            yield f"In the hands of: {self.text('acknowledged_by')}"
        if self.text("unacknowledged_for"):
            yield f"Unacknowledged for: {self.text('unacknowledged_for')}"
        if self.text("on_call"):
            yield f"On call: {self.text('on_call')}"
        yield from (f"- {line}" for line in self.data.get("explanation", ())[:_LISTED])
        services = self.data.get("services", ())
        for each in services[:_LISTED]:
            yield f"{each.get('tier')}: {each.get('service')} of {each.get('customer')}, {each.get('state')} since {each.get('since')}"
        left = int(self.data.get("services_total", len(services))) - min(len(services), _LISTED)
        if left > 0:
            yield f"and {left} more services"
        for each in self.data.get("grouped", ())[:_LISTED]:
            yield f"{each.get('state')}, {each.get('severity')}: {each.get('summary')}"
        yield f"Told because: {self.text('decision')}, by route {self.text('route')}"


class Notifier(Protocol):
    """One kind of receiver."""

    async def send(self, notice: Notice) -> Delivery:
        """Tell it once more; telling it twice must look like once. Connection errors and timeouts may be raised: they mean again."""
