"""The closed loop on a real store: proposed, approved, started at most once, verified by a poll; what people read on the incident."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from pipeline.config.output_settings import ActionSettings
from pipeline.config.secret import Secret
from pipeline.core.effect import Effect
from pipeline.core.inventory import Tier
from pipeline.core.obligation import StoredRemedy
from pipeline.core.remedy import Radius, RemedyState, remedies
from pipeline.obligations import Obligations
from pipeline.outputs.actor import HttpActor, ProgramActor
from pipeline.outputs.ports import Again, Delivery, Done, Refused
from pipeline.outputs.remedy import RemedyOutput, start_of
from pipeline.outputs.webhook import open_sessions
from tests.core.test_notice import START
from tests.core.test_remedy import ENDED, RULE, SICK

S = 10**9
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VALUES = {"incident": "inc-1", "resource": "peer/pe1/192.0.2.9"}


class Hand:
    """An action that counts, and answers as told."""

    def __init__(self, *answers: Delivery) -> None:
        self.answers = list(answers)
        self.asked: list[Mapping[str, Any]] = []

    async def act(self, key: str, values: Mapping[str, Any]) -> Delivery:
        self.asked.append({**values, "key": key})
        return self.answers.pop(0) if self.answers else Done(detail="restarted")


class Loop:
    """An output with its store and a clock that is set by hand."""

    def __init__(self, store: Obligations, hand: Hand, *, acting: bool = True) -> None:
        self.now = START
        self.store = store
        self.polled: list[str] = []
        self.out = RemedyOutput({"restart-session": hand}, store, acting=acting, ask=self._ask, clock=lambda: self.now)

    async def _ask(self, remedy: StoredRemedy) -> None:
        self.polled.append(remedy.body["device"])

    async def propose(self, rule: object = RULE, found: Radius | None = None) -> StoredRemedy:
        (effect,) = remedies(SICK, None, (rule,), ("peer-down",), lambda: found or Radius(0), START, START)  # type: ignore[arg-type]  # a rule
        await self.out.deliver(effect)
        return self.remedy

    def approve(self) -> Effect:
        start = start_of(self.remedy, self.now)
        assert self.store.move_remedy(
            self.remedy.name, RemedyState.PROPOSED, (start,), state=RemedyState.APPROVED, decided_by="ann", decided_at=self.now
        )
        return start

    @property
    def remedy(self) -> StoredRemedy:
        return self.store.remedies()[0]

    def following(self, end: str) -> Effect:
        return next(one.effect for one in self.store.effects("inc-1") if one.effect.key.endswith(end))

    @property
    def comments(self) -> list[str]:
        return [one.operation.text for one in reversed(self.store.operations("inc-1"))]


async def test_a_proposal_waits_for_people_and_says_so_once(store: Obligations) -> None:
    loop = Loop(store, hand := Hand())
    for _ in range(2):
        await loop.propose()
    assert loop.remedy.state is RemedyState.PROPOSED
    assert loop.comments == [
        "Remedy restart: restart-session on peer/pe1/192.0.2.9 is proposed; it waits for approval: assure remedies approve.",
    ]
    assert hand.asked == []


async def test_an_approved_one_is_started_once_and_verified_by_a_poll(store: Obligations) -> None:
    """The device is asked at once; a poll after the action that finds the incident over is the proof."""
    loop = Loop(store, hand := Hand())
    await loop.propose()
    start = loop.approve()
    for _ in range(2):
        assert isinstance(await loop.out.deliver(start), Done)
    assert [one["resource"] for one in hand.asked] == ["peer/pe1/192.0.2.9"]
    assert loop.polled == ["pe1"]
    verify = loop.following(":verify")
    assert await loop.out.deliver(verify) == Again("it is watched", 5.0, planned=True)
    (over,) = remedies(ENDED, SICK, (RULE,), ("peer-down",), lambda: Radius(0), START + 20 * S, START + 20 * S)
    await loop.out.deliver(over)
    loop.now += 20 * S
    await loop.out.deliver(verify)
    assert loop.remedy.state is RemedyState.VERIFIED
    assert loop.comments[-1] == "Remedy restart is verified: a poll saw it well."


@pytest.mark.parametrize(("over", "says"), [(False, "it did not help"), (True, "it is over, and no poll has said so since")])
async def test_what_no_poll_has_seen_repaired_says_how_to_roll_back(store: Obligations, over: bool, says: str) -> None:
    loop = Loop(store, Hand())
    await loop.propose()
    await loop.out.deliver(loop.approve())
    if over:
        (effect,) = remedies(ENDED, SICK, (RULE,), ("peer-down",), lambda: Radius(0), START - S, START + S)
        await loop.out.deliver(effect)
    loop.now += 300 * S
    await loop.out.deliver(loop.following(":verify"))
    assert loop.remedy.state is RemedyState.UNVERIFIED
    assert loop.comments[-1] == f"Remedy restart is unverified: {says}. Roll-back: look at both sides"


async def test_one_whose_process_was_killed_while_it_was_started_is_not_started_again(store: Obligations) -> None:
    loop = Loop(store, hand := Hand())
    await loop.propose()
    start = loop.approve()
    store.move_remedy(loop.remedy.name, RemedyState.APPROVED, state=RemedyState.STARTING, started_at=START)
    await loop.out.deliver(start)
    assert loop.remedy.state is RemedyState.UNKNOWN
    assert hand.asked == []
    assert "nobody knows whether it was" in loop.comments[-1]


async def test_one_that_needs_no_approval_starts_by_itself(store: Obligations) -> None:
    loop = Loop(store, hand := Hand())
    await loop.propose(replace(RULE, approval=False))
    await loop.out.deliver(loop.following(":start"))
    assert loop.remedy.state is RemedyState.DONE
    assert len(hand.asked) == 1


@pytest.mark.parametrize(
    ("acting", "found", "says"),
    [
        (False, Radius(0), "dry run"),
        (True, Radius(1), "it could touch 1 services that still work"),
        (True, Radius(0, (Tier.GOLD,)), "services of gold customers"),
    ],
)
async def test_the_guard_rails_hold_after_an_approval_too(store: Obligations, acting: bool, found: Radius, says: str) -> None:
    loop = Loop(store, hand := Hand(), acting=acting)
    await loop.propose(replace(RULE, spare=(Tier.GOLD,)), found)
    await loop.out.deliver(loop.approve())
    assert loop.remedy.state is RemedyState.REFUSED
    assert says in loop.comments[-1]
    assert hand.asked == []


async def test_an_incident_that_is_over_needs_none(store: Obligations) -> None:
    loop = Loop(store, hand := Hand())
    await loop.propose()
    start = loop.approve()
    (over,) = remedies(ENDED, SICK, (RULE,), ("peer-down",), lambda: Radius(0), START, START)
    await loop.out.deliver(over)
    await loop.out.deliver(start)
    assert loop.remedy.state is RemedyState.OVER
    assert hand.asked == []


async def test_an_action_that_fails_is_told_with_what_it_said(store: Obligations) -> None:
    loop = Loop(store, Hand(Refused("exit code 3: no such session")))
    await loop.propose()
    await loop.out.deliver(loop.approve())
    assert loop.remedy.state is RemedyState.FAILED
    assert loop.comments[-1] == "Remedy restart is failed: exit code 3: no such session. Roll-back: look at both sides"


async def test_a_program_gets_json_on_its_standard_input_and_no_shell(tmp_path: Path) -> None:
    """What a device's name holds is an argument of nothing."""
    script = "import json, os, sys; v = json.load(sys.stdin); print(v['resource'], sorted(os.environ))"
    values = {**VALUES, "resource": f"peer/$(touch {tmp_path}/x)/1"}
    answer = await ProgramActor((sys.executable, "-c", script), 20).act("k", values)
    assert isinstance(answer, Done)
    assert "touch" in answer.detail
    assert "LANG" in answer.detail
    assert "HOME" not in answer.detail
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240  # one look in an empty folder


@pytest.mark.parametrize(
    ("script", "says"), [("raise SystemExit(3)", "exit code 3"), ("import time; time.sleep(60)", "did not end within 0.5 s and was killed")]
)
async def test_a_program_that_fails_or_hangs_is_a_failure(script: str, says: str) -> None:
    answer = await ProgramActor((sys.executable, "-c", script), 0.5 if "sleep" in script else 20).act("k", VALUES)
    assert isinstance(answer, Refused)
    assert says in answer.detail


@pytest.mark.parametrize(("status", "kind"), [(202, Done), (500, Refused), (302, Refused)])
async def test_a_post_is_signed_and_known_again(status: int, kind: type[Delivery]) -> None:
    heard: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        body = await request.text()
        Webhook(SECRET).verify(body, dict(request.headers))
        heard.append({**json.loads(body), "key": request.headers["Idempotency-Key"]})
        return web.Response(status=status, text="so", headers={"Location": "http://192.0.2.1/"} if status == 302 else {})

    app = web.Application()
    app.add_routes([web.post("/act", take)])
    async with TestServer(app) as server, open_sessions() as sessions:
        own = ActionSettings("restart", str(server.make_url("/act")), Secret(SECRET), allow_private=True)
        answer = await HttpActor(own, sessions, time.time_ns).act("remedy:1:start", VALUES)
    assert isinstance(answer, kind)
    assert heard == [{**VALUES, "key": "remedy:1:start"}]


async def test_a_private_address_is_not_called_unless_it_is_allowed() -> None:
    async with open_sessions() as sessions:
        answer = await HttpActor(ActionSettings("x", "https://127.0.0.1/act", Secret(SECRET)), sessions).act("k", VALUES)
    assert isinstance(answer, Refused)
    assert "allow_private" in answer.detail
