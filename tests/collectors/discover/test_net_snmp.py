"""Held against net-snmp's own agent: what it says of this machine, by SNMPv2c and SNMPv3, at two addresses."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.discover.asker import Asked, Asker, Outcome, Place
from collectors.discover.credential import Credential
from collectors.discover.walk import Limits
from collectors.poll.user import PollUser
from pipeline.config.secret import Secret
from pipeline.config.settings import PrivProtocol, SnmpUserSettings
from pipeline.core.discovery import FindingKind
from pipeline.core.inventory import AgentVersion
from pipeline.core.network_discovery import discover
from tests.support.agents import free_udp_port

pytestmark = pytest.mark.needs_netsnmp

PUBLIC = Credential("public", Secret("public"))
USERS = {
    "sha256 aes128": SnmpUserSettings("noc", auth_password=Secret("authentication"), priv_password=Secret("encryption")),
    "sha256 aes256": SnmpUserSettings(
        "noc256", auth_password=Secret("authentication"), priv=PrivProtocol.AES256, priv_password=Secret("encryption")
    ),
}
CONFIG = """\
agentaddress {addresses}
rocommunity public
sysName here.example.net
sysLocation Rack 7
createUser noc SHA-256 authentication AES encryption
createUser noc256 SHA-256 authentication AES-256 encryption
rouser noc priv
rouser noc256 priv
"""


@contextmanager
def agent(folder: Path, *hosts: str) -> Iterator[int]:
    program = shutil.which("snmpd") or "/usr/sbin/snmpd"
    port = free_udp_port()
    config = folder / "snmpd.conf"
    config.write_text(CONFIG.format(addresses=",".join(f"udp:{host}:{port}" for host in hosts)))
    command = [program, "-f", "-C", "-c", str(config), "-Lf", str(folder / "snmpd.log"), "-p", str(folder / "snmpd.pid")]
    process = subprocess.Popen(command, env=os.environ | {"SNMP_PERSISTENT_DIR": str(folder)})
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def ask(host: str, port: int, credential: Credential) -> Asked:
    """Again until it answers: it may still be starting."""
    for _ in range(200):
        asked = await Asker(Limits(timeout_s=2.0)).ask(Place(host, port, (credential,)))
        if asked.outcome is not Outcome.SILENT:
            break
        await asyncio.sleep(0.05)
    return asked


async def test_it_tells_its_interfaces_and_addresses(tmp_path: Path) -> None:
    with agent(tmp_path, "127.0.0.1") as port:
        asked = await ask("127.0.0.1", port, PUBLIC)
    assert (asked.outcome, asked.why) == (Outcome.ANSWERED, "")
    assert asked.answers is not None
    discovery = discover([asked.answers], vendors={8072: "net-snmp"})
    (device,) = discovery.devices
    assert (device.name, device.system_name, device.location, device.vendor) == ("here", "here.example.net", "Rack 7", "net-snmp")
    assert device.engine_id.startswith("80001f88")
    assert [(row.name, row.type, row.speed_mbps, row.is_up) for row in device.interfaces if row.name == "lo"] == [("lo", 24, 10, True)]
    (loopback,) = [each for each in device.ip_addresses if each.address == "127.0.0.1"]
    assert (loopback.prefix_length, loopback.source) == (8, "ipAddressTable")
    assert (device.neighbours, discovery.links) == ((), ())
    assert not device.tells_neighbours
    assert set(device.unread) == set()
    assert [finding for finding in discovery.findings if finding.kind is not FindingKind.HALF_TABLE] == []


async def test_its_two_addresses_are_one_device(tmp_path: Path) -> None:
    with agent(tmp_path, "127.0.0.1", "127.0.0.2") as port:
        answers = [(await ask(host, port, PUBLIC)).answers for host in ("127.0.0.1", "127.0.0.2")]
    (device,) = discover([each for each in answers if each is not None]).devices
    assert device.addresses == ("127.0.0.1", "127.0.0.2")


async def test_it_tells_the_same_by_snmpv1(tmp_path: Path) -> None:
    """Row by row; but for 64-bit counters, of which discovery asks none, v1 knows it all."""
    with agent(tmp_path, "127.0.0.1") as port:
        plain, old = await ask("127.0.0.1", port, PUBLIC), await ask("127.0.0.1", port, replace(PUBLIC, is_v1=True))
    assert old.answers is not None
    assert plain.answers is not None
    assert old.answers.snmp_version is AgentVersion.V1
    for name in ("ifDescr", "ifAlias", "ipAddressPrefix", "bgpPeerState"):
        assert old.answers.columns[name] == plain.answers.columns[name]
    assert old.answers.scalars["snmpEngineID"] == plain.answers.scalars["snmpEngineID"]


@pytest.mark.parametrize("user", USERS)
async def test_it_tells_the_same_to_an_snmpv3_user(tmp_path: Path, user: str) -> None:
    with agent(tmp_path, "127.0.0.1") as port:
        plain, secret = (
            await ask("127.0.0.1", port, PUBLIC),
            await ask("127.0.0.1", port, Credential(USERS[user].name, user=PollUser(USERS[user]))),
        )
    assert secret.answers is not None
    assert plain.answers is not None
    assert secret.answers.user == USERS[user].name
    assert secret.answers.columns.keys() == plain.answers.columns.keys()
    assert secret.answers.columns["ifDescr"] == plain.answers.columns["ifDescr"]
    assert secret.answers.scalars["snmpEngineID"] == plain.answers.scalars["snmpEngineID"]


async def test_a_wrong_password_is_a_failure_with_its_reason_not_silence(tmp_path: Path) -> None:
    wrong = SnmpUserSettings("noc", auth_password=Secret("wrong password"), priv_password=Secret("encryption"))
    with agent(tmp_path, "127.0.0.1") as port:
        await ask("127.0.0.1", port, PUBLIC)
        asked = await Asker(Limits(timeout_s=2.0)).ask(Place("127.0.0.1", port, (Credential("noc", user=PollUser(wrong)),)))
    assert asked.outcome is Outcome.FAILED
    assert "user and passwords" in asked.why
    assert "wrong password" not in asked.why
