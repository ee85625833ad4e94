"""TMF642's tasks (acknowledge, take that back, clear, comment) and PATCH of alarms and service problems."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from pipeline.api.caller import Callers
from pipeline.api.question import name_in
from pipeline.api.refusal import unknown
from pipeline.api.tmf.acting import Act, Acting, check_done
from pipeline.api.tmf.form import Check, a_comment, a_name, a_time, body, comments, notes, one_of, patterns
from pipeline.api.tmf.query import echo, no_parameters
from pipeline.api.tmf.reading import NorthboundReading
from pipeline.core.operation import OperationKind
from pipeline.tmf.alarm import ACKNOWLEDGED, UNACKNOWLEDGED
from pipeline.tmf.form import ALARMS, PROBLEMS, Json, href, known, moment, operator_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Task:
    """One of TMF642's tasks: what it does, what it is told, and under which name it answers the alarms that it was done to."""

    name: str
    kind: OperationKind
    members: Mapping[str, Check]
    required: tuple[str, ...]
    user: str
    answered: str


_STATE: dict[str, Check] = {"state": lambda value: "" if isinstance(value, str) else "is a text"}
_ACK: dict[str, Check] = {"ackUserId": a_name, "ackSystemId": a_name, "ackTime": a_time, "alarmPattern": patterns, **_STATE}
_CLEAR: dict[str, Check] = {"clearUserId": a_name, "clearSystemId": a_name, "alarmClearedTime": a_time, "alarmPattern": patterns, **_STATE}
TASKS = (
    Task("ackAlarms", OperationKind.ACK, _ACK, ("ackUserId", "ackSystemId", "alarmPattern"), "ackUserId", "ackedAlarm"),
    Task("unAckAlarms", OperationKind.UNACK, _ACK, ("ackUserId", "ackSystemId", "alarmPattern"), "ackUserId", "unAckedAlarm"),
    Task(
        "clearAlarms",
        OperationKind.CLOSE,
        _CLEAR,
        ("clearUserId", "clearSystemId", "alarmClearedTime", "alarmPattern"),
        "clearUserId",
        "clearedAlarm",
    ),
    Task(
        "commentAlarms",
        OperationKind.COMMENT,
        {"comment": a_comment, "alarmPattern": patterns, **_STATE},
        ("comment", "alarmPattern"),
        "",
        "commentedAlarm",
    ),
)
ALARM_CHANGES: dict[str, Check] = {
    "ackState": one_of(ACKNOWLEDGED, UNACKNOWLEDGED),
    "ackUserId": a_name,
    "ackSystemId": a_name,
    "state": one_of("cleared"),
    "perceivedSeverity": one_of("cleared"),
    "clearUserId": a_name,
    "clearSystemId": a_name,
    "comment": comments,
}
STATUS_ACTS = {
    "inProgress": OperationKind.ACK,
    "acknowledged": OperationKind.UNACK,
    "resolved": OperationKind.CLOSE,
    "closed": OperationKind.CLOSE,
}
"""What somebody does who gives a problem another status; others are not theirs to give."""
PROBLEM_CHANGES: dict[str, Check] = {"status": one_of(*STATUS_ACTS), "note": notes}


class Tasks:
    """Answers requests that change alarms and problems."""

    def __init__(self, reading: NorthboundReading, acting: Acting, callers: Callers) -> None:
        self._reading = reading
        self._acting = acting
        self._callers = callers

    def routes(self) -> list[web.RouteDef]:
        """The tasks, and PATCH."""
        return [
            *(web.post(f"{ALARMS}/{task.name}", self._handler(task)) for task in TASKS),
            web.patch(f"{ALARMS}/alarm/{{id}}", self._change_alarm),
            web.patch(f"{PROBLEMS}/serviceProblem/{{id}}", self._change_problem),
        ]

    def _handler(self, task: Task) -> Handler:
        return partial(self._do, task)

    async def _do(self, task: Task, request: web.Request) -> web.StreamResponse:
        system = self._callers.operator(request)
        no_parameters(request)
        said = await body(request, task.members, task.required)
        user, text = (said["comment"].get("userId", ""), said["comment"]["comment"]) if "comment" in said else (said[task.user], "")
        names = list(dict.fromkeys(each["id"] for each in said["alarmPattern"]))
        await self._check_known(names)
        operator = operator_of(system, user)
        key, answers = await self._acting.do(request, [Act(task.kind, name, operator, text) for name in names], "alarm")
        done = [name for name, answer in zip(names, answers, strict=True) if answer["outcome"] == "done"]
        if not done:
            check_done(answers)
        at = max(answer.get("answered_at", 0) for answer in answers)
        told = known(
            type_=task.name[:1].upper() + task.name[1:],
            id=key,
            state="completed" if len(done) == len(names) else "partiallyCompleted",
            **{name: said.get(name) for name in ("ackUserId", "ackSystemId", "clearUserId", "clearSystemId", "comment")},
            ackTime=moment(at) if task.user == "ackUserId" else None,
            alarmClearedTime=moment(at) if task.user == "clearUserId" else None,
            alarmPattern=[{"id": name} for name in names],
        )
        told[task.answered] = [{"id": name, "href": href(ALARMS, "alarm", name)} for name in done]
        return web.json_response(told, status=201)

    async def _change_alarm(self, request: web.Request) -> web.StreamResponse:
        system = self._callers.operator(request)
        no_parameters(request)
        name = name_in(request, "id")
        said = await body(request, ALARM_CHANGES)
        await self._check_known([name])
        acts = _alarm_acts(name, system, said)
        _, answers = await self._acting.do(request, acts, "alarm")
        check_done(answers)
        [found] = await asyncio.to_thread(self._reading.alarms_of, [name])
        return web.json_response({**found, **_as_changed(acts, answers)})

    async def _check_known(self, names: Sequence[str]) -> None:
        """Raises ``RefusedError`` (404) when one is no alarm's whole id: elsewhere its beginning would do."""
        found = {each["id"] for each in await asyncio.to_thread(self._reading.alarms_of, names)}
        missing = [name for name in names if name not in found]
        if missing:
            raise unknown(f"There is no alarm with the id {echo(missing[0])}.")

    async def _change_problem(self, request: web.Request) -> web.StreamResponse:
        system = self._callers.operator(request)
        no_parameters(request)
        name = name_in(request, "id")
        said = await body(request, PROBLEM_CHANGES)
        if await asyncio.to_thread(self._reading.problem, name) is None:
            raise unknown("There is no service problem by that id.")
        acts = _problem_acts(name, system, said)
        _, answers = await self._acting.do(request, acts, "incident")
        check_done(answers)
        found = await asyncio.to_thread(self._reading.problem, name)
        assert found is not None, "what is known stays known"
        status = {"closed": "resolved"}.get(said.get("status", ""), said.get("status", found["status"]))
        return web.json_response({**found, "status": status})


def _alarm_acts(name: str, system: str, said: Mapping[str, Any]) -> list[Act]:
    """What a change asks for; a comment comes before what it is said with."""
    acts = [
        Act(OperationKind.COMMENT, name, operator_of(system, each.get("userId", "")), each["comment"]) for each in said.get("comment", ())
    ]
    if "ackState" in said:
        kind = OperationKind.ACK if said["ackState"] == ACKNOWLEDGED else OperationKind.UNACK
        acts.append(Act(kind, name, operator_of(system, said.get("ackUserId", ""))))
    if "cleared" in (said.get("state"), said.get("perceivedSeverity")):
        acts.append(Act(OperationKind.CLOSE, name, operator_of(system, said.get("clearUserId", ""))))
    return acts


def _problem_acts(name: str, system: str, said: Mapping[str, Any]) -> list[Act]:
    """Notes, then what another status means."""
    acts = [Act(OperationKind.COMMENT, name, operator_of(system, each.get("author", "")), each["text"]) for each in said.get("note", ())]
    return [*acts, Act(STATUS_ACTS[said["status"]], name, system)] if "status" in said else acts


def _as_changed(acts: list[Act], answers: list[Json]) -> Json:
    """What was done and the history may not show yet: it follows the stream by a second or two."""
    shown: Json = {}
    for act, answer in zip(acts, answers, strict=True):
        system, _, user = act.operator.partition(":")
        if act.kind in {OperationKind.ACK, OperationKind.UNACK}:
            shown["ackState"] = ACKNOWLEDGED if act.kind is OperationKind.ACK else UNACKNOWLEDGED
        if act.kind is OperationKind.ACK:
            shown |= {"ackUserId": user or system, "ackSystemId": system}
        if act.kind is OperationKind.CLOSE:
            shown |= known(state="cleared", perceivedSeverity="cleared", clearUserId=user or system)
            shown |= known(alarmClearedTime=moment(answer.get("answered_at", 0)))
    return shown
