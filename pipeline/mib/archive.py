"""Archives of MIB sources, read without unpacking: nothing is written, so no path leads out of a folder and no link leads anywhere.

Limits are on what is really read, whatever an archive's own tables claim.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pipeline.core.text import shown

MAX_MEMBERS = 20_000
MAX_TOTAL_BYTES = 512 * 1024 * 1024
_ZIP, _GZIP, _BZIP2, _XZ = b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
_TAR_PLACE, _TAR = 257, b"ustar"
_ENCRYPTED = 0x1
_LINK = 0o120000
_FORMAT_BITS = 0o170000


class ArchiveError(Exception):
    """An archive that is broken, or larger than any collection of MIBs; the message says which."""


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar archive (the latter also compressed), by its first bytes."""
    with path.open("rb") as file:
        head = file.read(_TAR_PLACE + len(_TAR))
    return head.startswith((_ZIP, _GZIP, _BZIP2, _XZ)) or head[_TAR_PLACE:] == _TAR


def members(path: Path, suffixes: Collection[str], max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of every regular file with one of the suffixes and at most ``max_bytes``, in the archive's order.

    Links, devices, encrypted files and archives within are passed over.

    Raises:
        ArchiveError: when it is broken, or has more than :data:`MAX_MEMBERS` members or :data:`MAX_TOTAL_BYTES` bytes.
    """
    with path.open("rb") as file:
        first = file.read(6)
    try:
        if first.startswith(_ZIP):
            yield from _zip_members(path, suffixes, max_bytes)
        else:
            yield from _tar_members(path, first, suffixes, max_bytes)
    except ArchiveError:
        raise
    except Exception as error:  # the readers raise many kinds on damage, UnicodeDecodeError, OverflowError and IndexError among them
        raise ArchiveError(f"not readable as an archive: {shown(str(error)) or type(error).__name__}") from error


def _wanted(name: str, suffixes: Collection[str]) -> bool:
    path = PurePosixPath(name)
    hidden = any((part.startswith(".") and part not in {".", ".."}) or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in suffixes and not hidden


def _name(name: str) -> str:
    """A member's name to show, with nothing in it that could lead out of the archive's."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in {"/", "..", "."}]
    return shown("/".join(parts)) or "unnamed"


def _zip_members(path: Path, suffixes: Collection[str], max_bytes: int) -> Iterator[tuple[str, bytes]]:
    total = 0
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        _check_count(len(infos))
        for info in infos:
            is_link = (info.external_attr >> 16) & _FORMAT_BITS == _LINK
            if info.is_dir() or is_link or info.flag_bits & _ENCRYPTED or not _wanted(info.filename, suffixes):
                continue
            with archive.open(info) as file:
                data = file.read(max_bytes + 1)
            total += len(data)
            _check_total(total)
            if len(data) <= max_bytes:
                yield _name(info.filename), data


def _tar_members(path: Path, first: bytes, suffixes: Collection[str], max_bytes: int) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as file, tarfile.open(fileobj=_Limited(_unpacked(file, first)), mode="r|") as archive:
        for count, info in enumerate(archive):
            _check_count(count)
            if info.isreg() and info.size <= max_bytes and _wanted(info.name, suffixes):
                member = archive.extractfile(info)
                if member is not None:
                    yield _name(info.name), member.read()


def _unpacked(file: BinaryIO, first: bytes) -> BinaryIO:
    opened: object = file
    if first.startswith(_GZIP):
        opened = gzip.GzipFile(fileobj=file)
    elif first.startswith(_BZIP2):
        opened = bz2.BZ2File(file)
    elif first.startswith(_XZ):
        opened = lzma.LZMAFile(file)  # noqa: SIM115  # the file is the caller's to close
    return opened  # type: ignore[return-value]  # each has read(), and nothing else is used


class _Limited(io.RawIOBase):
    """A stream that refuses to give more than :data:`MAX_TOTAL_BYTES`: a small archive may unpack into any size."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._read += len(data)
        _check_total(self._read)
        return data


def _check_count(count: int) -> None:
    if count > MAX_MEMBERS:
        raise ArchiveError(f"more than {MAX_MEMBERS} files are in it")


def _check_total(total: int) -> None:
    if total > MAX_TOTAL_BYTES:
        raise ArchiveError(f"it unpacks into more than {MAX_TOTAL_BYTES // (1024 * 1024)} MiB")
