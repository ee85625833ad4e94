"""The Faust application, configured so that the ways in which Faust loses data by itself are closed.

Concurrency is 1 everywhere, tables are plain and bytes-valued, offsets are committed after the producer has drained (``transport.py``), an
exception never acknowledges a message in silence (``guard.py``), time comes as messages (``ticker.py``), and Faust's web server is off.
"""

from pathlib import Path

import faust

from pipeline.config.settings import BrokerSettings
from pipeline.wire import Topic

APP_ID = "assure"
BATCH = 1_000_000
"""Bytes that wait for one partition while a request is under way; a request takes all partitions' batches, and the next waits for its
answer. At 128 KiB a storm's turns, which are as large, went one by one, and the agents waited for the broker at half of a core's work.
Kafka's brokers take batches up to 1,048,588 bytes unless told otherwise."""
MAX_ROW = 16_777_216
"""Bytes that the changelogs take in one row; the turns of a large incident need more than Kafka's default of 1 MiB."""


def build_app(broker: BrokerSettings, data_dir: Path) -> faust.App:
    """An inert Faust app on the broker; nothing connects before it is started."""
    return faust.App(
        APP_ID,
        broker=f"fastkafka://{broker.bootstrap}",
        store="memory://",
        datadir=str(data_dir / "faust"),
        key_serializer="raw",
        value_serializer="raw",
        topic_partitions=broker.partitions,
        topic_replication_factor=broker.replication,
        topic_disable_leader=True,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_commit_interval=1.0,
        broker_max_poll_records=256,
        producer_linger=0.0,
        producer_acks=-1,
        producer_max_batch_size=BATCH,
        producer_max_request_size=MAX_ROW,
        consumer_max_fetch_size=MAX_ROW,
        stream_wait_empty=False,
        stream_buffer_maxsize=1024,
        web_enabled=False,
        autodiscover=False,
    )


def channel(app: faust.App, *topics: Topic) -> faust.TopicT[bytes]:
    """The raw bytes of one or more topics as one channel."""
    return app.topic(*(topic.value for topic in topics), key_type=bytes, value_type=bytes, internal=False)


def rows(app: faust.App, name: str) -> faust.Table[bytes, bytes]:
    """A table of packed rows. Its changelog is compacted; a row is written once for each batch that changed it."""
    return app.Table(name, key_type=bytes, value_type=bytes, extra_topic_configs={"max.message.bytes": str(MAX_ROW)})
