"""E-mail to customers: plain text, one receiver a message, an id that is the same however often it is tried."""

from collections.abc import Sequence
from email.message import EmailMessage
from typing import Protocol
from uuid import NAMESPACE_URL, uuid5

from pipeline.outputs.messaging.message import Message
from pipeline.outputs.ports import Delivery

_NAMESPACE = uuid5(NAMESPACE_URL, "urn:assurance-pipeline:message")


class Mailer(Protocol):
    """Hands mail to a server."""

    async def post(self, message: EmailMessage, to: Sequence[str]) -> Delivery:
        """Once; connection errors may be raised: they mean again."""


class MailSender:
    """Tells contacts by e-mail, from the address ``sender``."""

    def __init__(self, mailer: Mailer, sender: str) -> None:
        self._mailer = mailer
        self._sender = sender

    async def send(self, message: Message) -> Delivery:
        """One mail. ``Message-ID`` is made of the key, so that a repeat is known; ``Auto-Submitted`` (RFC 3834) stops replies."""
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = message.contact.address
        mail["Subject"] = message.subject
        mail["Message-ID"] = f"<{uuid5(_NAMESPACE, message.key)}@{self._sender.rpartition('@')[2] or 'localhost'}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = message.language
        mail.set_content(message.text)
        return await self._mailer.post(mail, (message.contact.address,))
