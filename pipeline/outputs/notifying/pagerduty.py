"""PagerDuty, by its Events API v2: one notification for each page, triggered, acknowledged and resolved by its ``dedup_key``."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp

from pipeline.config.receiver_settings import PAGERDUTY_URL, ReceiverSettings
from pipeline.outputs.address import check_url
from pipeline.outputs.http import failure
from pipeline.outputs.notifying.notice import ACKNOWLEDGED, RESOLVED, Notice
from pipeline.outputs.ports import Delivery, Done

SUMMARY_LIMIT = 1_024
KEY_LIMIT = 255
_ACTIONS = {ACKNOWLEDGED: "acknowledge", RESOLVED: "resolve"}
_SEVERITIES = {"critical": "critical", "major": "error", "minor": "warning"}
_TOLD = ("incident", "state", "severity", "root_cause", "reason", "explanation", "alarms", "customers", "services_total", "started_at")


class PagerDuty:
    """One integration. A repeat is the same ``dedup_key``, so PagerDuty makes no second incident of it. ``clock`` is UTC nanoseconds."""

    def __init__(self, settings: ReceiverSettings, session: aiohttp.ClientSession, clock: Callable[[], int] = time.time_ns) -> None:
        self._settings = settings
        self._session = session
        self._clock = clock

    async def send(self, notice: Notice) -> Delivery:
        """POST one event; 202 is done, 400 for good, everything else again."""
        target = check_url(self._settings.url or PAGERDUTY_URL, allow_private=self._settings.allow_private)
        event = event_of(notice) | {"routing_key": self._settings.secret.reveal()}
        async with self._session.post(target, json=event, allow_redirects=False) as response:
            if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                return Done(event["dedup_key"], f"{response.status} from PagerDuty '{self._settings.name}'")
            return await failure(response, self._clock())


def event_of(notice: Notice) -> dict[str, Any]:
    """The event without its key. https://developer.pagerduty.com/docs/events-api-v2/."""
    action = _ACTIONS.get(notice.occasion, "trigger")
    event: dict[str, Any] = {"event_action": action, "dedup_key": notice.page[:KEY_LIMIT], "client": "assurance pipeline"}
    if notice.link:
        event |= {"client_url": notice.link, "links": [{"href": notice.link, "text": "The incident in the console"}]}
    if action == "trigger":
        event["payload"] = {
            "summary": notice.title()[:SUMMARY_LIMIT],
            "source": notice.text("root_cause") or notice.page,
            "severity": _SEVERITIES.get(notice.text("severity"), "info"),
            "timestamp": notice.text("started_at") or notice.timestamp,
            "component": notice.text("root_cause"),
            "group": notice.text("group"),
            "class": "incident",
            "custom_details": {name: notice.data[name] for name in _TOLD if name in notice.data} | {"told": list(notice.lines())},
        }
    return event
