"""The operator's own messaging (TMF681 v4 Communication): one ``communicationMessage`` for each receiver, found again by its key."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec

from pipeline.config.secret import Secret
from pipeline.core.wording import rfc3339
from pipeline.outputs.http import failure, whole
from pipeline.outputs.messaging.message import Message
from pipeline.outputs.ports import Again, Delivery, Done

PATH = "/tmf-api/communicationManagement/v4/communicationMessage"
SENDER = "assurance-pipeline"
KEY = "idempotencyKey"
_CANNOT_LIST = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})


class _Characteristic(msgspec.Struct):
    name: str = ""
    value: Any = None


class _Answer(msgspec.Struct):
    id: str | int
    characteristic: list[_Characteristic] | None = None


class CommunicationMessages:
    """Sends by ``POST``; a message that a killed process may have sent is looked for first by the characteristic with its key."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: Secret, sender: str, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._session = session
        self._sender = sender
        self._url = url.rstrip("/") + PATH
        self._headers = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
        self._clock = clock

    async def send(self, message: Message) -> Delivery:
        """One message to one receiver."""
        try:
            known = await self._find(message.key)
            if isinstance(known, Again):
                return known
            if known:
                return Done(known, "it was sent before")
            async with self._session.post(self._url, json=self._form(message), headers=self._headers, allow_redirects=False) as response:
                if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                    return await failure(response, self._clock())
                return Done(str(msgspec.json.decode(await whole(response), type=_Answer).id))
        except msgspec.MsgspecError as error:
            return Again(f"the messaging system's answer is no TMF681 v4: {error}")

    async def _find(self, key: str) -> Again | str:
        """The message with this key, or nothing; answers are checked, since a server may ignore a filter that it does not know.

        One that cannot list is still one that can send. One that does not answer now may have the message: nothing is sent meanwhile.
        """
        query = {"characteristic.name": KEY, "characteristic.value": key}
        async with self._session.get(self._url, params=query, headers=self._headers, allow_redirects=False) as response:
            if response.status in _CANNOT_LIST:
                return ""
            if response.status != HTTPStatus.OK:
                told = await failure(response, self._clock())
                return told if isinstance(told, Again) else ""
            found = msgspec.json.decode(await whole(response), type=list[_Answer])
        return next((str(one.id) for one in found if any(each.value == key for each in one.characteristic or ())), "")

    def _form(self, message: Message) -> dict[str, Any]:
        kind, field = _kind(message.contact.address)
        return {
            "@type": "CommunicationMessage",
            "messageType": kind,
            "subject": message.subject,
            "content": message.text,
            "description": "What a customer feels of a fault",
            "scheduledSendTime": rfc3339(self._clock()),
            "sender": {"name": SENDER, _kind(self._sender)[1]: self._sender},
            "receiver": [{"name": message.contact.name or message.customer, field: message.contact.address}],
            "characteristic": [{"name": KEY, "value": message.key}, {"name": "language", "value": message.language}],
        }


def _kind(address: str) -> tuple[str, str]:
    """TMF681's ``messageType`` for an address, and the receiver's field that holds it: mail, a telephone number, or an app's user."""
    if "@" in address:
        return "Email", "email"
    if address.startswith("+"):
        return "SMS", "phoneNumber"
    return "MobileAppPush", "appUserId"
