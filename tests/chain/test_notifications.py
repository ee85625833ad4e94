"""The whole chain on real notifications: net-snmp's `snmptrap` sends from the lab's addresses, a ticket and a signed webhook come out."""

import subprocess

import pytest

from tests.chain.story import Story, until_sums_hold
from tests.support.installation import Installation, becomes, eventually
from tests.support.lab import lab_inventory

pytestmark = [pytest.mark.slow, pytest.mark.needs_netsnmp]

DOWN, UP = 2, 3
"""RFC 1157 generic traps; in v2 form their notifications are one higher under snmpTraps."""
STATUS = {DOWN: "2", UP: "1"}


def snmptrap(chain: Installation, end: str, generic: int, *, version: str) -> None:
    """A linkDown or linkUp as net-snmp sends it, from the device's own address."""
    name, _, port = end.partition("/")
    device = lab_inventory().devices[name]
    index = next(one.index for one in device.interfaces if one.name == port)
    columns = {"2.2.1.1": ("i", str(index)), "2.2.1.7": ("i", "1"), "2.2.1.8": ("i", STATUS[generic]), "31.1.1.1.1": ("s", port)}
    variables = [part for column, (kind, value) in columns.items() for part in (f".1.3.6.1.2.1.{column}.{index}", kind, value)]
    v1 = [".1.3.6.1.4.1.8072.3.2.10", device.address, str(generic), "0", ""]
    head = v1 if version == "1" else ["", f".1.3.6.1.6.3.1.1.5.{generic + 1}"]
    options = [f"-v{version}", "-cpublic", "-m", "", f"--clientaddr={device.address}", f"127.0.0.1:{chain.trap_port}"]
    subprocess.run(["snmptrap", *options, *head, *variables], check=True, timeout=20)


def stored(chain: Installation, column: str, where: str) -> list[str]:
    return [row[column] for row in chain.query(f"SELECT DISTINCT {column} FROM {where} ORDER BY {column}")]


@pytest.mark.parametrize(("version", "fibre"), [("1", "f-lon-slo-1"), ("2c", "f-fra-mai-1")])
def test_a_link_lost_and_found_again(chain: Installation, version: str, fibre: str) -> None:
    """Both ends tell: one incident, one ticket, a signed page, an outage; the linkUps resolve all of it."""
    (link,) = (link for link in lab_inventory().links.values() if fibre in link.fibres)
    ends = sorted((link.a, link.b))
    story = Story(chain, fibre, len(stored(chain, "sequence", "trap")))
    for end in ends:
        snmptrap(chain, end, DOWN, version=version)
        story.sent += 1
    story.until_journaled()
    story.until_true()
    story.until_told("incident.opened", "acknowledged")
    incident = story.incident()
    opened = story.told()[0]["data"]
    assert opened["root_cause"] == f"fibre/{fibre}"
    assert opened["alarms"] == 2
    mine = f"sequence > {story.before}"
    assert stored(chain, "resource", f"event WHERE {mine}") == [f"interface/{end}" for end in ends]
    assert stored(chain, "version", f"trap WHERE {mine}") == [f"v{version}"]
    assert stored(chain, "source", f"trap WHERE {mine}") == sorted(lab_inventory().devices[end.split("/")[0]].address for end in ends)
    services = stored(chain, "service", f"outage_current WHERE incident = '{incident}' AND state = 'down'")
    assert services == sorted(one["service"] for one in opened["services"] if one["state"] == "down") != []
    assert stored(chain, "confirmed_by", f"outage_current WHERE incident = '{incident}'") == [""]  # no poll has confirmed it
    for end in ends:
        snmptrap(chain, end, UP, version=version)
        story.sent += 1
    story.until_journaled()
    story.until_true()
    story.until_told("incident.resolved", "resolved")
    assert stored(chain, "state", f"incident_current WHERE id = '{incident}'") == ["resolved"]
    becomes(lambda: stored(chain, "service", f"outage_current WHERE incident = '{incident}' AND ended_at IS NULL"), [], "outages end")
    eventually(lambda: "delivered" in stored(chain, "outcome", f"receipt WHERE subject = '{incident}'"), "receipts are stored")
    until_sums_hold(chain)


def test_a_notification_that_no_rule_knows_is_an_event_and_nothing_more(chain: Installation) -> None:
    """From a device that is not declared, too: it is stored under its address."""
    command = ["snmptrap", "-v2c", "-cpublic", "-m", "", "--clientaddr=127.20.99.1", f"127.0.0.1:{chain.trap_port}"]
    subprocess.run([*command, "", ".1.3.6.1.4.1.99999.0.1", ".1.3.6.1.4.1.99999.1.1.0", "s", "what?"], check=True, timeout=20)
    becomes(lambda: stored(chain, "alarm_type", "event WHERE resource = 'unknown/127.20.99.1'"), ["unknown-notification"], "it is stored")
    assert stored(chain, "id", "incident_current WHERE root_cause = 'unknown/127.20.99.1'") == []
    until_sums_hold(chain)
