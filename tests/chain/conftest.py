"""One running installation for all tests of a module: to start it takes longer than most tests."""

from collections.abc import Iterator

import pytest

from tests.support.installation import Installation, installation


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Everything that `assure up` starts, on free ports, with the lab's inventory and a receiver of webhooks."""
    with installation(tmp_path_factory.mktemp("chain")) as running:
        yield running
