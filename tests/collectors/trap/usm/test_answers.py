"""What is answered to v3 senders, byte by byte; how often; and that a restart changes our boots and nothing that was read before."""

import asyncio
import json
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from pyasn1.codec.ber import decoder as pyasn1_decoder
from pysnmp.proto import api
from pysnmp.proto.rfc1905 import ReportPDU

from collectors.journal import JournalReader
from collectors.trap import quarantine
from collectors.trap.ber import DecodeError
from collectors.trap.conservation import conservation
from collectors.trap.metric import TrapMetrics
from collectors.trap.usm import message
from collectors.trap.usm.allowance import Allowance
from collectors.trap.v3_answer import V3Answers
from pipeline.core.raw import SecurityLevel
from tests.support.collecting import Collecting, FakeBroker, collecting, until
from tests.support.usm import NOW, Securing, Sender, link_down, pdu, securing, user

DISCOVERY = Sender(user="", auth="", priv=False, engine=b"", boots=0, time=0, reportable=True).send(pdu(tag=0xA0, request_id=99), 4_242)
UNKNOWN_ENGINE_IDS = "1.3.6.1.6.3.15.1.1.4.0"
NOT_IN_TIME_WINDOWS = "1.3.6.1.6.3.15.1.1.2.0"


class Asking:
    """Asks for answers without a socket."""

    def __init__(self, running: Securing, allowance: Allowance | None = None) -> None:
        self.running = running
        self.registry = CollectorRegistry()
        self.answers = V3Answers(running.decoder, running.security, TrapMetrics(self.registry), allowance)

    def ask(self, payload: bytes, *, after_s: float = 0, source: str = "127.20.0.1") -> bytes | None:
        answer = self.answers.answer(self.running.record(payload, after_s=after_s, source=source))
        return answer.payload if answer else None

    def to_us(self, **more: object) -> Sender:
        own = Sender(engine=self.running.security.engine.engine_id, boots=1, time=0, reportable=True)
        return replace(own, **more)  # type: ignore[arg-type]  # fields by name


@contextmanager
def asking(folder: Path, allowance: Allowance | None = None) -> Iterator[Asking]:
    with securing(folder) as running:
        yield Asking(running, allowance)


def reported(answer: bytes | None) -> tuple[message.Frame, str, int, int]:
    """The frame of a Report in plain text, its counter, that counter's value and the request-id; read by pysnmp's decoder."""
    assert answer is not None
    frame = message.read(answer)
    at, end = message.scoped_pdu(answer, frame.data_at)
    told, rest = pyasn1_decoder.decode(answer[at:end], asn1Spec=ReportPDU())
    assert not rest
    [(name, value)] = api.v2c.apiPDU.get_varbinds(told)
    return frame, str(name), int(value), int(api.v2c.apiPDU.get_request_id(told))


def test_discovery_is_answered_by_a_report_of_our_engine(tmp_path: Path) -> None:
    """RFC 3414 section 4: in plain text, with our engineID, boots and time, for the same message."""
    with asking(tmp_path) as us:
        frame, name, count, request_id = reported(us.ask(DISCOVERY, after_s=12.5))
        assert (name, count, request_id) == (UNKNOWN_ENGINE_IDS, 1, 99)
        assert (frame.message_id, frame.level, frame.reportable) == (4_242, SecurityLevel.NO_AUTH_NO_PRIV, False)
        assert frame.engine_id == us.running.security.engine.engine_id
        assert frame.moment == (1, 12)
        assert reported(us.ask(DISCOVERY))[2] == 2


def test_a_sender_that_knows_another_engine_of_ours_is_told_this_one(tmp_path: Path) -> None:
    """As when the collector was set up anew: the INFORM itself cannot be opened, and what asks for a report gets it."""
    with asking(tmp_path) as us:
        old = Sender(engine=bytes.fromhex("80001f88050000000000000001"), reportable=True)
        frame, name, _, request_id = reported(us.ask(old.send(pdu(tag=0xA6))))
        assert (name, request_id) == (UNKNOWN_ENGINE_IDS, 0)
        assert frame.user == b"noc"


def test_a_sender_out_of_time_is_told_ours_by_a_report_that_it_can_believe(tmp_path: Path) -> None:
    """RFC 3414 section 3.2 step 7 a: authenticated, not encrypted."""
    with asking(tmp_path) as us:
        answer = us.ask(us.to_us(boots=0).send(pdu(tag=0xA6)), after_s=7)
        frame, name, count, _ = reported(answer)
        assert (name, count, frame.level, frame.moment) == (NOT_IN_TIME_WINDOWS, 1, SecurityLevel.AUTH_NO_PRIV, (1, 7))
        keys = us.running.security.keys_for(frame)
        assert keys.authentication.holds(answer, frame.auth_at, frame.auth_end)


@pytest.mark.parametrize("level", SecurityLevel)
def test_an_inform_is_answered_as_it_was_protected_and_not_at_greater_length(tmp_path: Path, level: SecurityLevel) -> None:
    """RFC 3416 section 4.2.7: its own bindings and request-id, as a Response."""
    own = {SecurityLevel.NO_AUTH_NO_PRIV: {"auth": "", "priv": False}, SecurityLevel.AUTH_NO_PRIV: {"priv": False}}.get(level, {})
    with securing(tmp_path, user(level=SecurityLevel.NO_AUTH_NO_PRIV)) as running:
        us = Asking(running)
        asked = us.to_us(**own).send(pdu(7, tag=0xA6, request_id=555), 31)
        answer = us.ask(asked)
        assert answer is not None
        assert len(answer) <= len(asked) + 7  # our numbers may be longer than the sender's: msgMaxSize, boots, time
        frame = message.read(answer)
        assert (frame.message_id, frame.level, frame.user, frame.reportable) == (31, level, b"noc", False)
        if level is SecurityLevel.AUTH_PRIV:
            plain = running.security.keys_for(frame).privacy.decrypt(answer[frame.data_at :], frame.salt, frame.moment)
            assert plain[slice(*message.scoped_pdu(plain, 0))] == pdu(7, tag=0xA2, request_id=555)
        else:
            assert answer[slice(*message.scoped_pdu(answer, frame.data_at))] == pdu(7, tag=0xA2, request_id=555)
        if level is not SecurityLevel.NO_AUTH_NO_PRIV:
            assert running.security.keys_for(frame).authentication.holds(answer, frame.auth_at, frame.auth_end)


def test_no_two_responses_share_a_salt(tmp_path: Path) -> None:
    """Two messages under one key and one initialisation vector would show each other's content."""
    with asking(tmp_path) as us:
        asked = us.to_us().send(pdu(tag=0xA6))
        assert len({message.read(us.ask(asked)).salt for _ in range(20)}) == 20


SILENT: dict[str, Callable[[Asking], bytes]] = {
    "a trap": lambda _: link_down(),
    "noise": lambda _: b"\x30\x03\x02\x01\x03",
    "an INFORM of an unknown user": lambda us: us.to_us(user="nobody").send(pdu(tag=0xA6)),
    "an INFORM with another password": lambda us: us.to_us(auth_password="guessed wrong").send(pdu(tag=0xA6)),
    "an INFORM with another password and old boots": lambda us: us.to_us(boots=0, auth_password="guessed wrong").send(pdu(tag=0xA6)),
    "an INFORM less protected than asked": lambda us: us.to_us(priv=False).send(pdu(tag=0xA6)),
    "an INFORM that cannot be decrypted": lambda us: us.to_us(priv_password="guessed wrong").send(pdu(tag=0xA6)),
    "an INFORM that wants no report": lambda us: us.to_us(reportable=False).send(pdu(tag=0xA6)),
    "a GET": lambda us: us.to_us().send(pdu(tag=0xA0)),
    "a trap that wants a report": lambda us: us.to_us().send(pdu()),
}


@pytest.mark.parametrize("make", SILENT.values(), ids=SILENT)
def test_nothing_else_is_answered(tmp_path: Path, make: Callable[[Asking], bytes]) -> None:
    with asking(tmp_path) as us:
        assert us.ask(make(us)) is None


def test_reports_are_rationed_for_each_sender_and_counted(tmp_path: Path) -> None:
    with asking(tmp_path, Allowance(per_s=2, burst=3)) as us:
        assert [us.ask(DISCOVERY) is not None for _ in range(5)] == [True, True, True, False, False]
        assert us.ask(DISCOVERY, source="127.20.0.2") is not None
        assert us.ask(DISCOVERY, after_s=1) is not None
        assert [us.ask(DISCOVERY, after_s=1) is not None for _ in range(2)] == [True, False]
        assert us.registry.get_sample_value("assure_v3_reports_withheld_total") == 3
        asked = us.to_us(time=1).send(pdu(tag=0xA6))
        assert all(us.ask(asked, after_s=1) for _ in range(10))  # who proves itself is not rationed


def test_the_ration_remembers_a_bounded_number_of_senders() -> None:
    allowance = Allowance(burst=1, capacity=10)
    assert all(allowance.take(f"10.0.0.{place}", NOW) for place in range(100))
    assert len(allowance._buckets) <= 10
    assert not allowance.take("10.0.0.99", NOW - 5_000_000_000)  # a clock that steps back gives nothing away


def to(running: Collecting, boots: int, **more: object) -> Sender:
    security = running.collector._security
    assert security is not None
    own = Sender(engine=security.engine.engine_id, boots=boots, time=0, reportable=True)
    return replace(own, **more)  # type: ignore[arg-type]  # fields by name


async def asked(running: Collecting, payload: bytes, source: str = "127.20.0.1") -> bytes:
    """The answer of a running collector. Raises ``TimeoutError``."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.bind((source, 0))
        await loop.sock_sendto(sender, payload, ("127.0.0.1", running.port))
        return await asyncio.wait_for(loop.sock_recv(sender, 2_000), 10)


async def test_a_sender_that_is_not_listed_is_not_answered(tmp_path: Path) -> None:
    async with collecting(tmp_path, FakeBroker(), users=(user(),), allow=("127.20.0.0/24",)) as running:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.21.0.1", 0))
            sender.sendto(DISCOVERY, ("127.0.0.1", running.port))
            await until(lambda: running.count("datagrams_refused_total", reason="not-allowed") == 1, "refused")
            assert await asked(running, DISCOVERY)
            assert not select.select([sender], [], [], 0)[0]


async def test_a_restart_raises_boots_by_one_keeps_the_engine_and_answers_again(tmp_path: Path) -> None:
    broker = FakeBroker()
    engines = set()
    for boots in (1, 2, 3):
        async with collecting(tmp_path, broker, users=(user(),)) as running:
            frame = message.read(await asked(running, DISCOVERY))
            assert frame.moment.boots == boots
            engines.add(frame.engine_id)
            response = await asked(running, to(running, boots).send(pdu(boots, tag=0xA6)))
            assert message.read(response).level is SecurityLevel.AUTH_PRIV
            await until(lambda boots=boots: len(broker.traps()) == boots, "published")
    assert len(engines) == 1


async def test_a_record_that_waited_over_restarts_is_decoded_as_it_would_have_been_at_once(tmp_path: Path) -> None:
    """Traps and INFORMs that no broker took, two restarts and a reboot of the device later: not one is outside of its window."""
    broker = FakeBroker()
    broker.up = False
    for boots in (1, 2):
        async with collecting(tmp_path, broker, users=(user(),)) as running:
            for time in (100, 101):
                running.send(link_down(boots, Sender(boots=2 * boots, time=time)))
                running.send(link_down(boots, Sender(boots=2 * boots - 1, time=9_000 + time)))
            assert await asked(running, to(running, boots).send(pdu(50 + boots, tag=0xA6)))
            await until(lambda boots=boots: running.count("journal_last_sequence") == 5 * boots, "journaled")
    broker.up = True
    async with collecting(tmp_path, broker, users=(user(),)) as running:
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "drained")
        assert running.count("traps_quarantined_total", reason="not-in-time-window") == 4
    assert [trap.varbinds[0].value for trap in broker.traps()] == [1, 1, 51, 2, 2, 52]
    assert all(trap.authenticated for trap in broker.traps())


async def test_a_round_that_the_broker_did_not_take_is_judged_again_as_before(tmp_path: Path) -> None:
    """The device reboots in the middle of the round; what it said before is not old when the round is repeated."""
    broker = FakeBroker()
    broker.fail_after = 0
    async with collecting(tmp_path, broker, users=(user(),)) as running:
        running.send(link_down(1, Sender(boots=1)), link_down(2, Sender(boots=2)), link_down(3, Sender(boots=1)))
        await until(lambda: running.count("traps_publish_failures_total") == 1, "the round failed")
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "published in the end")
    assert sorted({trap.varbinds[0].value for trap in broker.traps()}) == [1, 2]
    assert [kept.sequence for kept in quarantine.read(tmp_path)] == [3]


async def test_what_was_learned_of_senders_survives_a_restart(tmp_path: Path) -> None:
    """An old trap that somebody recorded is not taken by a collector that was just started."""
    broker = FakeBroker()
    async with collecting(tmp_path, broker, users=(user(),)) as running:
        running.send(link_down(1, Sender(boots=5)))
        await until(lambda: len(broker.traps()) == 1, "published")
    async with collecting(tmp_path, broker, users=(user(),)) as running:
        running.send(link_down(2, Sender(boots=4)))
        await until(lambda: running.count("traps_quarantined_total", reason="not-in-time-window") == 1, "refused")


async def test_a_clock_that_steps_back_is_a_new_boot_for_senders_of_informs(tmp_path: Path) -> None:
    now = NOW
    broker = FakeBroker()
    async with collecting(tmp_path, broker, users=(user(),), clock=lambda: now) as running:
        assert message.read(await asked(running, DISCOVERY)).moment == (1, 0)
        now += 7_200_000_000_000
        assert message.read(await asked(running, DISCOVERY)).moment == (1, 7_200)
        now -= 3_600_000_000_000
        assert message.read(await asked(running, DISCOVERY)).moment == (2, 0)
        assert await asked(running, to(running, 2).send(pdu(9, tag=0xA6)))
        await until(lambda: len(broker.traps()) == 1, "published")


async def test_relaxed_clocks_are_counted(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker, users=(user(relaxed_clock=("127.20.0.1",)),)) as running:
        running.send(link_down(1, Sender(boots=5)), link_down(2, Sender(boots=4)))
        await until(lambda: len(broker.traps()) == 2, "both published")
        assert running.count("traps_relaxed_clock_total") == 1
    assert [(trap.authenticated, trap.relaxed_clock) for trap in broker.traps()] == [(True, False), (False, True)]


async def test_the_engine_is_kept_beside_the_journal_and_no_password_is(tmp_path: Path) -> None:
    async with collecting(tmp_path, FakeBroker(), users=(user(),)) as running:
        running.send(link_down(1))
        await until(lambda: running.count("traps_published_total") == 1, "published")
    assert json.loads((tmp_path / "usm" / "engine.json").read_text())["starts"][0][:2] == [1, 1]
    assert JournalReader(tmp_path).last_sequence == 1
    for file in (tmp_path / "usm").iterdir():
        assert b"password" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_a_decoder_and_its_answers_agree(tmp_path: Path) -> None:
    """What is answered is what is published: both ask the same question of the same record."""
    with asking(tmp_path) as us:
        for sender in (us.to_us(), us.to_us(boots=9), us.to_us(user="nobody"), us.to_us(priv=False)):
            record = us.running.record(sender.send(pdu(tag=0xA6)))
            answer = us.answers.answer(record)
            try:
                us.running.decoder.decode(record)
                published = True
            except DecodeError:
                published = False
            is_response = answer is not None and message.read(answer.payload).level is SecurityLevel.AUTH_PRIV
            assert is_response is published
