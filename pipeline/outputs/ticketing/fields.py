"""Further fields of new tickets, as the settings name them: values as they stand there, with a few names of ours filled in."""

from collections.abc import Mapping
from typing import Any

from pipeline.outputs.ticketing.system import Draft

NAMES = ("incident", "title", "severity", "root_cause", "services", "customers")
"""What may stand in braces in a value of ``tickets.fields``."""


def filled(fields: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    """``fields`` with each ``{name}`` of :data:`NAMES` replaced by its plain text; nothing else in them is looked at."""
    return {name: _filled(value, _known(draft)) for name, value in fields.items()}


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in known.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, Mapping):
        return {name: _filled(inner, known) for name, inner in value.items()}
    return [_filled(inner, known) for inner in value] if isinstance(value, list) else value


def _known(draft: Draft) -> dict[str, str]:
    entities = draft.fields.get("relatedEntity", ())
    of_role = {role: [str(each["id"]) for each in entities if each.get("role") == role] for role in ("rootCause", "affectedService")}
    return {
        "incident": str(draft.fields.get("externalId", draft.key)),
        "title": draft.title,
        "severity": draft.severity,
        "root_cause": ", ".join(of_role["rootCause"]),
        "services": ", ".join(of_role["affectedService"]),
        "customers": ", ".join(str(each["id"]) for each in draft.fields.get("relatedParty", ())),
    }
