"""A small Faust app that remembers every number it was ever sent, for tests that kill it. Run by `worker.py`; set up by environment.

Row of a key: the sorted set of its numbers, as JSON. To update it twice with one number changes nothing, as every update of
the pipeline. Each message is also passed on, with the worker's name, so that a test sees who did what.
"""

import json
import os

import faust

NAME = os.environ["TEST_APP"]
WORKER = os.environ["TEST_WORKER"]

app = faust.App(
    NAME,
    broker=f"{os.environ.get('TEST_SCHEME', 'fastkafka')}://{os.environ['TEST_BOOTSTRAP']}",
    store="memory://",
    datadir=os.environ["TEST_DATADIR"],
    key_serializer="raw",
    value_serializer="raw",
    topic_partitions=4,
    topic_replication_factor=1,
    topic_disable_leader=True,
    table_standby_replicas=0,
    consumer_auto_offset_reset="earliest",
    broker_session_timeout=6.0,
    broker_heartbeat_interval=0.5,
    broker_commit_interval=0.2,
    producer_linger=0.01,
    stream_wait_empty=False,
    web_enabled=False,
    autodiscover=False,
)
numbers = app.topic(f"{NAME}-in", key_type=bytes, value_type=bytes)
passed_on = app.topic(f"{NAME}-out", key_type=bytes, value_type=bytes)
rows = app.Table("rows", key_type=bytes, value_type=bytes)


@app.agent(numbers)
async def remember(stream: faust.StreamT[bytes]) -> None:
    """Add the number to its key's row, padded as large as the test wants, and pass it on."""
    padding = "x" * int(os.environ.get("TEST_PADDING", "0"))
    async for event in stream.events():
        known = json.loads(rows.get(event.key, b"[[], 0]"))[0]
        rows[event.key] = json.dumps([sorted({*known, int(event.value)}), padding]).encode()
        await passed_on.send(key=WORKER.encode(), value=event.value)


@app.task
async def declare() -> None:
    """Make the topics that Faust does not make by itself."""
    await numbers.maybe_declare()
    await passed_on.maybe_declare()
