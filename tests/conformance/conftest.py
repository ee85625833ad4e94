"""The brokers that the suite holds to one behaviour."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.target import Target
from tests.support.embedded import embedded_broker
from tests.support.kafka import real_kafka


@pytest.fixture(scope="session", params=["embedded", pytest.param("kafka", marks=pytest.mark.needs_kafka)])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A broker with four partitions a topic, shared by the tests; whoever kills it starts it again."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    run = embedded_broker(folder) if request.param == "embedded" else real_kafka(folder)
    with run as broker:
        yield Target(request.param, broker)


@pytest.fixture
def name() -> str:
    """A topic, group or app name that nobody used before."""
    return f"t-{uuid.uuid4().hex[:12]}"
