"""Group commit: what arrives while one transaction is written goes into the next, together."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from pipeline.embedded.broker.log import Job, Log, StorageError
from pipeline.embedded.broker.storage import Place
from pipeline.embedded.broker.transaction import Transaction

logger = logging.getLogger(__name__)
_COMPLAIN_EVERY_S = 10.0
T = TypeVar("T")


class Writer:
    """Takes jobs from any task, runs them in transactions, and tells which partitions grew.

    With `offload` the transaction runs in a thread, as it waits for the disk; without, it takes tens of microseconds and
    runs where it is.
    """

    def __init__(self, log: Log, grown: Callable[[set[Place]], None], *, offload: bool) -> None:
        self._log = log
        self._grown = grown
        self._offload = offload
        self._waiting: list[tuple[Job, asyncio.Future[Any]]] = []
        self._wake = asyncio.Event()
        self._complained_at = float("-inf")
        self.failures = 0

    async def write(self, job: Callable[[Transaction], T]) -> T:
        """Run the job in the next transaction and return its result once that is committed.

        Raises:
            StorageError: The transaction failed; none of its jobs has an effect.
            RefusedError: The job itself refused.
        """
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, done))
        self._wake.set()
        return cast("T", await done)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = self._waiting, []
            await self._commit(waiting)

    async def _commit(self, waiting: list[tuple[Job, asyncio.Future[Any]]]) -> None:
        jobs = [job for job, _ in waiting]
        try:
            transaction, results = await self._execute(jobs)
        except StorageError as error:
            self._complain(error)
            _fail(waiting, error)
        except Exception as error:
            logger.exception("a write failed; its %d requests are answered with an error", len(jobs))
            _fail(waiting, error)
        else:
            grown = transaction.publish()
            for (_, done), result in zip(waiting, results, strict=True):
                _settle(done, result)
            self._grown(grown)

    async def _execute(self, jobs: list[Job]) -> tuple[Transaction, list[Any]]:
        now_ms = int(time.time() * 1000)
        if self._offload:
            return await asyncio.to_thread(self._log.commit, jobs, now_ms)
        return self._log.commit(jobs, now_ms)

    def _complain(self, error: StorageError) -> None:
        self.failures += 1
        now = time.monotonic()
        if now - self._complained_at >= _COMPLAIN_EVERY_S:
            self._complained_at = now
            logger.error(
                "the log could not be written (%s), %d times so far; producers are told to retry. "
                "Free space on its disk, shorten retention, or raise the size limit",
                error, self.failures,
            )  # fmt: skip


def _fail(waiting: list[tuple[Job, asyncio.Future[Any]]], error: Exception) -> None:
    for _, done in waiting:
        _settle(done, error)


def _settle(done: asyncio.Future[Any], result: Any) -> None:
    if done.done():
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)
