"""PagerDuty's alert is one and the same through a page's life; a Slack message holds no markup; neither tells its secret."""

import json

import pytest
from aiohttp import web

from pipeline.config.receiver_settings import ReceiverKind, ReceiverSettings
from pipeline.config.secret import Secret
from pipeline.outputs.notifying.output import NotifyOutput, notifiers
from pipeline.outputs.ports import Again, Done, Poison, Refused
from pipeline.outputs.webhook import Sessions, WebhookOutput
from tests.outputs.notifying.conftest import Tell
from tests.outputs.receiver import Receiver, receiver


def output(kind: ReceiverKind, there: Receiver, sessions: Sessions) -> NotifyOutput:
    secret, url = (there.url, "") if kind is ReceiverKind.SLACK else ("R0UT1NGK3Y", there.url)
    own = ReceiverSettings("there", kind, url, Secret(secret), allow_private=True)
    store: object = None
    return NotifyOutput(notifiers([own], sessions, store), WebhookOutput((), sessions, store), "https://noc.example.net/")  # type: ignore[arg-type]  # neither keeps anything


async def test_pagerduty_hears_of_one_alert_from_trigger_to_resolve(tell: Tell, sessions: Sessions) -> None:
    async with receiver(*(web.json_response({"status": "success"}, status=202) for _ in range(4))) as there:
        out = output(ReceiverKind.PAGERDUTY, there, sessions)
        done = [await out.deliver(effect) for effect in tell("there")]
    assert all(isinstance(one, Done) and one.remote_id == "inc-1" for one in done)
    sent = [json.loads(one.body) for one in there.requests]
    assert [one["event_action"] for one in sent] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert {one["dedup_key"] for one in sent} == {"inc-1"}
    assert {one["routing_key"] for one in sent} == {"R0UT1NGK3Y"}
    first, second = sent[0]["payload"], sent[1]["payload"]
    assert (first["severity"], second["severity"]) == ("critical", "error")
    assert first["summary"] == "Critical: link/pe1-pe2: 1 service down"
    assert first["source"] == "link/pe1-pe2"
    assert sent[0]["links"][0]["href"] == "https://noc.example.net/incidents/inc-1"
    assert "payload" not in sent[3]


async def test_a_slack_message_is_plain_text_with_a_button(tell: Tell, sessions: Sessions) -> None:
    async with receiver() as there:
        out = output(ReceiverKind.SLACK, there, sessions)
        done = [await out.deliver(effect) for effect in tell("there")]
    assert all(isinstance(one, Done) for one in done)
    sent = [json.loads(one.body) for one in there.requests]
    assert [one["text"].split(":")[0] for one in sent] == ["Critical", "Update (major)", "Acknowledged (major)", "Resolved (critical)"]
    texts = [block["text"] for one in sent for block in one["blocks"] if "text" in block]
    assert {text["type"] for text in texts} == {"plain_text"}
    assert not any(char in text["text"] for text in texts for char in "<>&@*")
    assert sent[0]["blocks"][2]["elements"][0]["url"] == "https://noc.example.net/incidents/inc-1"
    assert "In the hands of: bob" in sent[2]["blocks"][1]["text"]["text"]


@pytest.mark.parametrize(
    ("kind", "status", "headers", "expected"),
    [
        (ReceiverKind.PAGERDUTY, 400, {}, Refused),
        (ReceiverKind.PAGERDUTY, 403, {}, Again),
        (ReceiverKind.PAGERDUTY, 500, {}, Again),
        (ReceiverKind.PAGERDUTY, 429, {"Retry-After": "7"}, Again),
        (ReceiverKind.SLACK, 404, {}, Refused),
        (ReceiverKind.SLACK, 410, {}, Refused),
        (ReceiverKind.SLACK, 302, {"Location": "http://127.0.0.1/"}, Again),
    ],
)
async def test_what_an_answer_means(
    kind: ReceiverKind, status: int, headers: dict[str, str], expected: type, tell: Tell, sessions: Sessions
) -> None:
    async with receiver(web.Response(status=status, headers=headers, text="no")) as there:
        delivery = await output(kind, there, sessions).deliver(tell("there")[0])
    assert isinstance(delivery, expected)
    assert len(there.requests) == 1
    assert "R0UT1NGK3Y" not in str(delivery)
    if "Retry-After" in headers:
        assert isinstance(delivery, Again)
        assert delivery.after_s == 7.0


async def test_slack_that_does_not_answer_does_not_tell_its_url(tell: Tell, sessions: Sessions) -> None:
    async with receiver() as there:
        out = output(ReceiverKind.SLACK, there, sessions)
    with pytest.raises(ConnectionError) as error:
        await out.deliver(tell("there")[0])
    assert there.url not in str(error.value)


async def test_a_private_address_is_refused_unless_it_is_meant(tell: Tell, sessions: Sessions) -> None:
    own = ReceiverSettings("there", ReceiverKind.PAGERDUTY, "https://127.0.0.1/v2", Secret("k"))
    store: object = None
    out = NotifyOutput(notifiers([own], sessions, store), WebhookOutput((), sessions, store))  # type: ignore[arg-type]  # neither keeps anything
    assert isinstance(await out.deliver(tell("there")[0]), Refused)


async def test_an_effect_that_cannot_be_understood_is_poison(tell: Tell, sessions: Sessions) -> None:
    async with receiver() as there:
        effect = tell("there")[0]
        effect.body["payload"] = 5
        assert isinstance(await output(ReceiverKind.SLACK, there, sessions).deliver(effect), Poison)
    assert not there.requests
