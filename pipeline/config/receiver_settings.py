"""The settings of who can be told: PagerDuty, Alertmanager, Slack, e-mail. Signed webhooks have a list of their own."""

from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.config.secret import Secret

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"


class ReceiverKind(StrEnum):
    """PagerDuty's Events API v2, Alertmanager's API v2, a Slack incoming webhook, or mail over SMTP."""

    PAGERDUTY = "pagerduty"
    ALERTMANAGER = "alertmanager"
    SLACK = "slack"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """One receiver, by the name under which rules/routing.yaml knows it.

    ``url`` is Alertmanager's base, the mail server (``smtps://HOST``, or ``smtp://HOST:587``, which must offer STARTTLS), or for
    PagerDuty another than the public one. ``secret`` is PagerDuty's integration key, Slack's whole webhook URL, a bearer token for
    Alertmanager, or the password of ``user`` (Alertmanager, mail). Private addresses, and http or mail in clear text, want
    ``allow_private``.

    ``ack_secret`` is what PagerDuty signs its webhooks with (version 3): by these, acknowledgements come back. ``sender`` and ``to`` are
    mail addresses.
    """

    name: str
    kind: ReceiverKind
    url: str = ""
    secret: Secret = field(default_factory=Secret)
    ack_secret: Secret = field(default_factory=Secret)
    user: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    allow_private: bool = False
