"""A :class:`pipeline.api.tmf.reading.NorthboundReading` in memory, its forms made of the samples by the real functions."""

from collections.abc import Sequence
from typing import Any

from pipeline.core.selection import Comparison, Filter, Selection
from pipeline.tmf.alarm import alarm
from pipeline.tmf.problem import problem
from pipeline.tmf.violation import violation
from tests.support import fake_reading

Json = dict[str, Any]

OBJECTIVE: Json = {
    "@type": "ServiceLevelObjective",
    "id": "acme-vpn-1:availability",
    "href": "/tmf-api/serviceQualityManagement/v4/serviceLevelObjective/acme-vpn-1:availability",
    "name": "availability of acme-vpn-1",
    "conformanceTarget": "99.99",
    "conformanceComparator": ">=",
}


class FakeNorthbound:
    """Answers pages of what it holds without looking at filters; an ``id`` filter finds that one. ``down`` is raised while it is set."""

    def __init__(self, alarms: int = 3) -> None:
        self.alarms_ = [alarm(fake_reading.alarm(number)) for number in range(1, alarms + 1)]
        self.problems_ = [problem(fake_reading.incident())]
        self.objectives_ = [OBJECTIVE]
        self.violations_ = [violation(fake_reading.evaluation())]
        self.asked: list[Selection] = []
        self.down: Exception | None = None

    def alarms(self, selection: Selection) -> tuple[int, list[Json]]:
        return self._page(self.alarms_, selection)

    def alarms_of(self, names: Sequence[str]) -> list[Json]:
        self._check()
        known = {each["id"]: each for each in self.alarms_}
        return [known[name] for name in names if name in known]

    def problems(self, selection: Selection) -> tuple[int, list[Json]]:
        return self._page(self.problems_, selection)

    def problem(self, name: str) -> Json | None:
        self._check()
        return next((each for each in self.problems_ if each["id"] == name), None)

    def objectives(self, selection: Selection) -> tuple[int, list[Json]]:
        return self._page(self.objectives_, selection)

    def violations(self, selection: Selection) -> tuple[int, list[Json]]:
        return self._page(self.violations_, selection)

    def _page(self, values: list[Json], selection: Selection) -> tuple[int, list[Json]]:
        self._check()
        self.asked.append(selection)
        named = [each for each in values if _is_wanted(each, selection.filters)]
        return len(named), named[selection.offset : selection.offset + selection.limit]

    def _check(self) -> None:
        if self.down:
            raise self.down


def _is_wanted(value: Json, filters: Sequence[Filter]) -> bool:
    ids = [each.values for each in filters if each.attribute == "id" and each.comparison is Comparison.EQUAL]
    return all(value["id"] in values for values in ids)
