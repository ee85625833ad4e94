"""The supervisor starts what an installation needs in order, brings back what dies, and leaves no process behind, however it ends."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import supervisor
from pipeline.supervisor import RESTART_SECONDS, Child, ChildFailedError, ChildSpec, Supervisor
from tests.support.embedded import free_port

DEADLINE_S = 20.0

STEADY = "print('ready', flush=True); import sys; sys.stdin.read()"
"""A child that is ready at once and ends with its parent."""


def spec(name: str, program: str = STEADY, **fields: object) -> ChildSpec:
    return ChildSpec(name, ("-c", textwrap.dedent(program)), f"{name} runs", **fields)  # type: ignore[arg-type]  # pass-through of a test


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def told() -> list[str]:
    """What people were told, line by line."""
    return []


async def test_a_group_starts_when_the_one_before_is_ready(tmp_path: Path, told: list[str]) -> None:
    """The children of the second group find what those of the first have made."""
    mark = tmp_path / "mark"
    slow = f"import time; time.sleep(0.3); open({str(mark)!r}, 'w').close(); {STEADY}"
    needy = f"import os; assert os.path.exists({str(mark)!r}); {STEADY}"
    async with Supervisor([[spec("first", slow), spec("beside")], [spec("second", needy)]], tmp_path, told.append):
        assert set(told[:2]) == {"first runs", "beside runs"}
        assert told[2:] == ["second runs"]


async def test_a_child_with_a_url_is_ready_when_it_answers_200(tmp_path: Path, told: list[str]) -> None:
    """Answers with 503 while it gets ready, then with 200; `ready` on standard output does not count."""
    port = free_port()
    program = f"""
        import http.server
        print("ready", flush=True)
        answers = iter([503, 503])
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status = next(answers, 200)
                self.send_response(status)
                self.end_headers()
            def log_request(self, code):
                print(int(code), flush=True)
        http.server.HTTPServer(("127.0.0.1", {port}), Answer).serve_forever()
    """
    async with Supervisor([[spec("web", program, ready_url=f"http://127.0.0.1:{port}/readyz")]], tmp_path, told.append):
        assert told == ["web runs"]
        assert (tmp_path / "web.log").read_text().split()[:4] == ["ready", "503", "503", "200"]


async def test_a_child_whose_port_another_process_answers_is_refused(tmp_path: Path, told: list[str]) -> None:
    """The answer of a stranger is not taken for its readiness."""

    async def stranger(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(stranger, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ChildFailedError, match=r"web ended .*its port is in use: another process answers http://127"):
            async with Supervisor([[spec("web", STEADY, ready_url=f"http://127.0.0.1:{port}/readyz")]], tmp_path, told.append):
                pass
    assert told == []


async def test_a_child_that_ends_at_the_start_is_told_with_the_last_line_of_its_log(tmp_path: Path, told: list[str]) -> None:
    """Of this start, not of an earlier one; and what had started already is stopped."""
    (tmp_path / "broken.log").write_text("assure: an old trouble\n")
    broken = "import sys; print('noise', file=sys.stderr); sys.exit('assure: port 162 is taken')"
    supervised = Supervisor([[spec("steady")], [spec("broken", broken)]], tmp_path, told.append)
    with pytest.raises(ChildFailedError, match=r"^broken ended with exit code 1: port 162 is taken$") as caught:
        await supervised.__aenter__()
    assert caught.value.exit_code == 1
    assert not is_running(supervised.children["steady"].pid)


async def test_a_child_that_ends_in_silence_is_said_to_have_said_nothing(tmp_path: Path, told: list[str]) -> None:
    (tmp_path / "mute.log").write_text("assure: an old trouble\n")
    with pytest.raises(ChildFailedError, match=r"mute ended with exit code 7: it said nothing"):
        await Supervisor([[spec("mute", "raise SystemExit(7)")]], tmp_path, told.append).__aenter__()


async def test_one_that_fails_does_not_wait_for_those_beside_it(tmp_path: Path, told: list[str]) -> None:
    """A child of the same group that would take for ever to get ready is stopped at once."""
    sleepy = "import time; open('/dev/null'); time.sleep(3600)"
    supervised = Supervisor([[spec("sleepy", sleepy), spec("broken", "raise SystemExit(3)")]], tmp_path, told.append)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(ChildFailedError, match="broken"):
            await supervised.__aenter__()
    assert not is_running(supervised.children["sleepy"].pid)


async def test_a_child_that_is_not_ready_in_time_is_ended(tmp_path: Path, told: list[str]) -> None:
    supervised = Supervisor([[spec("late", "import time; time.sleep(3600)", within_s=0.3)]], tmp_path, told.append)
    with pytest.raises(ChildFailedError, match=r"late ended with exit code 1: not ready within 0\.3 s; see .*late\.log"):
        await supervised.__aenter__()
    assert not is_running(supervised.children["late"].pid)


async def test_a_child_that_is_killed_is_back(tmp_path: Path, told: list[str]) -> None:
    async with Supervisor([[spec("steady")]], tmp_path, told.append) as supervised:
        before = supervised.children["steady"].pid
        os.kill(before, signal.SIGKILL)
        await until(lambda: "steady is back" in told, "it came back")
        assert supervised.children["steady"].pid != before
        assert told[1:] == ["steady ended (exit code -9); starting it again in 0.2 s", "steady is back"]


async def test_a_child_that_fails_again_when_restarted_is_told_and_tried_on(tmp_path: Path, told: list[str]) -> None:
    """The second start fails, the third works: both are told."""
    mark = tmp_path / "mark"
    program = f"""
        import os, sys
        lives = os.path.getsize({str(mark)!r}) if os.path.exists({str(mark)!r}) else 0
        open({str(mark)!r}, "a").write("x")
        if lives == 1:
            sys.exit("assure: not now")
        {STEADY}
    """
    async with Supervisor([[spec("moody", program)]], tmp_path, told.append) as supervised:
        os.kill(supervised.children["moody"].pid, signal.SIGKILL)
        await until(lambda: "moody is back" in told, "it came back")
    assert told[1:] == [
        "moody ended (exit code -9); starting it again in 0.2 s",
        "moody ended with exit code 1: not now",
        "moody ended (exit code 1); starting it again in 1 s",
        "moody is back",
    ]


def test_pauses_before_restarts_grow_and_a_long_life_ends_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child, now = Child(spec("any"), tmp_path / "any.log"), 0.0
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now)
    assert [child.pause_before_restart() for _ in range(7)] == [*RESTART_SECONDS, RESTART_SECONDS[-1], RESTART_SECONDS[-1]]
    now = supervisor.STEADY_SECONDS + 1
    assert child.pause_before_restart() == RESTART_SECONDS[0]


async def test_children_stop_in_the_reverse_order_of_their_groups(tmp_path: Path, told: list[str]) -> None:
    record = tmp_path / "record"
    noting = """
        import signal, sys
        def end(*_):
            with open({record!r}, "a") as to:
                to.write("{name}\\n")
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("ready", flush=True)
        signal.pause()
    """
    groups = [[spec(name, noting.format(record=str(record), name=name))] for name in ("first", "second", "third")]
    async with Supervisor(groups, tmp_path, told.append):
        pass
    assert record.read_text().split() == ["third", "second", "first"]


async def test_a_child_that_does_not_obey_is_killed(tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.2)
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {STEADY}"
    async with Supervisor([[spec("stubborn", stubborn)]], tmp_path, told.append) as supervised:
        pid = supervised.children["stubborn"].pid
    assert not is_running(pid)


async def test_a_talkative_child_is_not_held_up_by_what_it_says(tmp_path: Path, told: list[str]) -> None:
    """Its standard output is read all its life, and kept in its log."""
    done = tmp_path / "done"
    program = (
        f"print('ready', flush=True); print('x' * 1_000_000, flush=True); open({str(done)!r}, 'w').close(); import sys; sys.stdin.read()"
    )
    async with Supervisor([[spec("talker", program)]], tmp_path, told.append):
        await until(done.exists, "it could say everything")
        await until(lambda: (tmp_path / "talker.log").stat().st_size > 1_000_000, "it is in the log")


async def test_a_supervisor_that_is_stopped_while_a_child_starts_leaves_none_behind(tmp_path: Path, told: list[str]) -> None:
    supervised = Supervisor([[spec("steady")], [spec("sleepy", "import time; time.sleep(3600)")]], tmp_path, told.append)
    starting = asyncio.create_task(supervised.__aenter__())
    await until(lambda: "sleepy" in supervised.children and supervised.children["sleepy"].pid > 0, "the second child was started")
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not any(is_running(child.pid) for child in supervised.children.values())


async def test_until_told_to_stop_everything_runs(tmp_path: Path, told: list[str]) -> None:
    stop = asyncio.Event()
    supervised = Supervisor([[spec("steady")]], tmp_path, told.append)
    async with supervised.until(stop) as is_up:
        assert is_up
        assert is_running(supervised.children["steady"].pid)
    assert not is_running(supervised.children["steady"].pid)


async def test_told_to_stop_while_a_child_starts_it_does_not_wait_for_it(tmp_path: Path, told: list[str]) -> None:
    stop = asyncio.Event()
    supervised = Supervisor([[spec("steady")], [spec("sleepy", "import time; time.sleep(3600)")]], tmp_path, lambda _: stop.set())
    async with asyncio.timeout(DEADLINE_S), supervised.until(stop) as is_up:
        assert not is_up
    assert not any(is_running(child.pid) for child in supervised.children.values())


async def test_until_raises_what_went_wrong_at_the_start(tmp_path: Path, told: list[str]) -> None:
    with pytest.raises(ChildFailedError, match="broken"):
        async with Supervisor([[spec("broken", "raise SystemExit(3)")]], tmp_path, told.append).until(asyncio.Event()):
            pass


async def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """Their standard input ends, which is how they learn that their parent died."""
    script = f"""
import asyncio, pathlib
from pipeline.supervisor import ChildSpec, Supervisor

async def main():
    async with Supervisor([[ChildSpec("steady", ("-c", {STEADY!r}), "runs")]], pathlib.Path({str(tmp_path)!r}), lambda line: None) as up:
        print(up.children["steady"].pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:  # noqa: ASYNC220  # starts at once
        assert parent.stdout is not None
        child = int(await asyncio.to_thread(parent.stdout.readline))
        parent.kill()
    await until(lambda: not is_running(child), "the child has ended")
