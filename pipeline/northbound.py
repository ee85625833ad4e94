"""What other systems read, joined from history, obligations, inventory and plans, in TM Forum's forms."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from pipeline.config.problem import ConfigError
from pipeline.config.rule_set import PlanSource
from pipeline.config.settings import Settings
from pipeline.core.inventory import Inventory
from pipeline.core.selection import Selection
from pipeline.obligations import Obligations
from pipeline.resources import data_dir
from pipeline.store.board import Board
from pipeline.store.northbound import ALARMS, INCIDENTS, VIOLATIONS, NorthboundQueries
from pipeline.store.open_incidents import OpenIncidents
from pipeline.tmf.alarm import alarm
from pipeline.tmf.matching import select
from pipeline.tmf.objective import objectives
from pipeline.tmf.problem import problem
from pipeline.tmf.violation import violation

Json = dict[str, Any]
Found = tuple[int, list[Json]]


class Northbound:
    """Reads for the TM Forum APIs. ``store`` is open; ``clock`` answers UTC nanoseconds.

    Methods raise ``OSError`` when a store does not answer.
    """

    def __init__(
        self, settings: Settings, store: Obligations, inventory: Callable[[], Inventory], clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._queries = NorthboundQueries.of(settings.history)
        self._board = Board(self._queries.connection)
        self._incidents = OpenIncidents(self._queries)
        self._store = store
        self._inventory = inventory
        self._plans = PlanSource(settings.rules_dir or data_dir("rules"))
        self._clock = clock
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self._queries)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def alarms(self, selection: Selection) -> Found:
        """Alarms with their incidents and what people did to them; the latest raised first unless an order is given."""
        page = self._board.page(selection) or self._queries.page(ALARMS, selection)
        return page.total, self._shown(page.rows)

    def alarms_of(self, names: Sequence[str]) -> list[Json]:
        """These alarms by their ids, in this order; those that are not known are left out."""
        rows = self._board.rows_of(names)
        return self._shown(self._queries.rows_of(ALARMS, names) if rows is None else rows)

    def problems(self, selection: Selection) -> Found:
        """Incidents as service problems; the latest first unless an order is given."""
        page = self._queries.page(INCIDENTS, selection)
        return page.total, self._as_problems(page.rows)

    def problem(self, name: str) -> Json | None:
        """One incident as a service problem."""
        return next(iter(self._as_problems(self._queries.rows_of(INCIDENTS, [name]))), None)

    def objectives(self, selection: Selection) -> Found:
        """What was agreed for each service for its customer's present month; by name unless an order is given."""
        try:
            plans = self._plans.current()
        except ConfigError:  # `assure check` tells what is wrong there; until then nothing is known to be agreed
            return 0, []
        return select(objectives(self._inventory(), plans, self._clock()), selection)

    def violations(self, selection: Selection) -> Found:
        """Missed targets by their last evaluation; the latest first unless an order is given."""
        page = self._queries.page(VIOLATIONS, selection)
        names = self._customers()
        return page.total, [violation(row, names) for row in page.rows]

    def _shown(self, rows: Sequence[Mapping[str, Any]]) -> list[Json]:
        names = [row["id"] for row in rows]
        incidents = self._incidents_of(rows)
        done: dict[str, list[Json]] = {}
        for one in self._queries.done_to(self._incidents.touched(names)):
            done.setdefault(one["target"], []).append(one)
        return [alarm(row, incidents.get(row["id"]), done.get(row["id"], ())) for row in rows]

    def _incidents_of(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Json]:
        """Alarm -> its open incident, which says whether its first alarm is that of the root cause."""
        found = self._incidents.of([row["id"] for row in rows])
        firsts = list({incident["alarms"][0] for incident in found.values()})
        resources = self._board.resources_of(firsts) or self._queries.resources_of(firsts)
        return {
            name: {**incident, "root_alarmed": resources.get(incident["alarms"][0]) == incident["root_cause"]}
            for name, incident in found.items()
        }

    def _as_problems(self, rows: Sequence[Mapping[str, Any]]) -> list[Json]:
        links = self._store.tickets_of({row["id"] for row in rows}) if rows else {}
        names = self._customers()
        tickets = {name: {"number": link.remote_id} for name, link in links.items()}
        return [problem(row, tickets.get(row["id"]), names) for row in rows]

    def _customers(self) -> dict[str, str]:
        return {name: customer.display_name for name, customer in self._inventory().customers.items()}
