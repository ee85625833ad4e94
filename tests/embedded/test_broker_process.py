"""The broker as a process: it says when it is ready, why it cannot start, and ends when it should."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.embedded import embedded_broker


def refused(*options: str) -> tuple[int, str]:
    """Run a broker that cannot start; return its exit code and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.embedded.broker", *options], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stderr


def test_a_port_in_use_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, said = refused("--data", str(tmp_path), "--port", str(port))
    assert code == 2
    assert said.splitlines()[-1].startswith(f"embedded broker: port {port} is in use")
    assert "--port" in said


def test_an_address_that_others_can_reach_is_refused(tmp_path: Path) -> None:
    code, said = refused("--data", str(tmp_path), "--port", "0", "--host", "0.0.0.0")
    assert (code, "loopback only" in said, "Apache Kafka" in said) == (2, True, True)


def test_a_second_broker_on_the_same_folder_is_refused_with_the_firsts_process(tmp_path: Path) -> None:
    with embedded_broker(tmp_path) as first:
        code, said = refused("--data", str(tmp_path), "--port", "0")
        assert (code, f"process {first.pid}" in said, str(tmp_path) in said) == (2, True, True)


def test_it_listens_on_loopback_only_and_ends_on_sigterm(tmp_path: Path) -> None:
    with embedded_broker(tmp_path) as broker:
        with socket.create_connection(("127.0.0.1", broker.port)):
            assert broker.stop() == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", broker.port))


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """The parent's end of the pipe closes, however the parent died."""
    with embedded_broker(tmp_path) as broker:
        assert broker.end_of_input() == 0


def test_the_folder_is_free_again_after_kill_9(tmp_path: Path) -> None:
    with embedded_broker(tmp_path) as broker:
        for _ in range(3):
            broker.kill()
            broker.restart()
        with socket.create_connection(("127.0.0.1", broker.port)):
            assert broker.stop() == 0
