"""A source's last whole answer lies in a file: as it was said, written at once, and kept when a later fetch fails."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.inventory import AgentVersion
from pipeline.inventory import snapshot as module
from pipeline.inventory.mapping import Notice
from pipeline.inventory.snapshot import Snapshot, SnapshotError, Snapshots, State, age_text

AT = 1_790_000_000 * 10**9
HEAD = '{"format": 1, "source": "n", "kind": "n", "fetched_at": "2026-01-01T00:00:00Z", '
ENTRIES: dict[str, Any] = {
    "sites": {"ams": {"name": "ams", "latitude": 52.5, "valid_from": AT}},
    "devices": {
        "pe1": {
            "name": "pe1",
            "uplinks": ("e1",),
            "snmp_version": AgentVersion.V3,
            "confidence": 0.5,
            "interfaces": {"e1": {"index": 7, "description": 'to "rtm"\nand on'}, "e2": {}},
        }
    },
    "services": {"s1": {"name": "s1", "weights": {"device/pe1": 2.0}}},
    "contracts": {"c1": {"name": "c1", "charges": {"s1": "100.00"}, "valid_from": "2026-01-01T00:00:00Z"}},
}
SAID = Snapshot("netbox", "netbox", AT, ENTRIES, (Notice("devices", "pe1", "is odd", "mend it"),), {"17": "device/pe1"})


@pytest.fixture
def kept(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "sources")


def test_it_is_read_as_it_was_said_with_the_types_of_the_inventory(kept: Snapshots) -> None:
    assert kept.read("netbox") is None
    assert kept.write(SAID, 1.5)
    assert kept.read("netbox") == SAID
    assert kept.state("netbox") == State(AT, AT, 1.5)


def test_people_can_read_it_and_only_its_owner_may(kept: Snapshots) -> None:
    """Communities may stand in it."""
    kept.write(SAID, 0)
    told = json.loads(kept.path("netbox").read_text())
    assert (told["fetched_at"], told["source"]) == ("2026-09-21T14:13:20Z", "netbox")
    assert told["entries"]["devices"][0]["interfaces"][1] == {"name": "e2"}
    assert stat.S_IMODE(kept.path("netbox").stat().st_mode) == 0o600
    assert sorted(path.name for path in kept.folder.iterdir()) == ["netbox.json", "netbox.state"]


def test_the_same_again_leaves_the_file_and_tells_when_it_was_said_last(kept: Snapshots) -> None:
    kept.write(SAID, 0)
    before = kept.path("netbox").stat().st_mtime_ns
    assert not kept.write(Snapshot("netbox", "netbox", AT + 1, ENTRIES, SAID.notices, SAID.ids), 0)
    assert kept.path("netbox").stat().st_mtime_ns == before
    assert kept.state("netbox").fetched_at == AT + 1


def test_a_failure_is_kept_beside_the_last_whole_answer(kept: Snapshots) -> None:
    assert kept.failed("netbox", AT, "down") == State(0, AT, 0, "down")
    kept.write(SAID, 2)
    assert kept.failed("netbox", AT + 5, "down") == State(AT, AT + 5, 2, "down")
    assert kept.read("netbox") == SAID
    kept.write(SAID, 2)
    assert kept.state("netbox").error == ""


def test_a_write_that_breaks_off_leaves_the_one_before(kept: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.write(SAID, 0)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        kept.write(Snapshot("netbox", "netbox", AT, {}), 0)
    assert kept.read("netbox") == SAID
    assert not [path for path in kept.folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"format": 1, "source": "netbox"',
        '{"format": 9, "source": "netbox", "kind": "netbox", "fetched_at": "2026-01-01T00:00:00Z", "entries": {}}',
        '{"format": 1, "source": "n", "kind": "n", "fetched_at": "yesterday", "entries": {}}',
        HEAD + '"entries": {"devices": [{"address": "x"}]}}',
        HEAD + '"entries": {"devices": [{"name": "x", "port": "a"}]}}',
    ],
    ids=["empty", "half", "another format", "no time", "no name", "a wrong type"],
)
def test_a_file_that_is_no_snapshot_is_told_with_the_remedy_and_replaced_by_the_next(kept: Snapshots, text: str) -> None:
    kept.folder.mkdir()
    kept.path("netbox").write_text(text)
    with pytest.raises(SnapshotError, match="fetch"):
        kept.read("netbox")
    kept.write(SAID, 0)
    assert kept.read("netbox") == SAID


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "120 min"), (7_200, "2 h"), (172_800, "2 d"), (9e6, "104 d")]
)
def test_ages_are_told_in_one_unit(seconds: float, text: str) -> None:
    assert age_text(int(seconds * 10**9)) == text
