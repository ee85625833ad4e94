"""What the demo needs before it can start: a fresh folder with the lab's inventory, settings, secrets; and a receiver of webhooks."""

import fcntl
import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from pipeline.cli.output import Exit, fail
from pipeline.config.settings import COMPONENTS

MARKER = "assure.yaml"
LOCK = ".lock"
AGENT_PORT = 16161


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens on 127.0.0.1; ``shift`` moves all, so that two demos can stand side by side."""

    shift: int = 0

    def __getattr__(self, name: str) -> int:
        return PORTS[name] + self.shift

    def taken(self) -> list[int]:
        """Those of them on which something listens already."""
        metrics = range(PORTS["metrics"] + 1, PORTS["metrics"] + len(COMPONENTS))
        return [port + self.shift for port in (*PORTS.values(), *metrics) if not _is_free(port + self.shift)]


PORTS = {
    "broker": 19092,
    "history": 18123,
    "native": 19000,
    "traps": 16200,
    "tickets": 18621,
    "webhook": 18650,
    "api": 18642,
    "metrics": 18700,
    "lab": 18161,
    "agents": AGENT_PORT,
}


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


SETTINGS = """\
# Written by `assure demo`; every key and its default: `assure init`.
data_dir: .
inventory_dir: inventory
metrics_port: {ports.metrics}
broker: {{bootstrap: "127.0.0.1:{ports.broker}"}}
history:
  port: {ports.history}
  native_port: {ports.native}
  password: file:secrets/history
  viewer_password: file:secrets/viewer
traps: {{listen: ["127.0.0.1:{ports.traps}"], allow: [127.0.0.0/8]}}
polls: {{interval_s: 2.0}}
tickets: {{url: "http://127.0.0.1:{ports.tickets}"}}
webhooks:
  - name: on-call
    url: http://127.0.0.1:{ports.webhook}/
    secret: file:secrets/webhook
    allow_private: true
api: {{listen: "127.0.0.1:{ports.api}"}}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """The prepared folder."""

    folder: Path
    ports: Ports
    webhook_secret: str

    @property
    def settings_file(self) -> Path:
        """The demo's settings."""
        return self.folder / MARKER


@contextmanager
def alone_in(folder: Path, ports: Ports) -> Iterator[None]:
    """Hold the demo's folder. Ends with exit code 2 when another demo has it, when it holds something else, or when a port is taken."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not ((folder / MARKER).is_file() or (folder / LOCK).is_file()):
        fail(f"{folder} holds something else; name another folder with --data", Exit.USAGE)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fail(f"a demo is running in {folder}; `assure demo --data DIR --shift 1000` starts one beside it", Exit.USAGE)
        for port in ports.taken():
            fail(f"port {port} of 127.0.0.1 is in use; `assure demo --shift 1000` moves all ports", Exit.USAGE)
        yield


def prepare(folder: Path, ports: Ports, lab_inventory: Path) -> Stage:
    """Make the folder's content anew."""
    for old in folder.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old.name != LOCK:
            old.unlink()
    (folder / "secrets").mkdir(parents=True, mode=0o700)
    for name in ("history", "viewer"):
        _write_secret(folder / "secrets" / name, secrets.token_urlsafe(24))
    webhook_secret = f"whsec_{secrets.token_hex(24)}"
    _write_secret(folder / "secrets" / "webhook", webhook_secret)
    (folder / "inventory").mkdir()
    for source in sorted(lab_inventory.iterdir()):
        if source.suffix in {".yaml", ".csv"}:
            text = source.read_text().replace(f"port: {AGENT_PORT}", f"port: {ports.agents}")
            (folder / "inventory" / source.name).write_text(text)
    stage = Stage(folder, ports, webhook_secret)
    stage.settings_file.write_text(SETTINGS.format(ports=ports))
    return stage


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


@dataclass(slots=True)
class Received:
    """What the webhook receiver was sent, in order, each verified by its signature."""

    deliveries: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0


@asynccontextmanager
async def webhook_receiver(port: int, secret: str) -> AsyncIterator[Received]:
    """A receiver as an on-call tool would be: verifies each signed webhook (Standard Webhooks 1.0) and keeps it."""
    received = Received()
    verifier = Webhook(secret)

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            received.deliveries.append(verifier.verify(body, dict(request.headers)))
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a signature, the answer is the same
            received.refused += 1
            return web.Response(status=401, text=str(error))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield received
    finally:
        await runner.cleanup()
