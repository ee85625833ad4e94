"""The SLA job ten times, four at once, killed at each step: one credit, and the chain verifies."""

from pathlib import Path

import pytest

from pipeline.obligations import Obligations
from tests.support.forked import Forked
from tests.support.sla_job import POINTS, settle_and_die


def start(folder: Path, dies: str = "never") -> Forked:
    return Forked(settle_and_die, folder, dies)


@pytest.mark.slow
def test_one_credit_whatever_dies_when(tmp_path: Path) -> None:
    ends = [start(tmp_path, point).ended() for point in POINTS]
    assert ends[:3] == [-9, -9, -9]
    together = [start(tmp_path) for _ in range(4)]
    assert [each.ended() for each in together] == [0, 0, 0, 0]
    assert start(tmp_path).ended() == 0
    with Obligations(f"sqlite:///{tmp_path}/obligations.db") as store:
        [entry] = store.credits()
        assert (entry.credit.amount_minor, entry.credit.currency, entry.credit.period) == (10_000, "EUR", "2026-11")
        assert store.verify() is None
        assert [receipt.key for receipt in store.receipts()] == [entry.credit.key]
