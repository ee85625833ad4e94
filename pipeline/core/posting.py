"""The life of a credit: computed, approved by people, posted to billing, confirmed there. What was done is folded by one table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from unicodedata import normalize

from pipeline.core.ledger import SWITCH, Broken, Credit, Entry, Step, StepEntry, StepKind


class CreditState(StrEnum):
    """Where a credit stands. ``POSTING`` says that a call to billing may be under way, or was cut off."""

    COMPUTED = "computed"
    APPROVED = "approved"
    REJECTED = "rejected"
    POSTING = "posting"
    POSTED = "posted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    REVERSED = "reversed"


BILLING = "billing:"
"""What the name of a billing system begins with where a step says who took it."""

PAID = frozenset({CreditState.POSTING, CreditState.POSTED, CreditState.CONFIRMED, CreditState.REVERSED})
"""States in which the customer has the money, or may have it. A reversed credit has it still: its counter-entry takes it back."""

LIFECYCLE: dict[tuple[CreditState, StepKind], CreditState] = {
    (CreditState.COMPUTED, StepKind.APPROVE): CreditState.APPROVED,
    (CreditState.COMPUTED, StepKind.REJECT): CreditState.REJECTED,
    (CreditState.COMPUTED, StepKind.ADOPT): CreditState.COMPUTED,
    (CreditState.APPROVED, StepKind.APPROVE): CreditState.APPROVED,
    (CreditState.APPROVED, StepKind.REJECT): CreditState.REJECTED,
    (CreditState.APPROVED, StepKind.ADOPT): CreditState.APPROVED,
    (CreditState.APPROVED, StepKind.POSTING): CreditState.POSTING,
    (CreditState.POSTING, StepKind.POSTED): CreditState.POSTED,
    (CreditState.POSTING, StepKind.FAILED): CreditState.FAILED,
    (CreditState.POSTED, StepKind.CONFIRMED): CreditState.CONFIRMED,
    (CreditState.POSTED, StepKind.FAILED): CreditState.FAILED,
    (CreditState.POSTED, StepKind.REVERSED): CreditState.REVERSED,
    (CreditState.CONFIRMED, StepKind.FAILED): CreditState.FAILED,
    (CreditState.CONFIRMED, StepKind.REVERSED): CreditState.REVERSED,
    (CreditState.FAILED, StepKind.RETRY): CreditState.POSTING,
    (CreditState.FAILED, StepKind.CONFIRMED): CreditState.CONFIRMED,
    (CreditState.FAILED, StepKind.REJECT): CreditState.REJECTED,
}
"""From a state, by a step. What is not here is not allowed. An approval moves a computed credit on only when enough people have given it.

A retry leads back to ``POSTING`` and not further: whoever posts looks first whether billing has the credit after all.
What failed is confirmed by a person who did it by hand in billing, where its interface cannot (Kill Bill takes nothing back).
"""


class NotAllowedError(Exception):
    """A step that the credit's state, or a rule about who may take it, does not allow."""


class UnknownCreditError(LookupError):
    """There is no credit of this key."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one credit stands after its steps.

    ``approvers`` are in the order in which they spoke; ``needed`` is the most that any of them was told to be needed. ``live`` says that it
    may be posted: it was not entered in dry run, or a person adopted it.
    """

    credit: Credit
    state: CreditState = CreditState.COMPUTED
    approvers: tuple[str, ...] = ()
    needed: int = 1
    live: bool = False
    remote_id: str = ""
    said: str = ""

    @property
    def proposer(self) -> str:
        """Who asked for the entry, when a person did (a reversal); empty when the arithmetic did."""
        return str(self.credit.evidence.get("proposed_by", ""))

    @property
    def reverses(self) -> str:
        """The key of the credit that this entry takes back; empty for any other."""
        return str(self.credit.evidence.get("reverses", ""))

    @property
    def speakers(self) -> frozenset[str]:
        """Names under which somebody has approved it, comparable."""
        return frozenset(same(name) for name in self.approvers)


def same(person: str) -> str:
    """A name for comparison: ``Ann `` and ``ann`` are one person."""
    return " ".join(normalize("NFKC", person).split()).casefold()


def begin(credit: Credit) -> Standing:
    """A credit that was just entered."""
    return Standing(credit, live=not credit.dry_run)


def take(standing: Standing, step: Step) -> Standing:
    """The standing after one more step. Raises :class:`NotAllowedError` saying why not."""
    target = LIFECYCLE.get((standing.state, step.kind))
    if target is None:
        raise NotAllowedError(f"it is {standing.state}, and cannot be {_WORDS.get(step.kind, step.kind)} now")
    match step.kind:
        case StepKind.APPROVE:
            return _approved(standing, step)
        case StepKind.ADOPT:
            if standing.live:
                raise NotAllowedError("it is no dry run: there is nothing to adopt")
            return replace(standing, live=True, said=step.comment)
        case StepKind.POSTING if not standing.live:
            raise NotAllowedError("it was computed in dry run, and nobody has adopted it")
        case StepKind.CONFIRMED if standing.state is CreditState.FAILED and step.person.startswith(BILLING):
            raise NotAllowedError("it is failed: a person says that it was done after all, or it is tried again")
        case _:
            return replace(standing, state=target, remote_id=step.remote_id or standing.remote_id, said=step.comment)


def _approved(standing: Standing, step: Step) -> Standing:
    if same(step.person) in standing.speakers:
        raise NotAllowedError(f"{step.person} has approved it already: the second word must be another person's")
    if standing.proposer and same(step.person) == same(standing.proposer):
        raise NotAllowedError(f"{step.person} proposed it: another person approves")
    approvers, needed = (*standing.approvers, step.person), max(standing.needed, step.needed)
    enough = standing.state is CreditState.APPROVED or len(approvers) >= needed
    state = CreditState.APPROVED if enough else CreditState.COMPUTED
    return replace(standing, state=state, approvers=approvers, needed=needed, said=step.comment)


def standing_of(credit: Credit, steps: Iterable[Step]) -> Standing:
    """A credit after all its steps. Raises :class:`NotAllowedError` for a step that cannot have been."""
    standing = begin(credit)
    for step in steps:
        standing = take(standing, step)
    return standing


def follow(entries: Iterable[Entry | StepEntry]) -> tuple[dict[str, Standing], Broken | None]:
    """Walk the ledger in order: where each credit stands, and the first step that its credit did not allow then.

    Such a step was not written by this program. The credits that are answered keep only as much evidence as the rules want.
    """
    standings: dict[str, Standing] = {}
    for entry in entries:
        if isinstance(entry, Entry):
            standings[entry.key] = begin(_lean(entry.credit))
        elif entry.key != SWITCH:
            standing = standings.get(entry.key)
            if standing is None:
                return standings, Broken(entry.sequence, entry.key, "it is about a credit that the ledger does not have")
            try:
                standings[entry.key] = take(standing, entry.step)
            except NotAllowedError as error:
                return standings, Broken(entry.sequence, entry.key, str(error))
    return standings, None


def _lean(credit: Credit) -> Credit:
    return replace(credit, evidence={name: credit.evidence[name] for name in _RULED if name in credit.evidence})


def paused_by(switched: Sequence[StepEntry]) -> StepEntry | None:
    """The pause that is in force, given the steps of :data:`SWITCH` in order; ``None`` when posting is not paused."""
    last = switched[-1] if switched else None
    return last if last is not None and last.step.kind is StepKind.PAUSE else None


_RULED = ("proposed_by", "reverses")
"""What the rules look at in a credit's evidence."""

_WORDS = {
    StepKind.APPROVE: "approved",
    StepKind.REJECT: "rejected",
    StepKind.ADOPT: "adopted",
    StepKind.RETRY: "tried again",
}


def mermaid() -> str:
    """The lifecycle as the README shows it."""
    arrows: dict[tuple[CreditState, CreditState], list[str]] = {}
    for (before, kind), after in LIFECYCLE.items():
        if before is not after:
            arrows.setdefault((before, after), []).append(kind.value)
    lines = [f"    {before} --> {after}: {', '.join(kinds)}" for (before, after), kinds in arrows.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {CreditState.COMPUTED}: settled", *lines])
