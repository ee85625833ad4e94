"""The published document describes what is served, and what is served is as described: schemathesis asks it whatever it can think of."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from pipeline.api.server import Console
from pipeline.config.settings import ApiSettings
from tests.support.fake_northbound import FakeNorthbound
from tests.support.fake_operating import FakeOperating
from tests.support.fake_reading import FakeReading
from tests.support.serving import served
from tests.support.tmf_api import BEARER, TOKENS

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")


class NoHubs:
    """Registrations that are kept nowhere."""

    def register_hub(self, _: Any) -> bool:
        return True

    def hub(self, _: str) -> None:
        return None

    def end_hub(self, *_: Any) -> bool:
        return False


def console() -> Console:
    settings = ApiSettings(tokens=TOKENS)
    return Console(FakeReading(), settings, operating=FakeOperating(), northbound=FakeNorthbound(), hubs=NoHubs())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(console().application()) as address:
        yield address


@pytest.fixture
def api(url: str) -> Any:
    return schemathesis.openapi.from_url(f"{url}/api/openapi.json")


def test_every_route_that_answers_json_is_described(api: Any) -> None:
    routes = {
        (route.method, route.resource.canonical)
        for route in console().application().router.routes()
        if route.resource and route.method != "HEAD" and route.resource.canonical.startswith(("/api/", "/tmf-api/"))
    }
    described = {(method.upper(), path) for path, methods in api.raw_schema["paths"].items() for method in methods}
    assert described == routes
    assert len({each["operationId"] for methods in api.raw_schema["paths"].values() for each in methods.values()}) == len(routes)


CHECKS = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_whatever_is_asked_is_answered_as_described(api: Any, mode: str) -> None:
    """No crash, and no answer that the document does not know, to what fits the document and to what does not."""
    checks = [getattr(schemathesis.specs.openapi.checks, name) for name in CHECKS]
    asked = 0
    for result in api.get_all_operations():
        strategy = result.ok().as_strategy(generation_mode=getattr(schemathesis.GenerationMode, mode))

        @given(strategy)
        @settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        def ask(case: Any) -> None:
            nonlocal asked
            answer = case.call(headers=BEARER)
            asked += 1
            assert answer.status_code not in {500, 502}, case.as_curl_command()
            case.validate_response(answer, checks=checks)

        with contextlib.suppress(Unsatisfiable):  # nothing can be wrong about an operation without parameters
            ask()
    assert asked > 100
