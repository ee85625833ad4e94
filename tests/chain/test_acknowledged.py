"""On a running installation: PagerDuty is told, and told again, until somebody acknowledges there, whatever is killed meanwhile."""

import hashlib
import hmac
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.chain.story import Story
from tests.support.fibre_cut import about_fibre
from tests.support.installation import Installation, becomes, eventually, write_installation
from tests.support.on_call import OnCall

pytestmark = [pytest.mark.slow, pytest.mark.whole]

KEY = "a-secret-of-pagerduty"
ROUTING = """\
tickets: {system: tmf621, min_severity: warning}
people:
  - {name: alice, receivers: [pd]}
on_call:
  - {name: core, rotations: [{people: [alice], starts_on: 2026-01-05}]}
routes:
  - {name: on-call, webhook: on-call, min_severity: warning, events: [opened, updated, resolved]}
  - name: noc
    min_severity: warning
    events: [opened, repeated, acknowledged, resolved]
    routes:
      - {name: duty, on_call: core, hold_down_s: 0.5, repeat_min: 0.05}
tests:
  - {severity: warning, routes: [on-call, duty], receivers: [on-call, pd], ticket: true}
"""


class PagerDuty:
    """Takes events, and keeps them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        kept = self.events

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                kept.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(202)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def actions(self, incident: str) -> list[str]:
        return [one["event_action"] for one in self.events if one["dedup_key"] == incident]


@contextmanager
def running(folder: Path, pagerduty: PagerDuty) -> Iterator[Installation]:
    with OnCall() as on_call:
        settings = write_installation(folder, on_call.port)
        for name, secret in (("routing-key", "R0UT1NGK3Y"), ("ack", KEY)):
            path = folder / f"{name}.secret"
            path.touch(mode=0o600)
            path.write_text(secret)
        url = f"http://127.0.0.1:{pagerduty.server.server_address[1]}/v2/enqueue"
        own = f'name: pd, kind: pagerduty, url: "{url}", secret: file:routing-key.secret, ack_secret: file:ack.secret'
        settings.write_text(f"{settings.read_text()}receivers:\n  - {{{own}, allow_private: true}}\n")
        (folder / "rules" / "routing.yaml").write_text(ROUTING)
        chain = Installation(settings, on_call)
        try:
            chain.start()
            yield chain
        except BaseException as error:
            error.add_note(chain.output)
            raise
        finally:
            chain.stop()


def acknowledge(chain: Installation, incident: str) -> Any:
    """As PagerDuty tells that a person did it."""
    agent, data = {"type": "user_reference", "summary": "Alice"}, {"incident_key": incident}
    body = json.dumps({"event": {"id": "evt-1", "event_type": "incident.acknowledged", "agent": agent, "data": data}}).encode()
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    url = f"http://{chain.settings.api.listen}/api/receivers/pd"
    request = urllib.request.Request(url, body, {"X-PagerDuty-Signature": f"v1={signature}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_it_is_told_until_it_is_acknowledged_there_and_ended(tmp_path: Path) -> None:
    pagerduty = PagerDuty()
    threading.Thread(target=pagerduty.server.serve_forever, daemon=True).start()
    try:
        with running(tmp_path, pagerduty) as chain:
            story = Story.of(chain, "f-ams-rtm-1")
            story.send(about_fibre(story.fibre))
            story.until_journaled()
            story.until_true()
            story.until_told("incident.opened", "acknowledged")
            incident = story.incident()
            eventually(lambda: len(pagerduty.actions(incident)) >= 2, "PagerDuty is told, and told again")
            for part in ("worker", "outputs"):
                before = chain.kill(part)
                chain.until_back(part, before)
            for _ in range(2):  # PagerDuty tells again what was not answered in time
                eventually(lambda: acknowledge(chain, incident)["done"][0]["outcome"] == "done", "it is acknowledged here")
            held = f"SELECT acknowledged_by FROM incident_current WHERE id = '{incident}'"
            becomes(lambda: chain.query(held), [{"acknowledged_by": "Alice (pd)"}], "the history says who has it")
            eventually(lambda: "acknowledge" in pagerduty.actions(incident), "and PagerDuty that it is known here")
            story.mend()
            eventually(lambda: "resolve" in pagerduty.actions(incident), "PagerDuty is told of the end")
            actions = pagerduty.actions(incident)
            assert actions == ["trigger"] * actions.count("trigger") + ["acknowledge", "resolve"]
            asked = f"SELECT count() AS n FROM operation FINAL WHERE target = '{incident}' AND outcome = 'done'"
            becomes(lambda: chain.query(asked), [{"n": 1}], "it was done once")
    finally:
        pagerduty.server.shutdown()
        pagerduty.server.server_close()
