"""Topics are made, described and removed alike on every broker."""

import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.conformance.target import Item, Target, until

ALREADY_EXISTS, INVALID_TOPIC, INVALID_PARTITIONS, INVALID_REPLICATION, INVALID_CONFIG = 36, 17, 37, 38, 40


async def test_a_topic_is_made_once_and_described(target: Target, name: str) -> None:
    async with target.admin() as admin:
        first = await admin.create_topics([NewTopic(name, 3, 1)])
        second = await admin.create_topics([NewTopic(name, 3, 1)])
        described = await admin.describe_topics([name])
    assert [first.topic_errors[0][1], second.topic_errors[0][1]] == [0, ALREADY_EXISTS]
    assert sorted(p["partition"] for p in described[0]["partitions"]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (NewTopic("not a name", 1, 1), INVALID_TOPIC),
        (NewTopic("no-partitions", 0, 1), INVALID_PARTITIONS),
        (NewTopic("two-copies", 1, 2), INVALID_REPLICATION),
        (NewTopic("bad-setting", 1, 1, topic_configs={"retention.ms": "soon"}), INVALID_CONFIG),
        (NewTopic("no-such-setting", 1, 1, topic_configs={"colour": "red"}), INVALID_CONFIG),
    ],
    ids=lambda value: value.name if isinstance(value, NewTopic) else str(value),
)
async def test_what_cannot_be_made_is_refused(target: Target, topic: NewTopic, expected: int) -> None:
    async with target.admin() as admin:
        answer = await admin.create_topics([topic])
    assert answer.topic_errors[0][1] == expected


async def test_settings_given_at_creation_are_told(target: Target, name: str) -> None:
    await target.create(name, cleanup_policy="compact", retention_ms="1000")
    async with target.admin() as admin:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    told = {entry[0]: entry[1] for entry in answers[0].resources[0][4]}
    assert (told["cleanup.policy"], told["retention.ms"]) == ("compact", "1000")
    assert told["max.message.bytes"] == "1048588"


async def test_a_topic_appears_by_being_used(target: Target, name: str) -> None:
    await target.produce(name, [Item(b"x", partition=3)])
    assert [r.value for r in await target.read(name, 3, 1)] == [b"x"]


async def test_a_removed_topic_comes_back_empty(target: Target, name: str) -> None:
    await target.create(name)
    await target.produce(name, [Item(b"old", partition=0)])
    async with target.admin() as admin:
        await admin.delete_topics([name])
        gone: list[bool] = []
        for _ in range(100):
            gone.append(name not in await admin.list_topics())
            if gone[-1]:
                break
            await until(lambda: True)
    assert gone[-1]
    await target.create(name)
    sent = await target.produce(name, [Item(b"new", partition=0)])
    assert sent[0].offset == 0
    assert [r.value for r in await target.read(name, 0, 1)] == [b"new"]
