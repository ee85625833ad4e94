"""Time is a message: ticks go to the partitions that the worker owns, often where alarms settle, seldom where months end."""

from collections.abc import Sequence
from typing import Any

from pipeline.core.event import Tick
from pipeline.stream.ticker import Ticker
from pipeline.wire import Topic

SECOND = 1_000_000_000


async def test_ticks_go_to_owned_partitions_only_and_to_outages_every_half_minute() -> None:
    sent: list[tuple[Topic, int, int]] = []
    owned = {Topic.EVENTS: [0, 3], Topic.OUTAGES: [1]}
    now = 1000 * SECOND

    async def send(topic: Topic, partition: int, ticks: Sequence[Any]) -> None:
        sent.extend((topic, partition, tick.at) for tick in ticks if isinstance(tick, Tick))

    ticker = Ticker(send, owned.__getitem__, lambda: now)
    await ticker.tick()
    assert sent == [(Topic.EVENTS, 0, now), (Topic.EVENTS, 3, now), (Topic.OUTAGES, 1, now)]
    sent.clear()
    now += int(29.9 * SECOND)
    await ticker.tick()
    assert {topic for topic, _, _ in sent} == {Topic.EVENTS}
    now += SECOND
    owned[Topic.EVENTS] = []
    sent.clear()
    await ticker.tick()
    assert sent == [(Topic.OUTAGES, 1, now)]
