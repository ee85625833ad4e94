"""Children forked from a process that has imported what they need: to die after a step costs milliseconds, not the seconds of imports."""

import multiprocessing
from collections.abc import Callable
from typing import Any

PRELOADED = ["tests.support.billing"]


def exit_of(main: Callable[..., None], *told: Any, timeout_s: float = 60.0) -> int:
    """Run ``main(*told)`` in a child and return how it ended: 0, or the negative number of the signal that killed it.

    A child is forked from a server without threads or open stores, never from this process. Raises ``TimeoutError``.
    """
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(PRELOADED)
    child = forks.Process(target=main, args=told)
    child.start()
    child.join(timeout_s)
    if child.exitcode is None:
        child.kill()
        raise TimeoutError(f"still running after {timeout_s:g} s: {main.__module__}.{main.__qualname__} {told}")
    return child.exitcode
