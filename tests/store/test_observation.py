"""What the history says of polls is what was polled: pauses to the minute, and by the hour where minutes are gone."""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pytest

from pipeline.core.kpi import KpiBatch, Quality, packed
from pipeline.core.observation import Polling, unobserved
from pipeline.core.resource import ResourceId
from pipeline.core.span import Span
from pipeline.store.client import StoreClient
from pipeline.store.observation import ObservationQueries
from pipeline.store.packed import COLUMNS, Packed
from pipeline.store.row import rows_of
from tests.support.history import HistoryProcess
from tests.support.poll_history import FakePolls

S = 1_000_000_000
HOUR, DAY = 3_600, 86_400
START = 1_793_491_200  # 2026-11-01T00:00:00Z
NOW = START + 2 * DAY
GOOD = np.array([int(Quality.GOOD)], np.uint8)

Ask = Callable[..., Polling]


@pytest.fixture
def queries(history: HistoryProcess, client: StoreClient) -> Iterator[ObservationQueries]:
    with ObservationQueries.of(history.settings) as reader:
        yield reader


async def keep(client: StoreClient, device: str, times: Iterable[int]) -> None:
    """Polls of one device at these seconds, every other unanswered, written as the sink does."""
    resources = (ResourceId(f"device/{device}"),)
    batches = [
        KpiBatch(device, at * S, "poll-1", n, resources, *packed({"answered": (np.array([float(n % 2)]), GOOD)}))
        for n, at in enumerate(times)
    ]
    for table, block in rows_of(batches, 0).items():
        assert isinstance(block, Packed)
        await client.insert_native(table, COLUMNS, block.native())


async def ask(queries: ObservationQueries, *devices: str, now: int = NOW, also: Sequence[Span] = ()) -> Polling:
    """Polls of the first of November."""
    return await asyncio.to_thread(queries.polling, devices, START * S, (START + DAY) * S, now * S, also=also)


def pauses(polling: Polling, device: str) -> list[tuple[int, int]]:
    """The stretches of that day in which nobody looked at a device, in seconds since it began."""
    found = unobserved(polling.devices.get(device), START * S, (START + DAY) * S, polling.until)
    return [(span.start // S - START, span.end // S - START) for span in found]


def every(seconds: int, *gaps: tuple[int, int], since: int = START - DAY) -> list[int]:
    """Polls every so many seconds, but for the gaps."""
    return [at for at in range(since, NOW, seconds) if not any(start <= at - START < end for start, end in gaps)]


async def test_a_pause_is_found_to_the_minute_and_an_unanswered_poll_is_none(client: StoreClient, queries: ObservationQueries) -> None:
    """Six minutes over the edge of an hour are found; four are within the limit; nobody else's pause is a device's."""
    await keep(client, "pe1", every(60, (7 * HOUR - 180, 7 * HOUR + 180), (40_000, 40_240), (50_000, 60_000)))
    await keep(client, "pe2", every(60))
    await keep(client, "pe3", every(300, (20_001, 23_000)))
    found = await ask(queries, "pe1", "pe2", "pe3", "pe4")
    assert pauses(found, "pe1") == [(7 * HOUR - 180, 7 * HOUR + 180), (50_040, 60_000)]
    assert pauses(found, "pe2") == []
    assert pauses(found, "pe3") == [(19_860, 23_100)]
    assert pauses(found, "pe4") == [(0, DAY)]
    assert (found.devices["pe2"].interval_ns, found.devices["pe3"].interval_ns) == (60 * S, 300 * S)
    assert (found.first_at, found.until) == ((START - DAY) * S, NOW * S)


async def test_it_says_what_a_count_of_single_minutes_says(client: StoreClient, queries: ObservationQueries) -> None:
    """Any pauses, jitter, and devices that are polled seldom or had none for a day: held to the fake, which looks at every minute."""
    chance = random.Random(7)
    known: dict[str, list[int]] = {}
    for number, seconds in enumerate((30, 60, 60, 300, 900, 3_600, 10_000)):
        gaps = [(at, at + chance.choice((90, 330, 1_000, 5_000, 40_000))) for at in chance.sample(range(-DAY, 2 * DAY), 8)]
        known[f"pe{number}"] = [at + chance.randrange(2) for at in every(seconds, *gaps)]
        await keep(client, f"pe{number}", known[f"pe{number}"])
    real, fake = await ask(queries, *known), FakePolls(known).polling(list(known), START * S, (START + DAY) * S, NOW * S)
    assert {device: pauses(real, device) for device in known} == {device: pauses(fake, device) for device in known}
    assert (real.until, real.first_at) == (fake.until, fake.first_at)
    assert sum(bool(pauses(real, device)) for device in known) > 3


async def test_polls_beside_the_usual_ones_hide_no_pause_at_an_outage(client: StoreClient, queries: ObservationQueries) -> None:
    """In trouble a device is asked again and again; then the hour has its number of polls, and only its minutes tell."""
    await keep(client, "pe1", every(60, (7_200, 8_100)))
    await keep(client, "pe1", range(START + 9_000, START + 9_020))
    assert pauses(await ask(queries, "pe1"), "pe1") == []
    found = await ask(queries, "pe1", also=[Span((START + 8_000) * S, (START + 9_000) * S)])
    assert pauses(found, "pe1") == [(7_200, 8_100)]


async def test_a_pause_in_every_hour_is_not_taken_for_the_usual(client: StoreClient, queries: ObservationQueries) -> None:
    """Each hour has as many polls as the next; how far apart they are tells that some lack."""
    gaps = [(hour * HOUR + 600, hour * HOUR + 1_800) for hour in range(-24, 48)]
    await keep(client, "pe1", every(60, *gaps))
    assert pauses(await ask(queries, "pe1"), "pe1") == [gap for gap in gaps if 0 <= gap[0] < DAY]


async def test_where_minutes_are_gone_whole_hours_are_told(client: StoreClient, queries: ObservationQueries) -> None:
    """Of an hour that has some polls it is known only that it has: that is said, not guessed."""
    await keep(client, "pe1", every(60, (2 * HOUR + 600, 5 * HOUR + 600), (9 * HOUR, 9 * HOUR + 1_200)))
    await client.command("TRUNCATE TABLE kpi_1m_state")
    found = await ask(queries, "pe1")
    assert pauses(found, "pe1") == [(3 * HOUR, 5 * HOUR)]
    assert Span((START + 9 * HOUR) * S, (START + 10 * HOUR) * S) in [
        Span(at, at + HOUR * S) for span in found.devices["pe1"].coarse for at in range(span.start, span.end, HOUR * S)
    ]


@pytest.mark.parametrize(
    ("since", "first_at"), [(START - DAY - 60, 0), (START + 1_830, START + 1_800)], ids=["before-anybody-asked", "in-that-day"]
)
async def test_the_first_poll_of_the_installation_is_told(
    client: StoreClient, queries: ObservationQueries, since: int, first_at: int
) -> None:
    """Whichever device had it; the time before it was not measured."""
    await keep(client, "pe9", every(60, since=since))
    found = await ask(queries, "pe1")
    assert (found.devices, found.first_at) == ({}, first_at * S)


async def test_an_installation_of_an_hour_knows_how_often_it_polls(client: StoreClient, queries: ObservationQueries) -> None:
    """Its first hour is not a whole one, and says too little; who never polled has no first poll."""
    assert (await ask(queries, "pe1")).first_at is None
    await keep(client, "pe1", range(START + 600, START + 1_200, 10))
    found = await ask(queries, "pe1", now=START + 1_800)
    assert found.devices["pe1"].interval_ns == 60 * S
    assert pauses(found, "pe1")[0] == (0, 600)
    assert unobserved(found.devices["pe1"], START * S, (START + 1_800) * S, found.until)[-1] == Span(
        (START + 1_200) * S, (START + 1_800) * S
    )
