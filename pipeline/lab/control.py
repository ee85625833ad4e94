"""Speaking to a running lab: a small HTTP server on its side, a client on the other.

``POST /commands`` with ``{"command": "cut f-ams-rtm-1"}``, ``GET /state``, ``GET /commands`` for the list.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from pipeline.lab.command import CommandError, Done, usage_text
from pipeline.lab.config import LabError, split_address


@asynccontextmanager
async def serve_control(address: str, do: Callable[[str], Done], report: Callable[[], dict[str, Any]]) -> AsyncIterator[str]:
    """Take commands on ``host:port``; gives the address that was got. Raises :class:`LabError` when it cannot be had.

    A command must come as JSON, which no web page of another origin can post without asking.
    """
    host, port = split_address(address)

    async def post_command(request: web.Request) -> web.Response:
        command = await _command(request)
        try:
            return web.json_response(asdict(do(command)))
        except CommandError as error:
            return web.json_response({"error": str(error)}, status=web.HTTPBadRequest.status_code)

    async def get_state(_: web.Request) -> web.Response:
        return web.json_response(report())

    async def get_commands(_: web.Request) -> web.Response:
        return web.Response(text=usage_text() + "\n")

    app = web.Application()
    app.add_routes([web.post("/commands", post_command), web.get("/commands", get_commands), web.get("/state", get_state)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        yield await _listen(runner, host, port)
    finally:
        await runner.cleanup()


async def _command(request: web.Request) -> str:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text='send JSON: {"command": "cut f-ams-rtm-1"}\n')
    try:
        body = await request.json()
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"not JSON: {error}\n") from error
    if not isinstance(body, dict) or not isinstance(body.get("command"), str):
        raise web.HTTPBadRequest(text='not a command; send {"command": "cut f-ams-rtm-1"}\n')
    return str(body["command"])


async def _listen(runner: web.AppRunner, host: str, port: int) -> str:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        remedy = "stop what listens there, perhaps another lab, or give the lab another control address"
        raise LabError(f"the lab's control server cannot listen on {host}:{port} ({error.strerror}): {remedy}") from error
    return f"{host}:{runner.addresses[0][1]}"


class LabClient:
    """Speaks to the lab whose control server is at ``host:port``."""

    def __init__(self, control: str, timeout_s: float = 5.0) -> None:
        self._base = f"http://{control}"
        self._timeout = ClientTimeout(total=timeout_s)

    async def do(self, command: str) -> dict[str, Any]:
        """Give a command: ``{"command": ..., "changes": n}``.

        Raises :class:`CommandError` for a command that the lab refuses, :class:`LabError` when no lab answers.
        """
        status, body = await self._ask("POST", "/commands", {"command": command})
        if status == web.HTTPBadRequest.status_code:
            raise CommandError(body.get("error", "the lab refused the command"))
        return body

    async def state(self) -> dict[str, Any]:
        """What :meth:`pipeline.lab.simulation.Lab.report` says. Raises :class:`LabError` when no lab answers."""
        return (await self._ask("GET", "/state"))[1]

    async def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        try:
            async with ClientSession(timeout=self._timeout) as session, session.request(method, self._base + path, json=body) as response:
                return response.status, dict(await response.json())
        except (ClientError, TimeoutError) as error:
            raise LabError(f"no lab answers at {self._base}; start one first (`assure demo` does): {error}") from error
