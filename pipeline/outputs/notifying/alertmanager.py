"""Prometheus Alertmanager, by its API v2: one notification for each page, whose labels never change; told again until it is over.

What it holds is told apart by labels, so nothing that an incident's revisions change is one. It keeps all in memory only, and lets it
expire; so what stands is sent again every minute (:class:`Keeper`), as Prometheus itself does.
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
from pipeline.outputs.ports import Delivery, Done, StandingPort
from pipeline.outputs.webhook import open_sessions

log = logging.getLogger(__name__)

EXPIRES_S = 4 * 3_600
"""A notification that nobody sends again is over for Alertmanager after so long: longer than any restart of ours takes."""
AGAIN_S = 60.0
_NANO = 1_000_000_000


class Alertmanager:
    """One Alertmanager (or each of a cluster, as a receiver of its own). ``clock`` is UTC nanoseconds."""

    def __init__(
        self, settings: ReceiverSettings, session: aiohttp.ClientSession, store: StandingPort, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._settings = settings
        self._session = session
        self._store = store
        self._clock = clock

    async def send(self, notice: Notice) -> Delivery:
        """POST the whole notification, and remember that it stands; that it is over is remembered before, see :meth:`again`."""
        notification, name = entry_of(notice), f"{notice.text('route')}|{notice.page}"
        if notice.is_over:
            await asyncio.to_thread(self._store.keep_standing, self._settings.name, name, None)
        delivery = await self.post([notification])
        if isinstance(delivery, Done) and not notice.is_over:
            await asyncio.to_thread(self._store.keep_standing, self._settings.name, name, notification)
        return delivery

    async def post(self, notifications: list[dict[str, Any]]) -> Delivery:
        """POST notifications; those that stand are given their end anew."""
        until = rfc3339(self._clock() + EXPIRES_S * _NANO)
        body = [{"endsAt": until, **notification} for notification in notifications]
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

    async def again(self) -> Delivery | None:
        """Send everything that stands once more. What ended meanwhile may have been overtaken by it, so its end is sent again, too."""
        before = await self._standing()
        if not before:
            return None
        delivery = await self.post(before)
        after = [each["labels"] for each in await self._standing()]
        ended = [{**each, "endsAt": rfc3339(self._clock())} for each in before if each["labels"] not in after]
        return await self.post(ended) if ended else delivery

    async def _standing(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self._store.standing_notifications, self._settings.name)


def entry_of(notice: Notice) -> dict[str, Any]:
    """The notification; ``endsAt`` only when it is over. Severity is a label as it was first told, and an annotation as it is now."""
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
    notification: dict[str, Any] = {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: value for name, value in annotations.items() if value},
        "startsAt": notice.text("started_at") or notice.timestamp,
    }
    if notice.link:
        notification["generatorURL"] = notice.link
    if notice.is_over:
        notification["endsAt"] = notice.timestamp
    return notification


class Keeper:
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
            delivery = await receiver.again()
        except (aiohttp.ClientError, OSError, TimeoutError, AddressRefusedError) as error:
            log.warning("Alertmanager %s: what stands could not be sent again; next time: %s", name, error)
            return
        if delivery is not None and not isinstance(delivery, Done):
            log.warning("Alertmanager %s: what stands was not taken again; next time: %s", name, delivery.detail)


@asynccontextmanager
async def open_keeper(receivers: Iterable[ReceiverSettings], store: StandingPort) -> AsyncIterator[Keeper]:
    """A keeper for every Alertmanager of the settings, with sessions of its own."""
    async with open_sessions() as sessions:
        known = (each for each in receivers if each.kind is ReceiverKind.ALERTMANAGER)
        yield Keeper({each.name: Alertmanager(each, sessions.private if each.allow_private else sessions.public, store) for each in known})
