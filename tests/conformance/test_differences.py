"""Where the embedded broker is known to differ from Apache Kafka; each difference is told to the client at once, in words."""

import asyncio

import confluent_kafka
import pytest

from tests.conformance.target import Target


async def test_transactions_are_kafkas_alone(target: Target, name: str) -> None:
    """The pipeline uses none (delivery is at least once, state changes are idempotent); a client that asks is refused, not left waiting."""
    await target.create(name)
    producer = confluent_kafka.Producer({"bootstrap.servers": target.bootstrap, "transactional.id": name})
    if target.kind == "embedded":
        with pytest.raises(confluent_kafka.KafkaException, match=r"(?i)transactional"):
            await asyncio.to_thread(producer.init_transactions, 20)
        return
    await asyncio.to_thread(producer.init_transactions, 60)
    producer.begin_transaction()
    producer.produce(name, b"in", partition=0)
    await asyncio.to_thread(producer.commit_transaction, 60)
    assert [r.value for r in await target.read(name, 0, 1)] == [b"in"]
