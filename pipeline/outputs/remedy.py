"""Delivers ``remedy`` effects: keeps proposals, starts what may be started, verifies by polls, and says all of it on the incident.

An action is started at most once: it is marked as being started first, and one whose process was killed then is unknown, for people to see.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

import msgspec

from pipeline.core.effect import Effect, EffectKind
from pipeline.core.obligation import StoredRemedy
from pipeline.core.operation import COMMENT_LIMIT, Operation, OperationKind
from pipeline.core.reason import Reason
from pipeline.core.remedy import HOUR_NS, RemedyStage, RemedyState, route_of, too_often, touches_too_much
from pipeline.core.wording import duration, plain
from pipeline.outputs.ports import Again, Delivery, Done, Poison, Refused, RemedyPort

LOOK_AGAIN_S = 5.0
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:assurance-pipeline:remedy")
_DAY_NS = 24 * HOUR_NS


class Actor(Protocol):
    """Starts an action of the settings."""

    async def act(self, key: str, values: Mapping[str, Any]) -> Delivery:
        """Do it with these values as JSON. ``key`` is the same for the same action, however often it is asked."""


class _Body(msgspec.Struct, forbid_unknown_fields=False):
    stage: RemedyStage
    remedy: str
    rule: str
    due_at: int = 0
    over_at: int = 0
    polled_at: int = 0


class RemedyOutput:
    """``actors`` are by the action's name. ``acting`` false is dry run: proposed, approved, never started. ``ask`` has a device polled."""

    def __init__(
        self,
        actors: Mapping[str, Actor],
        store: RemedyPort,
        *,
        acting: bool,
        ask: Callable[[StoredRemedy], Any] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._actors = actors
        self._store = store
        self._acting = acting
        self._ask = ask
        self._clock = clock

    async def deliver(self, effect: Effect) -> Delivery:
        """One step of a remedy."""
        try:
            body = msgspec.convert(effect.body, _Body)
        except msgspec.ValidationError as error:
            return Poison(str(error))
        match body.stage:
            case RemedyStage.PROPOSE:
                return await asyncio.to_thread(self._propose, effect)
            case RemedyStage.OVER:
                await asyncio.to_thread(self._store.remedy_over, body.remedy, body.over_at, body.polled_at)
                return Done(body.remedy)
            case RemedyStage.START:
                return await self._start(effect, body)
            case RemedyStage.VERIFY:
                return await asyncio.to_thread(self._verify, body)

    def _propose(self, effect: Effect) -> Delivery:
        body, now = effect.body, self._clock()
        told = ("remedy", "rule", "action", "resource", "domain")
        name, rule, action, resource, domain = (str(body[key]) for key in told)
        new = StoredRemedy(name, effect.subject, domain, rule, action, resource, RemedyState.PROPOSED, now, body=body)
        wait = "it waits for approval: assure remedies approve" if body["approval"] else "it needs no approval"
        said = self._said(new, "proposed", f"Remedy {rule}: {action} on {resource} is proposed; {wait}.")
        remedy = self._store.propose_remedy(new, said)
        if remedy.state is not RemedyState.PROPOSED:
            return Done(remedy.name, f"it is {remedy.state.value}")
        if not body["approval"]:
            self._store.move_remedy(name, RemedyState.PROPOSED, (start_of(remedy, now),), state=RemedyState.APPROVED, decided_at=now)
        return Done(remedy.name)

    async def _start(self, effect: Effect, body: _Body) -> Delivery:
        remedy = await asyncio.to_thread(self._store.remedy, body.remedy)
        if remedy is None:
            return Poison(f"there is no remedy {body.remedy}")
        if remedy.state is RemedyState.STARTING:
            detail = "the process ended while it was started; nobody knows whether it was"
            return await asyncio.to_thread(self._end, remedy, RemedyState.UNKNOWN, detail)
        if remedy.state is not RemedyState.APPROVED:
            return Done(remedy.name, f"it is {remedy.state.value}")
        if why := await asyncio.to_thread(self._why_not, remedy):
            said = self._said(remedy, "kept", f"Remedy {remedy.rule} is not started: {why}.")
            await asyncio.to_thread(self._store.move_remedy, remedy.name, remedy.state, said=said, state=RemedyState.REFUSED, detail=why)
            return Done(remedy.name, why)
        now = self._clock()
        if not await asyncio.to_thread(
            self._store.move_remedy, remedy.name, RemedyState.APPROVED, state=RemedyState.STARTING, started_at=now
        ):
            return Again("somebody else works on it")
        starting = replace(remedy, state=RemedyState.STARTING, started_at=now)
        return await self._act(effect, starting)

    async def _act(self, effect: Effect, remedy: StoredRemedy) -> Delivery:
        values = {key: remedy.body[key] for key in ("remedy", "rule", "action", "resource", "device")} | {"incident": remedy.incident}
        try:
            answer = await self._actors[remedy.action].act(effect.key, values)
        except (OSError, TimeoutError) as error:  # aiohttp's connection errors are OSErrors too
            answer = Refused(f"{type(error).__name__}: {error}")
        if not isinstance(answer, Done):
            return await asyncio.to_thread(self._end, remedy, RemedyState.FAILED, plain(answer.detail))
        await asyncio.to_thread(self._done, remedy, answer.detail)
        if self._ask is not None:
            await self._ask(remedy)
        return Done(remedy.name, answer.detail)

    def _done(self, remedy: StoredRemedy, detail: str) -> None:
        now = self._clock()
        verify_ns = int(remedy.body["verify_ns"])
        due = {"stage": RemedyStage.VERIFY.value, "remedy": remedy.name, "rule": remedy.rule, "due_at": now + verify_ns}
        following = Effect(
            f"{remedy.name}:verify",
            EffectKind.REMEDY,
            remedy.incident,
            route_of(remedy.rule, RemedyStage.VERIFY),
            now,
            Reason.ROOT_CAUSE_FOUND.value,
            due,
        )
        who = f", approved by {remedy.decided_by}" if remedy.decided_by else ""
        watched = f"polls are watched for {duration(verify_ns)}"
        said = self._said(remedy, "done", f"Remedy {remedy.rule}: {remedy.action} on {remedy.resource} was done{who}; {watched}.")
        told = {"state": RemedyState.DONE, "ended_at": now, "detail": plain(detail)}
        self._store.move_remedy(remedy.name, remedy.state, (following,), said=said, **told)

    def _verify(self, body: _Body) -> Delivery:
        remedy = self._store.remedy(body.remedy)
        if remedy is None or remedy.state is not RemedyState.DONE:
            return Done(body.remedy, "there is nothing to verify")
        if remedy.over_at and remedy.polled_at >= remedy.started_at:
            return self._end(remedy, RemedyState.VERIFIED, "a poll saw it well")
        now = self._clock()
        if now < body.due_at:
            return Again("it is watched", min(LOOK_AGAIN_S, (body.due_at - now) / 1e9), planned=True)
        detail = "it is over, and no poll has said so since" if remedy.over_at else "it did not help"
        return self._end(remedy, RemedyState.UNVERIFIED, detail)

    def _end(self, remedy: StoredRemedy, state: RemedyState, detail: str) -> Delivery:
        back = "" if state is RemedyState.VERIFIED else f" Roll-back: {remedy.body['roll_back']}"
        said = self._said(remedy, state.value, f"Remedy {remedy.rule} is {state.value}: {detail}.{back}")
        self._store.move_remedy(remedy.name, remedy.state, said=said, state=state, detail=detail, ended_at=self._clock())
        return Done(remedy.name, detail)

    def _why_not(self, remedy: StoredRemedy) -> str:
        body, now = remedy.body, self._clock()
        if remedy.over_at:
            return "the incident is over"
        if remedy.action not in self._actors:
            return f"the settings name no action {remedy.action}"
        if why := touches_too_much(body["services"], body["tiers"], body["most_services"], body["spare"]):
            return why
        starts = self._store.remedy_starts(remedy.rule, now - _DAY_NS)
        on_resource = [at for at, resource in starts if resource == remedy.resource]
        if why := too_often([at for at, _ in starts], on_resource, body["per_hour"], body["pause_ns"], now):
            return why
        return "" if self._acting else "dry run (to act: remedies.acting: true)"

    def _said(self, remedy: StoredRemedy, step: str, text: str) -> Operation:
        """A comment on the incident, once for each step; kept with the step itself, so that a kill between them loses neither."""
        name = str(uuid5(_NAMESPACE, f"{remedy.name}|{step}"))
        return Operation(
            name, OperationKind.COMMENT, self._clock(), "remedy", remedy.incident, remedy.domain, via="outputs", text=text[:COMMENT_LIMIT]
        )


def start_of(remedy: StoredRemedy, at: int) -> Effect:
    """The effect that starts a remedy that is approved."""
    body = {"stage": RemedyStage.START.value, "remedy": remedy.name, "rule": remedy.rule}
    route = route_of(remedy.rule, RemedyStage.START)
    return Effect(f"{remedy.name}:start", EffectKind.REMEDY, remedy.incident, route, at, Reason.ROOT_CAUSE_FOUND.value, body)
