"""A real SMTP server that keeps what it is handed."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """Keeps what it is handed; answers ``RCPT`` and ``DATA`` as told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse: dict[str, str] = {}
        self.data_answer = "250 OK"
        self.over_tls: list[bool] = []

    async def handle_RCPT(  # noqa: N802  # aiosmtpd finds it by this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # as above
        if self.data_answer.startswith("2"):
            mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.over_tls.append(session.ssl is not None)
        return self.data_answer

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to one address, in order."""
        return [mail for mail in list(self.mails) if str(mail["To"]) == address]


@contextmanager
def mail_server(mailbox: Mailbox, port: int) -> Iterator[Controller]:
    """The server, in a thread of its own, on a port of 127.0.0.1."""
    running = Controller(mailbox, hostname="127.0.0.1", port=port)
    running.start()
    try:
        yield running
    finally:
        running.stop()
