"""The child process of the embedded history: ``python -m pipeline.embedded.clickhouse --data DIR --port PORT``.

Prints ``ready HOST:PORT`` on stdout once it answers. Ends on SIGTERM, SIGINT and, with ``--watch-stdin``, when the parent closes stdin
or dies. Exit codes: 0 stopped as asked, 1 the engine ended by itself, 2 it could not start (one line on stderr says why and what to
do). The passwords come from the environment, so that no process list shows them.
"""

import argparse
import fcntl
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from pipeline.config.secret import Secret
from pipeline.config.settings import HistorySettings
from pipeline.embedded.clickhouse.child import PASSWORD_VARIABLE, VIEWER_PASSWORD_VARIABLE
from pipeline.embedded.clickhouse.engine import Engine, EngineMissingError, load_extension
from pipeline.embedded.clickhouse.engine_config import ConfigError, EngineConfig, check, write_files

_START_WITHIN_S = 60.0
_STOP_WITHIN_S = 0.5


class StartError(RuntimeError):
    """Why the engine cannot start, with the remedy, in one line."""


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[EngineConfig, bool]:
    """Command line and environment -> configuration, and whether to watch stdin. Exits with code 2 on a wrong command line."""
    defaults = HistorySettings()
    parser = argparse.ArgumentParser(prog="python -m pipeline.embedded.clickhouse", description="Run the embedded ClickHouse engine.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the engine's files")
    parser.add_argument("--host", default=defaults.host)
    parser.add_argument("--port", type=int, default=defaults.port, help="HTTP")
    parser.add_argument("--native-port", type=int, default=0, help="native protocol; 0 is off")
    parser.add_argument("--database", default=defaults.database)
    parser.add_argument("--user", default=defaults.user)
    parser.add_argument("--memory-bytes", type=int, default=defaults.memory_bytes)
    parser.add_argument("--watch-stdin", action="store_true", help="end when stdin ends")
    options = vars(parser.parse_args(arguments))
    watch = bool(options.pop("watch_stdin"))
    config = EngineConfig(
        data_dir=options.pop("data").absolute(),
        password=Secret(environment.get(PASSWORD_VARIABLE, "")),
        viewer_password=Secret(environment.get(VIEWER_PASSWORD_VARIABLE, "")),
        **options,
    )
    return config, watch


def claim_folder(config: EngineConfig) -> int:
    """Take the data folder for this process; the lock lasts as long as the process. Raises ``StartError`` when it is held or unusable."""
    try:
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(config.data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StartError(f"{config.data_dir} is in use by another engine: stop that one, or choose another data_dir") from error
    except OSError as error:
        raise StartError(f"{config.data_dir} cannot be used: {error.strerror}; make it writable, or choose another data_dir") from error
    return lock


def check_ports(config: EngineConfig) -> None:
    """Refuse a port that somebody holds: the probe for readiness would otherwise take the other program for the engine."""
    for port in config.listeners.values():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((config.host, port))
            except (OSError, OverflowError) as error:
                raise StartError(f"{config.host}:{port} cannot be listened on ({error}): free it, or set another port") from error


def start(config: EngineConfig) -> Engine:
    """Check, write the configuration, start. Raises ``StartError``."""
    try:
        check(config)
        claim_folder(config)
        check_ports(config)
        write_files(config, config.data_dir)
        engine = Engine(load_extension(), config, config.data_dir)
    except (ConfigError, OSError) as error:
        raise StartError(str(error)) from error
    except EngineMissingError as error:
        raise StartError(f"{error}; run: pip install chdb-core (Linux or macOS, x86-64 or ARM), or set history.embedded: false") from error
    engine.start()
    return engine


def wait_ready(engine: Engine, config: EngineConfig, stop: threading.Event) -> None:
    """Return when the engine answers or a stop is asked for. Raises ``StartError`` when it ends or stays silent."""
    deadline = time.monotonic() + _START_WITHIN_S
    see = f"see {config.data_dir / 'engine.error.log'}"
    while not stop.is_set() and not engine.answers():
        if not engine.alive:
            raise StartError(f"the engine ended while starting: {_one_line(engine.error)}; {see}")
        if time.monotonic() > deadline:
            raise StartError(f"no answer on {config.host}:{config.port} within {_START_WITHIN_S:.0f} s; {see}")
        stop.wait(0.02)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500] or "no reason given"


def _say(stream: TextIO, text: str) -> None:
    stream.write(f"{text}\n")
    stream.flush()


def _watch(stdin: int, stop: threading.Event) -> None:
    while os.read(stdin, 4096):
        continue
    stop.set()


def serve(config: EngineConfig, stop: threading.Event) -> int:
    """Run the engine until ``stop``; returns the exit code. Raises ``StartError``."""
    engine = start(config)
    wait_ready(engine, config, stop)
    _say(sys.stdout, f"ready {config.host}:{config.port}")
    while engine.alive and not stop.wait(0.2):
        continue
    if stop.is_set():
        engine.release(_STOP_WITHIN_S)
        return 0
    _say(sys.stderr, f"embedded ClickHouse: the engine ended: {_one_line(engine.error)}")
    return 1


def main() -> int:
    """Parse, serve, and say in one line why not."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    config, watch = parse(sys.argv[1:], os.environ)
    if watch:
        threading.Thread(target=_watch, args=(sys.stdin.fileno(), stop), daemon=True).start()
    try:
        return serve(config, stop)
    except StartError as error:
        _say(sys.stderr, f"embedded ClickHouse: {error}")
        return 2


if __name__ == "__main__":
    os._exit(main())
