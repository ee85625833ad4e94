"""The product's own collectors understand the lab: its polls give states and counters, its datagrams become the notifications meant."""

from dataclasses import replace

from collectors.journal import JournalRecord
from collectors.poll.poller import Poller
from collectors.trap.decode import TrapDecoder
from pipeline.config.settings import PollSettings
from pipeline.core.raw import INTERFACES, PollOutcome, RawTrap, SnmpVersion
from pipeline.lab.command import parse
from pipeline.lab.mib import object_id
from pipeline.lab.network import Network, apply, begin
from pipeline.lab.notification import Notification, traps_for
from pipeline.lab.plant import Plant
from pipeline.lab.snmp import encode_trap_v1, encode_trap_v2
from tests.support.lab import lab_inventory, running_lab

NETWORK = Network(Plant.of(lab_inventory()))


async def test_a_poll_tells_which_interface_a_cut_took_down() -> None:
    poller = Poller(PollSettings(timeout_s=1.0))
    async with running_lab() as (lab, _):
        lab.do("cut f-ams-rtm-1")
        device = replace(lab_inventory().devices["ams-p1"], port=lab.ports["ams-p1"])
        poll = (await poller.poll(device)).poll
    assert poll.outcome is PollOutcome.ANSWERED
    columns = poll.table(INTERFACES).columns
    assert columns["oper_status"].values() == (2, 1, 1, 1, 1, 1)
    assert columns["admin_status"].values() == (1,) * 6
    assert columns["speed"].values() == tuple(interface.speed_mbps for interface in device.interfaces)
    assert all(octets > 2**32 for octets in columns["in_octets"].counts().tolist())


async def test_a_poll_of_an_isolated_node_times_out() -> None:
    poller = Poller(PollSettings(interval_s=0.2, timeout_s=0.2, retries=0))
    async with running_lab() as (lab, _):
        lab.do("cut f-ams-rtm-1")
        poll = (await poller.poll(replace(lab_inventory().devices["ley-ac1"], port=lab.ports["ley-ac1"]))).poll
    assert poll.outcome is PollOutcome.TIMEOUT


def test_every_notification_of_a_cut_and_its_mending_is_decoded_as_meant() -> None:
    decoder = TrapDecoder("trap-1", (b"public",))
    state = begin(NETWORK, 0)
    for second, command in enumerate(("cut f-ams-rtm-1", "mend f-ams-rtm-1")):
        state, changes = apply(NETWORK, state, parse(NETWORK.plant, command), second)
        for notification in (told for change in changes for told in traps_for(NETWORK, state, change, second)):
            for version, datagram in datagrams(notification).items():
                trap = decoder.decode(JournalRecord(1, 0, lab_inventory().devices[notification.device].address, datagram))
                assert (trap.version, trap.uptime_ticks) == (version, 77)
                assert meaning(trap) == (notification.trap_oid, notification.varbinds)


def datagrams(told: Notification) -> dict[SnmpVersion, bytes]:
    device = lab_inventory().devices[told.device]
    return {
        SnmpVersion.V1: encode_trap_v1(b"public", object_id(device), device.address, 77, told.trap_oid, told.varbinds),
        SnmpVersion.V2C: encode_trap_v2(b"public", 1, 77, told.trap_oid, told.varbinds),
    }


def meaning(trap: RawTrap) -> tuple[str, tuple]:
    """The trap without what the mapping from v1 adds (RFC 3584 section 3.1: the enterprise and the agent's address)."""
    added = ("1.3.6.1.6.3.1.1.4.3.0", "1.3.6.1.6.3.18.1.3.0", "1.3.6.1.6.3.18.1.4.0")
    return trap.trap_oid, tuple(varbind for varbind in trap.varbinds if varbind.oid not in added)
