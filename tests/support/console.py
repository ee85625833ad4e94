"""What the tests of the console call a client and the way to start one."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

Client = TestClient[web.Request, web.Application]
Serve = Callable[..., Awaitable[Client]]
Json = dict[str, Any]
