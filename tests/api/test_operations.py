"""What may be changed by HTTP: by an operator's token and by nothing else, read strictly, with the token's name, and once by its key."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pipeline.api.caller import MOST_ADDRESSES, MOST_FAILURES, WINDOW_S, Failures
from pipeline.api.operations import ACTS, NEW
from pipeline.api.refusal import RefusedError
from pipeline.api.server import Console
from pipeline.config.secret import Secret
from pipeline.config.settings import ApiRole, ApiSettings, ApiTokenSettings
from pipeline.core.operation import OperationError, OperationKind
from pipeline.core.reason import Reason
from tests.support.console import Client
from tests.support.fake_operating import FakeOperating
from tests.support.fake_reading import FakeReading
from tests.support.history_samples import S

OPERATOR = "an-operators-token-of-thirty-two"
VIEWER = "a-viewers-token-of-thirty-two-ch"
TOKENS = (
    ApiTokenSettings("noc", ApiRole.OPERATOR, Secret(OPERATOR)),
    ApiTokenSettings("wallboard", ApiRole.VIEWER, Secret(VIEWER)),
)
BEARER = {"Authorization": f"Bearer {OPERATOR}"}
ACK = "/api/incidents/in-1/ack"


@pytest.fixture
def operating() -> FakeOperating:
    return FakeOperating()


@pytest.fixture
async def start(operating: FakeOperating) -> AsyncIterator[Any]:
    clients: list[Client] = []

    async def started(**settings: Any) -> Client:
        console = Console(FakeReading(), ApiSettings(**settings), operating=operating)
        client: Client = TestClient(TestServer(console.application(), host="127.0.0.1"))
        await client.start_server()
        clients.append(client)
        return client

    yield started
    for client in clients:
        await client.close()


@pytest.fixture
async def client(start: Any) -> Client:
    client: Client = await start(tokens=TOKENS)
    return client


async def post(client: Client, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    answer = await client.post(path, data=json.dumps({} if body is None else body), headers={"Content-Type": "application/json", **headers})
    return answer.status, await answer.json()


EVERY = [(f"/api/{things}/x/{name}", act) for things, acts in ACTS.items() for name, act in acts.items()]


def test_everything_that_people_do_has_its_way() -> None:
    assert {act.kind for _, act in EVERY} | {act.kind for act in NEW.values()} == set(OperationKind)


@pytest.mark.parametrize("path", [path for path, _ in EVERY] + [f"/api/{things}" for things in NEW])
async def test_without_tokens_nothing_can_be_changed_and_the_remedy_is_told(start: Any, operating: FakeOperating, path: str) -> None:
    """None is there by default; the token of readers is no operator's."""
    client = await start(token=Secret("of-readers"))
    status, answer = await post(client, path, Authorization="Bearer of-readers")
    assert (status, "api.tokens" in answer["error"], operating.asked) == (403, True, [])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": f"Bearer {OPERATOR[:-1]}"}, 401),
        ({"Authorization": f"Token {OPERATOR}"}, 401),
        ({"Authorization": "Basic " + "bm9jOmFuLW9wZXJhdG9ycy10b2tlbi1vZi10aGlydHktdHdv"}, 401),
        ({"Cookie": f"token={OPERATOR}"}, 401),
        ({"Authorization": f"Bearer {VIEWER}"}, 403),
        (BEARER, 200),
        ({"Authorization": f"bearer {OPERATOR}"}, 200),
    ],
)
async def test_only_an_operators_bearer_token_changes_anything(
    client: Client, operating: FakeOperating, headers: dict[str, str], status: int
) -> None:
    """A browser sends cookies and Basic passwords by itself, also for another site's page: they do not count here."""
    found, answer = await post(client, ACK, **headers)
    assert (found, len(operating.asked)) == (status, int(status == 200))
    assert OPERATOR not in json.dumps(answer)


async def test_either_role_reads_where_a_token_is_asked_for(start: Any) -> None:
    client = await start(token=Secret("of-readers"), tokens=TOKENS)
    tokens = ("of-readers", OPERATOR, VIEWER, "wrong")
    statuses = [(await client.get("/api/alarms", headers={"Authorization": f"Bearer {token}"})).status for token in tokens]
    assert statuses == [200, 200, 200, 401]


async def test_wrong_tokens_are_soon_not_looked_at_any_more(client: Client, operating: FakeOperating) -> None:
    """Not even the right one, from that address, for a minute."""
    statuses = [(await post(client, ACK, Authorization=f"Bearer guess-{number}"))[0] for number in range(MOST_FAILURES + 2)]
    assert statuses == [401] * MOST_FAILURES + [429, 429]
    assert (await post(client, ACK, **BEARER))[0] == 429
    assert operating.asked == []


def test_failures_are_forgotten_in_time_and_addresses_do_not_pile_up() -> None:
    now = [0.0]
    failures = Failures(clock=lambda: now[0])
    for _ in range(MOST_FAILURES):
        failures.note("10.0.0.1")
    with pytest.raises(RefusedError):
        failures.check("10.0.0.1")
    failures.check("10.0.0.2")
    now[0] = WINDOW_S + 1
    failures.check("10.0.0.1")
    for number in range(2 * MOST_ADDRESSES):
        failures.note(f"host-{number}")
    assert len(failures._seen) == MOST_ADDRESSES


async def test_what_is_done_carries_the_tokens_name_and_what_was_said(client: Client, operating: FakeOperating) -> None:
    ends = "2026-12-01T06:00:00Z"
    await post(client, ACK, {"text": "on my way"}, **BEARER)
    await post(client, "/api/alarms/al-1/shelve", {"reason": "known", "until": ends}, **BEARER)
    await post(client, "/api/windows", {"name": "mw-1", "resources": ["site/ams"], "ends_at": ends}, **BEARER)
    (ack, on_incidents), (shelve, on_alarms), (add, _) = operating.asked
    assert (ack.kind, ack.target, ack.text, ack.operator, ack.via, on_incidents) == (
        "ack",
        "in-1",
        "on my way",
        "noc",
        "api",
        ("incident",),
    )
    assert (shelve.kind, shelve.text, shelve.until, on_alarms) == ("shelve", "known", 1_796_104_800 * S, ("alarm",))
    assert (add.target, add.resources, add.starts_at == add.at, add.until) == ("mw-1", ("site/ams",), True, 1_796_104_800 * S)


@pytest.mark.parametrize(
    ("path", "body", "problems"),
    [
        ("/api/incidents/in-1/comment", {}, ["$.text: is missing"]),
        ("/api/incidents/in-1/comment", {"txt": "x"}, ["$.txt: is not known; known here: text", "$.text: is missing"]),
        ("/api/incidents/in-1/unack", {"text": "x"}, ["$.text: is not known; nothing is asked here"]),
        ("/api/incidents/in-1/comment", {"text": 5}, ["$.text: is a text of up to 1000 printable characters"]),
        ("/api/incidents/in-1/comment", {"text": "\x1b[31m"}, ["$.text: is a text of up to 1000 printable characters"]),
        (
            "/api/alarms/al-1/shelve",
            {"until": "tomorrow"},
            ["$.until: 'tomorrow' is no time; write it as 2026-12-01T06:00:00Z", "$.reason: is missing"],
        ),
        (
            "/api/windows",
            {"name": "mw-1", "resources": "site/ams", "ends_at": "2026-12-01T06:00:00Z"},
            ['$.resources: is a list of 1 to 200 names, such as ["site/ams"]'],
        ),
        (ACK, [], ["$: an object is wanted, such as {}"]),
    ],
)
async def test_every_problem_of_a_request_is_named(
    client: Client, operating: FakeOperating, path: str, body: Any, problems: list[str]
) -> None:
    status, answer = await post(client, path, body, **BEARER)
    assert (status, answer["problems"], operating.asked) == (400, problems, [])


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ('{"text": "a", "text": "b"}', "application/json", 400),
        ("[" * 100_000, "application/json", 413),
        ("[" * 50_000, "application/json", 400),
        ("text=x", "application/x-www-form-urlencoded", 415),
        ("{}", "text/plain", 415),
        ("", "application/json", 200),
    ],
)
async def test_only_one_json_object_is_taken(client: Client, data: str, content_type: str, status: int) -> None:
    """A form of another site's page cannot send JSON without asking first, and nobody answers that."""
    answer = await client.post(ACK, data=data, headers={"Content-Type": content_type, **BEARER})
    assert answer.status == status


@pytest.mark.parametrize(("outcome", "status"), [("done", 200), ("refused", 409), ("partly", 409), ("waiting", 202)])
async def test_the_status_says_what_became_of_it(client: Client, operating: FakeOperating, outcome: str, status: int) -> None:
    operating.outcome = outcome
    found, answer = await post(client, ACK, **BEARER)
    assert (found, answer["outcome"]) == (status, outcome)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OperationError("there is no incident by that name", Reason.UNKNOWN_TARGET), 404),
        (OperationError("the end is in the future"), 400),
        (OSError("secret place"), 503),
    ],
)
async def test_what_cannot_be_asked_is_told_plainly(client: Client, operating: FakeOperating, error: Exception, status: int) -> None:
    operating.down = error
    found, answer = await post(client, ACK, **BEARER)
    assert (found, "secret place" in json.dumps(answer)) == (status, False)


async def test_the_callers_own_key_is_the_operations_id(client: Client, operating: FakeOperating) -> None:
    for _ in range(2):
        await post(client, ACK, **BEARER, **{"Idempotency-Key": "ticket-7"})
    await post(client, ACK, **BEARER)
    ids = [given.id for given, _ in operating.asked]
    assert (ids[:2], ids[2] != "ticket-7", bool(ids[2])) == (["ticket-7", "ticket-7"], True, True)
    assert (await post(client, ACK, **BEARER, **{"Idempotency-Key": "x" * 101}))[0] == 400


async def test_a_foreign_name_changes_nothing(client: Client, operating: FakeOperating) -> None:
    """DNS rebinding ends here too."""
    assert (await post(client, ACK, **BEARER, Host="evil.example"))[0] == 421
    assert operating.asked == []


async def test_planned_work_and_the_audit_trail_are_read_without_an_operators_token(client: Client) -> None:
    windows = await (await client.get("/api/windows")).json()
    trail = await (await client.get("/api/operations?target=in-1")).json()
    page = await (await client.get("/windows")).text()
    assert (windows[0]["name"], trail[0]["operator"], "mw-1" in page) == ("mw-1", "alice", True)
    assert "on my way" in await (await client.get("/incidents/in-1")).text()


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (
            "/api/exclusions",
            {
                "target": "acme-vpn-1",
                "starts_at": "2026-11-10T08:00:00Z",
                "ends_at": "2026-11-10T09:00:00Z",
                "reason_kind": "no-access",
                "text": "site locked",
            },
            {
                "kind": OperationKind.EXCLUDE,
                "target": "acme-vpn-1",
                "starts_at": 1_794_297_600_000_000_000,
                "until": 1_794_301_200_000_000_000,
                "reason_kind": "no-access",
                "text": "site locked",
            },
        ),
        (
            "/api/exclusions/5a0f/include",
            {"text": "we were let in"},
            {"kind": OperationKind.INCLUDE, "target": "5a0f", "text": "we were let in"},
        ),
        (
            "/api/claims",
            {"service": "acme-vpn-1", "month": "2026-10", "claimed_at": "2026-11-10T08:00:00Z", "text": "letter"},
            {
                "kind": OperationKind.CLAIM,
                "target": "acme-vpn-1",
                "period": "2026-10",
                "starts_at": 1_794_297_600_000_000_000,
                "text": "letter",
            },
        ),
        ("/api/claims", {"service": "acme-vpn-1", "month": "2026-10"}, {"kind": OperationKind.CLAIM, "starts_at": 0, "text": ""}),
        ("/api/claims/5a0f/withdraw", {}, {"kind": OperationKind.WITHDRAW, "target": "5a0f"}),
    ],
)
async def test_what_touches_agreements_is_asked_as_on_the_command_line(
    client: Client, operating: FakeOperating, path: str, body: dict[str, str], expected: dict[str, Any]
) -> None:
    """The same operation, by the name of the token; every check of it is the root's."""
    status, _ = await post(client, path, body, **BEARER)
    ((operation, kinds),) = operating.asked
    assert (status, {name: getattr(operation, name) for name in expected}) == (200, expected)
    assert (operation.operator, operation.via, kinds) == ("noc", "api", ("incident",) if "exclusions" in path else ())


@pytest.mark.parametrize(
    ("path", "body", "problems"),
    [
        ("/api/exclusions", {}, 5),
        ("/api/exclusions", {"target": "a", "starts_at": "yesterday", "ends_at": 7, "reason_kind": "no-access", "text": ""}, 2),
        ("/api/claims", {"service": "a"}, 1),
        ("/api/claims", {"service": "a", "month": "2026-10", "amount": "9.00"}, 1),
    ],
)
async def test_what_is_missing_or_none_of_it_is_named_at_once(
    client: Client, operating: FakeOperating, path: str, body: dict[str, Any], problems: int
) -> None:
    status, answer = await post(client, path, body, **BEARER)
    assert (status, len(answer["problems"]), operating.asked) == (400, problems, [])


@pytest.mark.parametrize(("path", "what"), [("/api/exclusions", "ex"), ("/api/claims", "cl")])
async def test_what_was_said_of_agreements_is_read(client: Client, path: str, what: str) -> None:
    answer = await client.get(path, params={"limit": "1"}, headers={"Authorization": f"Bearer {VIEWER}"})
    (one,) = await answer.json()
    assert ("withdrawn" in one) == (what == "ex")
    assert ("last_day" in one) == (what == "cl")


async def test_claims_are_read_by_month(client: Client) -> None:
    answer = await client.get("/api/claims", params={"month": "2026-09"}, headers={"Authorization": f"Bearer {VIEWER}"})
    assert await answer.json() == []
