"""The topology as it was: what was known at a time, what held at a time, what changed between; and how two resources hang together."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from pipeline.core.inventory import Duct, Inventory, Tunnel
from pipeline.inventory.files import load_inventory
from pipeline.lab.config import inventory_dir
from pipeline.store.client import StoreError
from pipeline.store.inventory_history import Recording
from tests.cli.conftest import Run, widest
from tests.support.reader import INCIDENT, FakeReader, incident

LAB_DIR = str(inventory_dir())
LAB = load_inventory(inventory_dir())
ALONE = Tunnel("t-ams-lon", ("ams-lon-a",), source="netbox", confidence=0.8)
UNPROTECTED = replace(LAB, version="old", tunnels=LAB.tunnels | {"t-ams-lon": ALONE})
FIRST, SECOND = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"


class History:
    """Unprotected from the first of the month on, as the lab is from the second on; ``down`` when the store does not answer."""

    down = False
    known = ((1_793_491_200_000_000_000, UNPROTECTED), (1_793_577_600_000_000_000, LAB))

    @classmethod
    def of(cls, _: Any) -> Self:
        return cls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def recordings(self) -> list[Recording]:
        return [Recording(at, 0, inventory.version, 1, 1) for at, inventory in self.known]

    def of_version(self, version: str) -> Inventory | None:
        return next((inventory for _, inventory in self.known if inventory.version == version), None)

    def known_at(self, at: int) -> Inventory | None:
        if self.down:
            raise StoreError("ClickHouse at 127.0.0.1:1: Connection refused")
        return next((inventory for known_at, inventory in reversed(self.known) if known_at <= at), None)


@pytest.fixture(autouse=True)
def history(home: Path, monkeypatch: pytest.MonkeyPatch) -> type[History]:  # the settings are in the home
    fake = type("Kept", (History,), {})
    monkeypatch.setattr("pipeline.cli.topology_view.InventoryHistory", fake)
    return fake


def shown(run: Run, *words: str) -> Any:
    result = run("topology", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_show_asks_what_was_known_then(run: Run) -> None:
    """At the first one path, at the second two; source and confidence with it."""
    before = shown(run, "show", "tunnel/t-ams-lon", "--at", "2026-11-01T12:00:00Z")
    after = shown(run, "show", "tunnel/t-ams-lon", "--at", "2026-11-02T12:00:00Z")
    assert (before["needs"], after["needs"]) == (["lsp/ams-lon-a"], ["lsp/ams-lon-a", "lsp/ams-lon-b"])
    assert (before["source"], before["confidence"], before["version"]) == ("netbox", 0.8, "old")
    assert before["doubtful"] == {"needs": {"lsp/ams-lon-a": 0.8}, "needed_by": {}}
    told = run("topology", "show", "tunnel/t-ams-lon", "--at", "2026-11-01T12:00:00Z").output
    assert "tunnel/t-ams-lon: source netbox, confidence 0.8, as of 11-01 12:00" in told


def test_impact_is_that_of_the_time(run: Run) -> None:
    """What is protected now was down with one path then."""
    states = {
        at: {each["service"]: each["state"] for each in shown(run, "impact", "lsp/ams-lon-a", "--at", at)}["nsx-vpn-1"]
        for at in (FIRST, SECOND)
    }
    assert states == {FIRST: "down", SECOND: "redundancy-lost"}
    assert "(as of 11-01 00:00)" in run("topology", "impact", "lsp/ams-lon-a", "--at", FIRST).output


def test_both_times_can_be_apart(run: Run, history: type[History]) -> None:
    """What held at one time by what was known at another."""
    later = replace(LAB, ducts={"osl": Duct("osl", valid_from=1_793_491_200_000_000_000)})
    history.known = (*History.known[:1], (History.known[1][0], later))
    words = ("show", "duct/osl", "--at", "2026-11-01T12:00:00Z")
    assert run("topology", *words).exit_code == 3
    assert shown(run, *words, "--known-at", "2026-11-03T00:00:00Z")["valid_from"] == 1_793_491_200_000_000_000
    told = run("topology", *words, "--known-at", "2026-11-03T00:00:00Z").output
    assert "valid from 11-01 00:00, as of 11-01 12:00, as known at 11-03" in told
    assert run("topology", "show", "duct/osl", "--at", "2026-10-01T00:00:00Z", "--known-at", "2026-11-03T00:00:00Z").exit_code == 3


def test_a_time_before_the_history_is_told(run: Run, history: type[History]) -> None:
    """Exit code 3, with when it begins; none at all is told too."""
    result = run("topology", "show", "site/ams", "--at", "2026-10-01T00:00:00Z")
    assert result.exit_code == 3
    assert "the history of the inventory begins at" in result.output
    history.known = ()
    assert "no inventory was recorded yet" in run("topology", "show", "site/ams", "--at", "2026-10-01T00:00:00Z").output


def test_a_store_that_does_not_answer_is_told(run: Run, history: type[History]) -> None:
    """Exit code 4, and what starts it; without --at nothing needs to run."""
    history.down = True
    result = run("topology", "show", "site/ams", "--at", FIRST)
    assert result.exit_code == 4
    assert "Is it running?" in result.output
    assert run("topology", "show", "site/ams", "--inventory", LAB_DIR, "--at", FIRST).exit_code == 0


def test_a_folder_has_no_history(run: Run) -> None:
    """Wrong usage."""
    result = run("topology", "show", "site/ams", "--inventory", LAB_DIR, "--known-at", FIRST)
    assert result.exit_code == 2
    assert "leave one out" in result.output


def test_diff_tells_entries_graph_and_services(run: Run) -> None:
    """What changed, from which source, and which services are safer; in eighty columns."""
    result = run("topology", "diff", "--from", FIRST, "--to", SECOND)
    assert result.exit_code == 0
    words = " ".join(result.output.split())
    assert "entries 1 changed; resources 1 changed; edges 1 added, 1 changed" in words
    assert "changed tunnels: t-ams-lon source: netbox to none; confidence: 0.8 to" in words
    assert "tunnel/t-ams-lon all 1 of 2" in words
    assert "nsx-vpn-1 - duct/d-ams-lon" in words
    assert widest(result.output) <= 80
    assert widest(run("topology", "diff", "--from", FIRST, "--to", SECOND, "--all").output) <= 80
    found = shown(run, "diff", "--from", FIRST, "--to", SECOND)
    assert {each["service"] for each in found["redundancy"]} == {"nsx-vpn-1", "kmf-vpn-1", "wgs-vpn-1"}
    assert (found["from"]["version"], found["to"]["version"]) == ("old", LAB.version)


def test_diff_of_folders_and_of_nothing(run: Run, tmp_path: Path) -> None:
    """The same folder twice is no difference; with --exit-code one ends with 1."""
    other = tmp_path / "other"
    other.mkdir()
    for file in Path(LAB_DIR).iterdir():
        (other / file.name).write_text(file.read_text().replace("role: core", "role: backbone", 1))
    assert "No difference" in run("topology", "diff", LAB_DIR, LAB_DIR, "--exit-code").output
    result = run("topology", "diff", LAB_DIR, str(other), "--exit-code")
    assert result.exit_code == 1
    assert "role: core to backbone" in " ".join(result.output.split())
    assert "No service gained or lost redundancy" in result.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "say since when"),
        ((LAB_DIR,), "name two folders"),
        ((LAB_DIR, LAB_DIR, "--from", FIRST), "not both"),
        (("--from", SECOND, "--to", FIRST), "is before"),
    ],
)
def test_diff_says_what_it_wants(run: Run, words: tuple[str, ...], why: str) -> None:
    """Exit code 2."""
    result = run("topology", "diff", *words)
    assert result.exit_code == 2
    assert why in " ".join(result.output.split())


def test_path_tells_need_and_effect(run: Run) -> None:
    """In whichever order they are named."""
    for words in (("t-ams-rtm", "f-ams-rtm-1"), ("f-ams-rtm-1", "t-ams-rtm")):
        told = run("topology", "path", *words, "--inventory", LAB_DIR).output
        assert "tunnel/t-ams-rtm needs fibre/f-ams-rtm-1, by 2 ways of 4 steps." in told
        assert "leaves it up, with redundancy lost" in told
    assert shown(run, "path", "t-ams-rtm", "f-ams-rtm-1", "--inventory", LAB_DIR)["effect"] == "redundancy-lost"


def test_path_tells_ways_over_links(run: Run) -> None:
    """All shortest ones, how many are apart, and what parts the two."""
    found = shown(run, "path", "ams-pe1", "lon-pe1", "--inventory", LAB_DIR)["links"]
    assert [[hop["to"] for hop in way] for way in found["ways"]] == [["ams-p1", "lon-p1", "lon-pe1"], ["rtm-p1", "bru-p1", "lon-pe1"]]
    assert (found["disjoint"], found["cut_by"]) == (2, [])
    told = run("topology", "path", "ley-ac1", "mai-ac1", "--inventory", LAB_DIR).output
    assert "3 shortest ways of 5 links; 1 without a common link" in " ".join(told.split())
    assert "duct/d-fra-mai" in told
    assert widest(told) <= 80


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("site/ams", "site/ams"), "one and the same"),
        (("service/hmc-vpn-1", "service/dzr-vpn-1"), "both need"),
        (("service/ghd-internet-1", "fibre/f-ams-rtm-1"), "nothing is needed by both"),
    ],
)
def test_path_tells_what_there_is(run: Run, words: tuple[str, ...], told: str) -> None:
    """Also when that is nothing."""
    result = run("topology", "path", *words, "--inventory", LAB_DIR)
    assert result.exit_code == 0
    assert told in " ".join(result.output.split())


def test_a_picture_is_written_once(run: Run, tmp_path: Path) -> None:
    """What it shows is said; a file that is there is not replaced unless that is asked for."""
    out = tmp_path / "map.svg"
    words = ("topology", "draw", "--inventory", LAB_DIR, "--out", str(out))
    assert "Network of 12 sites, 18 devices and" in run(*words).output
    assert out.read_text().startswith("<?xml")
    refused = run(*words)
    assert (refused.exit_code, "--force replaces it" in refused.output) == (2, True)
    assert run(*words, "--force").exit_code == 0
    assert run("topology", "draw", "nsx-vpn-1", "--at", FIRST, "--out", str(tmp_path / "then.png")).exit_code == 0
    assert (tmp_path / "then.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_is_refused(run: Run, tmp_path: Path) -> None:
    """Another ending, a folder that is not there, a resource that is not."""
    base = ("topology", "draw", "--inventory", LAB_DIR)
    assert "does not end in .svg or .png" in run(*base, "--out", str(tmp_path / "map.pdf")).output
    gone = run(*base, "--out", str(tmp_path / "gone" / "map.svg"))
    assert (gone.exit_code, "cannot be written" in gone.output) == (2, True)
    assert run(*base, "nsx-vpn-11", "--out", str(tmp_path / "x.svg")).exit_code == 3


@pytest.mark.usefixtures("reader")
def test_an_incident_is_drawn_as_the_network_was_then(run: Run, tmp_path: Path, history: type[History]) -> None:
    """Its words above, the cut links red; where the history does not reach, as it is now, which is said."""
    out = tmp_path / "incident.svg"
    result = run("topology", "draw", "--incident", INCIDENT[:8], "--out", str(out))
    assert result.exit_code == 0, result.output
    text = out.read_text()
    assert "Incident 8d7876c1: fibre/f-ams-rtm-1 (resolved, critical); services: 2 down, 1 redundancy-lost" in text
    assert "as of 11-23 14:05" in text
    assert "root cause" in text
    history.known = ()
    late = run("topology", "draw", "--incident", INCIDENT[:8], "--out", str(out), "--force", "--inventory", LAB_DIR)
    assert late.exit_code == 0
    unknown = run("topology", "draw", "--incident", INCIDENT[:8], "--out", str(out), "--force")
    assert "is not in the history: drawn as it is now" in unknown.output
    assert f"inventory {LAB.version}" not in out.read_text()
    missing = run("topology", "draw", "--incident", "ffff", "--out", str(out), "--force")
    assert (missing.exit_code, "no one incident" in missing.output) == (3, True)


@pytest.mark.parametrize(
    ("version", "shown"), [("old", "inventory old,"), ("", f"inventory {LAB.version},"), ("gone", f"inventory {LAB.version},")]
)
def test_an_incident_is_drawn_on_the_topology_that_it_names(
    run: Run, tmp_path: Path, reader: type[FakeReader], version: str, shown: str
) -> None:
    """Whatever else was known then; one that names none, or one that was never recorded, on what was known when it began."""
    reader.incident = lambda _, name: incident(topology_version=version)
    out = tmp_path / "incident.svg"
    assert run("topology", "draw", "--incident", INCIDENT[:8], "--out", str(out)).exit_code == 0
    assert shown in out.read_text()


def test_an_incident_may_name_a_time_of_its_topology(run: Run, tmp_path: Path, reader: type[FakeReader], history: type[History]) -> None:
    """Entries that did not hold any more at that time are not drawn."""
    links = LAB.links | {"ams-p1--lon-p1": replace(LAB.links["ams-p1--lon-p1"], valid_until=1_793_577_600_000_000_000)}
    history.known = ((1, replace(LAB, version="v", links=links)),)
    drawn = {}
    for version in ("v", "v@2026-11-02T00:00:00Z"):
        reader.incident = lambda _, name, own=version: incident(topology_version=own)
        out = tmp_path / f"{len(drawn)}.svg"
        assert run("topology", "draw", "--incident", INCIDENT[:8], "--out", str(out)).exit_code == 0
        drawn[version] = "link ams-p1--lon-p1:" in out.read_text()
    assert drawn == {"v": True, "v@2026-11-02T00:00:00Z": False}
