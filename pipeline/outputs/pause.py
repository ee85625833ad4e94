"""Waiting that ends early."""

import asyncio


async def pause(seconds: float, *until: asyncio.Event) -> None:
    """Wait ``seconds``, or until any of the events is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in until]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
