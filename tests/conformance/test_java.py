"""Apache Kafka's own Java client and tools, at their newest, talk to every broker."""

import pytest

from tests.conformance.target import Item, Target
from tests.support.kafka import run_tool

pytestmark = [pytest.mark.needs_kafka, pytest.mark.slow]


async def test_the_java_producer_and_consumer_work(target: Target, name: str) -> None:
    """The Java producer is idempotent by default; its keys go where ours go, and its consumer group reads ours and its own."""
    await target.create(name)
    run_tool(
        "org.apache.kafka.tools.ConsoleProducer",
        *("--bootstrap-server", target.bootstrap, "--topic", name, "--compression-codec", "gzip"),
        *("--property", "parse.key=true", "--property", "key.separator=:"),
        stdin="cell-1:from java\n",
    )
    ours = await target.produce(name, [Item(b"from python", key=b"cell-1")])
    assert (ours[0].partition, ours[0].offset) == (3, 1)
    read = run_tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *("--bootstrap-server", target.bootstrap, "--topic", name, "--group", name, "--from-beginning"),
        *("--max-messages", "2", "--timeout-ms", "30000"),
    )
    assert read.splitlines() == ["from java", "from python"]


async def test_the_tools_make_and_describe_topics_and_groups(target: Target, name: str) -> None:
    server = ("--bootstrap-server", target.bootstrap)
    run_tool("org.apache.kafka.tools.TopicCommand", *server, "--create", "--topic", name, "--partitions", "3")
    assert name in run_tool("org.apache.kafka.tools.TopicCommand", *server, "--list").splitlines()
    await target.produce(name, [Item(b"x", partition=0)])
    run_tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *(*server, "--topic", name, "--group", name, "--from-beginning", "--max-messages", "1"),
    )
    groups = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
    described = run_tool(groups, *server, "--describe", "--group", name)
    row = next(line.split() for line in described.splitlines() if line.startswith(name) and line.split()[2] == "0")
    assert row[:6] == [name, name, "0", "1", "1", "0"]
