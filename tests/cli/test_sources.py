"""`assure topology fetch | sources | conflicts`: what people read of the inventory's sources, and the exit codes that scripts read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.cli.conftest import Run, widest
from tests.support.netbox import TOKEN, FakeNetBox, two_sites

OWN = """\
devices:
  - {name: pe1, address: 10.0.0.11, interfaces: [{name: et-0/0/0, speed_mbps: 100000}]}
  - {name: pe2, role: p}
"""


@pytest.fixture
def box(home: Path) -> Iterator[FakeNetBox]:
    """A NetBox that the settings name, beside files that differ from it, and beside one that is not there."""
    box = two_sites()
    (home / "secrets" / "netbox").write_text(TOKEN)
    (home / "secrets" / "netbox").chmod(0o600)
    (home / "inventory" / "network.yaml").write_text(OWN)
    with box.serve() as url:
        source = f"{{name: netbox, kind: netbox, url: '{url}', token: file:secrets/netbox, allow_private: true}}"
        settings = (home / "assure.yaml").read_text()
        own = f"\ninventory:\n  sources: [{source}]\n  precedence: {{devices.role: [netbox]}}\n"
        (home / "assure.yaml").write_text(settings.replace("\ninventory:\n", own))
        yield box


def add_source(home: Path, text: str) -> None:
    path = home / "assure.yaml"
    path.write_text(path.read_text().replace("allow_private: true}]", f"allow_private: true}}, {text}]"))


def test_a_source_is_fetched_and_what_it_tells_is_counted(run: Run, box: FakeNetBox) -> None:
    result = run("topology", "fetch")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("netbox: 2 sites, 2 devices, 2 LAGs, 1 circuit, 3 links, 1 fibre, 3 dependencies, 3 power feeds, in ")
    again = run("topology", "fetch", "netbox")
    assert again.stdout.rstrip().endswith("; nothing new")
    assert json.loads(run("topology", "fetch", "--json").stdout)[0]["entries"]["links"] == 3


def test_a_source_that_fails_is_told_with_what_stays_in_use(run: Run, home: Path, box: FakeNetBox) -> None:
    """Exit code 4; the others are fetched all the same."""
    add_source(home, "{name: oss, kind: tmf639, url: 'http://127.0.0.1:9/x/v4', allow_private: true}")
    result = run("topology", "fetch")
    assert result.exit_code == 4
    assert result.stdout.startswith("netbox: 2 sites")
    assert "oss: http://127.0.0.1:9 cannot be reached" in result.stderr
    assert "It never gave a whole answer yet." in result.stderr
    box.fault = lambda *_: web.Response(status=401)
    assert re.search(r"What it said \d+ s ago stays in use\.", run("topology", "fetch", "netbox").stderr)


def test_notices_of_a_source_are_told(run: Run, box: FakeNetBox) -> None:
    """The first of them; JSON has them all."""
    for _ in range(12):
        box.device("sw1", box.rows["sites"][1], "10.0.0.7")
    result = run("topology", "fetch")
    assert result.stdout.count("two devices are called sw1") == 10
    assert "and 1 more like these; --json tells them all" in result.stdout
    assert len(json.loads(run("topology", "fetch", "--json").stdout)[0]["notices"]) == 11


def test_what_is_no_source_is_answered_with_what_is(run: Run, box: FakeNetBox) -> None:
    result = run("topology", "fetch", "netbx")
    assert (result.exit_code, "did you mean 'netbox'?" in result.stderr) == (3, True)
    assert run("topology", "conflicts", "--source", "lldp").exit_code == 3


def test_without_a_source_there_is_nothing_to_fetch(run: Run, home: Path) -> None:
    result = run("topology", "fetch")
    assert result.exit_code == 2
    assert "names no source to ask; add one to inventory.sources" in result.stderr
    assert run("topology", "conflicts").stdout == "no conflicts: 1 source alone\n"
    assert run("topology", "sources").exit_code == 0


def test_sources_are_listed_in_order_with_their_age(run: Run, box: FakeNetBox) -> None:
    """Exit code 1 until each has given a whole answer."""
    before = run("topology", "sources")
    assert before.exit_code == 1
    assert "netbox: never fetched; `assure topology fetch` asks it" in before.stdout
    run("topology", "fetch")
    after = run("topology", "sources")
    assert after.exit_code == 0
    lines = after.stdout.splitlines()
    assert lines[1].split()[:3] == ["1", "files", "files"]
    assert re.match(r"2 +netbox +netbox +\d+ s ago ", lines[2])
    assert lines[-1] == "devices.role: netbox before the others"
    told = json.loads(run("topology", "sources", "--json").stdout)
    assert [(each["place"], each["source"], each["entries"].get("devices")) for each in told] == [(1, "files", 2), (2, "netbox", 2)]


def test_a_failure_and_an_old_answer_are_told_until_they_are_mended(run: Run, home: Path, box: FakeNetBox) -> None:
    run("topology", "fetch")
    box.fault = lambda *_: web.Response(status=401)
    run("topology", "fetch")
    result = run("topology", "sources")
    assert result.exit_code == 1
    assert re.search(r"netbox: asked \d+ s ago: ", result.stdout)
    assert "401 Unauthorized; give the source a token that may read" in result.stdout.replace("\n", " ")
    box.fault = lambda *_: None
    run("topology", "fetch")
    text = (home / "assure.yaml").read_text()
    (home / "assure.yaml").write_text(text.replace("  #stale_after_s: 0.0", "  stale_after_s: 0.000001"))
    assert re.search(r"netbox: stale: its last whole answer is \d+ s old", run("topology", "sources").stdout)


def test_conflicts_show_both_words_whose_is_used_and_why(run: Run, box: FakeNetBox) -> None:
    """Exit code 1 while there are any."""
    run("topology", "fetch")
    result = run("topology", "conflicts", columns=120)
    assert result.exit_code == 1
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["devices/pe1", "address", "10.0.0.11", "(files)", "10.0.0.1", "(netbox)", "files", "before", "netbox"] in rows
    assert ["devices/pe2", "role", "pe", "(netbox)", "p", "(files)", "netbox", "first"] in rows
    assert ["pe1/et-0/0/0", "speed_mbps", "100000", "(files)", "10000", "(netbox)", "files", "before", "netbox"] in rows
    assert result.stdout.splitlines()[-1] == "3 conflicts"
    found = json.loads(run("topology", "conflicts", "--source", "netbox", "--json").stdout)
    assert {(each["name"], each["field"]) for each in found} == {
        ("pe1", "address"),
        ("pe1", "interfaces[et-0/0/0].speed_mbps"),
        ("pe2", "role"),
    }


def test_sources_that_agree_have_no_conflicts(run: Run, home: Path, box: FakeNetBox) -> None:
    (home / "inventory" / "network.yaml").write_text("devices: [{name: pe1, community: 'env:X'}]\n")
    run("topology", "fetch")
    result = run("topology", "conflicts")
    assert (result.exit_code, result.stdout) == (0, "no conflicts: 2 sources agree\n")


def test_it_fits_eighty_columns(run: Run, box: FakeNetBox) -> None:
    run("topology", "fetch")
    for words in (("sources",), ("conflicts",)):
        assert widest(run("topology", *words).stdout) <= 80


def test_all_commands_work_with_what_was_fetched(run: Run, home: Path, box: FakeNetBox) -> None:
    """Shown, checked, counted; a source that was never asked is a warning of the check."""
    add_source(home, "{name: lldp, kind: discovery}")
    run("topology", "fetch", "netbox")
    shown = run("topology", "show", "fibre/TRUNK-7")
    assert "link/pe1:et-0-0-0--pe2:et-0-0-0" in shown.stdout
    checked = run("check")
    assert "the source 'lldp' was never fetched" in checked.stdout
    assert "2 devices, 3 links, 1 fibre" in checked.stdout.replace("\n  ", " ")
    assert checked.exit_code == 0
