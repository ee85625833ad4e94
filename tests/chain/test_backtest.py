"""`assure replay` on a running installation: what was is what a replay makes of it; nothing that runs notices it."""

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.reading import Reader
from pipeline.store.queries import TABLES
from pipeline.wire import Topic
from tests.chain.story import Story
from tests.support.fibre_cut import about_fibre
from tests.support.installation import Installation, eventually

pytestmark = [pytest.mark.slow, pytest.mark.whole]

TICKED = {Topic.EVENTS, Topic.OUTAGES}
"""Ticks go there all the time."""
FLUSHED_NS = 1_000_000_000


def replay(chain: Installation, *more: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "pipeline", "replay", "--json", "--config", str(chain.settings_file), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode, json.loads(done.stdout)


def kept(chain: Installation) -> dict[str, Any]:
    """How much every topic and table holds, and what the obligations are."""
    with Reader(chain.settings) as reader:
        obligations = reader.tickets(), reader.credits()
    tables = {
        table: chain.query(f"SELECT count() AS n FROM {table}") for table in TABLES if table not in {"poll", "kpi", "kpi_1m", "kpi_1h"}
    }
    return {"topics": asyncio.run(ends(chain)), "tables": tables, "obligations": obligations, "told": len(chain.on_call.deliveries)}


async def ends(chain: Installation) -> dict[str, int]:
    broker = chain.settings.broker
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap)
    await consumer.start()
    try:
        places = [TopicPartition(topic.value, number) for topic in Topic if topic not in TICKED for number in range(broker.partitions)]
        found = await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    return {f"{place.topic}-{place.partition}": offset for place, offset in found.items()}


def test_a_replay_makes_what_was_and_nothing_that_runs_notices(chain: Installation) -> None:
    """A cut and its mending: the same incident, ticket, pages and outages; with other routing, only pages are other."""
    story = Story.of(chain, "f-ams-rtm-1")
    began_at = time.time_ns()
    story.send(about_fibre(story.fibre))
    story.until_journaled()
    story.until_true()
    story.until_told("incident.opened", "acknowledged")
    story.mend()
    eventually(lambda: time.time_ns() > began_at + FLUSHED_NS, "a moment has passed")
    settled = [kept(chain)]
    eventually(lambda: settled.append(kept(chain)) or settled[-1] == settled[-2], "nothing changes any more")
    past = ("--from", text(began_at), "--to", text(time.time_ns()))

    code, same = replay(chain, *past)
    assert (code, same["is_same"]) == (0, True), same
    assert same["before"] == {"is": "history"}
    assert [each["outcome"] for each in same["incidents"]] == ["same"]
    (incident,) = same["incidents"]
    assert incident["after"]["id"] == story.incident()
    assert {(each["who"], each["what"]) for each in incident["after"]["told"]} >= {("ticket", "opened"), ("on-call", "opened")}

    routing = chain.settings_file.parent / "rules-next" / "routing.yaml"
    subprocess.run(["cp", "-r", chain.settings_file.parent / "rules", routing.parent], check=True)
    routing.write_text(routing.read_text().replace("events: [opened, updated, resolved]", "events: [opened]"))
    code, other = replay(chain, *past, "--rules", str(routing.parent))
    assert code == 1
    assert {each["what"] for each in other["counts"] if each["before"] != each["after"]} <= {
        "pages on-call: resolved",
        "pages on-call: updated",
    }
    assert [line.partition(":")[0] for line in other["limits"]] == ["poll-1"]  # nothing is polled in this installation
    assert kept(chain) == settled[-1]


def text(at: int) -> str:
    """RFC 3339 with nanoseconds."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at // 10**9))}.{at % 10**9:09d}Z"
