"""Why time may not count against an agreement: kinds of exclusions, and stretches of time that people recorded, each with its reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pipeline.core.operation import Operation, OperationKind
from pipeline.core.resource import ResourceId, ResourceKind, kind_of, name_of
from pipeline.core.saying import folded, standing


class ExclusionKind(StrEnum):
    """Why downtime may not be the provider's; a plan says which of them excuse it, and which stop its clock.

    ``PLANNED`` work, announced; ``OFF_NET``: a fault in another's network; ``UNKNOWN``: nobody can say how the service was; ``BLIND``: it
    could not be measured; ``CUSTOMER_DELAY``, ``NO_ACCESS``, ``CUSTOMER_POWER``: the repair waited for the customer, for entry, for power.
    """

    PLANNED = "planned"
    CUSTOMER_CAUSED = "customer-caused"
    FORCE_MAJEURE = "force-majeure"
    OFF_NET = "off-net"
    UNKNOWN = "unknown"
    BLIND = "blind"
    CUSTOMER_DELAY = "customer-delay"
    NO_ACCESS = "no-access"
    CUSTOMER_POWER = "customer-power"


EXCUSES = (
    ExclusionKind.PLANNED,
    ExclusionKind.CUSTOMER_CAUSED,
    ExclusionKind.FORCE_MAJEURE,
    ExclusionKind.OFF_NET,
    ExclusionKind.UNKNOWN,
    ExclusionKind.BLIND,
)
"""Kinds that excuse downtime unless the plan lists others: it is cut out, and what is left on each side stands for itself."""

STOPS = (ExclusionKind.CUSTOMER_DELAY, ExclusionKind.NO_ACCESS, ExclusionKind.CUSTOMER_POWER)
"""Kinds that stop the clock unless the plan lists others: before and after are one outage, the time between does not count."""

ORDER = {kind: place for place, kind in enumerate(ExclusionKind)}
"""Which kind names a stretch that several cover: the first."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A stretch of time that somebody says should not count, of one ``service`` or of what one ``incident`` did.

    Times are UTC nanoseconds. ``noticed_at`` is when the customer was told beforehand (planned work), 0 for never. ``text`` is the reason
    in words, ``operator`` who recorded it.
    """

    id: str
    kind: ExclusionKind
    starts_at: int
    ends_at: int
    service: str = ""
    incident: str = ""
    text: str = ""
    noticed_at: int = 0
    operator: str = ""

    @property
    def place(self) -> tuple[int, int, str]:
        """The place among others: by kind, then by start."""
        return ORDER[self.kind], self.starts_at, self.id

    def covers(self, service: str, incident: str) -> bool:
        """Whether it speaks of an outage of this service and incident."""
        return self.service == service if self.service else bool(self.incident) and self.incident == incident

    @property
    def told(self) -> str:
        """The reason in words, with who says so."""
        return " ".join(part for part in (self.text or self.id, f"({self.operator})" if self.operator else "") if part)


@dataclass(frozen=True, slots=True)
class ExclusionRow:
    """What was said of one exclusion by its ``id``: recorded (``exclusion``), or taken back, in whichever order the two are heard.

    ``at`` is when the latest was said (UTC nanoseconds).
    """

    id: str
    at: int
    exclusion: Exclusion | None = None
    is_withdrawn: bool = False

    @property
    def said(self) -> Exclusion | None:
        """The exclusion, once it was heard."""
        return self.exclusion


def row_of(operation: Operation) -> ExclusionRow:
    """What a person's operation says of an exclusion."""
    if operation.kind is OperationKind.INCLUDE:
        return ExclusionRow(operation.target, operation.at, is_withdrawn=True)
    target = ResourceId(operation.target)
    of_service = kind_of(target) is ResourceKind.SERVICE
    exclusion = Exclusion(
        id=operation.id,
        kind=ExclusionKind(operation.reason_kind),
        starts_at=operation.starts_at,
        ends_at=operation.until,
        service=name_of(target) if of_service else "",
        incident="" if of_service else operation.target,
        text=operation.text,
        operator=operation.operator,
    )
    return ExclusionRow(operation.id, operation.at, exclusion)


def recorded(operations: Iterable[Operation]) -> tuple[Exclusion, ...]:
    """The exclusions that stand after these operations."""
    return standing(folded(map(row_of, operations)).values())
