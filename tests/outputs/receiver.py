"""A receiver on loopback that answers as a test scripts it, and remembers what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = web.Response | Callable[[web.Request], Awaitable[web.Response]]


@dataclass
class Received:
    """One request."""

    headers: dict[str, str]
    body: bytes
    path: str


@dataclass
class Receiver:
    """Gives its ``script`` answer by answer, then 200 for ever. ``hold`` is waited for before an answer while it is not set."""

    url: str = ""
    script: list[Answer] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(Received(dict(request.headers), await request.read(), request.path))
        await self.hold.wait()
        answer = self.script.pop(0) if self.script else web.Response()
        return answer if isinstance(answer, web.Response) else await answer(request)


async def reset(request: web.Request) -> web.Response:
    """Cut the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def receiver(*script: Answer) -> AsyncIterator[Receiver]:
    """A receiver that listens while the block lasts."""
    one = Receiver(script=list(script))
    one.hold.set()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", one.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield one
    finally:
        one.hold.set()
        await runner.cleanup()
