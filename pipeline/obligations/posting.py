"""What is done about credits: approvals, postings and the work on them. Every function works inside its caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, func, insert, or_, select, update

from pipeline.core.approval import Limits, Totals, hold
from pipeline.core.ledger import Credit, Entry, Step, StepKind
from pipeline.core.obligation import StoredCredit
from pipeline.core.posting import (
    LIFECYCLE,
    PAID,
    CreditState,
    NotAllowedError,
    Standing,
    UnknownCreditError,
    paused_by,
    standing_of,
    take,
)
from pipeline.obligations import ledger
from pipeline.obligations.engine import lock
from pipeline.obligations.schema import credit as credits_
from pipeline.obligations.schema import credit_state as states

HELD_NS = 30 * 1_000_000_000
"""How long until a credit that a limit holds back is looked at again."""

_DAY_NS = 86_400 * 1_000_000_000
_WORK = ("posting_at", "attempts", "next_attempt_at", "detail")
_FRESH_WORK = {"leased_until": 0, "next_attempt_at": 0, "attempts": 0}
_PAID = sorted(state.value for state in PAID)
_DUE = {"to post": (CreditState.APPROVED, CreditState.POSTING), "to confirm": (CreditState.POSTED,)}


def step(connection: Connection, given: Step, at: int, next_attempt_at: int = 0) -> Standing:
    """Take a step about a credit; work that follows is due at ``next_attempt_at``. Raises ``NotAllowedError``, ``UnknownCreditError``."""
    lock(connection, "ledger")
    standing = take(_standing(connection, given.key), given)
    ledger.add_step(connection, given, at)
    _keep(connection, standing, {"detail": given.comment, "leased_until": 0, "next_attempt_at": next_attempt_at, "attempts": 0})
    if given.kind in {StepKind.POSTED, StepKind.CONFIRMED} and standing.reverses:  # confirmed: a person did it by hand
        _reverse(connection, standing, given, at)
    return standing


def step_all(connection: Connection, given: Sequence[Step], at: int) -> list[Standing | NotAllowedError | UnknownCreditError]:
    """What people say about many credits at once: each by the same rules as :func:`step`, and one that is not allowed is answered so.

    Only what people say, at most once of each credit: no money moves by it. All that is allowed is added together, or nothing of it.
    """
    lock(connection, "ledger")
    keys = [each.key for each in given]
    entries = {entry.key: entry for entry in ledger.entries_of(connection, keys)}
    steps = ledger.steps_of(connection, keys)
    known = {key: standing_of(entry.credit, (each.step for each in steps[key])) for key, entry in entries.items()}
    answers: list[Standing | NotAllowedError | UnknownCreditError] = []
    allowed: dict[str, Step] = {}
    for each in given:
        answer = _answer(known.get(each.key), each)
        if isinstance(answer, Standing):
            known[each.key] = answer
            allowed[each.key] = each
        answers.append(answer)
    ledger.add_steps(connection, list(allowed.values()), at)
    _keep_all(connection, [(known[key], each.comment) for key, each in allowed.items()])
    return answers


def _answer(standing: Standing | None, given: Step) -> Standing | NotAllowedError | UnknownCreditError:
    if standing is None:
        return UnknownCreditError(given.key)
    try:
        return take(standing, given)
    except NotAllowedError as error:
        return error


def _keep_all(connection: Connection, standings: Sequence[tuple[Standing, str]]) -> None:
    """As :func:`_keep` for many, each with its comment."""
    have = ledger.rows_of(connection, states, [standing.credit.key for standing, _ in standings]).keys()
    rows = {
        standing.credit.key: {"state": standing.state.value, "live": standing.live, "detail": comment, **_FRESH_WORK}
        for standing, comment in standings
    }
    known = [{"of": key, **{f"new_{name}": value for name, value in row.items()}} for key, row in rows.items() if key in have]
    fresh = [{"key": key, "posting_at": 0, **row} for key, row in rows.items() if key not in have]
    if known:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("state", "live", "detail", *_FRESH_WORK)}
        connection.execute(update(states).where(states.c.key == bindparam("of")).values(values), known)
    if fresh:
        connection.execute(insert(states), fresh)


def _reverse(connection: Connection, counter: Standing, posted: Step, at: int) -> None:
    """The counter-entry is posted, or was done by hand: what it takes back is reversed."""
    before = _standing(connection, counter.reverses)
    if (before.state, StepKind.REVERSED) not in LIFECYCLE:
        return
    given = Step(counter.reverses, StepKind.REVERSED, posted.person, f"taken back by {counter.credit.key}")
    standing = take(before, given)
    ledger.add_step(connection, given, at)
    _keep(connection, standing, {"detail": given.comment})


def switch(connection: Connection, given: Step, at: int) -> bool:
    """Pause or resume posting; false when it is so already."""
    lock(connection, "ledger")
    is_paused = paused_by(ledger.switched(connection)) is not None
    if is_paused == (given.kind is StepKind.PAUSE):
        return False
    ledger.add_step(connection, given, at)
    return True


def _standing(connection: Connection, key: str) -> Standing:
    entry = ledger.entry_of(connection, key)
    if entry is None or entry.key != key:
        raise UnknownCreditError(key)
    return standing_of(entry.credit, (each.step for each in ledger.steps_of(connection, [key])[key]))


def _keep(connection: Connection, standing: Standing, work: Mapping[str, Any]) -> None:
    key = standing.credit.key
    values = {"state": standing.state.value, "live": standing.live, **work}
    if not connection.execute(update(states).where(states.c.key == key).values(values)).rowcount:
        fresh = {"posting_at": 0, "attempts": 0, "next_attempt_at": 0, "leased_until": 0, "detail": ""}
        connection.execute(insert(states).values(key=key, **{**fresh, **values}))


def claim(connection: Connection, person: str, limits: Mapping[str, Limits], at: int, leased_until: int, most: int) -> list[StoredCredit]:
    """Take approved credits that may be posted now, oldest first; nobody else gets them before ``leased_until``.

    Each is written down as being posted, in the chain, before anybody is called. What a limit holds back stays approved, with the reason.
    One whose posting was cut off comes again, whatever the limits say of the rest: its money may be there.
    """
    lock(connection, "ledger")
    if paused_by(ledger.switched(connection)) is not None:
        return []
    taken: list[str] = []
    for key, state in connection.execute(_due("to post", at, 4 * most).add_columns(states.c.state)).all():
        if len(taken) == most:
            break
        standing = _standing(connection, key)
        if state == CreditState.APPROVED and not _begin(connection, standing, person, limits, at):
            continue
        _lease(connection, key, leased_until)
        taken.append(key)
    return stored(connection, taken)


def _begin(connection: Connection, standing: Standing, person: str, limits: Mapping[str, Limits], at: int) -> bool:
    """Whether the credit is being posted from now on."""
    held = hold(standing, totals(connection, standing.credit, at), limits)
    if held is not None:
        _keep(connection, standing, {"detail": f"{held.reason}: {held.detail}", "next_attempt_at": at + HELD_NS})
        return False
    given = Step(standing.credit.key, StepKind.POSTING, person)
    after = take(standing, given)
    ledger.add_step(connection, given, at)
    _keep(connection, after, {"detail": "", "posting_at": at})
    return True


def claim_posted(connection: Connection, at: int, leased_until: int, most: int) -> list[StoredCredit]:
    """Take posted credits that are to be read back from billing."""
    lock(connection, "ledger")
    taken = list(connection.scalars(_due("to confirm", at, most)))
    for key in taken:
        _lease(connection, key, leased_until)
    return stored(connection, taken)


def _due(what: str, at: int, most: int) -> Select[Any]:
    wanted = [state.value for state in _DUE[what]]
    due = and_(states.c.live, states.c.state.in_(wanted), states.c.next_attempt_at <= at, states.c.leased_until <= at)
    joined = states.join(credits_, credits_.c.key == states.c.key)
    return select(states.c.key).select_from(joined).where(due).order_by(credits_.c.sequence).limit(most)


def _lease(connection: Connection, key: str, leased_until: int) -> None:
    values = {"leased_until": leased_until, "attempts": states.c.attempts + 1}
    connection.execute(update(states).where(states.c.key == key).values(values))


def postpone(connection: Connection, key: str, next_attempt_at: int, detail: str) -> None:
    """Plan the next look at a credit that was taken."""
    values = {"next_attempt_at": next_attempt_at, "leased_until": 0, "detail": detail}
    connection.execute(update(states).where(states.c.key == key).values(values))


def totals(connection: Connection, credit: Credit, at: int) -> Totals:
    """What was posted before, or may have been, in this credit's currency."""
    size = func.abs(credits_.c.amount_minor)
    same = and_(*(credits_.c[name] == getattr(credit, name) for name in ("contract", "service", "metric", "period")))
    to_customer = and_(credits_.c.customer == credit.customer, credits_.c.period == credit.period)
    today = states.c.posting_at >= at - at % _DAY_NS
    joined = credits_.join(states, states.c.key == credits_.c.key)
    sums = [
        func.coalesce(func.sum(case((which, amount), else_=0)), 0)
        for which, amount in ((to_customer, size), (today, size), (same, credits_.c.amount_minor))
    ]
    query = select(*sums).select_from(joined).where(states.c.state.in_(_PAID), credits_.c.currency == credit.currency)
    found = connection.execute(query.where(credits_.c.key != credit.key, or_(to_customer, today, same))).one()
    return Totals(*(int(each) for each in found))


def stored(connection: Connection, keys: Sequence[str]) -> list[StoredCredit]:
    """These credits with where they stand, in the order of their entry."""
    return _joined(connection, ledger.entries_of(connection, keys))


def of_period(connection: Connection, credit: Credit) -> list[StoredCredit]:
    """Every revision of this credit's period, in order of entry."""
    names = ("contract", "service", "metric", "period")
    same = [credits_.c[name] == getattr(credit, name) for name in names]
    return stored(connection, list(connection.scalars(select(credits_.c.key).where(*same))))


def latest(connection: Connection, customer: str, period: str, state: str, limit: int) -> list[StoredCredit]:
    """The latest credits with where they stand, newest first; of one customer, period or state unless these are empty."""
    if not state:
        return _joined(connection, ledger.entries(connection, customer, period, limit))
    joined = credits_.outerjoin(states, states.c.key == credits_.c.key)
    wanted = [func.coalesce(states.c.state, CreditState.COMPUTED.value) == state]
    wanted += [credits_.c.customer == customer] if customer else []
    wanted += [credits_.c.period == period] if period else []
    query = select(credits_.c.key).select_from(joined).where(*wanted).order_by(credits_.c.sequence.desc()).limit(limit)
    return list(reversed(stored(connection, list(connection.scalars(query)))))


def _joined(connection: Connection, entries: Iterable[Entry]) -> list[StoredCredit]:
    listed = list(entries)
    done = ledger.steps_of(connection, [entry.key for entry in listed])
    work = ledger.rows_of(connection, states, list(done))
    found = []
    for entry in listed:
        kept = {name: work[entry.key][name] for name in _WORK} if entry.key in work else {}
        standing = standing_of(entry.credit, (each.step for each in done[entry.key]))
        found.append(StoredCredit(entry, standing, tuple(done[entry.key]), **kept))
    return found
