"""Pysnmp, a second independent engine: what it sends is read, and its INFORMs end as it wants them to."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pysnmp.entity import config
from pysnmp.hlapi.v3arch import asyncio as hlapi

from pipeline.core.raw import SecurityLevel, ValueType, VarBind
from tests.support.collecting import FakeBroker, collecting, until
from tests.support.usm import AUTH_PASSWORD, PRIV_PASSWORD, user

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

AUTH = {
    "md5": config.USM_AUTH_HMAC96_MD5,
    "sha1": config.USM_AUTH_HMAC96_SHA,
    "sha224": config.USM_AUTH_HMAC128_SHA224,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
    "sha384": config.USM_AUTH_HMAC256_SHA384,
    "sha512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV = {
    "des": config.USM_PRIV_CBC56_DES,
    "aes128": config.USM_PRIV_CFB128_AES,
    "aes192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "aes256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "aes192-cisco": config.USM_PRIV_CFB192_AES,
    "aes256-cisco": config.USM_PRIV_CFB256_AES,
}
VARIANTS = [*((auth, "aes128") for auth in AUTH), *(("sha1", priv) for priv in PRIV if priv != "aes128")]
"""Each hash once, and each cipher with a digest that is too short for the longer keys."""
BINDINGS = [("1.3.6.1.2.1.2.2.1.1.3", hlapi.Integer32(3)), ("1.3.6.1.2.1.31.1.1.1.1.3", hlapi.OctetString(b"ge-0/0/3"))]


@contextmanager
def engine() -> Iterator[hlapi.SnmpEngine]:
    made = hlapi.SnmpEngine()
    try:
        yield made
    finally:
        made.close_dispatcher()


async def notify(made: hlapi.SnmpEngine, port: int, auth: str, priv: str, kind: str) -> Any:
    """Send a linkDown as user ``auth-priv``; gives the error that pysnmp found, ``None`` for none."""
    who = hlapi.UsmUserData(f"{auth}-{priv}", AUTH_PASSWORD, PRIV_PASSWORD, authProtocol=AUTH[auth], privProtocol=PRIV[priv])
    target = await hlapi.UdpTransportTarget.create(("127.0.0.1", port), timeout=5, retries=1)
    notification = hlapi.NotificationType(hlapi.ObjectIdentity("1.3.6.1.6.3.1.1.5.3")).add_varbinds(*BINDINGS)
    error, *_ = await hlapi.send_notification(made, who, target, hlapi.ContextData(), kind, notification)
    return error


@pytest.mark.parametrize("kind", ["trap", "inform"])
async def test_whatever_it_sends_is_read_and_its_informs_are_answered_to_its_satisfaction(tmp_path: Path, kind: str) -> None:
    broker = FakeBroker()
    users = tuple(user(f"{auth}-{priv}", auth, priv) for auth, priv in VARIANTS)
    async with collecting(tmp_path, broker, users=users) as running:
        for auth, priv in VARIANTS:
            with engine() as made:
                assert await notify(made, running.port, auth, priv, kind) is None, (auth, priv)
                await asyncio.sleep(0)
        await until(lambda: len(broker.traps()) == len(VARIANTS), "all published")
    for trap in broker.traps():
        assert (trap.authenticated, trap.inform, trap.security_level) == (True, kind == "inform", SecurityLevel.AUTH_PRIV)
        assert trap.trap_oid == "1.3.6.1.6.3.1.1.5.3"
        assert trap.varbinds == (
            VarBind("1.3.6.1.2.1.2.2.1.1.3", ValueType.INTEGER, 3),
            VarBind("1.3.6.1.2.1.31.1.1.1.1.3", ValueType.OCTET_STRING, b"ge-0/0/3"),
        )


async def test_one_engine_sends_many_informs_after_one_discovery(tmp_path: Path) -> None:
    broker = FakeBroker()
    async with collecting(tmp_path, broker, users=(user("sha256-aes128"),)) as running:
        with engine() as made:
            for _ in range(5):
                assert await notify(made, running.port, "sha256", "aes128", "inform") is None
        await until(lambda: len(broker.traps()) == 5, "all published")
        assert running.count("informs_answered_total") == 5
        assert running.count("v3_reports_total", reason="discovery") == 1


async def test_an_engine_that_knew_us_before_a_restart_follows_us(tmp_path: Path) -> None:
    """Its boots are old, so it is told the new ones by a Report that it can authenticate, and sends again."""
    broker = FakeBroker()
    with engine() as made:
        async with collecting(tmp_path, broker, users=(user("sha256-aes128"),)) as running:
            port = running.port
            assert await notify(made, port, "sha256", "aes128", "inform") is None
        async with collecting(tmp_path, broker, users=(user("sha256-aes128"),), listen=(f"127.0.0.1:{port}",)) as running:
            assert await notify(made, port, "sha256", "aes128", "inform") is None
            assert running.count("v3_reports_total", reason="not-in-time-window") == 1
            await until(lambda: len(broker.traps()) == 2, "both published")
            assert running.count("traps_quarantined_total", reason="not-in-time-window") == 1
            assert running.count("v3_senders_outside_window") == 0
