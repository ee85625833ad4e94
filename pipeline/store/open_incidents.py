"""Which open incident an alarm belongs to, and to what people have done something, in memory as :mod:`pipeline.store.board` is."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.store.board import FRESH_S
from pipeline.store.client import Row
from pipeline.store.northbound import NorthboundQueries


class OpenIncidents:
    """Asks the store whether anything is new, and reads it again only then.

    Methods may be called from any thread, and raise ``StoreError``.
    """

    def __init__(self, queries: NorthboundQueries, clock: Callable[[], float] = time.monotonic) -> None:
        self._queries = queries
        self._clock = clock
        self._asking = threading.Lock()
        self._asked_at = -1e9
        self._known: Any = None
        self._of: dict[str, Row] = {}
        self._touched: frozenset[str] = frozenset()

    def of(self, alarms: Sequence[str]) -> dict[str, Row]:
        """Alarm -> its open incident, for those that have one; the latest opened, should there be two."""
        self._refresh()
        of = self._of
        return {name: of[name] for name in alarms if name in of}

    def touched(self, targets: Sequence[str]) -> list[str]:
        """Those that people have acknowledged, commented on or closed."""
        touched = self._touched
        return [name for name in targets if name in touched]

    def _refresh(self) -> None:
        with self._asking:
            if self._clock() - self._asked_at < FRESH_S:
                return
            began = self._clock()
            news = self._queries.news()
            if news != self._known:
                self._of = _by_alarm(self._queries.open_incidents())
                self._touched = frozenset(self._queries.touched())
                self._known = news
            self._asked_at = began


def _by_alarm(incidents: Sequence[Row]) -> dict[str, Row]:
    """The latest opened come first, and keep their alarms."""
    found: dict[str, Row] = {}
    for incident in incidents:
        for name in incident["alarms"]:
            found.setdefault(name, incident)
    return found
