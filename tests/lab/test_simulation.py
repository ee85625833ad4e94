"""The lab on the wire: real datagrams to real pollers and a real receiver, for whole faults."""

import asyncio
import shutil
from collections import Counter

import pytest
from aiohttp import ClientSession
from gufo.snmp.aio import SnmpSession

from pipeline.lab.command import CommandError, usage_text
from pipeline.lab.config import LabConfig, LabError
from pipeline.lab.control import LabClient
from pipeline.lab.simulation import Lab, on_free_ports, run_lab
from tests.support.lab import lab_inventory, quiet, running_lab, until

LINK_DOWN, LINK_UP, COLD_START, AUTHENTICATION_FAILURE = (f"1.3.6.1.6.3.1.1.5.{number}" for number in (3, 4, 1, 5))
PEER_UP, PEER_DOWN = "1.3.6.1.2.1.15.0.1", "1.3.6.1.2.1.15.0.2"
LSP_DOWN, LSP_UP, DARK, LIT, SERVICE_DOWN, SERVICE_UP = (f"1.3.6.1.4.1.8072.9999.9999.42.0.{number}" for number in range(1, 7))
OPER_STATUS = "1.3.6.1.2.1.2.2.1.8"


def session(lab: Lab, device: str, community: str = "public") -> SnmpSession:
    address = lab_inventory().devices[device].address
    return SnmpSession(addr=address, port=lab.ports[device], community=community, timeout=0.5)


def asked(lab: Lab, device: str) -> str:
    return f"{lab_inventory().devices[device].address}:{lab.ports[device]}"


async def test_a_cut_fibre_is_told_by_all_who_see_it_and_can_be_heard() -> None:
    async with running_lab() as (lab, catcher):
        lab.do("cut f-ams-rtm-1")
        await quiet(lab, catcher)
        told = Counter(seen.trap_oid for seen in catcher.seen)
        addresses = {seen.source for seen in catcher.seen}
    assert told == {DARK: 5, LINK_DOWN: 5, PEER_DOWN: 5, LSP_DOWN: 7, SERVICE_DOWN: 7}
    assert lab_inventory().devices["ley-ac1"].address not in addresses


async def test_after_mending_every_raise_has_its_clear() -> None:
    async with running_lab() as (lab, catcher):
        lab.do("cut f-ams-rtm-1")
        await quiet(lab, catcher)
        lab.do("mend f-ams-rtm-1")
        await quiet(lab, catcher)
        told = Counter(seen.trap_oid for seen in catcher.seen)
        last = {(seen.source, *next(iter(seen.values.items()))): seen.trap_oid for seen in catcher.seen}
    assert told[LIT] == told[LINK_UP] == told[PEER_UP] == 6
    assert (told[LSP_UP], told[SERVICE_UP]) == (7, 9)
    assert set(last.values()) <= {LIT, LINK_UP, PEER_UP, LSP_UP, SERVICE_UP}


async def test_devices_of_the_classic_vendor_send_version_1() -> None:
    async with running_lab() as (lab, catcher):
        lab.do("cut f-ams-rtm-1")
        await quiet(lab, catcher)
        versions = {seen.source: seen.version for seen in catcher.seen}
    devices = {device.address: device.vendor for device in lab_inventory().devices.values()}
    assert versions == {address: 0 if devices[address] == "lab-classic" else 1 for address in versions}
    assert set(versions.values()) == {0, 1}


async def test_an_isolated_device_does_not_answer_until_it_is_reached_again() -> None:
    async with running_lab() as (lab, catcher), session(lab, "ley-ac1") as leiden:
        assert await leiden.get("1.3.6.1.2.1.1.5.0") == b"ley-ac1"
        lab.do("cut f-ams-rtm-1")
        with pytest.raises(TimeoutError):
            await leiden.get("1.3.6.1.2.1.1.5.0")
        lab.do("mend f-ams-rtm-1")
        assert await leiden.get("1.3.6.1.2.1.1.5.0") == b"ley-ac1"
        await quiet(lab, catcher)
    assert lab.report()["counts"]["requests_unreachable"] == 1


async def test_gufo_walks_states_and_64_bit_counters() -> None:
    async with running_lab() as (lab, _), session(lab, "ams-p1") as device:
        lab.do("cut f-ams-rtm-1")
        states = {name: value async for name, value in device.getbulk(OPER_STATUS)}
        octets = [value async for _, value in device.fetch("1.3.6.1.2.1.31.1.1.1.6")]
    assert states == {f"{OPER_STATUS}.{index}": 2 if index == 1 else 1 for index in range(1, 7)}
    assert all(value > 2**32 for value in octets)


async def test_a_wrong_community_gets_no_answer_but_a_notification() -> None:
    async with running_lab() as (lab, catcher), session(lab, "ams-p1", community="secret") as device:
        with pytest.raises(TimeoutError):
            await device.get("1.3.6.1.2.1.1.5.0")
        await until(lambda: len(catcher.of(AUTHENTICATION_FAILURE)) == 1)
    assert lab.report()["counts"]["requests_wrong_community"] == 1


async def test_a_restored_device_cold_starts_before_its_links_come_up() -> None:
    async with running_lab() as (lab, catcher):
        lab.do("fail-device lon-pe1")
        await quiet(lab, catcher)
        address = lab_inventory().devices["lon-pe1"].address
        assert address not in {seen.source for seen in catcher.seen}
        lab.do("restore-device lon-pe1")
        await quiet(lab, catcher)
        told = [seen for seen in catcher.seen if seen.source == address]
    assert told[0].trap_oid == COLD_START
    assert told[0].uptime_ticks < 10
    assert len([seen for seen in told if seen.trap_oid == LINK_UP]) == len(lab_inventory().devices["lon-pe1"].interfaces)


async def test_a_lost_clear_leaves_an_alarm_standing() -> None:
    async with running_lab() as (lab, catcher):
        for command in ("drop-clears interface/ams-p1/et-0/0/3", "fail-port ams-p1/et-0/0/3", "restore-port ams-p1/et-0/0/3"):
            lab.do(command)
        await quiet(lab, catcher)
        told = [seen.trap_oid for seen in catcher.seen if seen.source == "127.20.0.1" and seen.trap_oid in {LINK_DOWN, LINK_UP}]
    assert told == [LINK_DOWN]
    assert lab.report()["counts"]["notifications_dropped"] == 1


async def test_a_flap_tells_every_change_and_ends_up() -> None:
    async with running_lab() as (lab, catcher):
        lab.do("flap ams-p1/et-0/0/3 4 0.05")
        await quiet(lab, catcher)
        told = [seen.trap_oid for seen in catcher.seen if seen.source == "127.20.0.1" and seen.trap_oid in {LINK_DOWN, LINK_UP}]
        assert lab.report()["interfaces_down"] == []
    assert told == [LINK_DOWN, LINK_UP] * 4


async def test_a_command_is_given_over_http_and_the_state_read_back() -> None:
    async with running_lab() as (lab, _):
        client = LabClient(lab.control)
        assert await client.do("cut f-ams-rtm-1") == {"command": "cut f-ams-rtm-1", "changes": 29}
        state = await client.state()
    assert state["faults"]["cut"] == ["f-ams-rtm-1"]
    assert state["unreachable"] == ["ley-ac1"]
    assert state["services_down"] == ["dzr-vpn-1", "nsx-lowlat-1", "slb-internet-1", "slg-eline-1"]


async def test_a_refused_command_says_over_http_what_would_be_right() -> None:
    async with running_lab() as (lab, _):
        with pytest.raises(CommandError, match="did you mean 'f-ams-rtm-1'"):
            await LabClient(lab.control).do("cut f-ams-rtm1")
        assert lab.report()["faults"]["cut"] == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"command": "cut f-ams-rtm-1"}', "text/plain", 415),
        (b"cut f-ams-rtm-1", "application/json", 400),
        (b'["cut f-ams-rtm-1"]', "application/json", 400),
        (b'{"command": 7}', "application/json", 400),
    ],
)
async def test_only_a_command_in_json_is_taken(body: bytes, kind: str, status: int) -> None:
    """A web page of another origin cannot post JSON without being asked first."""
    async with running_lab() as (lab, _), ClientSession() as http:
        async with http.post(f"http://{lab.control}/commands", data=body, headers={"Content-Type": kind}) as response:
            assert response.status == status
        assert lab.report()["faults"]["cut"] == []


async def test_the_control_server_lists_the_commands() -> None:
    async with running_lab() as (lab, _), ClientSession() as http, http.get(f"http://{lab.control}/commands") as response:
        assert await response.text() == usage_text() + "\n"


async def test_no_lab_is_said_plainly() -> None:
    with pytest.raises(LabError, match=r"no lab answers at http://127\.0\.0\.1:1; start one first"):
        await LabClient("127.0.0.1:1").state()


async def test_an_address_in_use_is_named_with_its_remedy() -> None:
    async with running_lab() as (lab, _):
        taken = LabConfig(control=lab.control, port_override=0)
        with pytest.raises(LabError, match=f"control server cannot listen on {lab.control}.*stop what listens there"):
            await Lab(lab_inventory(), taken).__aenter__()
        agents = LabConfig(control="", port_override=lab.ports["ams-p1"])
        with pytest.raises(LabError, match=f"ams-p1 cannot listen on udp 127.20.0.1:{lab.ports['ams-p1']}.*stop it"):
            await Lab(lab_inventory(), agents).__aenter__()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("16200", "write host:port"),
        ("localhost:", "write host:port"),
        ("127.0.0.1:99999", "write host:port"),
        ("localhost:1", "in numbers"),
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_starts(address: str, says: str) -> None:
    with pytest.raises(LabError, match=says):
        Lab(lab_inventory(), LabConfig(trap_target=address))


async def test_it_runs_until_it_is_told_to_stop() -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(run_lab(lab_inventory(), on_free_ports("127.0.0.1:9"), stop))
    await asyncio.sleep(0)
    stop.set()
    assert await running is None


async def net_snmp(program: str, *arguments: str) -> list[str]:
    path = shutil.which(program)
    assert path
    process = await asyncio.create_subprocess_exec(path, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode().splitlines()


@pytest.mark.needs_netsnmp
async def test_net_snmp_gets_and_walks_the_same_by_getnext_and_by_getbulk() -> None:
    common = ("-v2c", "-cpublic", "-On", "-Oq", "-t2")
    async with running_lab() as (lab, _):
        names = await net_snmp("snmpget", *common, asked(lab, "fra-pe1"), "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.31.1.1.1.1.1")
        walked = await net_snmp("snmpwalk", *common, asked(lab, "fra-pe1"), "1.3.6.1.2.1.2")
        bulk = await net_snmp("snmpbulkwalk", *common, "-Cr40", asked(lab, "fra-pe1"), "1.3.6.1.2.1.2")
    assert [name.split() for name in names] == [[".1.3.6.1.2.1.1.5.0", '"fra-pe1"'], [".1.3.6.1.2.1.31.1.1.1.1.1", '"et-0/0/0"']]
    assert [line.split()[0] for line in walked] == [line.split()[0] for line in bulk]
    assert len(walked) == 1 + 18 * len(lab_inventory().devices["fra-pe1"].interfaces)
