"""What people do to alarms, incidents and planned work: each operation once, by its id, and with an answer that says what became of it.

Operations that contend (acknowledge and take back, shelve and release, the steps of one window) are held in the order in which people gave
them, ``(at, id)``, not in that of arrival: one that comes after a later one is refused as late, so any order of arrival ends alike.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId

COMMENTS_KEPT = 20
"""Latest comments that an incident carries; the audit trail has them all."""
COMMENT_LIMIT = 1_000
"""Characters of a comment or a reason."""

Given = tuple[int, str]
"""When an operation was given (UTC nanoseconds) and its id: its place among the others."""

NEVER: Given = (0, "")


class OperationKind(StrEnum):
    """What somebody wants done."""

    ACK = "ack"
    UNACK = "unack"
    COMMENT = "comment"
    CLOSE = "close"
    SHELVE = "shelve"
    UNSHELVE = "un-shelve"
    WINDOW_ADD = "window-add"
    WINDOW_EXTEND = "window-extend"
    WINDOW_END = "window-end"
    WINDOW_CANCEL = "window-cancel"
    EXCLUDE = "exclude"
    INCLUDE = "include"
    CLAIM = "claim"
    WITHDRAW = "withdraw"


EXCLUSION_KINDS = frozenset({OperationKind.EXCLUDE, OperationKind.INCLUDE})
"""Saying that time should not count against agreements, and taking that back."""
CLAIM_KINDS = frozenset({OperationKind.CLAIM, OperationKind.WITHDRAW})
"""Claiming a month's credit for a customer, and taking that back."""
WINDOW_KINDS = frozenset(
    {OperationKind.WINDOW_ADD, OperationKind.WINDOW_EXTEND, OperationKind.WINDOW_END, OperationKind.WINDOW_CANCEL},
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One act of a person, for one correlation domain.

    ``id`` is the idempotency key. ``operator`` is the person's name and ``via`` the way they came: ``cli``, ``api``, ``receiver:NAME`` for
    what comes back from a receiver of notifications, or ``ticket`` for what they did in the incident's ticket. ``target`` is the id of an
    incident or alarm, a resource (to shelve all its alarms; the service whose time is excluded or whose month is claimed), the name of a
    maintenance window, or the id of an exclusion or claim. ``text`` is the comment or the reason. ``until`` is the end of a shelf, window
    or exclusion, ``starts_at`` the start of the last two (both UTC nanoseconds); of a claim, up to when it could be made (0: without
    limit) and when it was. ``resources`` are what a window is over; ``reason_kind`` is why time is excluded from agreements (an
    ``ExclusionKind``); ``period`` is the month that is claimed (``2026-11``).
    """

    id: str
    kind: OperationKind
    at: int
    operator: str
    target: str
    domain: str
    text: str = ""
    until: int = 0
    starts_at: int = 0
    resources: tuple[str, ...] = ()
    via: str = ""
    reason_kind: str = ""
    period: str = ""

    @property
    def given(self) -> Given:
        """The operation's place among the others."""
        return self.at, self.id


class OperationError(ValueError):
    """What cannot be asked for; the text is for people. ``reason`` is ``UNKNOWN_TARGET`` or ``MALFORMED``."""

    def __init__(self, text: str, reason: Reason = Reason.MALFORMED) -> None:
        super().__init__(text)
        self.reason = reason


class Outcome(StrEnum):
    """What became of an operation."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one domain did with an operation: ``reason`` is why, ``detail`` the same for people. ``answered_at`` is UTC nanoseconds."""

    operation: Operation
    outcome: Outcome
    reason: Reason
    detail: str
    answered_at: int


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody remarked on an incident; ``at`` is UTC nanoseconds."""

    at: int
    operator: str
    text: str


@dataclass(frozen=True, slots=True)
class Handling:
    """How people deal with an incident.

    ``operated`` is the last acknowledgement or its withdrawal. ``escalation`` counts how often somebody further was told that nobody has
    acknowledged; ``unheeded_since`` is since when it waits for that (UTC nanoseconds; 0: it does not), ``unheeded_base`` the count then.
    """

    acknowledged_by: str = ""
    acknowledged_at: int = 0
    comments: tuple[Comment, ...] = ()
    operated: Given = NEVER
    escalation: int = 0
    unheeded_since: int = 0
    unheeded_base: int = 0


@dataclass(frozen=True, slots=True)
class OperationRow:
    """An operation that was answered, remembered so that it is done once."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class ShelfRow:
    """What is shelved until ``until`` (UTC nanoseconds): one alarm's key, or with an empty ``alarm_type`` every alarm of a resource.

    ``is_released`` once its alarms were told that it ended.
    """

    resource: ResourceId
    alarm_type: str
    qualifier: str
    until: int
    reason: str
    operator: str
    operated: Given = NEVER
    is_released: bool = False

    @property
    def name(self) -> str:
        """What tells it from others."""
        return f"{self.resource}|{self.alarm_type}|{self.qualifier}"


class Standing(StrEnum):
    """How the target of an operation stands when it comes.

    ``MEASURED``: an alarm stands that polls, thresholds or detectors keep up themselves.
    """

    ABSENT = "absent"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MEASURED = "measured"
    RESOLVED = "resolved"
    SHELVED = "shelved"
    PLANNED = "planned"
    IN_FORCE = "in-force"
    OVER = "over"
    CANCELLED = "cancelled"


class Verdict(NamedTuple):
    """One cell of the table."""

    outcome: Outcome
    reason: Reason


def _done(reason: Reason) -> Verdict:
    return Verdict(Outcome.DONE, reason)


def refused(reason: Reason) -> Verdict:
    """A refusal with its reason."""
    return Verdict(Outcome.REFUSED, reason)


STANDINGS: dict[OperationKind, tuple[Standing, ...]] = {
    **dict.fromkeys(
        (OperationKind.ACK, OperationKind.UNACK),
        (Standing.ABSENT, Standing.OPEN, Standing.ACKNOWLEDGED, Standing.SHELVED, Standing.RESOLVED),
    ),
    OperationKind.COMMENT: (Standing.ABSENT, Standing.OPEN, Standing.ACKNOWLEDGED, Standing.RESOLVED),
    OperationKind.CLOSE: (Standing.ABSENT, Standing.OPEN, Standing.ACKNOWLEDGED, Standing.MEASURED, Standing.RESOLVED),
    **dict.fromkeys((OperationKind.SHELVE, OperationKind.UNSHELVE), (Standing.ABSENT, Standing.OPEN, Standing.SHELVED)),
    **dict.fromkeys(EXCLUSION_KINDS, (Standing.OPEN,)),
    OperationKind.CLAIM: (Standing.OPEN, Standing.OVER),
    OperationKind.WITHDRAW: (Standing.OPEN,),
    **dict.fromkeys(WINDOW_KINDS, (Standing.ABSENT, Standing.PLANNED, Standing.IN_FORCE, Standing.OVER, Standing.CANCELLED)),
}
"""How the target of each kind may stand."""

_UNKNOWN = refused(Reason.UNKNOWN_TARGET)

VERDICTS: dict[tuple[OperationKind, Standing], Verdict] = {
    (OperationKind.ACK, Standing.ABSENT): _UNKNOWN,
    (OperationKind.ACK, Standing.OPEN): _done(Reason.ACKNOWLEDGED),
    (OperationKind.ACK, Standing.ACKNOWLEDGED): _done(Reason.ACKNOWLEDGED),
    (OperationKind.ACK, Standing.SHELVED): refused(Reason.IS_SHELVED),
    (OperationKind.ACK, Standing.RESOLVED): refused(Reason.NOT_OPEN),
    (OperationKind.UNACK, Standing.ABSENT): _UNKNOWN,
    (OperationKind.UNACK, Standing.OPEN): refused(Reason.NOT_ACKNOWLEDGED),
    (OperationKind.UNACK, Standing.ACKNOWLEDGED): _done(Reason.UN_ACKNOWLEDGED),
    (OperationKind.UNACK, Standing.SHELVED): refused(Reason.IS_SHELVED),
    (OperationKind.UNACK, Standing.RESOLVED): refused(Reason.NOT_OPEN),
    (OperationKind.COMMENT, Standing.ABSENT): _UNKNOWN,
    (OperationKind.COMMENT, Standing.OPEN): _done(Reason.COMMENTED),
    (OperationKind.COMMENT, Standing.ACKNOWLEDGED): _done(Reason.COMMENTED),
    (OperationKind.COMMENT, Standing.RESOLVED): _done(Reason.COMMENTED),
    (OperationKind.CLOSE, Standing.ABSENT): _UNKNOWN,
    (OperationKind.CLOSE, Standing.OPEN): _done(Reason.CLOSED_BY_OPERATOR),
    (OperationKind.CLOSE, Standing.ACKNOWLEDGED): _done(Reason.CLOSED_BY_OPERATOR),
    (OperationKind.CLOSE, Standing.MEASURED): refused(Reason.STILL_MEASURED),
    (OperationKind.CLOSE, Standing.RESOLVED): refused(Reason.NOT_OPEN),
    (OperationKind.SHELVE, Standing.ABSENT): _UNKNOWN,
    (OperationKind.SHELVE, Standing.OPEN): _done(Reason.SHELVED),
    (OperationKind.SHELVE, Standing.SHELVED): _done(Reason.SHELVED),
    (OperationKind.UNSHELVE, Standing.ABSENT): _UNKNOWN,
    (OperationKind.UNSHELVE, Standing.OPEN): refused(Reason.NOT_SHELVED),
    (OperationKind.UNSHELVE, Standing.SHELVED): _done(Reason.UN_SHELVED),
    (OperationKind.EXCLUDE, Standing.OPEN): _done(Reason.EXCLUSION_RECORDED),
    (OperationKind.INCLUDE, Standing.OPEN): _done(Reason.EXCLUSION_WITHDRAWN),
    (OperationKind.CLAIM, Standing.OPEN): _done(Reason.CLAIM_RECORDED),
    (OperationKind.CLAIM, Standing.OVER): refused(Reason.CLAIM_TOO_LATE),
    (OperationKind.WITHDRAW, Standing.OPEN): _done(Reason.CLAIM_WITHDRAWN),
    (OperationKind.WINDOW_ADD, Standing.ABSENT): _done(Reason.WINDOW_ADDED),
    (OperationKind.WINDOW_ADD, Standing.PLANNED): refused(Reason.NAME_TAKEN),
    (OperationKind.WINDOW_ADD, Standing.IN_FORCE): refused(Reason.NAME_TAKEN),
    (OperationKind.WINDOW_ADD, Standing.OVER): refused(Reason.NAME_TAKEN),
    (OperationKind.WINDOW_ADD, Standing.CANCELLED): refused(Reason.NAME_TAKEN),
    (OperationKind.WINDOW_EXTEND, Standing.ABSENT): _UNKNOWN,
    (OperationKind.WINDOW_EXTEND, Standing.PLANNED): _done(Reason.WINDOW_EXTENDED),
    (OperationKind.WINDOW_EXTEND, Standing.IN_FORCE): _done(Reason.WINDOW_EXTENDED),
    (OperationKind.WINDOW_EXTEND, Standing.OVER): refused(Reason.IS_OVER),
    (OperationKind.WINDOW_EXTEND, Standing.CANCELLED): refused(Reason.IS_OVER),
    (OperationKind.WINDOW_END, Standing.ABSENT): _UNKNOWN,
    (OperationKind.WINDOW_END, Standing.PLANNED): refused(Reason.NOT_BEGUN),
    (OperationKind.WINDOW_END, Standing.IN_FORCE): _done(Reason.MAINTENANCE_ENDED),
    (OperationKind.WINDOW_END, Standing.OVER): refused(Reason.IS_OVER),
    (OperationKind.WINDOW_END, Standing.CANCELLED): refused(Reason.IS_OVER),
    (OperationKind.WINDOW_CANCEL, Standing.ABSENT): _UNKNOWN,
    (OperationKind.WINDOW_CANCEL, Standing.PLANNED): _done(Reason.WINDOW_CANCELLED),
    (OperationKind.WINDOW_CANCEL, Standing.IN_FORCE): refused(Reason.HAS_BEGUN),
    (OperationKind.WINDOW_CANCEL, Standing.OVER): refused(Reason.IS_OVER),
    (OperationKind.WINDOW_CANCEL, Standing.CANCELLED): refused(Reason.IS_OVER),
}
"""What each operation does to a target that stands so, or why it is refused; a test proves it total."""


def with_comment(handling: Handling, comment: Comment) -> tuple[Comment, ...]:
    """An incident's comments with one more, in order of time; the same comment stands once."""
    return tuple(sorted({*handling.comments, comment}, key=lambda one: (one.at, one.operator, one.text)))[-COMMENTS_KEPT:]
