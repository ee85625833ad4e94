"""The settings of who is told and what is started: tickets, webhooks, messages to customers, remedies."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipeline.config.secret import Secret
from pipeline.core.ticket import TicketStatus


class TicketSystemName(StrEnum):
    """The ticket systems that are spoken to."""

    TMF621 = "tmf621"
    SERVICENOW = "servicenow"
    JIRA = "jira"
    REQUEST_TRACKER = "request-tracker"
    ROUNDUP = "roundup"
    ZAMMAD = "zammad"


@dataclass(frozen=True, slots=True)
class TicketSettings:
    """The ticket system at ``url``, its base. ``built_in`` runs our own ticket book there, which speaks TMF621.

    ``user`` and ``secret`` are a name with its password (or API token); without a user the secret is a token. The URL is https on a public
    address, unless ``allow_private`` permits private addresses and http. ``ca_file`` holds the certificates that are trusted instead of
    the public ones.

    ``project`` is where new tickets go: a queue of Request Tracker, a project's key of Jira, a group of Zammad, an assignment group of
    ServiceNow. ``issue_type`` is Jira's. ``key_field`` is the field by which a ticket is found again, where that can be chosen: a custom
    field of Request Tracker, ``correlation_id`` of ServiceNow. ``resolution`` is the close code or resolution that a resolved ticket wants.

    ``statuses`` writes ours (TMF621's eight) in the system's own words, ``severities`` ours as its priority or urgency. ``fields`` are
    further fields of each new ticket, with ``{incident}``, ``{title}``, ``{severity}``, ``{root_cause}``, ``{services}`` and
    ``{customers}`` filled in.

    An incident that comes back within ``reopen_hours`` of its end has its ticket reopened; later, or when people have closed it, a new one
    that names the old. What people do in tickets is looked for every ``poll_s`` (0: never), and at once when the system posts to
    ``/api/tickets/changed``, signed with ``webhook_secret``.
    """

    system: TicketSystemName = TicketSystemName.TMF621
    url: str = "http://127.0.0.1:18621"
    built_in: bool = True
    user: str = ""
    secret: Secret = field(default_factory=Secret)
    allow_private: bool = False
    ca_file: Path | None = None
    timeout_s: float = 10.0
    project: str = ""
    issue_type: str = ""
    key_field: str = ""
    resolution: str = ""
    statuses: dict[TicketStatus, str] = field(default_factory=dict)
    severities: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    reopen_hours: float = 24.0
    poll_s: float = 30.0
    webhook_secret: Secret = field(default_factory=Secret)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """One receiver of signed webhooks (Standard Webhooks 1.0)."""

    name: str
    url: str
    secret: Secret = field(default_factory=Secret)
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """What customers are told by ``rules/notices.yaml`` and ``rules/messages``. ``sending`` false is dry run: decided, worded, never sent.

    Contacts of channel email are told by ``mail``, one of the receivers, from its sender. ``tmf681_url`` is the base of a messaging
    system (TMF681 v4), asked with ``tmf681_token`` and told that ``sender`` writes;
    ``allow_private`` lets it be at a private address.
    """

    sending: bool = False
    mail: str = ""
    sender: str = ""
    tmf681_url: str = ""
    tmf681_token: Secret = field(default_factory=Secret)
    allow_private: bool = False


LONGEST_ACTION_S = 50.0
"""An attempt to deliver ends after 60 s: whatever an action still does then, nobody would know what came of it."""


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """An action of a remedy: a POST to ``url``, signed with ``secret`` as webhooks are, or a program and its arguments (``argv``).

    It gets JSON: the incident, the resource and its device. It has ``timeout_s`` seconds, at most :data:`LONGEST_ACTION_S`.
    """

    name: str
    url: str = ""
    secret: Secret = field(default_factory=Secret)
    allow_private: bool = False
    argv: tuple[str, ...] = ()
    timeout_s: float = 45.0


@dataclass(frozen=True, slots=True)
class RemedySettings:
    """The closed loop (``rules/remedies.yaml``). ``acting`` false is dry run: remedies are proposed and approved, and never started."""

    acting: bool = False
    actions: tuple[ActionSettings, ...] = ()
