"""How every long-running process runs its coroutine: on uvloop where there is one, and collecting garbage seldom."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GARBAGE = 20_000
"""New objects between two looks for cycles. A batch makes thousands of values that die without one: at Python's own 700 the looks took a
tenth of the worker's CPU, from 10,000 on nothing that can be measured."""


def collect_seldom() -> None:
    """Let this process look for cycles as seldom as every long-running process does."""
    gc.set_threshold(GARBAGE, *gc.get_threshold()[1:])


def run(main: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``, at half the CPU for the loop itself."""
    collect_seldom()
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop  # noqa: PLC0415  # it exists on other systems only

    return uvloop.run(main)
