"""What the running pipeline knows follows its files, while it runs: MIBs that come and go, an inventory that changes, or ends."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline import knowing
from pipeline.config.mib_file import INDEX_NAME
from pipeline.config.settings import Settings
from pipeline.knowing import FileKnowledge, KnowledgeAhead
from pipeline.lab.config import inventory_dir
from pipeline.mib.library import Library
from tests.support.lab import until

PACKAGED = Path(__file__).resolve().parents[1] / "mibs"
FAN_OID = "1.3.6.1.4.1.4711.1"


def module(name: str, arc: int) -> str:
    return (
        f"{name} DEFINITIONS ::= BEGIN\nacme OBJECT IDENTIFIER ::= {{ enterprises 4711 }}\n"
        f'acme{arc} OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= {{ acme {arc} }}\nEND\n'
    )


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library with one module in it; every question looks at the files, however soon it comes."""
    monkeypatch.setattr(knowing, "LOOK_EVERY_S", -1.0)
    library = Library(tmp_path / "mibs", PACKAGED)
    add(library, module("ACME-POWER-MIB", 2))
    return library


def add(library: Library, text: str) -> None:
    given = library.folder.parent / "given.txt"
    given.write_text(text)
    assert not library.add([given], "", 60).failures


def test_a_module_that_is_added_or_removed_is_known_without_a_restart(library: Library, tmp_path: Path) -> None:
    known = FileKnowledge(Settings(tmp_path / "data", Path(inventory_dir()), mibs_dir=library.folder))
    assert known.current().mibs.named(f"{FAN_OID}.7") == f"{FAN_OID}.7"
    add(library, module("ACME-FAN-MIB", 1))
    assert known.current().mibs.named(f"{FAN_OID}.7") == "acme1.7"
    assert known.current().mibs.oid_of("linkDown") == "1.3.6.1.6.3.1.1.5.3"
    library.remove(["ACME-FAN-MIB"], 60)
    assert known.current().mibs.named(f"{FAN_OID}.7") == f"{FAN_OID}.7"


def test_a_broken_index_leaves_what_was_known(library: Library, tmp_path: Path) -> None:
    known = FileKnowledge(Settings(tmp_path / "data", Path(inventory_dir()), mibs_dir=library.folder))
    before = known.current()
    (library.folder / INDEX_NAME).write_text('{"format": 2, "modules": [')
    assert known.current() is before
    assert "not a MIB index" in known.problem


# the inventory swaps


AT = 1_795_435_200 * 10**9
MINUTE = 60 * 10**9
NETWORK = """\
sites: [{name: ams}]
devices:
  - {name: pe1, site: ams, address: 192.0.2.1, interfaces: [{name: a, index: 1, speed_mbps: 1000}]}
  - {name: pe2, site: ams, address: 192.0.2.2, valid_from: 2026-11-23T12:10:00Z, interfaces: [{name: a, index: 1, speed_mbps: 1000}]}
fibres: [{name: f1, valid_until: 2026-11-23T12:20:00Z}, {name: f2}]
links: [{name: l1, a: pe1/a, b: pe2/a, fibres: [f1]}]
"""


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock of the test's; every question looks at the files, however soon it comes."""
    monkeypatch.setattr(knowing, "LOOK_EVERY_S", -1.0)
    return Clock()


def write(folder: Path, text: str, mark: int) -> Path:
    """An inventory whose files look changed, however soon they were."""
    folder.mkdir(exist_ok=True)
    path = folder / "network.yaml"
    path.write_text(text)
    os.utime(path, ns=(mark, mark))
    return folder


def test_an_entry_begins_and_ends_at_its_time_without_a_change_of_files(tmp_path: Path, clock: Clock) -> None:
    known = FileKnowledge(Settings(tmp_path / "data", write(tmp_path / "inventory", NETWORK, 1)), clock)
    first = known.current()
    clock.at += 9 * MINUTE
    assert known.current() is first
    assert list(first.inventory.devices) == ["pe1"]
    assert first.directory.device_at("192.0.2.2") is None
    clock.at += 1 * MINUTE
    second = known.current()
    assert list(second.inventory.devices) == ["pe1", "pe2"]
    assert second.version[0] == second.topology.version == second.declared.version == first.version[0].partition("@")[0]
    clock.at += 60 * MINUTE
    third = known.current()
    assert list(third.inventory.fibres) == ["f2"]
    assert third.topology.version == f"{second.version[0]}@2026-11-23T12:20:00Z"
    assert list(third.declared.fibres) == ["f1", "f2"], "what is over is still known, to settle its month"


def test_files_that_say_the_same_leave_the_topology_as_it_is(tmp_path: Path, clock: Clock) -> None:
    settings = Settings(tmp_path / "data", write(tmp_path / "inventory", NETWORK, 1))
    known = FileKnowledge(settings, clock)
    first = known.current()
    write(settings.inventory_dir, f"# a remark\n{NETWORK}", 2)
    assert known.current().topology is first.topology
    write(settings.inventory_dir, NETWORK.replace("fibres: [f1]", "fibres: [f2]"), 3)
    assert known.current().topology is not first.topology


def test_a_broken_set_is_refused_whole_and_told(tmp_path: Path, clock: Clock) -> None:
    """Though one of its files is good, and though an entry begins in the meantime."""
    settings = Settings(tmp_path / "data", write(tmp_path / "inventory", NETWORK, 1))
    known = FileKnowledge(settings, clock)
    first = known.current()
    (settings.inventory_dir / "good.yaml").write_text("fibres: [{name: f3}]\n")
    write(settings.inventory_dir, NETWORK.replace("b: pe2/a", "b: pe2/z"), 2)
    assert known.current() is first
    assert "'pe2/z' is not a declared interface" in known.problem
    clock.at += 10 * MINUTE
    assert known.current().version[0] == first.version[0].partition("@")[0]
    write(settings.inventory_dir, NETWORK, 3)
    assert "f3" in known.current().inventory.fibres
    assert known.problem == ""


async def test_a_part_that_works_goes_on_while_files_are_read_and_then_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is held up until the work beside it was done: nobody waits for files but the thread that reads them."""
    monkeypatch.setattr(knowing, "LOOK_EVERY_S", 0.0)
    read, held = [1], threading.Event()

    class Slow:
        def current(self) -> Any:
            if len(read) > 1:
                held.wait()
            return read[-1]

    ahead = KnowledgeAhead(Slow())
    following = asyncio.create_task(ahead.follow())
    read.append(2)
    for _ in range(20):
        await asyncio.sleep(0)
        assert ahead.current() == 1  # type: ignore[comparison-overlap]  # numbers stand for knowledge
    held.set()
    await until(lambda: ahead.current() == 2)  # type: ignore[comparison-overlap]  # as above
    following.cancel()
