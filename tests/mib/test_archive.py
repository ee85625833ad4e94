"""Archives are read, never unpacked: no member leads anywhere, and nobody's disk or memory is filled by a small file."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.mib import archive
from pipeline.mib.archive import ArchiveError, is_archive, members
from pipeline.mib.source import Unreadable, find_sources

MIB = b"A-MIB DEFINITIONS ::= BEGIN\nEND\n"
SUFFIXES = frozenset({"", ".txt", ".mib"})
LIMIT = 1000


def zip_of(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def tar_of(path: Path, mode: str = "w:gz", **files: bytes) -> Path:
    with tarfile.open(path, mode) as made:  # type: ignore[call-overload]  # the mode is a parameter's
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return path


def names_in(path: Path) -> list[str]:
    return [name for name, _ in members(path, SUFFIXES, LIMIT)]


@pytest.mark.parametrize("make", [zip_of, tar_of], ids=["zip", "tar.gz"])
def test_members_come_with_harmless_names(tmp_path: Path, make: Callable[..., Path]) -> None:
    """A name that would lead out of a folder leads nowhere: it is only shown, and nothing is written."""
    path = make(tmp_path / "a", **{"../../etc/A.txt": MIB, "/root/B.mib": MIB, "x/./C": MIB})
    assert names_in(path) == ["etc/A.txt", "root/B.mib", "x/C"]
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("make", [zip_of, tar_of], ids=["zip", "tar.gz"])
def test_what_is_no_source_is_passed_over(tmp_path: Path, make: Callable[..., Path]) -> None:
    """Pictures, hidden files, what a desktop leaves behind, archives within, and files larger than any MIB."""
    other = {"a.png": MIB, ".hidden.txt": MIB, "__MACOSX/A.txt": MIB, "in.zip": MIB, "big.txt": b" " * (LIMIT + 1)}
    assert names_in(make(tmp_path / "a", **other, **{"A.txt": MIB})) == ["A.txt"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives_are_known_by_their_content(tmp_path: Path, mode: str) -> None:
    path = tar_of(tmp_path / "no-suffix", mode, **{"A.txt": MIB})
    assert is_archive(path)
    assert names_in(path) == ["A.txt"]


def test_links_and_devices_of_a_tar_lead_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as made:
        for kind, name in ((tarfile.SYMTYPE, "s.txt"), (tarfile.LNKTYPE, "h.txt"), (tarfile.CHRTYPE, "d.txt"), (tarfile.FIFOTYPE, "f.txt")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            made.addfile(info)
    assert names_in(path) == []


def test_links_and_encrypted_files_of_a_zip_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        link = zipfile.ZipInfo("s.txt")
        link.external_attr = 0o120777 << 16
        made.writestr(link, "/etc/passwd")
        made.writestr("A.txt", MIB)
    data = bytearray(zip_of(tmp_path / "b.zip", **{"E.txt": MIB}).read_bytes())
    data[6] |= 1  # the flag of encryption, in the member's own head
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    (tmp_path / "b.zip").write_bytes(data)
    assert names_in(path) == ["A.txt"]
    assert names_in(tmp_path / "b.zip") == []


@pytest.mark.parametrize("make", [zip_of, tar_of], ids=["zip", "tar.gz"])
def test_a_bomb_is_refused_by_what_it_unpacks_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., Path]) -> None:
    """A small file that would become a large one is left, whatever its own tables say of sizes."""
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 5 * LIMIT)
    path = make(tmp_path / "a", **{f"{n}.txt": bytes(LIMIT) for n in range(20)})
    assert path.stat().st_size < 5 * LIMIT
    with pytest.raises(ArchiveError, match="unpacks into more than"):
        names_in(path)


@pytest.mark.parametrize("make", [zip_of, tar_of], ids=["zip", "tar.gz"])
def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., Path]) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    path = make(tmp_path / "a", **{f"{n}.png": b"" for n in range(9)})
    with pytest.raises(ArchiveError, match="more than 3 files"):
        names_in(path)


@pytest.mark.parametrize("make", [zip_of, tar_of], ids=["zip", "tar.gz"])
def test_a_broken_archive_is_told_and_costs_only_itself(tmp_path: Path, make: Callable[..., Path]) -> None:
    whole = make(tmp_path / "whole", **{"A.txt": MIB + b"-- " + bytes(range(33, 127)) * 9})
    broken = tmp_path / "broken.zip"
    broken.write_bytes(whole.read_bytes()[:60])
    sources, failures = find_sources([broken, whole])
    assert [source.module for source in sources] == ["A-MIB"]
    assert [failure.file for failure in failures] == [broken]
    assert isinstance(failures[0], Unreadable)
    assert "archive" in failures[0].message


def test_a_failure_in_an_archive_names_the_member_and_its_line(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "acme.zip", **{"mibs/A.txt": b"\n\n" + MIB})
    (source,), _ = find_sources([path])
    assert (source.file, source.line) == (path / "mibs/A.txt", 3)


@pytest.mark.parametrize("make", [zip_of, tar_of], ids=["zip", "tar.gz"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example writes the file anew
@given(damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8), kept=st.integers(1, 10_000))
def test_any_damage_is_told_as_a_broken_archive(
    tmp_path: Path, make: Callable[..., Path], damage: list[tuple[int, int]], kept: int
) -> None:
    """Whatever the readers raise on it: a name in no encoding, a size beyond any, tables that end early."""
    path = make(tmp_path / "a", **{"A.txt": MIB, "k\u00e4/B.txt": MIB * 9})
    data = bytearray(path.read_bytes())
    for place, octet in damage:
        data[place % len(data)] = octet
    path.write_bytes(data[:kept])
    try:
        found = list(members(path, SUFFIXES, LIMIT)) if is_archive(path) else []
    except ArchiveError as error:
        assert str(error).startswith("not readable as an archive: ")  # noqa: PT017  # an intact archive is right too
    else:
        assert all(len(content) <= LIMIT for _, content in found)


def test_a_name_in_no_encoding_is_a_broken_archive(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", **{"k\u00e4.txt": MIB})
    path.write_bytes(path.read_bytes().replace("\u00e4".encode(), b"\xff\xff"))
    with pytest.raises(ArchiveError, match="not readable as an archive"):
        names_in(path)
