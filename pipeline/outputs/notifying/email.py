"""E-mail over SMTP (RFC 5321): plain text, threaded by page, with a Message-ID that a repeat has again."""

import asyncio
import hashlib
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from threading import Timer

from yarl import URL

from pipeline.config.receiver_settings import ReceiverSettings
from pipeline.outputs.address import AddressRefusedError, why_refused
from pipeline.outputs.notifying.notice import OPENED, Notice
from pipeline.outputs.ports import Again, Delivery, Done, Refused

TIMEOUT_S = 20.0
WHOLE_S = 45.0
"""How long a server may take for a whole message: one that answers a letter at a time is never late with any of them."""
AT_ONCE = 4
_PORTS = {"smtp": 587, "smtps": 465}
_SUBJECT_LIMIT = 200
_FOR_GOOD = 500
"""From this SMTP reply code on a refusal is for good (RFC 5321 section 4.2.1)."""


class Email:
    """One sender at one mail server, writing to a fixed list. Servers drop a second message of the same Message-ID, or show it once."""

    def __init__(self, settings: ReceiverSettings, context: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._context = context
        self._threads = ThreadPoolExecutor(AT_ONCE, "mail")  # of its own: the store's threads do not wait for a mail server

    async def send(self, notice: Notice) -> Delivery:
        """Hand one notice over to all of the list."""
        return await self.post(message_of(notice, self._settings), self._settings.to)

    async def post(self, message: EmailMessage, to: Sequence[str]) -> Delivery:
        """Hand one message over; refused for good only when the server says so of everybody, or of the sender."""
        try:
            refused = await asyncio.get_running_loop().run_in_executor(self._threads, self._hand_over, message, to)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            told = "; ".join(f"{address}: {code}" for address, (code, _) in error.recipients.items())
            return Refused(f"nobody was accepted: {told}") if min(codes) >= _FOR_GOOD else Again(f"nobody was accepted: {told}")
        except smtplib.SMTPAuthenticationError as error:  # a password can be mended
            return Again(f"{error.smtp_code}: mail '{self._settings.name}' does not take the password of {self._settings.user}")
        except smtplib.SMTPResponseException as error:
            detail = f"{error.smtp_code} from mail '{self._settings.name}': {_text(error.smtp_error)}"
            return Refused(detail) if error.smtp_code >= _FOR_GOOD else Again(detail)
        except smtplib.SMTPException as error:
            return Again(f"mail '{self._settings.name}': {type(error).__name__}: {error}")
        if refused:
            told = ", ".join(sorted(refused))
            return Done(message["Message-ID"], f"accepted by mail '{self._settings.name}', but not for {told}")
        return Done(message["Message-ID"], f"accepted by mail '{self._settings.name}'")

    def _hand_over(self, message: EmailMessage, to: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        """One connection, to an address that was checked. Raises ``smtplib.SMTPException``, ``OSError``."""
        own, url = self._settings, URL(self._settings.url)
        host, port = url.host or "", url.port or _PORTS[url.scheme]
        context = self._context or ssl.create_default_context()
        session = _Session(host, allow_private=own.allow_private, tls=context if url.scheme == "smtps" else None)
        with _cut_after(session, WHOLE_S), session as server:
            server.connect(host, port)
            server.ehlo()
            if url.scheme == "smtp" and (not own.allow_private or server.has_extn("starttls")):
                server.starttls(context=context)
                server.ehlo()
            if own.user:
                server.login(own.user, own.secret.reveal())
            return server.send_message(message, own.sender, list(to))


@contextmanager
def _cut_after(server: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Shut the connection down if the block lasts longer; smtplib then says that the server has gone."""

    def cut() -> None:
        with suppress(OSError, AttributeError):  # it is not connected yet, or no more
            server.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]  # that is suppressed

    timer = Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Session(smtplib.SMTP):
    """Connects to the address that was checked, and holds the certificate against the name."""

    def __init__(self, host: str, *, allow_private: bool, tls: ssl.SSLContext | None) -> None:
        self._allow_private = allow_private
        self._tls = tls
        super().__init__(timeout=TIMEOUT_S)
        self._host = host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # smtplib's own way to connect differently
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
        allowed = [each for each in addresses if self._allow_private or not why_refused(each)]
        if not allowed:
            raise AddressRefusedError(f"{host} resolves to no public address: set allow_private: true if it is meant")
        self._host = host
        raw = self.sock = socket.create_connection((allowed[0], port), timeout)
        return raw if self._tls is None else self._tls.wrap_socket(raw, server_hostname=host)


def message_of(notice: Notice, settings: ReceiverSettings) -> EmailMessage:
    """One message. All words of a page are one thread: they refer to the first, which has a name that follows from the page's."""
    message = EmailMessage()
    domain = settings.sender.rpartition("@")[2]
    first = _message_id(f"{settings.name}:{notice.page}", domain)
    own = first if notice.occasion == OPENED else _message_id(notice.key, domain)
    message["Message-ID"] = own
    if own != first:
        message["In-Reply-To"] = first
        message["References"] = first
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Subject"] = notice.title()[:_SUBJECT_LIMIT]
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    message["X-Incident"] = notice.text("incident")
    message.set_content("\n".join([notice.title(), "", *notice.lines(), *(["", notice.link] if notice.link else [])]) + "\n")
    return message


def _message_id(key: str, domain: str) -> str:
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
