"""Credit effects entered into the ledger; in dry run they are kept and never posted."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

from pipeline.core.effect import Effect
from pipeline.core.ledger import AmountConflictError, Credit
from pipeline.outputs.ports import Delivery, Done, LedgerPort, Poison, Refused


class _Body(msgspec.Struct, forbid_unknown_fields=False):
    contract: str
    service: str
    metric: str
    period: str
    revision: int
    customer: str
    amount_minor: int
    currency: str


class BillingOutput:
    """Delivers ``credit`` effects. The whole body is the entry's evidence. ``posting`` false marks entries as dry run."""

    def __init__(self, store: LedgerPort, *, posting: bool, clock: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._posting = posting
        self._clock = clock

    async def deliver(self, effect: Effect) -> Delivery:
        """Enter the credit once; the same credit with another amount is refused, and the first entry stands."""
        try:
            body = msgspec.convert(effect.body, _Body)
        except msgspec.ValidationError as error:
            return Poison(str(error))
        try:
            entry = await asyncio.to_thread(self._store.enter_credit, self._credit(effect, body), self._clock())
        except AmountConflictError as error:
            return Refused(str(error))
        return Done(effect.key, f"ledger entry {entry.sequence}{' (dry run)' if entry.credit.dry_run else ''}")

    def _credit(self, effect: Effect, body: _Body) -> Credit:
        fields: dict[str, Any] = msgspec.structs.asdict(body)
        return Credit(key=effect.key, reason=effect.reason, dry_run=not self._posting, evidence=effect.body, **fields)
