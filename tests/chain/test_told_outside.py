"""On a running installation: customers read it in their language, other systems hear of it by TMF642, and what these do is seen here."""

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pipeline.lab.config import inventory_dir
from tests.chain.story import Story
from tests.chain.test_notifications import DOWN, UP, snmptrap
from tests.support.fibre_cut import about_fibre
from tests.support.installation import Installation, becomes, eventually, free_ports, write_installation
from tests.support.lab import lab_inventory
from tests.support.mailbox import Mailbox, mail_server
from tests.support.messaging import FakeMessaging
from tests.support.on_call import ENCODED_SECRET, OnCall
from tests.support.serving import served
from tests.support.tmf_api import ALARM, OPERATOR, PROBLEM

pytestmark = [pytest.mark.slow, pytest.mark.whole, pytest.mark.needs_netsnmp]

HUB = f"{ALARM.rpartition('/')[0]}/hub"
GOLD, SILVER = "noc@northsea.example", ("ict@duinzicht.example", "helpdesk@scheldt.example")
PHONE = "+31201234567"
NOTICES = """\
rules:
  - {name: gold, tiers: [gold], states: [down], after_min: 0.02, progress_every_min: 0.05}
  - {name: silver, tiers: [silver], states: [down], after_min: 0.02, progress_every_min: 0}
most_per_hour: 50
tests:
  - {tier: bronze, state: down, lasts_min: 600, told: []}
"""
SETTINGS = """\
receivers:
  - name: to-customers
    kind: email
    url: "smtp://127.0.0.1:{mail}"
    sender: service@operator.example
    to: [noc@operator.example]
    allow_private: true
messages: {{sending: true, mail: to-customers, sender: service@operator.example, tmf681_url: "{messaging}", allow_private: true}}
"""
API = """\
api:
  listen: "{listen}"
  tokens: [{{name: oss, role: operator, secret: file:oss.secret}}]
  hubs_private: true
  hubs_secret: file:webhook.secret
"""


class Listener:
    """Takes events of hubs that are signed; while ``refuse`` is set it is away, as a system that is restarted."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.forged = 0
        self.refuse = threading.Event()
        verifier, listener = Webhook(ENCODED_SECRET), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if listener.refuse.is_set():
                    self.send_response(503)
                else:
                    try:
                        listener.events.append(verifier.verify(body, dict(self.headers.items())))
                        self.send_response(201)
                    except WebhookVerificationError:
                        listener.forged += 1
                        self.send_response(401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/listener"

    def of(self, alarm: str) -> list[tuple[str, str, str]]:
        """Kind, state and acknowledgement of an alarm's events, each once, in the order in which they came."""
        told = [(one["eventId"], one["eventType"], one["event"]["alarm"]) for one in list(self.events) if one["correlationId"] == alarm]
        return list({name: (kind, shown["state"], shown["ackState"]) for name, kind, shown in told}.values())


@dataclass
class Outside:
    """An installation, and all that it tells."""

    chain: Installation
    mailbox: Mailbox
    messaging: FakeMessaging
    listener: Listener

    def call(self, method: str, path: str, body: object = None) -> Any:
        """A call of another system with its token."""
        url, data = f"http://{self.chain.settings.api.listen}{path}", None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:
            return json.load(answer)

    def assure(self, *words: str) -> str:
        """What a command prints."""
        command = [sys.executable, "-m", "pipeline", *words, "--config", str(self.chain.settings_file)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=os.environ | {"COLUMNS": "200"}).stdout

    def phoned(self) -> list[str]:
        """Subjects of what the messaging system was given for the phone."""
        return [one["subject"] for one in list(self.messaging.sent) if one["receiver"][0].get("phoneNumber") == PHONE]


def subjects(mailbox: Mailbox, address: str) -> list[str]:
    """What one address has read, each mail once by its Message-ID: a kill may have the server handed one again."""
    return list({str(mail["Message-ID"]): str(mail["Subject"]) for mail in mailbox.to(address)}.values())


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(inventory_dir(), folder / "inventory")
    customers = folder / "inventory" / "customers.yaml"
    own = f"{{channel: email, address: {GOLD}}}"
    customers.write_text(customers.read_text().replace(own, f'{own}, {{channel: tmf681, address: "{PHONE}"}}'))
    mailbox, messaging, listener, port = Mailbox(), FakeMessaging(), Listener(), free_ports(1)
    with ExitStack() as stack:
        on_call = stack.enter_context(OnCall())
        stack.enter_context(mail_server(mailbox, port))
        url = stack.enter_context(served(messaging.application()))
        threading.Thread(target=listener.server.serve_forever, daemon=True).start()
        stack.callback(listener.server.server_close)
        stack.callback(listener.server.shutdown)
        chain = Installation(_written(folder, on_call.port, port, url), on_call)
        stack.callback(chain.stop)
        try:
            chain.start()
            yield Outside(chain, mailbox, messaging, listener)
        except BaseException as error:
            error.add_note(chain.output)
            raise


def _written(folder: Path, webhook: int, mail: int, messaging: str) -> Path:
    settings = write_installation(folder, webhook, inventory=folder / "inventory")
    lines = settings.read_text().splitlines()
    (api,) = (line for line in lines if line.startswith("api:"))
    rest = "\n".join(line for line in lines if line != api)
    listen = api.split('"')[1]
    settings.write_text(f"{rest}\n{SETTINGS.format(mail=mail, messaging=messaging)}{API.format(listen=listen)}")
    secret = folder / "oss.secret"
    secret.touch(mode=0o600)
    secret.write_text(OPERATOR)
    (folder / "rules" / "notices.yaml").write_text(NOTICES)
    return settings


def say(story: Story, *, up: bool) -> None:
    """The ends of the fibre's links by net-snmp, the heads of the paths over them by the devices' own datagrams."""
    links = [link for link in lab_inventory().links.values() if story.fibre in link.fibres]
    ends = [end for link in links for end in (link.a, link.b)]
    for end in ends:
        snmptrap(story.chain, end, UP if up else DOWN, version="2c")
    story.sent += len(ends)
    story.send(about_fibre(story.fibre, up=up, uptime=9000 if up else 4711)[len(ends) :])
    story.until_journaled()
    story.until_true()
    story.until_told(*(("incident.resolved", "resolved") if up else ("incident.opened", "acknowledged")))


def test_customers_and_other_systems_are_told_whatever_is_killed_and_what_these_do_comes_back(outside: Outside) -> None:
    """Net-snmp's traps tell of a cut; outputs die while customers are told, and again while the listener of events is away."""
    chain, mailbox, listener = outside.chain, outside.mailbox, outside.listener
    registered = outside.call("POST", HUB, {"callback": listener.url})
    story = Story.of(chain, "f-ams-rtm-1")
    say(story, up=False)
    incident = story.incident()

    eventually(lambda: mailbox.to(GOLD), "gold is told")
    before = chain.kill("outputs")
    chain.until_back("outputs", before)
    eventually(lambda: all(mailbox.to(one) for one in SILVER), "silver is told")
    eventually(lambda: "We are still working on it" in subjects(mailbox, GOLD)[-1], "gold is told how it goes on")
    eventually(lambda: "We are still working on it" in " ".join(outside.phoned()), "by phone too")
    first, in_dutch = mailbox.to(GOLD)[0], mailbox.to(SILVER[0])[0]
    assert subjects(mailbox, GOLD)[0] == outside.phoned()[0] == f"[{incident[:8]}] Your service is not working"
    assert "a damaged fibre cable" in first.get_content()
    assert str(in_dutch["Subject"]) == f"[{incident[:8]}] Uw dienst is buiten werking"
    assert "een beschadigde glasvezelkabel" in in_dutch.get_content()

    end = next(link.a for link in lab_inventory().links.values() if story.fibre in link.fibres)
    (row,) = chain.query(f"SELECT id FROM alarm_current WHERE resource = 'interface/{end}' AND alarm_type = 'link-down'")
    alarm = str(row["id"])
    eventually(lambda: listener.of(alarm), "the alarm is told of")
    listener.refuse.set()
    _handle(outside, alarm, incident)
    before = chain.kill("outputs")
    chain.until_back("outputs", before)
    listener.refuse.clear()
    say(story, up=True)

    wanted = [
        ("AlarmCreateEvent", "raised", "unacknowledged"),
        ("AlarmAttributeValueChangeEvent", "raised", "acknowledged"),
        ("AlarmStateChangeEvent", "cleared", "acknowledged"),
    ]
    becomes(lambda: listener.of(alarm), wanted, "the alarm's life is told, in order, whatever was killed")
    assert listener.forged == 0
    assert outside.call("GET", f"{HUB}/{registered['id']}")["callback"] == listener.url
    _read_that_it_is_over(outside, incident)


def _handle(outside: Outside, alarm: str, incident: str) -> None:
    """Another system acknowledges the alarm and takes the incident on; the operator's terminal shows by whom."""
    done = outside.call("PATCH", f"{ALARM}/{alarm}", {"ackState": "acknowledged", "ackUserId": "alice"})
    assert (done["ackState"], done["ackUserId"], done["ackSystemId"]) == ("acknowledged", "alice", "oss")
    note = {"text": "a team is under way", "author": "alice"}
    outside.call("PATCH", f"{PROBLEM}/{incident}", {"note": [note], "status": "inProgress"})
    eventually(lambda: "oss:alice: a team is under way" in outside.assure("incidents", incident), "the note is on the incident")
    assert "by oss at" in outside.assure("incidents", incident)
    assert "acknowledged" in outside.assure("alarms")


def _read_that_it_is_over(outside: Outside, incident: str) -> None:
    """Each customer who was told of it, with the cause, in their language; nobody else has read anything, nothing was sent twice."""
    ends = {GOLD: ("Your service works again", "a damaged fibre cable")} | dict.fromkeys(
        SILVER, ("Uw dienst werkt weer", "een beschadigde glasvezelkabel")
    )
    mailbox = outside.mailbox
    for address, (subject, cause) in ends.items():
        becomes(lambda a=address: subjects(mailbox, a)[-1], f"[{incident[:8]}] {subject}", f"{address} reads that it is over")  # type: ignore[misc]  # bound
        assert cause in mailbox.to(address)[-1].get_content()
    becomes(lambda: outside.phoned()[-1], f"[{incident[:8]}] Your service works again", "by phone too")
    assert {str(mail["To"]) for mail in mailbox.mails} == set(ends)
    assert {one["receiver"][0].get("phoneNumber") for one in outside.messaging.sent} == {PHONE}
    keys = [one["characteristic"][0]["value"] for one in outside.messaging.sent]
    assert len(keys) == len(set(keys))
    listed = outside.assure("messages", "ls", incident[:8])
    assert f"'[{incident[:8]}] Your service works again' to 1 by email, 1 by tmf681" in listed
