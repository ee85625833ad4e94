"""What the history says of polls is what was polled: pauses to the minute, and by the hour where minutes are gone."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from pipeline.core.kpi import KpiBatch, Quality, packed
from pipeline.core.observation import Polling, unobserved
from pipeline.core.resource import ResourceId
from pipeline.store.client import StoreClient
from pipeline.store.observation import ObservationQueries
from tests.support.history import HistoryProcess

S = 1_000_000_000
DAY = 86_400
START = 1_793_491_200  # 2026-11-01T00:00:00Z
DEVICES = ("pe1", "pe2", "pe3", "pe4")
NOW = START + 2 * DAY


@pytest.fixture
def queries(history: HistoryProcess, client: StoreClient) -> Iterator[ObservationQueries]:
    with ObservationQueries.of(history.settings) as reader:
        yield reader


async def polled(client: StoreClient, device: str, times: Iterable[int]) -> None:
    """Polls of one device at these seconds, every other unanswered, in one insert as a replay would."""
    times = list(times)
    good = np.array([int(Quality.GOOD)], np.uint8)
    batches = [
        KpiBatch(device, at * S, "poll-1", n, (ResourceId(f"device/{device}"),), *packed({"answered": (np.array([float(n % 2)]), good)}))
        for n, at in enumerate(times)
    ]

    def write() -> None:
        from pipeline.store.row import rows_of  # noqa: PLC0415  # beside its use

        for table, block in rows_of(batches, 0).items():
            client._connection.insert_native(table, *_native(block))

    await asyncio.to_thread(write)


def _native(block: Any) -> tuple[Any, bytes]:
    from pipeline.store.packed import COLUMNS  # noqa: PLC0415

    return COLUMNS, block.native()


def pauses(polling: Polling, device: str, start: int = START, end: int = START + DAY) -> list[tuple[int, int]]:
    """The stretches of a device in which nobody looked, in seconds since the month began."""
    found = unobserved(polling.devices.get(device), start * S, end * S, polling.until)
    return [(span.start // S - START, span.end // S - START) for span in found]


async def test_a_pause_is_found_to_the_minute_and_an_unanswered_poll_is_none(client: StoreClient, queries: ObservationQueries) -> None:
    """Six minutes over the edge of an hour are found; four are within the limit; nobody else's pause is a device's."""

    def minutes(*gaps: tuple[int, int]) -> Iterable[int]:
        return (at for at in range(START - DAY, NOW, 60) if not any(lo <= at - START < hi for lo, hi in gaps))

    await polled(client, "pe1", minutes((7 * 3600 - 180, 7 * 3600 + 180), (40_000, 40_240), (50_000, 60_000)))
    await polled(client, "pe2", minutes())
    await polled(client, "pe3", (at for at in range(START - DAY, NOW, 300) if not 20_000 < at - START < 23_000))
    found = await asyncio.to_thread(queries.polling, DEVICES, START * S, (START + DAY) * S, NOW * S)
    assert pauses(found, "pe1") == [(7 * 3600 - 180, 7 * 3600 + 180), (50_040, 60_000)]
    assert pauses(found, "pe2") == []
    assert pauses(found, "pe3") == [(19_860, 23_100)]
    assert pauses(found, "pe4") == [(0, DAY)]
    assert (found.devices["pe2"].interval_ns, found.devices["pe3"].interval_ns) == (60 * S, 300 * S)
    assert (found.first_at, found.until) == ((START - DAY) * S, (NOW + 0) * S)
