"""How `assure up` begins and ends: what is wrong is said in plain words at once, and nothing is left running or done twice."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chain.story import Story, until_sums_hold
from tests.support.fibre_cut import about_fibre
from tests.support.installation import Installation, children_of, eventually, installation, is_running, up_command, write_installation

pytestmark = [pytest.mark.slow, pytest.mark.whole]

WITHIN_S = 60


def up(settings: Path) -> tuple[int, str]:
    """Exit code and what was said on standard error by a start that is to fail."""
    ended = subprocess.run(up_command(settings), capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert "Traceback" not in ended.stderr + ended.stdout
    return ended.returncode, ended.stderr


@contextlib.contextmanager
def taken(kind: socket.SocketKind, address: str) -> Iterator[str]:
    host, _, port = address.rpartition(":")
    with socket.socket(type=kind) as holder:
        holder.bind((host, int(port)))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        yield port


@pytest.mark.parametrize("part", ["broker", "traps", "console"])
def test_a_port_in_use_is_named(tmp_path: Path, part: str) -> None:
    settings = Installation(write_installation(tmp_path), None).settings  # type: ignore[arg-type]  # it is not started
    kind, address = {
        "broker": (socket.SOCK_STREAM, settings.broker.bootstrap),
        "traps": (socket.SOCK_DGRAM, settings.traps.listen[0]),
        "console": (socket.SOCK_STREAM, settings.api.listen),
    }[part]
    with taken(kind, address) as port:
        code, said = up(tmp_path / "assure.yaml")
    assert code == 2
    assert port in said
    assert "in use" in said
    assert len(said.strip().splitlines()) == 1


def test_settings_that_are_no_yaml_are_told_with_their_line(tmp_path: Path) -> None:
    settings = write_installation(tmp_path)
    settings.write_text("broker: {bootstrap: [\nhistory: 3\n")
    code, said = up(settings)
    assert code == 2
    assert f"{settings}:3" in said


def test_every_mistake_of_the_settings_is_told_at_once(tmp_path: Path) -> None:
    settings = write_installation(tmp_path)
    settings.write_text(settings.read_text().replace("settle_s: 1.0", "settle_s: soon").replace("interval_s", "intervall_s"))
    code, said = up(settings)
    assert code == 2
    assert "settle_s" in said
    assert "did you mean 'interval_s'?" in said


def test_an_inventory_that_is_missing_is_named(tmp_path: Path) -> None:
    code, said = up(write_installation(tmp_path, inventory=tmp_path / "nowhere"))
    assert code == 2
    assert str(tmp_path / "nowhere") in said


def test_a_mistake_in_the_inventory_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "network.yaml").write_text("devices:\n  - {name: pe1, site: ams, adress: 127.20.0.1}\n")
    code, said = up(write_installation(tmp_path, inventory="inventory"))
    assert code == 2
    assert "network.yaml:2" in said


def test_what_was_handled_before_a_clean_stop_is_not_handled_again(tmp_path: Path) -> None:
    """SIGTERM, then a start on the same data: only what is new is worked on, and the standing alarm is found and cleared."""
    with installation(tmp_path) as running:
        story = Story.of(running, "f-fra-mai-1")
        story.send(about_fibre(story.fibre))
        story.until_journaled()
        story.until_true()
        story.until_told("incident.opened", "acknowledged")
        incident = story.incident()
        assert running.stop() == 0
        running.start()
        told = len(running.on_call.deliveries)
        story.mend()
        assert story.incident() == incident
        assert running.metric("worker", "assure_stream_messages_total", topic="raw.traps") <= len(about_fibre(story.fibre))
        for reason in ("already-seen", "late"):
            assert running.metric("worker", "assure_alarm_inputs_total", reason=reason) == 0
        assert [one["type"] for one in running.on_call.deliveries[told:]] == ["incident.resolved"]
        until_sums_hold(running)


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    with (tmp_path / "up.log").open("w") as log:
        process = subprocess.Popen(up_command(write_installation(tmp_path)), stdout=log, stderr=log, start_new_session=True)
    try:
        children = eventually(lambda: children_of(process.pid), "the first children are started")
        process.send_signal(signal.SIGINT)
        assert process.wait(WITHIN_S) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in (tmp_path / "up.log").read_text()
    assert not [pid for pid in children if is_running(pid)]


def test_everything_ends_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """Kill -9 of `assure up` itself: every part sees that its parent died."""
    with installation(tmp_path) as running:
        children = children_of(running.up_pid)
        assert len(children) == 9
        os.kill(running.up_pid, signal.SIGKILL)
        eventually(lambda: not [pid for pid in children if is_running(pid)], "every part has ended")
