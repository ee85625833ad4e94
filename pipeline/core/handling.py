"""People's operations folded into the state of a domain: acknowledge, comment, close, shelve, planned work; and what time makes of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.core.alarm import Alarm, AlarmChange, AlarmKey, Change, OperatorState
from pipeline.core.claim import is_in_time, last_day, service_of
from pipeline.core.claim import row_of as row_of_claim
from pipeline.core.context import Context
from pipeline.core.domain import AlarmRow, DomainState, IncidentRow
from pipeline.core.event import Event, EventSource, Signal
from pipeline.core.exclusion import row_of as row_of_exclusion
from pipeline.core.operation import (
    COMMENT_LIMIT,
    VERDICTS,
    Answer,
    Comment,
    Handling,
    Operation,
    OperationKind,
    Outcome,
    ShelfRow,
    Standing,
    Verdict,
    refused,
    with_comment,
)
from pipeline.core.reason import Reason
from pipeline.core.resource import ResourceId, ResourceKind, device_of, kind_of
from pipeline.core.shelf import NANOSECONDS
from pipeline.core.window import WindowRow, apply, row_of

_MEASURING = frozenset({EventSource.POLL, EventSource.THRESHOLD, EventSource.ANOMALY})


def operate(context: Context, state: DomainState, operation: Operation) -> tuple[Event, ...]:
    """Fold one operation, and note its answer; the events that closing an alarm gives rise to.

    One that was answered is answered alike again, and changes nothing.
    """
    known = state.operations.get(operation.id)
    if known is not None:
        state.counts[Reason.ALREADY_SEEN] += 1
        state.answers.append(known.answer)
        return ()
    verdict, events = _ACT[operation.kind](context, state, operation)
    answer = Answer(operation, verdict.outcome, verdict.reason, _told(context, verdict, operation), max(state.now, operation.at))
    state.counts[verdict.reason] += 1
    state.put_answer(answer)
    state.answers.append(answer)
    return events


def _told(context: Context, verdict: Verdict, operation: Operation) -> str:
    """What the answer says to people; a claim that came too late is told the last day that would have done, where the customer lives."""
    said = _SAID[verdict.reason]
    if verdict.reason is not Reason.CLAIM_TOO_LATE:
        return said
    service = context.inventory.services.get(service_of(operation))
    customer = context.inventory.customers.get(service.customer) if service else None
    zone = customer.timezone if customer else "UTC"
    return f"{said}: {operation.period} could be claimed until the end of {last_day(operation.until, zone)} ({zone})"


Acted = tuple[Verdict, tuple[Event, ...]]


def _only(verdict: Verdict) -> Acted:
    return verdict, ()


# acknowledging


def _acknowledge(_: Context, state: DomainState, operation: Operation) -> Acted:
    row = state.incidents.get(operation.target)
    if row is not None:
        return _only(_acknowledge_incident(state, row, operation))
    key = state.keys.get(operation.target)
    return _only(_acknowledge_alarm(state, state.alarms[key], operation) if key in state.alarms else refused(Reason.UNKNOWN_TARGET))


def _acknowledge_incident(state: DomainState, row: IncidentRow, operation: Operation) -> Verdict:
    """Who comes later takes over. A withdrawal marks its place even where there is nothing to withdraw: what was given before stays out."""
    handling = row.handling
    if operation.given <= handling.operated:
        return refused(Reason.LATE)
    verdict = VERDICTS[operation.kind, _standing_of(row)]
    if verdict.reason is not Reason.NOT_OPEN:
        takes = operation.kind is OperationKind.ACK
        who, when = (operation.operator, operation.at) if takes else ("", 0)
        said = Comment(operation.at, operation.operator, operation.text[:COMMENT_LIMIT])
        comments = with_comment(handling, said) if operation.text else handling.comments
        handling = replace(handling, acknowledged_by=who, acknowledged_at=when, operated=operation.given, comments=comments)
        _put_handling(state, row, handling)
    return verdict


def _acknowledge_alarm(state: DomainState, row: AlarmRow, operation: Operation) -> Verdict:
    if operation.given <= row.operated:
        return refused(Reason.LATE)
    alarm = row.alarm
    stands = {OperatorState.ACK: Standing.ACKNOWLEDGED, OperatorState.SHELVED: Standing.SHELVED}.get(alarm.operator_state, Standing.OPEN)
    verdict = VERDICTS[operation.kind, Standing.RESOLVED if alarm.is_cleared else stands]
    state.put_alarm(alarm.key, replace(row, operated=operation.given))
    if verdict.outcome is Outcome.DONE:
        takes = operation.kind is OperationKind.ACK
        wanted = OperatorState.ACK if takes else OperatorState.NONE
        _change_alarm(state, alarm.key, wanted, "", Change.ACKNOWLEDGED if takes else Change.UN_ACKNOWLEDGED, verdict.reason, operation)
    return verdict


def _standing_of(row: IncidentRow) -> Standing:
    if row.resolved_at:
        return Standing.RESOLVED
    return Standing.ACKNOWLEDGED if row.handling.acknowledged_by else Standing.OPEN


def _put_handling(state: DomainState, row: IncidentRow, handling: Handling) -> None:
    state.put_incident(replace(row, handling=handling))
    state.touched.add(row.id)
    if row.id in state.open:
        state.heed_at[row.id] = 0


# comments and closing


def _comment(_: Context, state: DomainState, operation: Operation) -> Acted:
    """A remark on an alarm is kept in the audit trail, and told with the alarm's incident where it has one."""
    row, key = state.incidents.get(operation.target), state.keys.get(operation.target)
    if row is not None:
        _remark(state, row, operation, operation.text)
        return _only(VERDICTS[operation.kind, _standing_of(row)])
    if key not in state.alarms:
        return _only(refused(Reason.UNKNOWN_TARGET))
    of = state.alarms[key]
    incident = state.incidents.get(of.incident) if of.incident else None
    if incident is not None:
        _remark(state, incident, operation, f"{key.alarm_type} on {key.resource}: {operation.text}")
    return _only(VERDICTS[operation.kind, Standing.RESOLVED if of.alarm.is_cleared else Standing.OPEN])


def _remark(state: DomainState, row: IncidentRow, operation: Operation, text: str) -> None:
    comment = Comment(operation.at, operation.operator, text[:COMMENT_LIMIT])
    _put_handling(state, row, replace(row.handling, comments=with_comment(row.handling, comment)))


def _close(_: Context, state: DomainState, operation: Operation) -> Acted:
    """Clear by hand what only notifications raised, and what nothing says otherwise of: the clear was lost, or will never come."""
    row = state.incidents.get(operation.target)
    key = state.keys.get(operation.target)
    if row is not None:
        alarms = [state.alarms[member].alarm for member in row.members if member in state.alarms]
        standing = _standing_of(row)
    elif key in state.alarms:
        alarms = [state.alarms[key].alarm]
        standing = Standing.RESOLVED if alarms[0].is_cleared else Standing.OPEN
    else:
        return _only(refused(Reason.UNKNOWN_TARGET))
    left = [alarm for alarm in alarms if not alarm.is_cleared]
    if standing is not Standing.RESOLVED and any(_is_measured(state, alarm) for alarm in left):
        standing = Standing.MEASURED
    verdict = VERDICTS[operation.kind, standing]
    if verdict.outcome is Outcome.REFUSED:
        return _only(verdict)
    if any(operation.at <= alarm.last_event_at for alarm in left):
        return _only(refused(Reason.LATE))
    if row is not None:
        _remark(state, row, operation, f"closed: {operation.text}" if operation.text else "closed")
    return verdict, tuple(_clear(alarm, operation, number) for number, alarm in enumerate(left))


def _is_measured(state: DomainState, alarm: Alarm) -> bool:
    """Whether something that looks again by itself holds an alarm up: to close it would only hide what is seen to be wrong."""
    if alarm.raised_by in _MEASURING:
        return True
    report = state.reports.get(alarm.device)
    if report is None or report.polled_at <= alarm.last_raised_at:
        return False
    silent = kind_of(alarm.resource) in (ResourceKind.REACHABILITY, ResourceKind.DEVICE) and not report.reachable
    return silent or alarm.resource in report.down


def _clear(alarm: Alarm, operation: Operation, number: int) -> Event:
    return Event(
        id=f"{operation.id}:{number}",
        occurred_at=operation.at,
        resource=alarm.resource,
        alarm_type=alarm.alarm_type,
        signal=Signal.CLEAR,
        severity=alarm.severity,
        text=f"closed by {operation.operator}" + (f": {operation.text[:COMMENT_LIMIT]}" if operation.text else ""),
        source=EventSource.OPERATOR,
        device=alarm.device,
        collector="",
        sequence=0,
        domain=alarm.domain,
        qualifier=alarm.qualifier,
        rule=Reason.CLOSED_BY_OPERATOR.value,
        condition=alarm.condition,
    )


# shelving


def _shelve(_: Context, state: DomainState, operation: Operation) -> Acted:
    found = _shelf_of(state, operation.target)
    if found is None:
        return _only(refused(Reason.UNKNOWN_TARGET))
    known = state.shelves.get(found.name)
    if known is not None and operation.given <= known.operated:
        return _only(refused(Reason.LATE))
    lies = known is not None and known.until > operation.at
    verdict = VERDICTS[operation.kind, Standing.SHELVED if lies else Standing.OPEN]
    if verdict.outcome is Outcome.REFUSED:  # its place is marked: what was given before it and comes after it stays out
        state.put_shelf(replace(known or replace(found, until=operation.at, is_released=True), operated=operation.given))
        return _only(verdict)
    if operation.kind is OperationKind.UNSHELVE:
        assert known is not None, "the table releases only what is shelved"
        state.put_shelf(replace(known, until=operation.at, operated=operation.given, is_released=True))
        _release(state, known, Reason.UN_SHELVED, operation.at)
        return _only(verdict)
    if operation.until <= operation.at:
        return _only(refused(Reason.ENDS_IN_THE_PAST))
    shelf = replace(found, until=operation.until, reason=operation.text, operator=operation.operator, operated=operation.given)
    state.put_shelf(shelf)
    for key in _lying_on(state, shelf):
        _change_alarm(state, key, OperatorState.SHELVED, _why(shelf), Change.SHELVED, Reason.SHELVED, operation)
    return _only(verdict)


def _shelf_of(state: DomainState, target: str) -> ShelfRow | None:
    """A shelf for an alarm, by its id, or for a resource; nothing for what can be neither."""
    key = state.keys.get(target)
    if key is not None:
        return ShelfRow(key.resource, key.alarm_type, key.qualifier, 0, "", "")
    resource = ResourceId(target)
    return ShelfRow(resource, "", "", 0, "", "") if kind_of(resource) is not ResourceKind.UNKNOWN else None


def _why(shelf: ShelfRow) -> str:
    return f"{shelf.reason} ({shelf.operator})" if shelf.reason else f"by {shelf.operator}"


def _shelf_over(state: DomainState, key: AlarmKey, at: int) -> ShelfRow | None:
    for name in ("|".join(key), f"{key.resource}||"):
        shelf = state.shelves.get(name)
        if shelf is not None and shelf.until > at:
            return shelf
    return None


def _lying_on(state: DomainState, shelf: ShelfRow) -> list[AlarmKey]:
    """The alarms that a shelf is for, in a fixed order: its own, or all of its resource."""
    if shelf.alarm_type:
        key = AlarmKey(shelf.resource, shelf.alarm_type, shelf.qualifier)
        return [key] if key in state.alarms else []
    device = device_of(shelf.resource)
    keys = state.by_device.get(device, set()) if device else state.alarms.keys()
    return sorted(key for key in keys if key.resource == shelf.resource)


def release_shelves(state: DomainState) -> None:
    """Take alarms off the shelves whose time is over; what is still wrong is told as if it had just been found."""
    if not state.release_at or state.release_at > state.now:
        return
    for shelf in [shelf for shelf in state.shelves.values() if not shelf.is_released and shelf.until <= state.now]:
        state.put_shelf(replace(shelf, is_released=True))
        _release(state, shelf, Reason.SHELF_ENDED, shelf.until)


def _release(state: DomainState, shelf: ShelfRow, reason: Reason, at: int) -> None:
    lying = [key for key in _lying_on(state, shelf) if state.alarms[key].alarm.operator_state is OperatorState.SHELVED]
    for key in lying:
        if _shelf_over(state, key, max(at, state.now)) is None:
            _change_alarm(state, key, OperatorState.UN_SHELVED, "", Change.UN_SHELVED, reason, None, at)


def _change_alarm(
    state: DomainState,
    key: AlarmKey,
    wanted: OperatorState,
    why: str,
    change: Change,
    reason: Reason,
    operation: Operation | None,
    at: int = 0,
) -> None:
    """Change what people made of an alarm; history and incident hear of it."""
    row = state.alarms[key]
    if row.alarm.occurrences == 0:  # a clear that waits for its raise: nobody was shown it
        return
    alarm = replace(row.alarm, operator_state=wanted, shelved_reason=why, revision=row.alarm.revision + 1)
    state.put_alarm(key, replace(row, alarm=alarm))
    state.changes.append(AlarmChange(alarm, change, reason, operation.id if operation else "", operation.at if operation else at))
    if row.incident in state.open:
        state.touched.add(row.incident)


def stamp(state: DomainState, change: AlarmChange) -> AlarmChange:
    """An alarm's change with what people have decided of it: a new raise lies on its shelf, or begins anew without an acknowledgement."""
    alarm = change.alarm
    if change.change in (Change.RAISED, Change.RAISED_AGAIN):
        shelf = _shelf_over(state, alarm.key, change.at) if state.shelves else None
        wanted = OperatorState.SHELVED if shelf else OperatorState.NONE
        why = _why(shelf) if shelf else ""
    elif change.change is Change.CLEARED and alarm.cleared_by is EventSource.OPERATOR:
        change, wanted, why = replace(change, reason=Reason.CLOSED_BY_OPERATOR), OperatorState.CLOSED, ""
    else:
        return change
    if (wanted, why) == (alarm.operator_state, alarm.shelved_reason):
        return change
    return replace(change, alarm=replace(alarm, operator_state=wanted, shelved_reason=why))


def shelved_for(alarms: Sequence[Alarm], before: str) -> str:
    """Why nobody is told of an incident with these alarms: all that stand are shelved. Empty if one is not; ``before`` if none stands."""
    standing = [alarm for alarm in alarms if not alarm.is_cleared]
    if not standing:
        return before
    if any(alarm.operator_state is not OperatorState.SHELVED for alarm in standing):
        return ""
    return standing[0].shelved_reason


# planned work


def _plan(context: Context, state: DomainState, operation: Operation) -> Acted:
    declared = next((row_of(window) for window in context.inventory.windows if window.name == operation.target), None)
    known = state.planned.get(operation.target, declared)
    row, verdict = apply(known, operation)
    if row is not None and row is not known:
        state.put_window(context, row)
        _look_again(state, row)
    return _only(verdict)


def _look_again(state: DomainState, row: WindowRow) -> None:
    """Every open incident may be planned work now, or no longer.

    What began in a window that is declared only now was planned from the first, and what a cancelled window explained never was: their
    outages are taken back and told anew.
    """
    state.touched.update(state.open)
    state.heed_at.update(dict.fromkeys(state.open, 0))
    window = row.window
    for name in list(state.open):
        incident = state.incidents[name]
        is_told = {outage.excluded == window.name for outage in incident.outages if outage.ended_at != outage.started_at}
        began_in = window.starts_at <= incident.started_at < min(window.ends_at, row.operated[0])
        if (row.is_cancelled and True in is_told) or (not row.is_cancelled and began_in and is_told == {False}):
            state.put_incident(replace(incident, revised=True))


# exclusions


def _exclude(_: Context, state: DomainState, operation: Operation) -> Acted:
    """Nothing of the domain changes; the contracts hear of it."""
    state.excluded.append(row_of_exclusion(operation))
    return _only(VERDICTS[operation.kind, Standing.OPEN])


# claims


def _claim(_: Context, state: DomainState, operation: Operation) -> Acted:
    """The contracts hear of a claim that was made in time, and of what is taken back."""
    in_time = operation.kind is OperationKind.WITHDRAW or is_in_time(operation.starts_at, operation.until)
    if in_time:
        state.claimed.append(row_of_claim(operation))
    return _only(VERDICTS[operation.kind, Standing.OPEN if in_time else Standing.OVER])


_ACT: dict[OperationKind, Callable[[Context, DomainState, Operation], Acted]] = {
    OperationKind.ACK: _acknowledge,
    OperationKind.UNACK: _acknowledge,
    OperationKind.COMMENT: _comment,
    OperationKind.CLOSE: _close,
    OperationKind.SHELVE: _shelve,
    OperationKind.UNSHELVE: _shelve,
    OperationKind.EXCLUDE: _exclude,
    OperationKind.INCLUDE: _exclude,
    OperationKind.CLAIM: _claim,
    OperationKind.WITHDRAW: _claim,
    OperationKind.WINDOW_ADD: _plan,
    OperationKind.WINDOW_EXTEND: _plan,
    OperationKind.WINDOW_END: _plan,
    OperationKind.WINDOW_CANCEL: _plan,
}

_SAID: dict[Reason, str] = {
    Reason.ACKNOWLEDGED: "acknowledged",
    Reason.UN_ACKNOWLEDGED: "the acknowledgement is taken back",
    Reason.COMMENTED: "the comment is kept",
    Reason.CLOSED_BY_OPERATOR: "closed by hand; a notification or poll that says otherwise opens it again",
    Reason.SHELVED: "shelved: nobody is told of it until its end, and it goes on being recorded",
    Reason.UN_SHELVED: "off the shelf; what is still wrong is told now",
    Reason.WINDOW_ADDED: "the maintenance window is declared",
    Reason.WINDOW_EXTENDED: "the maintenance window is extended",
    Reason.MAINTENANCE_ENDED: "the maintenance window is over; what is still wrong is told now",
    Reason.WINDOW_CANCELLED: "the maintenance window is cancelled",
    Reason.EXCLUSION_RECORDED: "recorded; each plan says whether it is an excuse",
    Reason.EXCLUSION_WITHDRAWN: "taken back; the time counts again",
    Reason.CLAIM_RECORDED: "recorded; what the month owes is proposed once it is settled",
    Reason.CLAIM_WITHDRAWN: "taken back; what was proposed for it is taken back too",
    Reason.CLAIM_TOO_LATE: "it came too late",
    Reason.UNKNOWN_TARGET: "nothing by that name is remembered here; what was resolved or cleared is forgotten after an hour",
    Reason.NOT_OPEN: "it is resolved or cleared already",
    Reason.NOT_ACKNOWLEDGED: "nobody has acknowledged it",
    Reason.NOT_SHELVED: "it is not shelved by itself; an alarm may be by its resource, and a resource by its alarms",
    Reason.IS_SHELVED: "it is shelved",
    Reason.STILL_MEASURED: "polls or measurements still see it; it ends by itself when they do not, and can be shelved until then",
    Reason.LATE: "something newer has happened since: look at it again",
    Reason.NAME_TAKEN: "there is a maintenance window by that name already, or was lately",
    Reason.ENDS_IN_THE_PAST: "its end is not after its beginning and now",
    Reason.NOT_LATER: "that is not later than its present end; end it early instead",
    Reason.NOT_BEGUN: "it has not begun; cancel it instead",
    Reason.HAS_BEGUN: "it has begun; end it instead",
    Reason.IS_OVER: "it is over or cancelled",
}
"""What an answer says to people, by its reason."""


def forget_operations(context: Context, state: DomainState) -> None:
    """Forget answered operations, shelves and windows that have been over for as long as anything is remembered."""
    before = state.now - int(context.timing.retain_s * NANOSECONDS)
    for name in [name for name, row in state.operations.items() if row.answer.answered_at < before]:
        del state.operations[name]
        state.dirty[f"operation|{name}"] = None
    for name in [name for name, shelf in state.shelves.items() if shelf.is_released and shelf.until < before]:
        del state.shelves[name]
        state.dirty[f"shelf|{name}"] = None
    told = {outage.excluded for name in state.open for outage in state.incidents[name].outages}
    for name in [name for name, row in state.planned.items() if row.forget_at < before and name not in told]:
        del state.planned[name]
        state.dirty[f"window|{name}"] = None
