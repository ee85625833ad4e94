"""The whole chain with the lab on the wire: what a trap claims is asked back at once, though the schedule would not poll for years."""

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.lab.config import inventory_dir
from tests.support.installation import Installation, becomes, eventually, free_ports, installation
from tests.support.lab import lab_inventory

pytestmark = pytest.mark.slow

LINK = "interface/ams-p1/et-0/0/0"
PEER = "peer/rtm-p1/127.20.0.1"


@dataclass
class Plant:
    """An installation, and the running lab that it watches."""

    chain: Installation
    control: str

    def do(self, command: str) -> None:
        """Give the lab a command."""
        body = json.dumps({"command": command}).encode()
        request = urllib.request.Request(f"http://{self.control}/commands", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def alarm(self, resource: str) -> dict[str, Any]:
        """The last change of the alarm on a resource, nothing while there is none."""
        found = self.chain.query(
            "SELECT reason, is_cleared, raised_by, cleared_by, confirmed_at IS NOT NULL AS confirmed, event, alarm_type, qualifier"
            f" FROM alarm_change FINAL WHERE resource = '{resource}' ORDER BY revision DESC LIMIT 1"
        )
        return found[0] if found else {}

    def reason(self, resource: str) -> str:
        return str(self.alarm(resource).get("reason", ""))

    def explained(self, resource: str) -> str:
        """What `assure explain` prints of the alarm on a resource."""
        (row,) = self.chain.query(f"SELECT DISTINCT id FROM alarm_change WHERE resource = '{resource}'")
        command = [sys.executable, "-m", "pipeline", "explain", row["id"], "--config", str(self.chain.settings_file)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """The lab on ports of its own, and everything that `assure up` starts; devices are polled only when they are asked about."""
    folder = tmp_path_factory.mktemp("questions")
    agents, control = free_ports(1), f"127.0.0.1:{free_ports(1)}"
    shutil.copytree(inventory_dir(), folder / "inventory")
    network = folder / "inventory" / "network.yaml"
    network.write_text(network.read_text().replace("port: 16161", f"port: {agents}"))
    with installation(folder, inventory=folder / "inventory", questions_per_s=20, settle_s=1.5) as chain:
        command = [sys.executable, "-m", "pipeline", "lab", "run", "--inventory", str(folder / "inventory"), "--control", control]
        target = ["--trap-target", f"127.0.0.1:{chain.trap_port}", "--watch-stdin"]
        lab = subprocess.Popen([*command, *target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert lab.stdout is not None
            assert lab.stdout.readline().startswith("ready")
            eventually(lambda: chain.metric("polls", "assure_questions_heard"), "questions can be heard")
            yield Plant(chain, control)
        finally:
            lab.terminate()
            lab.wait(20)


def polls_of(plant: Plant, device: str) -> list[dict[str, Any]]:
    return plant.chain.query(f"SELECT outcome, on_suspicion FROM poll FINAL WHERE device = '{device}'")


def test_a_false_link_down_is_contradicted_by_the_device(plant: Plant) -> None:
    """The alarm is cleared by a poll of the device itself, and the evidence says so; nobody is paged for it."""
    plant.do(f"false-raise {LINK}")
    becomes(lambda: plant.reason(LINK), "contradicted-by-poll", "the claim is contradicted")
    alarm = plant.alarm(LINK)
    assert (alarm["raised_by"], alarm["cleared_by"], alarm["confirmed"]) == ("trap", "poll", 0)
    becomes(lambda: {poll["on_suspicion"] for poll in polls_of(plant, "ams-p1")}, {True}, "its device was polled out of turn alone")
    becomes(
        lambda: plant.chain.query(f"SELECT source, signal, rule FROM event FINAL WHERE id = '{alarm['event']}'"),
        [{"source": "poll", "signal": "clear", "rule": "contradicted-by-poll"}],
        "what the poll said is an event",
    )
    said = plant.explained(LINK)
    assert "clear by poll (contradicted-by-poll)" in said
    assert "poll of ams-p1 on suspicion: answered" in said
    assert plant.chain.query("SELECT count() AS n FROM incident_current WHERE root_cause LIKE '%ams-p1%'") == [{"n": 0}]


def test_a_true_loss_of_a_session_is_confirmed_by_the_device(plant: Plant) -> None:
    """Both ends were asked within seconds of the traps, and the alarm is the one that the trap raised."""
    plant.do("fail-peer ams-p1/127.20.0.2")
    becomes(lambda: plant.reason(PEER), "confirmed-by-poll", "the claim is confirmed")
    alarm = plant.alarm(PEER)
    assert (alarm["raised_by"], alarm["alarm_type"], alarm["qualifier"], alarm["confirmed"]) == ("trap", "peer-down", "bgp", 1)


def test_a_poll_on_suspicion_finds_what_another_trap_left_out(plant: Plant) -> None:
    """One end's notifications are lost: what makes the device talk at all tells of its session too."""
    own = "peer/dus-p1/127.20.0.6"
    plant.do("false-raise interface/dus-p1/et-0/0/0")
    becomes(lambda: plant.reason("interface/dus-p1/et-0/0/0"), "contradicted-by-poll", "the device was polled, its sessions are known")
    plant.do("drop-traps dus-p1")
    plant.do("fail-peer dus-p1/127.20.0.6")
    becomes(lambda: plant.reason("peer/fra-p1/127.20.0.5"), "confirmed-by-poll", "the other end has told")
    plant.do("false-raise interface/dus-p1/et-0/0/1")
    becomes(lambda: plant.reason(own), "lost-raise-settled-by-poll", "the lost notification is settled")
    assert plant.alarm(own)["raised_by"] == "poll"


def test_questions_and_polls_are_counted(plant: Plant) -> None:
    """Every poll was asked for, and the sums hold."""
    polled = plant.chain.metric("polls", "assure_polls_on_suspicion_total")
    assert polled == plant.chain.metric("polls", "assure_questions_total", reason="asked") > 0
    assert plant.chain.metric("polls", "assure_polls_total") == polled
    assert plant.chain.metric("worker", "assure_questions_asked_total", reason="raised-by-trap") > 0
    assert {device for device in lab_inventory().devices if polls_of(plant, device)} < set(lab_inventory().devices)
