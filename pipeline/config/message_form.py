"""Forms of ``rules/notices.yaml`` and ``rules/messages``: who is told when, and in which words."""

from dataclasses import dataclass, field

from pipeline.core.inventory import Tier
from pipeline.core.notice import NoticeRule, Stage
from pipeline.core.outage import ServiceState


@dataclass(frozen=True, slots=True)
class NoticeTest:
    """A customer of ``tier`` whose service is in ``state`` for ``lasts_min`` minutes, and the messages that they get, in order."""

    tier: Tier
    state: ServiceState
    lasts_min: float
    told: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class NoticeFile:
    """``rules/notices.yaml``."""

    rules: tuple[NoticeRule, ...]
    tests: tuple[NoticeTest, ...]
    most_per_hour: int = 6


@dataclass(frozen=True, slots=True)
class Template:
    """One message: ``subject`` is one line, ``text`` plain text."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageTest:
    """A message of one ``stage`` about a service in ``state`` whose ``cause`` is of this kind of resource, and texts it must hold."""

    stage: Stage
    contains: tuple[str, ...]
    state: ServiceState = ServiceState.DOWN
    cause: str = "fibre"
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageFile:
    """A file of ``rules/messages``: one language.

    ``states`` and ``causes`` are words for a service's state and for the kind of what failed (``fibre``, ``device``, …; ``other`` for the
    rest): a customer reads no name of the network's. ``exclusions`` say why time does not count, ``words`` are the texts of the view.
    """

    language: str
    messages: dict[str, Template]
    states: dict[str, str]
    causes: dict[str, str]
    tests: tuple[MessageTest, ...]
    moment: str = "%Y-%m-%d %H:%M %Z"
    words: dict[str, str] = field(default_factory=dict)
    exclusions: dict[str, str] = field(default_factory=dict)
