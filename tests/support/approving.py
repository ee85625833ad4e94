"""A person who approves many credits at once, in a process of its own that dies at the second transaction."""

import os
import signal
from pathlib import Path
from typing import Any

from pipeline.config.billing_settings import BillingSettings
from pipeline.crediting import Crediting
from pipeline.obligations import Obligations, ledger, posting
from tests.support import crediting

AT_ONCE = 3


def approve_and_die(folder: Path, dies: str) -> None:
    """Approve everything, three in a transaction; dies when the second has ``chained`` its steps, ``kept`` its states, or ``committed``."""
    import pipeline.crediting as root  # noqa: PLC0415  # its constant is another here

    root.AT_ONCE = AT_ONCE
    done = 0

    def at_second(point: str) -> None:
        if dies == point and done == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    chain, keep = ledger.add_steps, posting.step_all

    def chained(*given: Any) -> None:
        chain(*given)
        at_second("chained")

    def kept(*given: Any) -> Any:
        found = keep(*given)
        at_second("kept")
        return found

    ledger.add_steps, posting.step_all = chained, kept
    with Obligations(f"sqlite:///{folder}/obligations.db") as store:
        waiting = [each.entry.credit for each in reversed(store.stored_credits(state="computed"))]
        for _ in Crediting(store, BillingSettings(), lambda: crediting.NOW).approve_all(waiting, "ann"):
            at_second("committed")
            done += 1
