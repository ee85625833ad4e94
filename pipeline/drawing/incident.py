"""An incident, as readers have it, as a picture shows it."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.resource import ResourceId
from pipeline.drawing.mark import Case


def case_of(incident: Mapping[str, Any], alarms: Iterable[Mapping[str, Any]]) -> Case:
    """``incident`` and its ``alarms`` as :class:`pipeline.reading.Reader` gives them.

    What is missing and what is known to be up is told by its grounds, where it has some. Alarms that were only grouped by device have no
    cause: nothing is taken to follow from the device.
    """
    grounds = incident.get("grounds") or {}
    root = ResourceId(incident["root_cause"])
    alarmed = {ResourceId(alarm["resource"]) for alarm in alarms}
    if not grounds.get("weighed", True):
        return Case(incident["id"][:8], (), frozenset(alarmed))
    missing, up = (frozenset(map(ResourceId, (grounds.get(key) or {}).get("first", ()))) for key in ("missing", "against"))
    return Case(incident["id"][:8], (root,), frozenset(alarmed), missing, up)
