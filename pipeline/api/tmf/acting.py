"""What is asked of alarms and problems becomes operations, as anybody's: kept, done once by its id, answered, with the caller's name.

A token acts as a system, and may name the person that it acts for: both stand in the audit trail (``noc:alice``).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid4, uuid5

from aiohttp import web

from pipeline.api.operations import Operating, key_of
from pipeline.api.refusal import Refusal, RefusedError
from pipeline.core.operation import Operation, OperationError, OperationKind
from pipeline.core.reason import Reason

Json = dict[str, Any]
AT_ONCE = 8


class Act(NamedTuple):
    """One operation on one alarm or incident."""

    kind: OperationKind
    target: str
    operator: str
    text: str = ""


class Acting:
    """Has acts done. ``clock`` answers UTC nanoseconds."""

    def __init__(self, operating: Operating, clock: Callable[[], int] = time.time_ns) -> None:
        self._operating = operating
        self._clock = clock

    async def do(self, request: web.Request, acts: Sequence[Act], kind: str) -> tuple[str, list[Json]]:
        """Every act on an ``alarm`` or ``incident``, and the id of it all: the caller's ``Idempotency-Key``, or a new one.

        Answers are those of :meth:`Operating.do`, in the order of the acts, or ``outcome`` ``refused`` with why one cannot be asked.
        """
        name = key_of(request) or str(uuid4())
        room = asyncio.Semaphore(AT_ONCE)

        async def one(place: int, act: Act) -> Json:
            async with room:
                return await self._do(_operation_id(name, place, act), act, kind)

        return name, list(await asyncio.gather(*(one(place, act) for place, act in enumerate(acts))))

    async def _do(self, name: str, act: Act, kind: str) -> Json:
        given = Operation(
            id=name, kind=act.kind, at=self._clock(), operator=act.operator, target=act.target, domain="", text=act.text, via="api"
        )
        try:
            return await self._operating.do(given, (kind,))
        except OperationError as error:
            reason = Reason.UNKNOWN_TARGET if error.reason is Reason.UNKNOWN_TARGET else Reason.MALFORMED
            return {"outcome": "refused", "reason": reason.value, "detail": str(error), "target": act.target}


def _operation_id(name: str, place: int, act: Act) -> str:
    """Of one request the same acts have the same ids."""
    return str(uuid5(NAMESPACE_URL, f"urn:assurance-pipeline:northbound:{name}:{act.operator}:{place}:{act.kind.value}:{act.target}"))


def check_done(answers: Sequence[Json]) -> None:
    """Raises ``RefusedError`` unless every act is done: 404 for what is unknown, 409 for what was refused, 503 while no answer has come."""
    for answer in answers:
        if answer["outcome"] == "done":
            continue
        if answer.get("reason") == Reason.UNKNOWN_TARGET.value:
            raise RefusedError(Refusal(404, "Not found", f"{answer['detail']}."))
        if answer["outcome"] == "waiting":
            raise RefusedError(NOT_ANSWERED)
        raise RefusedError(Refusal(409, "This cannot be done now", f"{answer['detail']}."))


NOT_ANSWERED = Refusal(
    503,
    "Kept, and not answered yet",
    "What was asked is kept and will be done; the pipeline has not answered in time. Read it again in a moment, or send the same request "
    "with the same Idempotency-Key.",
    {"Retry-After": "2"},
)
