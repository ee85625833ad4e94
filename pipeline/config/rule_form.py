"""How rule files are written, before names become OIDs and texts become templates."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.core.event import Condition, Severity, Signal
from pipeline.core.exclusion import ExclusionKind
from pipeline.core.kpi import KpiRule
from pipeline.core.outage import ServiceState
from pipeline.core.plan import Plan
from pipeline.core.resource import ResourceKind
from pipeline.core.rollup import RollupRule
from pipeline.core.rule import By, EventType
from pipeline.core.threshold import Threshold


@dataclass(frozen=True, slots=True)
class AlarmTypeForm:
    """One entry of the catalogue; ``probable_cause`` is ``registry/name``."""

    name: str
    event_type: EventType
    probable_cause: str
    severity: Severity
    description: str
    will_clear: bool = True
    condition: Condition = Condition.NONE


@dataclass(frozen=True, slots=True)
class AlarmTypeTest:
    """What an entry must come out as: the keys that are given."""

    alarm_type: str
    expect: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AlarmFile:
    """A file of ``rules/alarms``."""

    alarm_types: tuple[AlarmTypeForm, ...]
    tests: tuple[AlarmTypeTest, ...]


@dataclass(frozen=True, slots=True)
class ResourceForm:
    """Where the resource is found; see :class:`pipeline.core.rule.Locator`. ``index_of`` names the object whose index is taken."""

    kind: ResourceKind
    by: By = By.DEVICE
    varbind: str = ""
    name_varbind: str = ""
    index_of: str = ""
    arcs: int = 0


@dataclass(frozen=True, slots=True)
class TrapForm:
    """One trap rule.

    It matches by ``notification`` (a name), ``oid``, or ``enterprise`` and ``specific`` of a v1 trap, which as a v2 notification has either
    OID of RFC 3584 section 3.2; and by ``when``: object -> value, values, or a mapping with ``not``, ``from`` and ``to``, ``begins`` or
    ``contains``. An object is a name, an OID, or the place of its varbind (``#2``).
    """

    name: str
    resource: ResourceForm
    alarm_type: str
    signal: Signal
    text: str
    notification: str = ""
    oid: str = ""
    enterprise: str = ""
    specific: int | None = None
    when: dict[str, Any] = field(default_factory=dict)
    severity: Severity | None = None
    qualifier: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TrapTest:
    """A notification and the event that must come of it: the keys that are given.

    ``varbinds`` are ``object.index: value``, values as labels, numbers, text or ``hex:0102``. ``source`` is the sender: the test network
    has ``router`` at 192.0.2.1 with interfaces eth1 to eth9 of ifIndex 1 to 9. A varbind ``#2`` stands at that place of the notification.
    """

    expect: dict[str, Any]
    notification: str = ""
    oid: str = ""
    source: str = "192.0.2.1"
    varbinds: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrapFile:
    """A file of ``rules/traps``."""

    traps: tuple[TrapForm, ...]
    tests: tuple[TrapTest, ...]


@dataclass(frozen=True, slots=True)
class PlanOutage:
    """An outage of a plan's test; ``lasts_s`` in seconds, or else ``until`` as a time.

    ``ticketed_after_s``, ``acknowledged_after_s`` and ``closed_after_s`` are when its ticket was opened, somebody took charge of it, and
    the ticket was resolved, in seconds from its start; none is never. ``planned`` is work announced in time that covers it.
    """

    at: str
    lasts_s: int | None = None
    until: str = ""
    state: ServiceState = ServiceState.DOWN
    confirmed: bool = True
    planned: bool = False
    ticketed_after_s: int | None = None
    acknowledged_after_s: int | None = None
    closed_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class PlanExclusion:
    """A stretch of time of a plan's test that somebody recorded as one that should not count.

    ``noticed_before_s`` is how long before its start planned work was announced, in seconds.
    """

    kind: ExclusionKind
    at: str
    lasts_s: int | None = None
    until: str = ""
    text: str = ""
    noticed_before_s: int = 0


@dataclass(frozen=True, slots=True)
class PlanTest:
    """A month of one service under a plan, and what it must come to: the keys that are given (fields of ``Evaluation``, and ``credit``).

    ``charge`` is the month's charge, decimal text, ``access_charge`` that of its access line. The month is the one that contains ``at``,
    cut in ``timezone``. ``metric`` says which promise is meant.
    """

    plan: str
    at: str
    outages: tuple[PlanOutage, ...]
    expect: dict[str, str]
    charge: str = "1000.00"
    access_charge: str = "0"
    currency: str = "EUR"
    timezone: str = "UTC"
    metric: str = "availability"
    exclusions: tuple[PlanExclusion, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A file of ``rules/slas``."""

    plans: tuple[Plan, ...]
    tests: tuple[PlanTest, ...]


@dataclass(frozen=True, slots=True)
class KpiTest:
    """Either a ``threshold``: good ``values`` in a row, and what each must cause (``raise``, ``clear`` or ``-``).

    Or a ``kpi``: ``inputs`` by name, each a value for every row in the unit of its column (counters as ``rate(name)``, a second), and what
    each row must give in the KPI's unit (``none`` for no value). Or a ``rollup``: ``values`` of a group, and the one that they become.
    """

    expect: tuple[Any, ...]
    threshold: str = ""
    values: tuple[Any, ...] = ()
    kpi: str = ""
    rollup: str = ""
    inputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KpiFile:
    """A file of ``rules/kpis``."""

    tests: tuple[KpiTest, ...]
    kpis: tuple[KpiRule, ...] = ()
    rollups: tuple[RollupRule, ...] = ()
    thresholds: tuple[Threshold, ...] = ()


_X733 = (
    "other adapter-error application-subsystem-failure bandwidth-reduced call-establishment-error communications-protocol-error"
    " communications-subsystem-failure configuration-or-customization-error congestion corrupt-data cpu-cycles-limit-exceeded"
    " data-set-or-modem-error degraded-signal dte-dce-interface-error enclosure-door-open equipment-malfunction excessive-vibration"
    " file-error fire-detected flood-detected framing-error heating-or-ventilation-or-cooling-system-problem humidity-unacceptable"
    " input-output-device-error input-device-error lan-error leak-detected local-node-transmission-error loss-of-frame loss-of-signal"
    " material-supply-exhausted multiplexer-problem out-of-memory output-device-error performance-degraded power-problem"
    " pressure-unacceptable processor-problem pump-failure queue-size-exceeded receive-failure receiver-failure"
    " remote-node-transmission-error resource-at-or-nearing-capacity response-time-excessive retransmission-rate-excessive"
    " software-error software-program-abnormally-terminated software-program-error storage-capacity-problem temperature-unacceptable"
    " threshold-crossed timing-problem toxic-leak-detected transmit-failure transmitter-failure underlying-resource-unavailable"
    " version-mismatch"
)
_X736 = (
    "authentication-failure breach-of-confidentiality cable-tamper delayed-information denial-of-service duplicate-information"
    " information-missing information-modification-detected information-out-of-sequence intrusion-detection key-expired"
    " non-repudiation-failure out-of-hours-activity out-of-service procedural-error unauthorized-access-attempt"
    " unexpected-information unspecified-reason"
)
PROBABLE_CAUSES: dict[str, frozenset[str]] = {"x733": frozenset(_X733.split()), "x736": frozenset(_X736.split())}
"""Probable causes by registry: ITU-T X.733 section 8.1.2.2 and X.736 section 8.1.2.2, in kebab-case."""
