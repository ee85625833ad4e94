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
from pipeline.store.northbound import ALARMS, INCIDENTS, VIOLATIONS, NorthboundQueries
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
        page = self._queries.page(ALARMS, selection)
        return page.total, self._shown(page.rows)

    def alarms_of(self, names: Sequence[str]) -> list[Json]:
        """These alarms by their ids, in this order; those that are not known are left out."""
        return self._shown(self._queries.rows_of(ALARMS, names))

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
        for one in self._queries.done_to(names):
            done.setdefault(one["target"], []).append(one)
        return [alarm(row, incidents.get(row["id"]), done.get(row["id"], ())) for row in rows]

    def _incidents_of(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Json]:
        """Alarm -> its open incident; the latest opened, should there be two."""
        wanted = {row["id"]: row for row in rows}
        found = self._queries.incidents_with(list(wanted))
        firsts = [incident["alarms"][0] for incident in found if incident["alarms"] and incident["alarms"][0] not in wanted]
        resources = self._queries.resources_of(firsts) | {name: row["resource"] for name, row in wanted.items()}
        of: dict[str, Json] = {}
        for incident in found:
            alarms = incident["alarms"]
            told = {**incident, "root_alarmed": bool(alarms) and resources.get(alarms[0]) == incident["root_cause"]}
            for name in alarms:
                if name in wanted:
                    of.setdefault(name, told)
        return of

    def _as_problems(self, rows: Sequence[Mapping[str, Any]]) -> list[Json]:
        links = self._store.tickets_of({row["id"] for row in rows}) if rows else {}
        names = self._customers()
        tickets = {name: {"number": link.remote_id} for name, link in links.items()}
        return [problem(row, tickets.get(row["id"]), names) for row in rows]

    def _customers(self) -> dict[str, str]:
        return {name: customer.display_name for name, customer in self._inventory().customers.items()}
