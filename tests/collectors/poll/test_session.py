"""A session speaks v1, v2c and v3, and tells silence, refusal and garbage apart."""

import logging
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM
from time import monotonic

import pytest

from collectors.poll import session as session_module
from collectors.poll.poller import Polled, Poller
from collectors.poll.session import DeadlineError, GarbageError, RefusedError, Session, SilentError
from pipeline.config.secret import Secret
from pipeline.config.settings import AuthProtocol, PollSettings, PrivProtocol, SnmpUserSettings
from pipeline.core.inventory import AgentVersion, Device
from pipeline.core.profile import SYS_UPTIME
from pipeline.core.raw import INTERFACES, PollOutcome
from tests.support.agents import GEN_ERR, Script, refused, response, scripted, served, serving, snmpd
from tests.support.datagrams import COUNTER32, TICKS, Var
from tests.support.lab import until
from tests.support.polls import device_of

COLUMN = "1.3.6.1.2.1.2.2.1.10"
MIB: dict[str, tuple[int, object]] = {SYS_UPTIME: (TICKS, 7)} | {f"{COLUMN}.{row}": (COUNTER32, row) for row in range(1, 6)}


@asynccontextmanager
async def session_with(script: Script, seconds: float = 20.0, version: AgentVersion = AgentVersion.V2C) -> AsyncIterator[Session]:
    """A session with a scripted agent."""
    async with scripted(script) as (port, _):
        device = Device("pe1", "ams", "127.0.0.1", port=port, snmp_version=version)
        async with Session(device, monotonic() + seconds, 1e6) as session:
            yield session


@pytest.mark.parametrize("version", [AgentVersion.V1, AgentVersion.V2C])
async def test_instances_are_got_and_walked(version: AgentVersion) -> None:
    """Those that there are; from any place on."""
    async with session_with(serving(MIB), version=version) as session:
        assert await session.get([SYS_UPTIME, f"{COLUMN}.2"], 1.0) == {SYS_UPTIME: 7, f"{COLUMN}.2": 2}
        rows = await session.column(COLUMN, f"{COLUMN}.3", 10, 1.0)
        assert rows.pairs == [(f"{COLUMN}.{row}", row) for row in ((4,) if version is AgentVersion.V1 else (4, 5))]
        rows = await session.column(COLUMN, f"{COLUMN}.5", 10, 1.0)
        assert (rows.pairs, rows.ended) == ([], True)


async def test_silence_refusal_and_garbage_are_told_apart() -> None:
    """Each has its own error, and the deadline one more."""
    async with session_with(lambda _: []) as session:
        with pytest.raises(SilentError):
            await session.get([SYS_UPTIME], 0.05)
    async with session_with(lambda each: [(0, refused(each, GEN_ERR))]) as session:
        with pytest.raises(RefusedError):
            await session.column(COLUMN, COLUMN, 10, 1.0)
    async with session_with(lambda _: [(0, b"\x30\x03abc")]) as session:
        with pytest.raises(GarbageError):
            await session.get([SYS_UPTIME], 0.05)
    async with session_with(lambda _: [], seconds=0.1) as session:
        with pytest.raises(DeadlineError):
            await session.get([SYS_UPTIME], 5.0)
        with pytest.raises(DeadlineError):
            await session.get([SYS_UPTIME], 5.0)


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it keep the loop awake: it is read and forgotten."""
    forgotten: list[int] = []
    monkeypatch.setattr(session_module.os, "read", lambda fd, _: forgotten.append(len(socket.fromfd(fd, AF_INET, SOCK_DGRAM).recv(9_000))))

    def script(each: object) -> list[tuple[float, bytes]]:
        late = 0.1 if each.number == 1 else 0.2  # type: ignore[attr-defined]
        return [(late, response(each, [Var(SYS_UPTIME, TICKS, each.number)]))]  # type: ignore[attr-defined, arg-type]

    async with session_with(script) as session:
        with pytest.raises(SilentError):
            await session.get([SYS_UPTIME], 0.05)
        assert await session.get([SYS_UPTIME], 5.0) == {SYS_UPTIME: 2}
        with pytest.raises(SilentError):
            await session.get([SYS_UPTIME], 0.01)
        await until(lambda: len(forgotten) == 1)
        assert await session.get([SYS_UPTIME], 5.0) == {SYS_UPTIME: 4}


async def test_answers_gone_wrong_in_any_way_cost_no_more_than_themselves() -> None:
    """A thousand answers with bytes changed, cut or doubled: each is an answer, a refusal or garbage, and the next question is answered."""
    chance = random.Random(7)  # the same every time
    spoil = False

    def script(each: object) -> list[tuple[float, bytes]]:
        whole = bytearray(served(each, MIB))  # type: ignore[arg-type]
        if not spoil:
            return [(0, bytes(whole))]
        for _ in range(chance.randint(1, 4)):
            whole[chance.randrange(len(whole))] = chance.randrange(256)
        cut = chance.randrange(len(whole)) if chance.random() < 0.3 else len(whole)
        return [(0, bytes(whole[:cut]) * chance.choice((1, 1, 1, 2)))]

    async with session_with(script, seconds=60.0) as session:
        for _ in range(1000):
            spoil = True
            try:
                await session.get(list(MIB), 0.002)
                await session.column(COLUMN, COLUMN, 10, 0.002)
            except (SilentError, GarbageError, RefusedError):
                pass
            spoil = False
        assert await session.get([SYS_UPTIME], 1.0) == {SYS_UPTIME: 7}


AUTH, PRIV = "authpassword1", "privpassword1"
NET_SNMP_AUTH = {
    AuthProtocol.MD5: "MD5",
    AuthProtocol.SHA1: "SHA",
    AuthProtocol.SHA224: "SHA-224",
    AuthProtocol.SHA256: "SHA-256",
    AuthProtocol.SHA384: "SHA-384",
    AuthProtocol.SHA512: "SHA-512",
}
NET_SNMP_PRIV = {
    PrivProtocol.DES: "DES",
    PrivProtocol.AES128: "AES",
    PrivProtocol.AES192: "AES-192",
    PrivProtocol.AES256: "AES-256",
    PrivProtocol.AES192_CISCO: "AES-192-C",
    PrivProtocol.AES256_CISCO: "AES-256-C",
}


def user_of(auth: AuthProtocol, priv: PrivProtocol | None) -> SnmpUserSettings:
    """A user as the settings have one; without ``priv`` it authenticates only."""
    name = f"{auth}-{priv or 'none'}".replace("-", "")
    return SnmpUserSettings(name, auth, Secret(AUTH), priv or PrivProtocol.AES128, Secret(PRIV) if priv else Secret())


USERS = [user_of(auth, priv) for auth in AuthProtocol for priv in PrivProtocol]
AUTH_ONLY = [user_of(auth, None) for auth in AuthProtocol]
NOBODY = SnmpUserSettings("nobody", AuthProtocol.SHA256, Secret(AUTH), PrivProtocol.AES128, Secret(PRIV))
PATIENT = PollSettings(timeout_s=1.0, retries=3, interval_s=60.0)


def agent_lines() -> list[str]:
    """snmpd's configuration of these users."""
    lines = []
    for user in USERS:
        lines.append(f"createUser {user.name} {NET_SNMP_AUTH[user.auth]} {AUTH} {NET_SNMP_PRIV[user.priv]} {PRIV}")
        lines.append(f"rouser {user.name} priv")
    for user in AUTH_ONLY:
        lines += [f"createUser {user.name} {NET_SNMP_AUTH[user.auth]} {AUTH}", f"rouser {user.name} auth"]
    return lines


@pytest.mark.needs_netsnmp
async def test_every_way_of_v3_is_spoken_with_net_snmps_agent(tmp_path: Path) -> None:
    """Six digests by six ciphers, and each digest alone: as the traps' users are told in the settings."""
    with snmpd(tmp_path, *agent_lines()) as port:
        poller = Poller(PATIENT, users=[*USERS, *AUTH_ONLY])

        async def asked(user: SnmpUserSettings) -> Polled:
            return await poller.poll(replace(device_of(name=user.name, port=port), snmp_version=AgentVersion.V3, user=user.name))

        first = await asked(USERS[0])  # the agent may still be starting
        assert first.poll.outcome is PollOutcome.ANSWERED
        for user in [*USERS, *AUTH_ONLY]:
            polled = await asked(user)
            assert polled.poll.outcome is PollOutcome.ANSWERED, user.name
            assert "1" in polled.poll.table(INTERFACES).indexes


@pytest.mark.needs_netsnmp
async def test_a_user_that_the_agent_does_not_take_is_told_with_the_remedy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong password and an unknown user are no silence: the agent reports them, and the log says what to look at, once."""
    wrong = replace(USERS[7], auth_password=Secret("another password"))
    with snmpd(tmp_path, *agent_lines()) as port:
        settings = replace(PATIENT, retries=0)
        poller = Poller(settings, users=[wrong, NOBODY, USERS[8]])
        there = replace(device_of(port=port), snmp_version=AgentVersion.V3)
        while (await poller.poll(replace(there, name="good", user=USERS[8].name))).poll.outcome is not PollOutcome.ANSWERED:
            pass
        with caplog.at_level(logging.WARNING):
            for user in (wrong, NOBODY):
                for _ in range(2):
                    polled = await poller.poll(replace(there, name=user.name, user=user.name))
                    assert polled.poll.outcome is PollOutcome.MALFORMED
    assert len(caplog.records) == 2
    assert all("check the user" in record.message for record in caplog.records)


async def test_a_user_that_the_settings_do_not_have_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The device is not asked at all."""
    with caplog.at_level(logging.WARNING):
        polled = await Poller(PATIENT).poll(replace(device_of(), snmp_version=AgentVersion.V3, user="noc"))
    assert (polled.poll.outcome, polled.requests) == (PollOutcome.MALFORMED, 0)
    assert "no SNMPv3 user 'noc' is in the settings" in caplog.text


async def test_bytes_that_break_the_library_are_garbage() -> None:
    """On some malformed bytes its native part panics, with what is no Exception: it costs that answer and no more."""
    async with session_with(lambda _: [(0.0, bytes.fromhex("308278"))]) as session:
        with pytest.raises(GarbageError):
            await session.get([SYS_UPTIME], 0.3)


async def test_a_community_is_a_secret_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment, or from a file beside the inventory that only its owner can read."""
    monkeypatch.setenv("LAB_COMMUNITY", "hidden")
    (tmp_path / "community").write_text("hidden\n")
    (tmp_path / "community").chmod(0o600)
    async with scripted(serving(MIB)) as (port, asked):
        for name in ("env:LAB_COMMUNITY", "file:community"):
            device = Device("pe1", "ams", "127.0.0.1", port=port, community=name)
            async with Session(device, monotonic() + 20, 1e6, secrets=tmp_path) as session:
                with suppress(GarbageError, SilentError):  # the scripted agent answers as `public`, which may be refused
                    await session.get([SYS_UPTIME], 0.5)
        assert {each.community for each in asked} == {b"hidden"}


async def test_a_community_that_cannot_be_had_is_told_with_its_remedy(tmp_path: Path) -> None:
    """The device is not polled, and the log says what to do."""
    device = Device("pe1", "ams", "127.0.0.1", community="env:NOT_SET_ANYWHERE")
    with pytest.raises(ValueError, match="export NOT_SET_ANYWHERE"):
        async with Session(device, monotonic() + 1, 1e6, secrets=tmp_path):
            pass
