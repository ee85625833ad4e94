"""Trap rules, compiled: which notification becomes which event on which resource. Data in ``rules/``, looked up here, never parsed here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.core.event import AlarmType, Severity, Signal
from pipeline.core.raw import VarBind
from pipeline.core.resource import ResourceKind

UNKNOWN_NOTIFICATION = "unknown-notification"
"""The alarm type of a notification that no rule knows; every catalogue must have it."""


class EventType(StrEnum):
    """X.733 event types, spelled as in RFC 8632's ietf-alarms-x733."""

    OTHER = "other"
    COMMUNICATIONS = "communications-alarm"
    QUALITY_OF_SERVICE = "quality-of-service-alarm"
    PROCESSING_ERROR = "processing-error-alarm"
    EQUIPMENT = "equipment-alarm"
    ENVIRONMENTAL = "environmental-alarm"
    INTEGRITY = "integrity-violation"
    OPERATIONAL = "operational-violation"
    PHYSICAL = "physical-violation"
    SECURITY_SERVICE_OR_MECHANISM = "security-service-or-mechanism-violation"
    TIME_DOMAIN = "time-domain-violation"


def find_varbind(varbinds: tuple[VarBind, ...], oid: str) -> VarBind | None:
    """The first varbind that is an instance of the object ``oid``, or ``None``; ``#2`` is the second varbind, whatever it is."""
    if oid[:1] == "#":
        place = int(oid[1:])
        return varbinds[place - 1] if 0 < place <= len(varbinds) else None
    prefix = oid + "."
    for varbind in varbinds:
        if varbind.oid.startswith(prefix) or varbind.oid == oid:
            return varbind
    return None


@dataclass(frozen=True, slots=True)
class Match:
    """A condition on a varbind's value.

    It holds when the value is one of ``values``, a number within one of ``ranges`` (both ends included), or a text that begins with one of
    ``prefixes`` or has one of ``parts`` in it; when ``negated``, if it is none of these. A varbind that is missing never matches.
    """

    oid: str
    values: frozenset[int | bytes] = frozenset()
    ranges: tuple[tuple[int, int], ...] = ()
    prefixes: tuple[bytes, ...] = ()
    parts: tuple[bytes, ...] = ()
    negated: bool = False

    def holds(self, varbinds: tuple[VarBind, ...]) -> bool:
        """Whether the notification has such a value."""
        found = find_varbind(varbinds, self.oid)
        return found is not None and self._has(found.value) is not self.negated

    def _has(self, value: int | bytes | None) -> bool:
        if value in self.values:
            return True
        if isinstance(value, int):
            return any(low <= value <= high for low, high in self.ranges)
        return value is not None and (value.startswith(self.prefixes) or any(part in value for part in self.parts))


class By(StrEnum):
    """How a notification names its resource."""

    DEVICE = "device"
    IF_INDEX = "if-index"
    NAME = "name"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Locator:
    """Where a notification's resource is found.

    ``DEVICE``: the sender itself. ``IF_INDEX``: an interface; ``name_oid`` (ifName) where sent, else ``oid``'s value, else the index of any
    instance of it. ``NAME``: the text of ``oid``. ``INDEX``: the first ``arcs`` numbers of the index of ``oid``, all of them when 0.
    """

    kind: ResourceKind
    by: By = By.DEVICE
    oid: str = ""
    name_oid: str = ""
    arcs: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders, split at load: parts at even places are literal, those at odd places are names of varbinds.

    A name is looked up and nothing more: no attribute, no call, no format. A missing one shows as ``?``.
    """

    parts: tuple[str, ...]

    def render(self, lookup: Callable[[str], str | None]) -> str:
        """The text with each placeholder's value."""
        if len(self.parts) == 1:
            return self.parts[0]
        return "".join((lookup(part) or "?") if place % 2 else part for place, part in enumerate(self.parts))

    @property
    def names(self) -> tuple[str, ...]:
        """The placeholders."""
        return self.parts[1::2]


@dataclass(frozen=True, slots=True)
class TrapRule:
    """One rule: a notification with these conditions is this signal of this alarm type on that resource.

    ``also`` is a second OID of the notification: of an enterprise and a specific trap number (RFC 3584 section 3.2) there are two.
    """

    name: str
    oid: str
    locator: Locator
    alarm_type: AlarmType
    signal: Signal
    severity: Severity
    text: Template
    qualifier: Template | None = None
    conditions: tuple[Match, ...] = ()
    also: str = ""

    @property
    def oids(self) -> tuple[str, ...]:
        """Every OID that the rule reads."""
        return (self.oid, self.also) if self.also else (self.oid,)

    def holds(self, varbinds: tuple[VarBind, ...]) -> bool:
        """Whether every condition holds."""
        return all(condition.holds(varbinds) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class RuleBook:
    """A compiled, consistent set: alarm types by name, trap rules by OID (most conditions first), ``version`` a hash of the content."""

    version: str
    alarm_types: Mapping[str, AlarmType]
    by_oid: Mapping[str, tuple[TrapRule, ...]]

    @property
    def unknown(self) -> AlarmType:
        """The alarm type for what no rule knows."""
        return self.alarm_types[UNKNOWN_NOTIFICATION]
