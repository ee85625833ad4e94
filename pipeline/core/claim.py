"""A claim: a customer asks for the credit of a month under a plan that pays only when asked, within its time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from pipeline.core.evaluation import Evaluation
from pipeline.core.operation import Operation, OperationKind
from pipeline.core.period import Period, date_of, month_named
from pipeline.core.plan import Plan
from pipeline.core.resource import ResourceId, name_of
from pipeline.core.saying import folded, standing
from pipeline.core.workday import claimable_until

ON_CLAIM = "paid on claim only"
"""How the line of the arithmetic begins that says how a claim stands."""
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:assurance-pipeline:claim")


@dataclass(frozen=True, slots=True)
class Claim:
    """What the customer of ``service`` asked for: the credit of the month ``period`` (``2026-11``), whatever it comes to.

    ``claimed_at`` is when they asked (UTC nanoseconds), which is not later than it was recorded. ``text`` says how, ``operator`` who
    recorded it.
    """

    id: str
    service: str
    period: str
    claimed_at: int
    text: str = ""
    operator: str = ""

    @property
    def place(self) -> tuple[int, str]:
        """The place among others: the earliest first."""
        return self.claimed_at, self.id

    @property
    def told(self) -> str:
        """How they asked, with who says so."""
        return " ".join(part for part in (self.text, f"({self.operator})" if self.operator else "") if part)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """What was said of one claim by its ``id``: recorded (``claim``), or taken back, in whichever order the two are heard.

    ``at`` is when the latest was said (UTC nanoseconds).
    """

    id: str
    at: int
    claim: Claim | None = None
    is_withdrawn: bool = False

    @property
    def said(self) -> Claim | None:
        """The claim, once it was heard."""
        return self.claim


def row_of(operation: Operation) -> ClaimRow:
    """What a person's operation says of a claim."""
    if operation.kind is OperationKind.WITHDRAW:
        return ClaimRow(operation.target, operation.at, is_withdrawn=True)
    claim = Claim(
        id=operation.id,
        service=service_of(operation),
        period=operation.period,
        claimed_at=operation.starts_at,
        text=operation.text,
        operator=operation.operator,
    )
    return ClaimRow(operation.id, operation.at, claim)


def service_of(operation: Operation) -> str:
    """The service whose month is claimed."""
    return name_of(ResourceId(operation.target))


def recorded(operations: Iterable[Operation]) -> tuple[Claim, ...]:
    """The claims that stand after these operations."""
    return standing(folded(map(row_of, operations)).values())


def by_service(claims: Iterable[Claim]) -> Mapping[str, tuple[Claim, ...]]:
    """Claims by the service that they are for, in their order."""
    found: dict[str, tuple[Claim, ...]] = defaultdict(tuple)
    for claim in claims:
        found[claim.service] += (claim,)
    return found


def deadline(plan: Plan, month: Period) -> int:
    """Up to when a whole month's credit may be claimed under a plan (UTC nanoseconds, excluded); 0 for no limit."""
    return claimable_until(month, plan.claim_days, plan.holidays, working_days=plan.claim_working_days)


def last_day(claim_until: int, timezone: str) -> str:
    """The last day on which it may be claimed, where the customer lives: ``2026-12-09``; empty where there is no limit."""
    return date_of(claim_until - 1, timezone).isoformat() if claim_until else ""


def is_in_time(claimed_at: int, claim_until: int) -> bool:
    """Whether a claim made at an instant counts: the last day does to its very end, the instant after it does not."""
    return not claim_until or claimed_at < claim_until


def claim_for(claims: Iterable[Claim], evaluation: Evaluation) -> Claim | None:
    """The claim that makes an evaluation's credit payable: the earliest for its service and month, if it was in time."""
    mine = (each for each in claims if (each.service, each.period) == (evaluation.service, evaluation.period))
    return next((each for each in mine if is_in_time(each.claimed_at, evaluation.claim_until)), None)


def is_whole(evaluation: Evaluation) -> bool:
    """Whether an evaluation is of the whole month; one that was cut waits for its end before a claim pays."""
    return evaluation.period_ends_at >= month_named(evaluation.period, evaluation.timezone).ends_at


def claim_line(evaluation: Evaluation, claim: Claim | None) -> str:
    """How a credit that is not automatic stands, for the arithmetic."""
    last = last_day(evaluation.claim_until, evaluation.timezone)
    by = f"claim by {last} ({evaluation.timezone})" if last else "claim at any time"
    if claim is None:
        return f"{ON_CLAIM}: {by}"
    on = date_of(claim.claimed_at, evaluation.timezone).isoformat()
    waits = "" if is_whole(evaluation) else "; it counts once the month is over"
    return f"{ON_CLAIM}: claimed on {on}{', ' if claim.told else ''}{claim.told} ({by}){waits}"


def claim_word(arithmetic: Iterable[str]) -> str:
    """How a credit stands that is paid on claim, in two or three words of :func:`claim_line`; empty for one that is not."""
    line = next((line for line in arithmetic if line.startswith(ON_CLAIM)), "")
    return line.removeprefix(f"{ON_CLAIM}: ").partition(",")[0].partition(" (")[0]


def name_of_claim(service: str, period: str, earlier: Sequence[str]) -> str:
    """The id of a claim: the same for the same service and month, whoever records it, until ``earlier`` ones were withdrawn or refused."""
    return str(uuid5(_NAMESPACE, "|".join((service, period, str(len(earlier))))))
