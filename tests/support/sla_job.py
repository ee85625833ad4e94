"""One run of the SLA job, in a process of its own: it settles, keeps what is owed, enters it, and dies after a point.

Each run begins with an empty state, as a worker does whose tables were lost: nothing but the keys keeps it from paying again.
"""

import asyncio
import os
import signal
import time
from pathlib import Path

from pipeline.core.effect import Effect, Outcome, Receipt
from pipeline.core.settlement import ContractState, Terms, record, settle
from pipeline.obligations import Obligations
from pipeline.outputs.billing import BillingOutput
from pipeline.outputs.ports import Done
from tests.support.contracts import HOUR, bands, contract_of, customer_of, ns, outage_of, plan_of, service_of

START, LATER = ns("2026-11-01"), ns("2026-12-05")
POINTS = ("settled", "kept", "claimed", "entered", "finished")


def proposed() -> tuple[Effect, ...]:
    """An hour down in November: a tenth of 1000.00 EUR."""
    terms = Terms(contract_of(), plan_of(bands(("0", "99.99", "10"), ("99.99", None, "0"))), customer_of(), (service_of(),), ())
    state = record(ContractState("c1"), [outage_of(START, START + HOUR)])
    return settle(state, terms, START, LATER).effects


def reached(point: str, wanted: str) -> None:
    """Die here if that was wanted."""
    if point == wanted:
        os.kill(os.getpid(), signal.SIGKILL)


async def run(folder: Path, dies: str) -> None:
    """Settle and deliver, one step after the other."""
    with Obligations(f"sqlite:///{folder}/obligations.db") as store:
        effects = proposed()
        reached("settled", dies)
        store.put_effects(effects, time.time_ns())
        reached("kept", dies)
        claimed = store.claim(time.time_ns(), 0, 4, {})
        reached("claimed", dies)
        for each in claimed:
            done = await BillingOutput(store, posting=True).deliver(each.effect)
            reached("entered", dies)
            assert isinstance(done, Done)
            effect = each.effect
            store.finish(Receipt(effect.key, effect.kind, effect.subject, effect.route, Outcome.DELIVERED, time.time_ns(), done.remote_id))
            reached("finished", dies)


def settle_and_die(folder: Path, dies: str) -> None:
    """Settle and deliver until the point ``dies`` is reached."""
    asyncio.run(run(folder, dies))
