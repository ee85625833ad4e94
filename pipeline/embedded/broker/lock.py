"""An advisory lock on the data folder, so that two brokers never write one log."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class AlreadyOpenError(RuntimeError):
    """Another broker holds the folder; the message names the folder and the process."""


class DataLock:
    """Context manager holding `broker.lock` in a folder; the system frees it when the process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "broker.lock"
        self._fd = -1

    def __enter__(self) -> Self:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise AlreadyOpenError(
                f"{self._path.parent} is open in another broker (process {owner}); stop that one, or give this one its own --data folder"
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, b"%d\n" % os.getpid())
        self._fd = fd
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._fd)
