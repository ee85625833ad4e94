"""Alarms that a correlation rule lays to incidents: index of those that wait for one, and of those that have it."""

from dataclasses import dataclass, field

from pipeline.core.alarm import AlarmKey

Symptom = tuple[AlarmKey, str]
"""An alarm beside an incident, and the name of the rule that laid it there."""


@dataclass(slots=True)
class Symptoms:
    """``loose`` alarms may yet be laid to an incident, ``has_news`` if one came since they were last tried; ``laid`` ones have theirs."""

    loose: dict[AlarmKey, None] = field(default_factory=dict)
    laid: dict[AlarmKey, str] = field(default_factory=dict)
    has_news: bool = False

    def clear(self) -> None:
        """Forget everything, to be made again."""
        self.loose.clear()
        self.laid.clear()
        self.has_news = True

    def wait(self, key: AlarmKey) -> None:
        """Let an alarm wait for an incident."""
        self.loose[key] = None
        self.has_news = True
