"""Mail handed to a real SMTP server: threaded, the same Message-ID for a repeat, TLS held against the name, refusals told."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from pipeline.config.receiver_settings import ReceiverKind, ReceiverSettings
from pipeline.config.secret import Secret
from pipeline.outputs.notifying.email import Email
from pipeline.outputs.notifying.notice import Notice
from pipeline.outputs.ports import Again, Done, Refused
from tests.outputs.notifying.certificate import certificate
from tests.outputs.notifying.conftest import Tell, free_port
from tests.support.mailbox import Mailbox


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[Controller]:
    running = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    running.start()
    yield running
    running.stop()


def settings(port: int, **others: object) -> ReceiverSettings:
    common = {"sender": "noc@example.net", "to": ("alice@example.net", "bob@example.net"), "allow_private": True}
    return ReceiverSettings("mail", ReceiverKind.EMAIL, f"smtp://127.0.0.1:{port}", **{**common, **others})  # type: ignore[arg-type]  # by name


async def test_all_words_of_a_page_are_one_thread_and_a_repeat_is_the_same_mail(tell: Tell, server: Controller, mailbox: Mailbox) -> None:
    notices = [Notice.of(effect, "https://noc.example.net") for effect in tell("mail")]
    out = Email(settings(server.port))
    for notice in (*notices, notices[-1]):
        assert isinstance(await out.send(notice), Done)
    first, *others = mailbox.mails
    assert str(first["Subject"]) == "Critical: link/pe1-pe2: 1 service down"
    assert (str(first["From"]), str(first["To"])) == ("noc@example.net", "alice@example.net, bob@example.net")
    assert [str(mail["In-Reply-To"]) for mail in others] == [str(first["Message-ID"])] * 4
    names = [str(mail["Message-ID"]) for mail in mailbox.mails]
    assert len(set(names[:4])) == 4
    assert names[4] == names[3]
    body = first.get_content()
    assert "Why: both ends say ‹b›down‹/b› to ＠channel" in body  # noqa: RUF001  # look-alikes are the point
    assert "https://noc.example.net/incidents/inc-1" in body
    assert str(first["Auto-Submitted"]) == "auto-generated"


@pytest.mark.parametrize(
    ("refuse", "data", "expected"),
    [
        ({"alice@example.net": "550 unknown"}, "250 OK", Done),
        ({"alice@example.net": "550 unknown", "bob@example.net": "550 unknown"}, "250 OK", Refused),
        ({"alice@example.net": "550 unknown", "bob@example.net": "450 busy"}, "250 OK", Again),
        ({}, "451 later", Again),
        ({}, "554 spam", Refused),
    ],
)
async def test_what_a_server_refuses_is_told_and_what_it_puts_off_is_tried_again(
    refuse: dict[str, str], data: str, expected: type, tell: Tell, server: Controller, mailbox: Mailbox
) -> None:
    mailbox.refuse, mailbox.data_answer = refuse, data
    delivery = await Email(settings(server.port)).send(Notice.of(tell("mail")[0]))
    assert isinstance(delivery, expected), delivery
    if refuse and isinstance(delivery, Done):
        assert "not for alice@example.net" in delivery.detail


async def test_a_private_server_is_refused_unless_it_is_meant(tell: Tell, server: Controller, mailbox: Mailbox) -> None:
    from pipeline.outputs.address import AddressRefusedError  # noqa: PLC0415  # only here

    with pytest.raises(AddressRefusedError):
        await Email(settings(server.port, allow_private=False)).send(Notice.of(tell("mail")[0]))
    assert not mailbox.mails


async def test_starttls_and_a_password_and_a_certificate_of_another_name(tell: Tell, mailbox: Mailbox, tmp_path: Path) -> None:
    key, chain, _ = certificate(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    asked: list[bytes] = []

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
        asked.append(given.password)  # type: ignore[attr-defined]  # LoginPassword
        return AuthResult(success=given.password == b"s3cret", handled=False)  # type: ignore[attr-defined]  # as above

    running = Controller(
        mailbox, hostname="127.0.0.1", port=free_port(), tls_context=context, authenticator=authenticate, auth_required=True
    )
    running.start()
    try:
        own = settings(running.port, user="noc", secret=Secret("s3cret"))
        trusted = ssl.create_default_context(cafile=str(chain))
        assert isinstance(await Email(own, trusted).send(Notice.of(tell("mail")[0])), Done)
        assert mailbox.over_tls == [True]
        with pytest.raises(ssl.SSLCertVerificationError):
            await Email(own).send(Notice.of(tell("mail")[0]))  # nobody vouches for it
        wrong = settings(running.port, user="noc", secret=Secret("guess"))
        delivery = await Email(wrong, trusted).send(Notice.of(tell("mail")[0]))
        assert isinstance(delivery, Again)  # somebody may mend the password
        assert "guess" not in str(delivery)
    finally:
        running.stop()
    assert len(mailbox.mails) == 1
    assert set(asked) == {b"s3cret", b"guess"}
