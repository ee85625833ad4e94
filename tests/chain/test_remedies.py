"""The closed loop on a running installation: approved, done once, and seen by a poll of the lab's device; or not, and why."""

import json
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from pipeline.core.obligation import StoredRemedy
from pipeline.core.remedy import RemedyState
from pipeline.lab.config import inventory_dir
from pipeline.obligations import Obligations
from tests.support.installation import Installation, becomes, eventually, free_ports, write_installation
from tests.support.mailbox import Mailbox, mail_server
from tests.support.on_call import ENCODED_SECRET, OnCall

pytestmark = [pytest.mark.slow, pytest.mark.whole]

ENDED = (RemedyState.VERIFIED, RemedyState.UNVERIFIED, RemedyState.FAILED)

RULES = """\
rules:
  - name: reset
    action: reset
    kinds: [port, interface]
    resource: "*/dft-ac1/*"
    min_probability: 0
    most_services: 50
    per_hour: 1
    pause_min: 0
    verify_s: 30
    roll_back: Send somebody to Delft.
  - name: by-itself
    action: reset-by-http
    kinds: [port, interface]
    resource: "*/ley-ac1/*"
    min_probability: 0
    approval: false
    most_services: 50
    pause_min: 0
    verify_s: 30
    roll_back: Send somebody to Leiden.
  - name: in-the-core
    action: reset
    kinds: [port, interface]
    resource: "*/ams-pe1/*"
    min_probability: 0
    roll_back: Nothing is ever done here.
  - name: slow
    action: slow
    kinds: [port, interface]
    resource: "*/slo-ac1/*"
    min_probability: 0
    most_services: 50
    pause_min: 0
    verify_s: 30
    roll_back: Look at the port by hand.
tests: []
"""
SETTINGS = """\
remedies:
  acting: true
  actions:
    - {{name: reset, argv: ["{python}", "{folder}/reset.py", "{control}", "{folder}/done"]}}
    - {{name: reset-by-http, url: "http://127.0.0.1:{http}/", secret: file:webhook.secret, allow_private: true}}
    - {{name: slow, argv: ["{python}", "{folder}/slow.py", "{folder}/begun"]}}
receivers:
  - {{name: to-customers, kind: email, url: "smtp://127.0.0.1:{mail}", sender: s@op.example, to: [n@op.example], allow_private: true}}
messages: {{mail: to-customers}}
"""
RESET = """\
import json, sys, urllib.request

values = json.load(sys.stdin)
with open(sys.argv[2], "a") as file:
    print(values["resource"], values["key"], file=file)
body = json.dumps({"command": "restore-port " + values["resource"].partition("/")[2]}).encode()
urllib.request.urlopen(urllib.request.Request(f"http://{sys.argv[1]}/commands", body, {"Content-Type": "application/json"}), timeout=10)
print("the port was reset")
"""
SLOW = """\
import json, sys, time

with open(sys.argv[1], "a") as file:
    print(json.load(sys.stdin)["resource"], file=file)
time.sleep(600)
"""
NOTICES = """\
rules:
  - {name: everybody, states: [down, degraded], after_min: 0, progress_every_min: 0}
tests: []
"""


@dataclass
class Loop:
    """An installation, the lab that it watches, and what was done to it."""

    chain: Installation
    control: str
    folder: Path
    mailbox: Mailbox
    posted: list[dict[str, Any]] = field(default_factory=list)

    def do(self, command: str) -> None:
        """Give the lab a command."""
        body = json.dumps({"command": command}).encode()
        request = urllib.request.Request(f"http://{self.control}/commands", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def assure(self, *words: str) -> str:
        """What a command prints."""
        command = [sys.executable, "-m", "pipeline", *words, "--config", str(self.chain.settings_file)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def remedy(self, rule: str) -> StoredRemedy | None:
        """The newest remedy by a rule."""
        with Obligations(self.chain.settings.obligations_url()) as store:
            return next((one for one in store.remedies() if one.rule == rule), None)

    def until(self, rule: str, *states: RemedyState) -> StoredRemedy:
        """Wait until the newest remedy by a rule is in one of these states."""
        found = eventually(lambda: (one := self.remedy(rule)) is not None and one.state in states and one, f"{rule} is {states}")
        assert found
        return found

    def done(self, name: str = "done") -> list[str]:
        """What programs were started for."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def said(self, incident: str) -> list[str]:
        """Comments of the closed loop on an incident."""
        found = self.chain.query(f"SELECT `comments.text` AS texts FROM incident_current WHERE id = '{incident}'")
        return [text for row in found for text in row["texts"] if text.startswith("Remedy ")]


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("remedies")
    agents, control, mail = free_ports(1), f"127.0.0.1:{free_ports(1)}", free_ports(1)
    shutil.copytree(inventory_dir(), folder / "inventory")
    network = folder / "inventory" / "network.yaml"
    network.write_text(network.read_text().replace("port: 16161", f"port: {agents}"))
    (folder / "reset.py").write_text(RESET)
    (folder / "slow.py").write_text(SLOW)
    with ExitStack() as stack:
        on_call, mailbox = stack.enter_context(OnCall()), Mailbox()
        stack.enter_context(mail_server(mailbox, mail))
        settings = write_installation(folder, on_call.port, inventory=folder / "inventory", questions_per_s=20)
        (folder / "rules" / "remedies.yaml").write_text(RULES)
        (folder / "rules" / "notices.yaml").write_text(NOTICES)
        chain = Installation(settings, on_call)
        running = Loop(chain, control, folder, mailbox)
        http = stack.enter_context(_hand(running))
        values = {"python": sys.executable, "folder": folder, "control": control, "http": http, "mail": mail}
        settings.write_text(settings.read_text() + SETTINGS.format(**values))
        stack.callback(chain.stop)
        try:
            chain.start()
            stack.enter_context(_lab(folder, control, chain.trap_port))
            eventually(lambda: chain.metric("polls", "assure_questions_heard"), "questions can be heard")
            yield running
        except BaseException as error:
            error.add_note(chain.output)
            raise


@contextmanager
def _lab(folder: Path, control: str, traps: int) -> Iterator[None]:
    command = [sys.executable, "-m", "pipeline", "lab", "run", "--inventory", str(folder / "inventory"), "--control", control]
    target = ["--trap-target", f"127.0.0.1:{traps}", "--watch-stdin"]
    lab = subprocess.Popen([*command, *target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert lab.stdout is not None
        assert lab.stdout.readline().startswith("ready")
        yield
    finally:
        lab.terminate()
        lab.wait(20)


@contextmanager
def _hand(loop: Loop) -> Iterator[int]:
    """An automation that is asked by a signed POST, and resets the port; gives where it listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            values = Webhook(ENCODED_SECRET).verify(body, dict(self.headers.items()))
            loop.posted.append(values)
            loop.do(f"restore-port {values['resource'].partition('/')[2]}")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def test_what_is_approved_while_outputs_are_dead_is_done_once_and_a_poll_sees_it(loop: Loop) -> None:
    """Proposed on the incident, approved by a person, done by a program; the device itself says that it helped. A second is too many."""
    loop.do("fail-port dft-ac1/ge-0/1/1")
    proposed = loop.until("reset", RemedyState.PROPOSED)
    incident = proposed.incident
    assert loop.done() == []
    before = loop.chain.kill("outputs")
    assert "is approved" in loop.assure("remedies", "approve", "reset", "--incident", incident[:8], "--by", "alice")
    loop.chain.until_back("outputs", before)
    verified = loop.until("reset", *ENDED)
    assert (verified.state, verified.decided_by) == (RemedyState.VERIFIED, "alice"), verified.detail
    assert loop.done() == [f"{proposed.resource} {proposed.name}:start"]
    eventually(lambda: len(loop.said(incident)) == 3, "the incident tells of each step")
    offered, done, seen = loop.said(incident)
    assert "is proposed; it waits for approval" in offered
    assert "was done, approved by alice; polls are watched for 30 s" in done
    assert "is verified: a poll saw it well" in seen
    assert "verified" in loop.assure("remedies", "ls", "--incident", incident[:8])
    assert "a poll saw it well" in loop.assure("incidents", incident)
    assert loop.chain.query(f"SELECT state FROM incident_current WHERE id = '{incident}'") == [{"state": "resolved"}]

    loop.do("fail-port dft-ac1/ge-0/1/2")
    loop.until("reset", RemedyState.PROPOSED)
    loop.assure("remedies", "approve", "reset", "--by", "alice")
    refused = loop.until("reset", RemedyState.REFUSED)
    assert refused.detail == "the rule has started 1 within the hour; it allows 1"
    eventually(lambda: any("is not started: the rule has started 1" in one for one in loop.said(refused.incident)), "and says so")
    assert len(loop.done()) == 1
    loop.do("restore-port dft-ac1/ge-0/1/2")


def test_a_rule_that_needs_no_approval_acts_by_a_signed_post(loop: Loop) -> None:
    """Customers of the incident are told in dry run: what they would read is listed, and the mail server heard nothing."""
    loop.do("fail-port ley-ac1/ge-0/1/0")
    verified = loop.until("by-itself", *ENDED)
    assert verified.state is RemedyState.VERIFIED, verified.detail
    (asked,) = loop.posted
    assert {asked["rule"], asked["device"], asked["incident"]} == {"by-itself", "ley-ac1", verified.incident}
    eventually(lambda: "dry run: '[" in " ".join(loop.assure("messages", "ls").split()), "a dry run has its receipt")
    assert loop.mailbox.mails == []


def test_what_could_touch_services_that_work_is_never_started(loop: Loop) -> None:
    loop.do("fail-port ams-pe1/ge-0/1/0")
    loop.until("in-the-core", RemedyState.PROPOSED)
    loop.assure("remedies", "approve", "in-the-core", "--by", "alice")
    refused = loop.until("in-the-core", RemedyState.REFUSED)
    assert "services that still work; the rule allows 0" in refused.detail
    eventually(lambda: any(refused.detail in one for one in loop.said(refused.incident)), "the incident says why")
    loop.do("restore-port ams-pe1/ge-0/1/0")


def test_one_whose_process_was_killed_while_it_was_started_is_unknown_and_left_to_people(loop: Loop) -> None:
    loop.do("fail-port slo-ac1/ge-0/1/0")
    proposed = loop.until("slow", RemedyState.PROPOSED)
    loop.assure("remedies", "approve", "slow", "--by", "alice")
    eventually(lambda: loop.done("begun"), "it has begun")
    before = loop.chain.kill("outputs")
    loop.chain.until_back("outputs", before)
    unknown = loop.until("slow", RemedyState.UNKNOWN)
    assert unknown.detail == "the process ended while it was started; nobody knows whether it was"
    eventually(lambda: any("Roll-back: Look at the port by hand." in one for one in loop.said(proposed.incident)), "people are told")
    becomes(lambda: loop.done("begun"), [proposed.resource], "it was started once")
