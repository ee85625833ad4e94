"""A delivery that never waits is stepped in place; one that does is carried to its end with everything that may happen to it."""

import asyncio

import pytest

from pipeline.stream.delivery import Begun, begin


async def waits(for_it: "asyncio.Future[int]", log: list[str]) -> int:
    log.append("begun")
    try:
        return 2 * await for_it
    finally:
        log.append("ended")


async def test_what_ends_without_waiting_is_done_at_once() -> None:
    log: list[str] = []

    async def quick() -> None:
        log.append("done")

    assert begin(quick()) is None
    assert log == ["done"]


async def test_what_waits_is_begun_and_its_rest_gives_the_answer() -> None:
    future, log = asyncio.get_running_loop().create_future(), []
    rest = begin(waits(future, log))
    assert isinstance(rest, Begun)
    assert log == ["begun"]
    asyncio.get_running_loop().call_soon(future.set_result, 21)
    assert await rest == 42
    assert log == ["begun", "ended"]


async def test_an_error_in_the_rest_is_the_awaiters() -> None:
    future, log = asyncio.get_running_loop().create_future(), []
    rest = begin(waits(future, log))
    future.set_exception(KeyError("lost"))
    assert rest is not None
    with pytest.raises(KeyError):
        await rest
    assert log == ["begun", "ended"]


async def test_an_error_in_the_first_step_is_raised_at_once() -> None:
    async def fails() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError):
        begin(fails())


async def test_cancelling_the_rest_cancels_what_it_waits_for() -> None:
    future, log = asyncio.get_running_loop().create_future(), []
    rest = begin(waits(future, log))
    assert rest is not None

    async def carry() -> int:
        return int(await rest)

    task = asyncio.create_task(carry())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["begun", "ended"]


async def test_a_rest_that_waits_many_times_is_carried_through_all() -> None:
    async def counts() -> int:
        for _ in range(5):
            await asyncio.sleep(0)
        return 5

    rest = begin(counts())
    assert rest is not None
    assert await rest == 5
