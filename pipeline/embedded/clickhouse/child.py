"""The parent's side of the embedded engine: the command that starts the child, and a context manager that keeps one running."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pipeline.embedded.clickhouse.engine_config import EngineConfig

PASSWORD_VARIABLE = "ASSURE_HISTORY_PASSWORD"  # noqa: S105  # the name of a variable, no password
VIEWER_PASSWORD_VARIABLE = "ASSURE_HISTORY_VIEWER_PASSWORD"  # noqa: S105  # the name of a variable, no password


class ChildError(RuntimeError):
    """The child did not come up; the text is what it said."""


def command(config: EngineConfig) -> list[str]:
    """The command line of the child. It holds no secret: give it :func:`environment`."""
    return [
        *(sys.executable, "-m", "pipeline.embedded.clickhouse", "--watch-stdin"),
        *("--data", str(config.data_dir), "--host", config.host, "--port", str(config.port)),
        *("--native-port", str(config.native_port), "--database", config.database, "--user", config.user),
        *("--memory-bytes", str(config.memory_bytes)),
    ]


def environment(config: EngineConfig) -> dict[str, str]:
    """What the child's environment has beyond the parent's: the two passwords."""
    return {PASSWORD_VARIABLE: config.password.reveal(), VIEWER_PASSWORD_VARIABLE: config.viewer_password.reveal()}


async def start(config: EngineConfig, *, within_s: float = 60.0) -> asyncio.subprocess.Process:
    """Start a child and return once it is ready. Raises ``ChildError`` with the child's own words, or after ``within_s`` seconds.

    The child ends when this process does, because its stdin ends then.
    """
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *command(config), stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **environment(config)}
    )
    assert child.stdout is not None
    try:
        line = await asyncio.wait_for(child.stdout.readline(), within_s)
    except TimeoutError as error:
        await stop(child)
        raise ChildError(f"the embedded ClickHouse said nothing within {within_s:.0f} s") from error
    if not line.startswith(b"ready "):
        raise ChildError(await _last_words(child))
    return child


async def _last_words(child: asyncio.subprocess.Process) -> str:
    _, said = await child.communicate()
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"the embedded ClickHouse ended with code {child.returncode}"


async def stop(child: asyncio.subprocess.Process, *, within_s: float = 10.0) -> int:
    """End a child: politely by closing its stdin and SIGTERM, then by force. Returns its exit code."""
    with suppress(ProcessLookupError):
        child.terminate()
    try:
        await asyncio.wait_for(child.communicate(), within_s)
    except TimeoutError:
        child.kill()
        await child.communicate()
    return child.returncode or 0


@asynccontextmanager
async def running(config: EngineConfig) -> AsyncIterator[asyncio.subprocess.Process]:
    """A ready engine for the length of the block. Raises ``ChildError`` when it does not come up."""
    child = await start(config)
    try:
        yield child
    finally:
        await stop(child)
