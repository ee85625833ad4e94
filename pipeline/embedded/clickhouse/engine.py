"""The engine inside the child process: the extension of the chdb wheel, loaded without its Python package, and one thread that runs it."""

import ctypes
import http.client
import importlib.machinery
import importlib.util
import os
import sys
import threading
from pathlib import Path
from types import ModuleType

from pipeline.embedded.clickhouse.engine_config import EngineConfig

_MARK = "assure_hold"
_FOREVER = "FORMAT Null SETTINGS max_block_size = 1, max_threads = 1, max_execution_time = 0"
_HOLD = f"SELECT sleepEachRow(1) AS {_MARK} FROM system.numbers {_FOREVER}"  # noqa: S608  # built from the constants above
_RELEASE = f"KILL QUERY WHERE user = 'default' AND query LIKE '%{_MARK}%' ASYNC"
_DEEP_BIND = 0x8  # RTLD_DEEPBIND of <dlfcn.h>: the engine must meet its own symbols first


class EngineMissingError(RuntimeError):
    """The wheel that carries the engine is not installed."""


def load_extension() -> ModuleType:
    """Load ``_chdb`` by path. Importing the package instead would start and stop an engine of its own, and pull in pandas.

    Raises ``EngineMissingError`` when the wheel is missing or not for this machine.
    """
    spec = importlib.util.find_spec("chdb")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    libraries = [path for folder in folders for path in sorted(Path(folder).glob("_chdb*.so"))]
    if not libraries:
        raise EngineMissingError("the wheel chdb-core is not installed for this Python and machine")
    library = str(libraries[0])
    ctypes.CDLL(library, mode=sys.getdlopenflags() | _DEEP_BIND)
    loader = importlib.machinery.ExtensionFileLoader("_chdb", library)
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location("_chdb", library, loader=loader) or _no_spec(library))
    loader.exec_module(module)
    return module


def _no_spec(library: str) -> importlib.machinery.ModuleSpec:
    raise EngineMissingError(f"{library} cannot be loaded")


class Engine:
    """One run of the engine in a thread of this process: it serves its listeners until released.

    A process runs one engine in its life, and must leave by ``os._exit``: tearing the interpreter down under the engine crashes.
    """

    def __init__(self, extension: ModuleType, config: EngineConfig, folder: Path) -> None:
        self._extension = extension
        self._config = config
        self._folder = folder
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self.error = ""

    def start(self) -> None:
        """Begin. The engine reads ``config.xml`` from the working directory, so this changes into ``folder``."""
        os.chdir(self._folder)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False once the engine has ended, for whatever reason."""
        return self._thread.is_alive()

    def _run(self) -> None:
        statements = [f"SYSTEM START LISTEN {protocol}" for protocol in self._config.listeners]
        try:
            result = self._extension.query("; ".join([*statements, _HOLD]), "TSV", path=str(self._folder / "data"))
            self.error = str(result.error_message() or "")
        except Exception as error:  # noqa: BLE001  # the extension raises bare exceptions; the supervisor prints them and exits
            self.error = str(error)

    def answers(self, timeout_s: float = 1.0) -> bool:
        """Whether ``/ping`` answers ``Ok.``; false on any failure."""
        connection = http.client.HTTPConnection(self._config.host, self._config.port, timeout=timeout_s)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().read() == b"Ok.\n"
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def release(self, within_s: float) -> bool:
        """Ask the engine to end and wait. Returns whether it did; leaving without is safe, as acknowledged inserts are in files already."""
        connection = http.client.HTTPConnection(self._config.host, self._config.port, timeout=within_s)
        headers = {"X-ClickHouse-User": self._config.user, "X-ClickHouse-Key": self._config.password.reveal(), "Connection": "close"}
        try:
            connection.request("POST", "/", body=_RELEASE, headers=headers)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        self._thread.join(within_s)
        return not self.alive
