"""Slack, by an incoming webhook: one message for each word, without markup, with a button that leads to the incident."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp

from pipeline.config.receiver_settings import ReceiverSettings
from pipeline.outputs.address import check_url
from pipeline.outputs.http import failure, some_text
from pipeline.outputs.notifying.notice import Notice
from pipeline.outputs.ports import Delivery, Done, Refused

HEADER_LIMIT = 150
TEXT_LIMIT = 2_900
"""A header block holds 150 characters, a section 3,000."""
_HOPELESS = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class Slack:
    """One incoming webhook; its URL is its secret and stands in no receipt. ``clock`` is UTC nanoseconds.

    Slack knows no idempotency: a message whose answer was lost is posted again.
    """

    def __init__(self, settings: ReceiverSettings, session: aiohttp.ClientSession, clock: Callable[[], int] = time.time_ns) -> None:
        self._settings = settings
        self._session = session
        self._clock = clock

    async def send(self, notice: Notice) -> Delivery:
        """POST one message; a channel that is gone or archived refuses for good."""
        target = check_url(self._settings.secret.reveal(), allow_private=self._settings.allow_private)
        try:
            async with self._session.post(target, json=message_of(notice), allow_redirects=False) as response:
                if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                    return Done(detail=f"{response.status} from Slack '{self._settings.name}'")
                if response.status in _HOPELESS:
                    return Refused(f"{response.status} from Slack '{self._settings.name}': {await some_text(response)}")
                return await failure(response, self._clock())
        except aiohttp.ClientError as error:  # its text may hold the URL
            raise ConnectionError(f"Slack '{self._settings.name}' does not answer ({type(error).__name__})") from None


def message_of(notice: Notice) -> dict[str, Any]:
    """Blocks of plain text: nothing that a device said is taken for markup, a link or a mention."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(notice.title(), HEADER_LIMIT)},
        {"type": "section", "text": _plain("\n".join(notice.lines()), TEXT_LIMIT)},
    ]
    if notice.link:
        button = {"type": "button", "text": _plain("Open the incident", 75), "url": notice.link}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": notice.title(), "mrkdwn": False, "blocks": blocks}


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "emoji": False, "text": text if len(text) <= limit else text[: limit - 1] + "…"}
