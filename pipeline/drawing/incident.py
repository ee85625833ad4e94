"""An incident, as readers have it, as a picture shows it."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.resource import ResourceId
from pipeline.drawing.mark import Case


def case_of(incident: Mapping[str, Any], alarms: Iterable[Mapping[str, Any]]) -> Case:
    """``incident`` and its ``alarms`` as :class:`pipeline.reading.Reader` gives them; what is missing, where the incident tells it."""
    return Case(
        incident["id"][:8],
        (ResourceId(incident["root_cause"]),),
        frozenset(ResourceId(alarm["resource"]) for alarm in alarms),
        frozenset(map(ResourceId, incident.get("missing", ()))),
    )
