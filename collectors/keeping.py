"""What every collector does with what it heard: journal a batch, make it durable, and only then use it and hand it on."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from prometheus_client import Counter

from collectors.journal import Entry, Journal, JournalFullError, JournalRecord
from pipeline.core.reason import Reason

log = logging.getLogger(__name__)


class Keeper:
    """Appends batches to ``journal`` and makes them durable in a thread of its own. A context manager that opens and closes the journal.

    ``journaled`` counts what is durable, ``refused`` (by reason) what a full journal or disk could not take; ``what`` names it in the log.
    """

    def __init__(self, journal: Journal, *, journaled: Counter, refused: Counter, what: str) -> None:
        self._journal = journal
        self._journaled = journaled
        self._refused = refused
        self._what = what
        self._sync_thread = ThreadPoolExecutor(1, "journal-sync")
        self._open = ExitStack()
        self.trouble = ""

    def __enter__(self) -> Self:
        """Open the journal. Raises ``JournalError`` with the remedy."""
        with ExitStack() as stack:
            stack.enter_context(self._journal)
            stack.callback(self._sync_thread.shutdown)
            self._open = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    async def keep(self, entries: list[Entry]) -> list[JournalRecord]:
        """The entries as durable records, none if the journal is full. Raises ``JournalError`` when the disk fails."""
        try:
            first = self._journal.append_many(entries)
        except JournalFullError as error:
            self._refused.labels(Reason.JOURNAL_FULL.value).inc(len(entries))
            if not self.trouble:
                log.error("%s; %s are refused until then", error, self._what)  # noqa: TRY400  the trace says nothing more
            self.trouble = f"degraded: {error}"
            return []
        self.trouble = ""
        await asyncio.get_running_loop().run_in_executor(self._sync_thread, self._journal.sync)
        self._journaled.inc(len(entries))
        return [JournalRecord(first + place, *entry) for place, entry in enumerate(entries)]


async def cancel(*tasks: asyncio.Task[object] | asyncio.Task[None]) -> None:
    """Cancel tasks and wait for their end; what they raise stays with them."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task


def raise_first(tasks: list[asyncio.Task[None]]) -> None:
    """Raise what the first failed of these ended tasks raised."""
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
