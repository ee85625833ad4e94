"""Notifications that no rule knew are read again by a new rule, while all runs: each is in the history once, and is an alarm now."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.chain.story import reader, unique, until_sums_hold
from tests.support.backtest import RULE, UNKNOWN
from tests.support.datagrams import INTEGER, Var, v2_trap
from tests.support.fibre_cut import Sent, send
from tests.support.installation import Installation, becomes, eventually, installation
from tests.support.lab import lab_inventory

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("replayed")) as running:
        yield running


def assure(chain: Installation, *command: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "pipeline", *command, "--config", str(chain.settings_file)]
    return subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)


def replay(chain: Installation, *more: str) -> subprocess.CompletedProcess[str]:
    return assure(chain, "journal", "replay", "--from", "1h", "--json", *more)


def events(chain: Installation) -> list[tuple[str, str]]:
    """Sequence and rule of every event about the notification."""
    rows = chain.query(
        "SELECT sequence, rule FROM event FINAL WHERE alarm_type IN ('unknown-notification', 'power-failure') ORDER BY sequence"
    )
    return [(str(row["sequence"]), row["rule"]) for row in rows]


def test_what_no_rule_knew_becomes_an_alarm_and_stays_one_notification(chain: Installation) -> None:
    device = lab_inventory().devices["ams-p1"]
    said = [Sent(device, v2_trap(UNKNOWN, [Var("1.3.6.1.4.1.4711.1.0", INTEGER, 5)], request_id=place)) for place in (1, 2)]
    assert send(said, chain.trap_port) == 2
    becomes(lambda: len(events(chain)), 2, "both are events that no rule knew")
    assert {rule for _, rule in events(chain)} == {""}

    (chain.settings_file.parent / "rules" / "traps" / "acme.yaml").write_text(RULE)
    dry = replay(chain)
    assert dry.returncode == 1, dry.stderr
    told = json.loads(dry.stdout)
    assert (told["now_known"], told["differing"]) == ({UNKNOWN: 2}, 2)
    assert {rule for _, rule in events(chain)} == {""}

    eventually(lambda: replay(chain, "--apply", "--yes").returncode == 0, "it is published again")
    becomes(lambda: {rule for _, rule in events(chain)}, {"acme-power-lost"}, "the history has the new events in place of the old")
    rows = "SELECT is_cleared FROM alarm_current WHERE alarm_type = 'power-failure' AND resource = 'device/ams-p1'"
    becomes(lambda: chain.query(rows), [{"is_cleared": 0}], "and the alarm stands")
    assert unique(chain) == reader(chain).last_sequence == 2
    until_sums_hold(chain)
    assert replay(chain).returncode == 0  # nothing differs any more


def test_the_doctor_finds_every_sum_whole_afterwards(chain: Installation) -> None:
    found = json.loads(assure(chain, "doctor", "--json").stdout)
    sums = {each["name"]: each["verdict"] for each in found if " = " in each["name"]}
    assert len(sums) >= 4
    assert set(sums.values()) == {"holds"}, found
