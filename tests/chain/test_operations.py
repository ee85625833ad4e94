"""What people do on a running installation: done once, whatever is killed meanwhile; planned work tells nobody until it is ended."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.chain.story import Story
from tests.support.fibre_cut import about_fibre
from tests.support.installation import Installation, becomes, eventually

pytestmark = [pytest.mark.slow, pytest.mark.whole]


def assure(chain: Installation, *words: str, wait_s: float = 30.0) -> tuple[int, dict[str, Any]]:
    """A command of an operator: its exit code, and what it told."""
    command = [sys.executable, "-m", "pipeline", *words, "--by", "alice", "--wait-seconds", str(wait_s), "--json"]
    ended = subprocess.run([*command, "--config", str(chain.settings_file)], capture_output=True, text=True, check=False, timeout=120)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def handled(chain: Installation, incident: str) -> dict[str, Any]:
    """What people made of an incident, as the history has it."""
    columns = "acknowledged_by, planned, shelved, `comments.text` AS said"
    (found,) = chain.query(f"SELECT {columns} FROM incident_current WHERE id = '{incident}'") or [{}]
    return found


def test_what_was_said_while_parts_were_killed_is_done_once_and_in_order(chain: Installation) -> None:
    """Worker, outputs and broker die by turns: the terminal says that it is kept, and it is."""
    story = Story.of(chain, "f-ams-rtm-1")
    story.send(about_fibre(story.fibre))
    story.until_journaled()
    story.until_true()
    story.until_told("incident.opened", "acknowledged")
    incident = story.incident()
    for part in ("worker", "outputs", "broker"):
        before = chain.kill(part)
        code, told = assure(chain, "comment", incident, f"while {part} was dead", wait_s=0)
        assert (code, told["outcome"]) == (4, "waiting")
        chain.until_back(part, before)
    code, told = assure(chain, "ack", incident[:12])
    assert (code, told["outcome"]) == (0, "done")
    becomes(lambda: handled(chain, incident).get("acknowledged_by"), "alice", "the history says who has it")
    becomes(
        lambda: handled(chain, incident).get("said"),
        ["while worker was dead", "while outputs was dead", "while broker was dead"],
        "every comment is there once, in order",
    )
    answered = f"SELECT count() AS n, uniqExact(id) AS ids FROM operation FINAL WHERE target = '{incident}' AND outcome = 'done'"
    becomes(lambda: chain.query(answered), [{"n": 4, "ids": 4}], "each was answered once")
    story.mend()
    assert assure(chain, "unack", incident)[1]["reason"] == "not-open"


def test_planned_work_tells_nobody_until_it_is_ended_and_then_at_once(chain: Installation) -> None:
    """The worker that was told of the window dies before anything breaks."""
    story = Story.of(chain, "f-ams-lon-1")
    code, _ = assure(chain, "windows", "add", "mw-7", f"fibre/{story.fibre}", "--until", "1h", "--reason", "splice")
    assert code == 0
    before = chain.kill("worker")
    chain.until_back("worker", before)
    story.send(about_fibre(story.fibre))
    story.until_journaled()
    story.until_true()
    becomes(lambda: handled(chain, story.incident()).get("planned"), "mw-7", "it is planned")
    assert (story.tickets(), story.told()) == ([], [])
    code, _ = assure(chain, "windows", "end", "mw-7")
    assert code == 0
    story.until_told("incident.opened", "acknowledged")
    eventually(lambda: handled(chain, story.incident()).get("planned") == "", "it is planned no more")
    story.send(about_fibre(story.fibre, up=True, uptime=9000))
    story.until_told("incident.resolved", "resolved")
    told = "SELECT service, groupArray(excluded) AS parts FROM (SELECT * FROM outage_current ORDER BY started_at)"
    counted = f"WHERE incident = '{story.incident()}' AND state = 'down' AND ended_at != started_at GROUP BY service"
    becomes(
        lambda: {tuple(row["parts"]) for row in chain.query(f"{told} {counted}")}, {("mw-7", "")}, "outages are cut at the window's end"
    )
