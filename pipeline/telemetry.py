"""How a process tells of itself: JSON log lines, Prometheus metrics, ``/healthz`` and ``/readyz``."""

import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

Readiness = Callable[[], str]
"""Says why the process is not ready, or the empty string when it is."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line; newlines in device text cannot forge a line."""

    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def format(self, record: logging.LogRecord) -> str:
        """Render ``time`` (RFC 3339, UTC), ``level``, ``component``, ``logger``, ``message`` and, for errors, ``exception``."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "component": self._component,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def configure_logging(component: str, level: int = logging.INFO) -> None:
    """Send this process's log to stderr as JSON lines; libraries that chatter are kept to warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(component))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("aiokafka", "aiohttp.access", "faust", "mode", "alembic", "clickhouse_connect"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@asynccontextmanager
async def serve_health(host: str, port: int, readiness: Readiness) -> AsyncIterator[None]:
    """Serve ``/metrics``, ``/healthz`` (the process lives) and ``/readyz`` (503 with the reason while it cannot work) on ``host:port``.

    Raises ``OSError`` when the port is taken.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        why_not = readiness()
        return web.Response(text=f"{why_not or 'ready'}\n", status=503 if why_not else 200)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
