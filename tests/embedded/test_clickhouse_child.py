"""The embedded ClickHouse child: up on loopback, plain about why when it cannot, loses nothing it acknowledged, gone when asked."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config.secret import Secret
from pipeline.embedded.clickhouse import child
from pipeline.store.client import Connection, StoreClient, StoreError
from tests.support.history import READER, HistoryProcess, embedded_history


def ask(history: HistoryProcess, sql: str, *, user: str = "assure", password: Secret | None = None) -> list[dict[str, object]]:
    async def work() -> list[dict[str, object]]:
        secret = history.settings.password if password is None else password
        async with StoreClient(Connection(history.settings, user=user, password=secret)) as client:
            return await client.rows(sql)

    return asyncio.run(work())


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryProcess]:
    with embedded_history(tmp_path_factory.mktemp("engine")) as running:
        yield running


def failure(history: HistoryProcess, **environment: str) -> tuple[int, list[str]]:
    """Start where it must fail; the exit code and the lines of stderr."""
    variables = {**os.environ, **child.environment(history.config), **environment}
    ended = subprocess.run(
        child.command(history.config), stdin=subprocess.DEVNULL, capture_output=True, env=variables, check=False, timeout=60
    )
    return ended.returncode, ended.stderr.decode().strip().splitlines()


def test_it_is_a_genuine_server(history: HistoryProcess) -> None:
    """The product speaks to it as to any ClickHouse."""
    row = ask(history, "SELECT version() AS version, currentUser() AS user")[0]
    assert row["user"] == "assure"
    assert str(row["version"]).startswith("26.")


def test_no_password_stands_on_the_command_line_or_in_its_files(history: HistoryProcess) -> None:
    """Process list and data folder give no secret away, and the folder is the owner's."""
    command = (
        Path(f"/proc/{history.pid}/cmdline").read_bytes() if sys.platform == "linux" else " ".join(child.command(history.config)).encode()
    )
    texts = [command, *((history.data / name).read_bytes() for name in ("config.xml", "users.xml"))]
    assert not any(secret.reveal().encode() in text for text in texts for secret in (history.settings.password, READER))
    assert {(history.data / name).stat().st_mode & 0o077 for name in ("config.xml", "users.xml")} == {0}


@pytest.mark.parametrize(
    ("user", "password", "statement"),
    [
        ("default", "", "SELECT number FROM system.numbers LIMIT 1"),
        ("default", "", "SYSTEM STOP LISTEN HTTP"),
        ("default", "", "SELECT * FROM file('/etc/hostname', 'LineAsString')"),
        ("viewer", READER.reveal(), "SELECT * FROM file('/etc/hostname', 'LineAsString')"),
        ("viewer", READER.reveal(), "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')"),
        ("viewer", READER.reveal(), "INSERT INTO kpi (kpi) VALUES ('forged')"),
        ("viewer", READER.reveal(), "DROP TABLE kpi"),
        ("assure", "write-me", "SELECT * FROM file('/etc/hostname', 'LineAsString')"),
        ("viewer", "wrong", "SELECT 1"),
    ],
)
def test_nobody_does_more_than_granted(history: HistoryProcess, user: str, password: str, statement: str) -> None:
    """Anonymous sessions do nothing, the viewer reads one database, nobody reads files of the machine."""
    with pytest.raises(StoreError, match=r"QUOTA_EXCEEDED|ACCESS_DENIED|AUTHENTICATION_FAILED|READONLY"):
        ask(history, statement, user=user, password=Secret(password))


def test_a_second_engine_on_the_same_folder_is_refused(history: HistoryProcess) -> None:
    """One line names the folder and what to do, and the first goes on."""
    code, said = failure(HistoryProcess(history.data))
    assert code == 2
    assert said[-1].endswith("is in use by another engine: stop that one, or choose another data_dir")
    assert ask(history, "SELECT 1 AS one") == [{"one": 1}]


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    """One line names the port; the program that holds it is not taken for the engine."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        code, said = failure(HistoryProcess(tmp_path, port=holder.getsockname()[1]))
    assert code == 2
    assert "cannot be listened on" in said[-1]
    assert "set another port" in said[-1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": "0.0.0.0"}, "serves loopback only"),
        ({"database": "a; DROP"}, "history.database is"),
        ({"user": "viewer"}, "history.user is"),
    ],
)
def test_an_unsafe_configuration_is_refused(tmp_path: Path, change: dict[str, str], words: str) -> None:
    """It never listens off loopback, and names cannot carry statements."""
    code, said = failure(HistoryProcess(tmp_path, **change))
    assert code == 2
    assert words in said[-1]


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    """There is no default password."""
    code, said = failure(HistoryProcess(tmp_path), **{child.PASSWORD_VARIABLE: ""})
    assert code == 2
    assert "assure init" in said[-1]


def test_a_missing_wheel_is_told_with_the_remedy(tmp_path: Path) -> None:
    """Without the engine's wheel the line says what to install."""
    history = HistoryProcess(tmp_path)
    hide = (
        "import importlib.util, runpy; real = importlib.util.find_spec;"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'chdb' else real(name, *rest);"
        "runpy.run_module('pipeline.embedded.clickhouse', run_name='__main__')"
    )
    command = [sys.executable, "-c", hide, "--data", str(tmp_path), "--port", str(history.settings.port)]
    ended = subprocess.run(command, capture_output=True, env={**os.environ, **child.environment(history.config)}, check=False, timeout=60)
    assert ended.returncode == 2
    assert b"pip install chdb-core" in ended.stderr


def test_an_unusable_folder_is_refused(tmp_path: Path) -> None:
    """A data folder that is a file is named."""
    (tmp_path / "file").touch()
    code, said = failure(HistoryProcess(tmp_path / "file"))
    assert code == 2
    assert "choose another data_dir" in said[-1]


@pytest.mark.parametrize("ending", ["stop", "end_of_input"])
def test_it_ends_when_asked_or_when_its_parent_is_gone(tmp_path: Path, ending: str) -> None:
    """SIGTERM and the end of stdin both end it with code 0, and its folder is free at once."""
    history = HistoryProcess(tmp_path)
    history.start()
    assert getattr(history, ending)() == 0
    history.restart()
    history.kill()


def test_a_kill_loses_no_acknowledged_row(tmp_path: Path) -> None:
    """What an insert was told to be stored is there after kill -9, and the engine starts on the same folder."""
    with embedded_history(tmp_path) as history:

        async def insert(count: int) -> None:
            async with StoreClient.writer(history.settings) as client:
                for number in range(count):
                    await client.insert("sink_cut", _cut_row(number), token=str(number))

        asyncio.run(insert(20))
        history.kill()
        history.restart()
        assert ask(history, "SELECT uniqExact(partition) AS found FROM sink_cut") == [{"found": 20}]


def _cut_row(number: int) -> dict[str, list[object]]:
    row = {"topic": "t", "partition": number, "epoch": 0, "first_offset": 0, "last_offset": 1, "first_timestamp_ms": 0}
    return {name: [value] for name, value in {**row, "owner": "", "is_done": True, "version": 1}.items()}


async def test_the_parent_side_gives_a_ready_engine_and_takes_it_away(tmp_path: Path) -> None:
    """`running` is ready inside the block and leaves no process behind."""
    config = HistoryProcess(tmp_path).config
    async with child.running(config) as process:
        assert process.returncode is None
        with socket.create_connection((config.host, config.port), timeout=5):
            pass
    assert process.returncode == 0


async def test_the_parent_side_hands_on_the_childs_own_words(tmp_path: Path) -> None:
    """A child that cannot start is an error with its line."""
    config = replace(HistoryProcess(tmp_path).config, host="10.0.0.1")
    with pytest.raises(child.ChildError, match="serves loopback only"):
        await child.start(config)
