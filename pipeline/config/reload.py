"""Files that may be edited while the program runs: read again when they change, and never taken over broken."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from pipeline.config.problem import ConfigError

T = TypeVar("T")
_log = logging.getLogger(__name__)
Stamp = tuple[tuple[str, int, int], ...]


class Reloading(Generic[T]):
    """A value read from folders of files. The first read must succeed; later a broken set is refused whole and the old value stays.

    ``problem`` is the text of why the newest set is not in use, empty while it is. A set is looked at once: nothing is read, and nothing
    is logged again, until a file's time or size changes, or one comes or goes.
    """

    def __init__(self, folders: Iterable[Path], suffixes: tuple[str, ...], load: Callable[[], T], *, what: str) -> None:
        self._folders = tuple(folders)
        self._suffixes = suffixes
        self._load = load
        self._what = what
        self._stamp: Stamp | None = None
        self._value: T | None = None
        self.problem = ""

    def current(self) -> T:
        """The newest good value. Costs one look at the files' times. Raises ``ConfigError`` only if there never was a good one."""
        stamp = stamp_of(self._folders, self._suffixes)
        if self._value is None or stamp != self._stamp:
            self._stamp = stamp
            self._read_again()
        assert self._value is not None
        return self._value

    def _read_again(self) -> None:
        try:
            self._value = self._load()
            self.problem = ""
        except ConfigError as error:
            if self._value is None:
                raise
            self.problem = str(error)
            _log.error("the %s that changed is refused, the one before stays in use:\n%s", self._what, error)


def stamp_of(folders: Iterable[Path], suffixes: tuple[str, ...]) -> Stamp:
    """Name, time and size of every file below the folders that ends like this: another stamp, another content."""
    paths = (path for folder in folders for path in folder.rglob("*") if path.suffix in suffixes)
    return tuple(sorted(mark for path in paths if (mark := _mark(path))))


def _mark(path: Path) -> tuple[str, int, int] | None:
    try:
        status = path.stat()
    except OSError:  # it went between listing and looking; the next look sees that
        return None
    return str(path), status.st_mtime_ns, status.st_size
