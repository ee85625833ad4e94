"""What the forms share: addresses of resources, times, references, and the attributes that a caller chooses."""

from collections.abc import Collection, Mapping
from typing import Any

from pipeline.core.wording import rfc3339

Json = dict[str, Any]

SYSTEM = "assurance-pipeline"
"""What this system calls itself where a form asks for a system's id."""

ALARMS = "/tmf-api/alarmManagement/v4"
PROBLEMS = "/tmf-api/serviceProblemManagement/v4"
OBJECTIVES = "/tmf-api/serviceQualityManagement/v4"
SLAS = "/tmf-api/slaManagement/v4"
"""Where each API is served; alarms and problems as their published definitions say."""

_ALWAYS = frozenset({"id", "href", "@type"})


def href(base: str, kind: str, name: str) -> str:
    """Where a resource is read. Names here need no escape but that of the few characters that end a path."""
    safe = name.replace("%", "%25").replace("/", "%2F").replace("?", "%3F").replace("#", "%23").replace(" ", "%20")
    return f"{base}/{kind}/{safe}"


def moment(at: int) -> str | None:
    """UTC nanoseconds as a date-time; ``None`` for never."""
    return rfc3339(at) if at else None


def known(**attributes: Any) -> Json:
    """The attributes that have a value; ``type_`` stands for ``@type`` and ``referred_type`` for ``@referredType``."""
    return {_AT.get(name, name): value for name, value in attributes.items() if value not in (None, "", [], {})}


_AT = {"type_": "@type", "referred_type": "@referredType"}


def operator_of(system: str, user: str) -> str:
    """Who did something by a system's token: ``noc:alice``; the system alone where it names nobody."""
    return f"{system}:{user}" if user and user != system else system


def user_of(operator: str) -> str:
    """The person behind an operator's name."""
    return operator.partition(":")[2] or operator


def system_of(operator: str) -> str:
    """By which system they came: the name of a token, or this system itself."""
    system, _, user = operator.partition(":")
    return system if user else SYSTEM


def chosen(value: Mapping[str, Any], fields: Collection[str] | None) -> Json:
    """The named first-level attributes, with those that tell which resource it is; all for ``None`` (TMF630 part 1)."""
    return dict(value) if fields is None else {name: each for name, each in value.items() if name in fields or name in _ALWAYS}
