"""How a part ends: when it is told to, when its parent is gone, and at any rate."""

import subprocess
import sys

from pipeline.cli.output import Exit

CHILD = """
import asyncio, logging
from pipeline.cli.parent import LastResort, stop_event

async def main(hangs):
    stop = await stop_event(watch_stdin=True)
    last_resort = LastResort(0.3)
    stopping = asyncio.create_task(last_resort.begin_when(stop))
    print("ready", flush=True)
    await (asyncio.Event() if hangs else stop).wait()

logging.basicConfig()
asyncio.run(main({hangs}))
"""


def child(*, hangs: bool) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", CHILD.replace("{hangs}", str(hangs))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def test_a_child_ends_when_its_parent_lets_go() -> None:
    """The end of standard input is the parent's death."""
    ended = child(hangs=False)
    _, said = ended.communicate(timeout=60)
    assert (ended.returncode, said) == (Exit.FINE, "")


def test_a_child_that_cannot_end_is_ended() -> None:
    """What waits for a broker that is gone for ever does not stay behind; it says that nothing is lost."""
    ended = child(hangs=True)
    _, said = ended.communicate(timeout=60)
    assert ended.returncode == Exit.PROBLEM
    assert "Nothing is lost" in said
