"""Net-snmp's `snmptrap` is believed in every one of its 42 ways to protect a message, and believes our answers to its INFORMs."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from collectors.trap import quarantine
from collectors.trap.conservation import conservation
from pipeline.config.settings import GuardSettings, SnmpUserSettings
from pipeline.core.raw import SecurityLevel, SnmpVersion, ValueType, VarBind
from tests.support.collecting import FakeBroker, collecting, until
from tests.support.usm import AUTH_PASSWORD, PRIV_PASSWORD, user

pytestmark = pytest.mark.needs_netsnmp

DEADLINE_S = 30.0
SNMPTRAP = shutil.which("snmptrap") or "snmptrap"
ENGINE = "0x80001f8804000000000042"
AUTH = {"MD5": "md5", "SHA": "sha1", "SHA-224": "sha224", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
PRIV = {
    "": None,
    "DES": "des",
    "AES": "aes128",
    "AES-192": "aes192",
    "AES-256": "aes256",
    "AES-192-C": "aes192-cisco",
    "AES-256-C": "aes256-cisco",
}
VARIANTS = list(product(AUTH, PRIV))
NO_GUARD = GuardSettings(enabled=False)
"""To it, 42 times one linkDown is a storm."""
TRAP = ("4711", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.3", "i", "3")


def name(auth: str, priv: str) -> str:
    return f"{AUTH[auth]}-{PRIV[priv]}"


def everybody() -> Iterator[SnmpUserSettings]:
    """A user for each variant."""
    for auth, priv in VARIANTS:
        yield user(name(auth, priv), AUTH[auth], PRIV[priv])


def security(auth: str, priv: str, *, user_name: str = "", auth_password: str = AUTH_PASSWORD) -> list[str]:
    """The options of net-snmp's programs for one variant."""
    encrypted = ["-x", priv, "-X", PRIV_PASSWORD] if priv else []
    level = "authPriv" if priv else "authNoPriv"
    return ["-v3", "-u", user_name or name(auth, priv), "-l", level, "-a", auth, "-A", auth_password, *encrypted]


async def snmptrap(folder: Path, *arguments: str) -> int:
    environment = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(folder / "net-snmp")}
    process = await asyncio.create_subprocess_exec(
        SNMPTRAP, "-m", "", *arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return await asyncio.wait_for(process.wait(), DEADLINE_S)


async def test_all_42_variants_of_its_traps_are_taken(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker, users=tuple(everybody()), guard=NO_GUARD) as running:
        where = f"127.0.0.1:{running.port}"
        for auth, priv in VARIANTS:
            assert await snmptrap(tmp_path, *security(auth, priv), "-e", ENGINE, "-Z", "7,100", where, *TRAP) == 0
        await until(lambda: len(broker.traps()) == len(VARIANTS), "all of them published")
        assert len(VARIANTS) == 42
        assert running.count("informs_answered_total") == 0
        assert running.count("v3_reports_total", reason="discovery") == 0
    assert {trap.user for trap in broker.traps()} == {name(auth, priv) for auth, priv in VARIANTS}
    for trap in broker.traps():
        level = SecurityLevel.AUTH_NO_PRIV if trap.user.endswith("None") else SecurityLevel.AUTH_PRIV
        assert (trap.version, trap.authenticated, trap.inform, trap.security_level) == (SnmpVersion.V3, True, False, level)
        assert (trap.trap_oid, trap.uptime_ticks, trap.source) == ("1.3.6.1.6.3.1.1.5.3", 4711, "127.0.0.1")
        assert trap.varbinds == (VarBind("1.3.6.1.2.1.2.2.1.1.3", ValueType.INTEGER, 3),)


async def test_all_42_variants_of_its_informs_are_discovered_taken_and_answered_to_its_satisfaction(tmp_path: Path) -> None:
    """It ends with 0 only for a Response that it could authenticate and decrypt."""
    broker = FakeBroker()
    async with collecting(tmp_path, broker, users=tuple(everybody()), guard=NO_GUARD) as running:
        where = f"127.0.0.1:{running.port}"
        for auth, priv in VARIANTS:
            assert await snmptrap(tmp_path, *security(auth, priv), "-Ci", "-r", "1", "-t", "5", where, *TRAP) == 0, (auth, priv)
        await until(lambda: conservation(tmp_path)["waiting"] == 0, "all of them published")
        told = conservation(tmp_path)
        assert running.count("datagrams_received_total") == told["journaled"]
        assert told["journaled"] == told["published"] + told["quarantined"]
        assert running.count("traps_quarantined_total", reason="discovery") == running.count("v3_reports_total", reason="discovery")
        assert running.count("informs_answered_total") == len(VARIANTS)
    assert [trap.user for trap in broker.traps()] == [name(auth, priv) for auth, priv in VARIANTS]
    assert all(trap.inform and trap.authenticated for trap in broker.traps())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (security("SHA-256", "AES", auth_password="something else"), "wrong-digest"),
        (security("SHA-256", "AES", user_name="nobody"), "unknown-user"),
        (security("SHA-256", ""), "unsupported-security-level"),
        (security("SHA-256", "AES-256", user_name="sha256-aes128"), "decryption-failed"),
        (["-v3", "-u", "sha256-aes128", "-l", "noAuthNoPriv"], "unsupported-security-level"),
    ],
    ids=["wrong password", "unknown user", "authNoPriv where authPriv is asked", "another cipher", "noAuth where authPriv is asked"],
)
async def test_what_is_refused_has_a_reason_and_is_kept(tmp_path: Path, options: list[str], reason: str) -> None:
    options = ["sha256-aes128" if one == "sha256-None" else one for one in options]
    broker = FakeBroker()
    async with collecting(tmp_path, broker, users=(user("sha256-aes128"),)) as running:
        await snmptrap(tmp_path, *options, "-e", ENGINE, "-Z", "7,100", f"127.0.0.1:{running.port}", *TRAP)
        await until(lambda: running.count("traps_quarantined_total", reason=reason) == 1, reason)
    assert broker.traps() == []
    [kept] = quarantine.read(tmp_path)
    assert (kept.reason, kept.source) == (reason, "127.0.0.1")
    assert kept.payload.startswith(b"\x30")


async def test_an_inform_with_a_wrong_password_gets_no_answer(tmp_path: Path) -> None:
    """Neither a Response nor a word about why: who guesses learns nothing."""
    async with collecting(tmp_path, FakeBroker(), users=(user("sha256-aes128"),)) as running:
        options = security("SHA-256", "AES", auth_password="something else")
        assert await snmptrap(tmp_path, *options, "-Ci", "-r", "0", "-t", "1", f"127.0.0.1:{running.port}", *TRAP) != 0
        assert running.count("informs_answered_total") == 0


async def test_a_sender_whose_boots_fell_back_is_outside_its_window_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broker = FakeBroker()
    options = [*security("SHA-512", "AES-256"), "-e", ENGINE]
    async with collecting(tmp_path, broker, users=tuple(everybody())) as running:
        where = f"127.0.0.1:{running.port}"
        for moment in ("7,100", "6,5000", "6,5001"):
            assert await snmptrap(tmp_path, *options, "-Z", moment, where, *TRAP) == 0
        await until(lambda: running.count("traps_quarantined_total", reason="not-in-time-window") == 2, "both in quarantine")
        assert running.count("v3_senders_outside_window") == 1
        assert await snmptrap(tmp_path, *options, "-Z", "7,101", where, *TRAP) == 0
        await until(lambda: len(broker.traps()) == 2, "in time again")
        assert running.count("v3_senders_outside_window") == 0
    assert caplog.text.count("is outside of its time window: boots 6, time 5000 s where boots 7") == 1


async def test_ipv6_senders_are_heard_and_answered(tmp_path: Path) -> None:
    broker = FakeBroker()
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with collecting(tmp_path, broker, listen=("[::1]:0",), allow=("::1/128",), users=tuple(everybody())) as running:
        where = f"udp6:[::1]:{running.port}"
        assert await snmptrap(tmp_path, *security("SHA-256", "AES"), "-e", ENGINE, "-Z", "7,100", where, *TRAP) == 0
        assert await snmptrap(tmp_path, *security("SHA-512", "AES-256"), "-Ci", "-r", "1", "-t", "5", where, *TRAP) == 0
        await until(lambda: len(broker.traps()) == 2, "both published")
    assert [(trap.source, trap.inform, trap.authenticated) for trap in broker.traps()] == [("::1", False, True), ("::1", True, True)]
