"""Deciding about credits: what people may do, by which rules, told alike on the command line and by the API."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.config.billing_settings import BillingSettings
from pipeline.core.approval import people_needed
from pipeline.core.credit import reversal_of
from pipeline.core.ledger import SWITCH, Credit, Step, StepEntry, StepKind
from pipeline.core.obligation import StoredCredit
from pipeline.core.operation import COMMENT_LIMIT
from pipeline.core.posting import CreditState, NotAllowedError, Standing, UnknownCreditError, paused_by
from pipeline.obligations import Obligations

Json = dict[str, Any]

_REVERSIBLE = frozenset({CreditState.POSTED, CreditState.CONFIRMED})
_BY_PEOPLE = frozenset({StepKind.APPROVE, StepKind.REJECT, StepKind.ADOPT, StepKind.RETRY, StepKind.CONFIRMED})
_REASONED = frozenset({StepKind.REJECT, StepKind.ADOPT, StepKind.RETRY, StepKind.CONFIRMED})
"""What wants a sentence for the auditor."""


AT_ONCE = 500
"""Approvals of one transaction: a second of work, so that whoever posts is not kept waiting."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What became of one credit of many: where it stands (``told``), or why it was ``refused``."""

    credit: Credit
    told: str = ""
    refused: str = ""


def _approval(credit: Credit, answer: Standing | Exception) -> Approval:
    if isinstance(answer, Standing):
        return Approval(credit, told=told(credit, answer))
    return Approval(credit, refused=str(answer.args[0]))


class Crediting:
    """Takes people's decisions. The store is open; ``clock`` answers UTC nanoseconds. Methods raise ``OSError`` when it does not answer."""

    def __init__(self, store: Obligations, settings: BillingSettings, clock: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def decide(self, name: str, kind: StepKind, person: str, comment: str = "", remote_id: str = "") -> Json:
        """Approve, reject, adopt, retry or confirm the credit of this key (or beginning of one); answers it as it then stands.

        Raises ``UnknownCreditError``, and ``NotAllowedError`` for what its state or a rule forbids.
        """
        if kind not in _BY_PEOPLE:
            raise NotAllowedError(f"'{kind}' is for the billing system to say")
        stored = self._found(name)
        _check(person, comment, reasoned=kind in _REASONED)
        credit = stored.entry.credit
        needed = people_needed(credit, self._settings.limits_by_currency) if kind is StepKind.APPROVE else 0
        self._store.step_credit(Step(credit.key, kind, person, comment, needed, remote_id), self._clock())
        return credit_value(self._found(credit.key))

    def approve_all(self, credits_: Sequence[Credit], person: str, comment: str = "") -> Iterator[list[Approval]]:
        """Approve many credits, ``AT_ONCE`` in a transaction: what became of each, in their order, as each transaction ends.

        Each is held to the rules by itself: one that may not be approved by this person stops no other. Killed in between, whole
        transactions are kept, and the chain holds.
        """
        _check(person, comment, reasoned=False)
        limits = self._settings.limits_by_currency
        for start in range(0, len(credits_), AT_ONCE):
            chunk = credits_[start : start + AT_ONCE]
            steps = [Step(credit.key, StepKind.APPROVE, person, comment, people_needed(credit, limits)) for credit in chunk]
            answers = self._store.step_credits(steps, self._clock())
            yield [_approval(credit, answer) for credit, answer in zip(chunk, answers, strict=True)]

    def reverse(self, name: str, person: str, comment: str) -> Json:
        """Enter the counter-entry of a credit that was posted; it is approved by somebody else, and posted, like any other."""
        stored = self._found(name)
        _check(person, comment, reasoned=True)
        if stored.standing.state not in _REVERSIBLE:
            raise NotAllowedError(f"it is {stored.standing.state}: only what was posted is taken back, the rest is rejected")
        if stored.standing.reverses:
            raise NotAllowedError("it is a counter-entry itself; what was owed after all is a new revision")
        counter = reversal_of(stored.entry.credit, person, comment)
        self._store.enter_credit(counter, self._clock())
        return credit_value(self._found(counter.key))

    def pause(self, person: str, comment: str) -> bool:
        """Let nothing be posted from now on; false when it is so already."""
        _check(person, comment, reasoned=True)
        return self._store.switch_posting(Step(SWITCH, StepKind.PAUSE, person, comment), self._clock())

    def resume(self, person: str, comment: str) -> bool:
        """Let approved credits be posted again; false when they are."""
        _check(person, comment, reasoned=True)
        return self._store.switch_posting(Step(SWITCH, StepKind.RESUME, person, comment), self._clock())

    def paused(self) -> StepEntry | None:
        """The pause that is in force."""
        return paused_by(self._store.switched())

    def value(self, name: str) -> Json:
        """One credit with its steps. Raises ``UnknownCreditError``."""
        stored = self._found(name)
        siblings = self._store.credits_of_period(stored.entry.credit)
        others = [credit_value(each) for each in siblings if each.entry.key != stored.entry.key]
        return {**credit_value(stored), "steps": [_step_value(each) for each in stored.steps], "revisions": others}

    def _found(self, name: str) -> StoredCredit:
        stored = self._store.stored_credit(name) if name else None
        if stored is None:
            raise UnknownCreditError(f"there is no credit whose key is or alone begins with '{name}'")
        return stored


def _check(person: str, comment: str, *, reasoned: bool) -> None:
    if not 0 < len(person) <= 100 or not person.isprintable():  # noqa: PLR2004  # characters of a name
        raise NotAllowedError("say who you are: a name of up to 100 printable characters")
    if len(comment) > COMMENT_LIMIT or not comment.replace("\n", " ").isprintable():
        raise NotAllowedError(f"a comment has up to {COMMENT_LIMIT} printable characters")
    if reasoned and not comment.strip():
        raise NotAllowedError("say why")


def credit_value(stored: StoredCredit) -> Json:
    """A credit as a JSON-ready value; ``period`` is as the customer's calendar names it, times are UTC nanoseconds.

    ``state`` is where it stands, ``told`` the same for people; ``detail`` is what holds it back or what was said last.
    """
    credit, standing = stored.entry.credit, stored.standing
    names = ("key", "contract", "service", "customer", "period", "revision", "amount_minor", "currency", "reason", "dry_run", "evidence")
    return {
        **{name: getattr(credit, name) for name in names},
        "entered_at": stored.entry.entered_at,
        "entry_hash": stored.entry.entry_hash,
        "state": standing.state.value,
        "live": standing.live,
        "approvers": list(standing.approvers),
        "needed": standing.needed,
        "remote_id": standing.remote_id,
        "detail": stored.detail,
        "told": told(credit, standing),
    }


def told(credit: Credit, standing: Standing) -> str:
    """Where a credit stands, in a few words: ``dry run``, ``approved by 1 of 2``, ``posted``."""
    state = standing.state.value
    if standing.state is CreditState.COMPUTED and standing.approvers:
        state = f"approved by {len(standing.approvers)} of {standing.needed}"
    if standing.reverses:
        return f"{state}, takes back"
    if standing.live:
        return f"{state}, adjustment" if credit.revision > 1 and standing.state is CreditState.COMPUTED else state
    return "dry run" if standing.state is CreditState.COMPUTED and not standing.approvers else f"{state}, dry run"


def _step_value(entry: StepEntry) -> Json:
    step = entry.step
    return {
        "sequence": entry.sequence,
        "kind": step.kind.value,
        "person": step.person,
        "comment": step.comment,
        "needed": step.needed,
        "remote_id": step.remote_id,
        "at": entry.entered_at,
        "entry_hash": entry.entry_hash,
    }
