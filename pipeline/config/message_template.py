"""Templates of customers' messages: filled in a sandbox that reaches nothing but the values given to it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline.config.message_form import MessageFile
from pipeline.core.wording import plain

OTHER = "other"
_NANO = 1_000_000_000
_LONGEST = 10_000


class TemplateFailedError(ValueError):
    """A template that cannot be filled; says why."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """No attribute of any object, no call: values by their keys, filters and loops are all there is."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002  # the base's signature
        return False

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002  # the base's signature
        return False


_SANDBOX = _Sandbox(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # plain text, not HTML
_SANDBOX.globals.clear()


def fill(language: MessageFile, stage: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text of a message. Raises ``TemplateFailedError`` for what a template cannot do, or a stage without one."""
    template = language.messages.get(stage)
    if template is None:
        raise TemplateFailedError(f"language {language.language} has no message '{stage}'")
    try:
        subject, text = (_SANDBOX.from_string(source).render(values) for source in (template.subject, template.text))
    except (TemplateError, TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise TemplateFailedError(f"message '{stage}' in {language.language}: {error}") from error
    return " ".join(subject.split())[:200], text.strip()[:_LONGEST] + "\n"


def values_of(language: MessageFile, body: Mapping[str, Any], customer: Mapping[str, str], services: Mapping[str, str]) -> dict[str, Any]:
    """What a template may use: the keys of what is answered, and of each of its ``services``.

    Args:
        language: whose words.
        body: of the effect (:func:`pipeline.core.notice.notices`).
        customer: ``name`` and ``timezone``.
        services: descriptions by service.
    """
    zone = ZoneInfo(customer["timezone"])

    def moment(at: int) -> str:
        return datetime.fromtimestamp(at // _NANO, UTC).astimezone(zone).strftime(language.moment) if at else ""

    return {
        "customer": plain(customer["name"]),
        "reference": str(body["reference"]),
        "cause": language.causes.get(body["cause"], language.causes.get(OTHER, "")),
        "acknowledged": bool(body["acknowledged"]),
        "since": moment(body["started_at"]),
        "restored": moment(body["resolved_at"]),
        "services": [
            {
                "name": plain(one["service"]),
                "description": plain(services.get(one["service"], "")),
                "state": language.states.get(one["state"], one["state"]),
                "since": moment(one["since_at"]),
            }
            for one in body["services"]
        ],
    }
