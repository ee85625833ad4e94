"""Prometheus Alertmanager, by its API v2: one alert for each page, whose labels never change; told again until it is over.

An alert is what its labels are, so nothing that an incident's revisions change is a label. Alertmanager keeps alerts in memory only and
lets them expire; so what stands is sent again every minute (:class:`AlertKeeper`), as Prometheus itself does.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp

from pipeline.config.receiver_settings import ReceiverKind, ReceiverSettings
from pipeline.core.wording import rfc3339
from pipeline.outputs.address import AddressRefusedError, check_url
from pipeline.outputs.http import failure
from pipeline.outputs.notifying.notice import Notice
from pipeline.outputs.pause import pause
from pipeline.outputs.ports import AlertPort, Delivery, Done
from pipeline.outputs.webhook import open_sessions

log = logging.getLogger(__name__)

EXPIRES_S = 4 * 3_600
"""An alert that nobody sends again is over for Alertmanager after so long: longer than any restart of ours takes."""
AGAIN_S = 60.0
_NANO = 1_000_000_000


class Alertmanager:
    """One Alertmanager (or each of a cluster, as a receiver of its own). ``clock`` is UTC nanoseconds."""

    def __init__(
        self, settings: ReceiverSettings, session: aiohttp.ClientSession, store: AlertPort, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._settings = settings
        self._session = session
        self._store = store
        self._clock = clock

    async def send(self, notice: Notice) -> Delivery:
        """POST the whole alert, and remember that it stands, or that it is over."""
        alert = alert_of(notice)
        delivery = await self.post([alert])
        if isinstance(delivery, Done):
            name = f"{notice.text('route')}|{notice.page}"
            await asyncio.to_thread(self._store.keep_alert, self._settings.name, name, None if notice.is_over else alert)
        return delivery

    async def post(self, alerts: list[dict[str, Any]]) -> Delivery:
        """POST alerts; those that stand are given their end anew."""
        until = rfc3339(self._clock() + EXPIRES_S * _NANO)
        body = [{"endsAt": until, **alert} for alert in alerts]
        target = check_url(self._settings.url.rstrip("/") + "/api/v2/alerts", allow_private=self._settings.allow_private)
        async with self._session.post(target, json=body, headers=self._headers(), allow_redirects=False) as response:
            if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                return Done(detail=f"{response.status} from Alertmanager '{self._settings.name}'")
            return await failure(response, self._clock())

    def _headers(self) -> dict[str, str]:
        secret = self._settings.secret.reveal()
        if not secret:
            return {}
        if self._settings.user:
            return {"Authorization": aiohttp.BasicAuth(self._settings.user, secret).encode()}
        return {"Authorization": f"Bearer {secret}"}

    async def again(self) -> int:
        """Send everything that stands once more; how many."""
        alerts = await asyncio.to_thread(self._store.standing_alerts, self._settings.name)
        if alerts:
            await self.post(alerts)
        return len(alerts)


def alert_of(notice: Notice) -> dict[str, Any]:
    """The alert; ``endsAt`` only when it is over. Severity is a label as it was first told, and an annotation as it is now."""
    labels = {
        "alertname": "Incident",
        "incident": notice.page,
        "route": notice.text("route"),
        "severity": notice.text("filed_severity") or notice.text("severity"),
        "group": notice.text("group"),
    }
    annotations = {
        "summary": notice.title(),
        "description": "\n".join(notice.lines()),
        "root_cause": notice.text("root_cause"),
        "severity_now": notice.text("severity"),
        "acknowledged_by": notice.text("acknowledged_by"),
    }
    alert: dict[str, Any] = {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: value for name, value in annotations.items() if value},
        "startsAt": notice.text("started_at") or notice.timestamp,
    }
    if notice.link:
        alert["generatorURL"] = notice.link
    if notice.is_over:
        alert["endsAt"] = notice.timestamp
    return alert


class AlertKeeper:
    """Sends what stands to every Alertmanager again, once a minute, until told to stop."""

    def __init__(self, receivers: Mapping[str, Alertmanager]) -> None:
        self._receivers = receivers

    async def run(self, stop: asyncio.Event, every_s: float = AGAIN_S) -> None:
        """Until ``stop`` is set."""
        while not stop.is_set():
            await asyncio.gather(*(self._again(name, each) for name, each in self._receivers.items()))
            await pause(every_s, stop)

    async def _again(self, name: str, receiver: Alertmanager) -> None:
        try:
            await receiver.again()
        except (aiohttp.ClientError, OSError, TimeoutError, AddressRefusedError) as error:
            log.warning("Alertmanager %s: what stands could not be sent again; next time: %s", name, error)


@asynccontextmanager
async def open_keeper(receivers: Iterable[ReceiverSettings], store: AlertPort) -> AsyncIterator[AlertKeeper]:
    """A keeper for every Alertmanager of the settings, with sessions of its own."""
    async with open_sessions() as sessions:
        known = (each for each in receivers if each.kind is ReceiverKind.ALERTMANAGER)
        yield AlertKeeper(
            {each.name: Alertmanager(each, sessions.private if each.allow_private else sessions.public, store) for each in known}
        )
