"""Children forked from a process that has imported what they need: to die after a step costs milliseconds, not the seconds of imports."""

import multiprocessing
from collections.abc import Callable
from typing import Any

PRELOADED = ["tests.support.billing", "tests.support.delivering", "tests.support.sla_job"]


class Forked:
    """A child that runs ``main(*told)``, forked from a server without threads or open stores, never from this process."""

    def __init__(self, main: Callable[..., None], *told: Any) -> None:
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload(PRELOADED)
        self._what = f"{main.__module__}.{main.__qualname__} {told}"
        self._child = forks.Process(target=main, args=told)
        self._child.start()

    def ended(self, timeout_s: float = 60.0) -> int:
        """How it ended: 0, or the negative number of the signal that killed it. Raises ``TimeoutError``, and kills it."""
        self._child.join(timeout_s)
        if self._child.exitcode is None:
            self._child.kill()
            raise TimeoutError(f"still running after {timeout_s:g} s: {self._what}")
        return self._child.exitcode
