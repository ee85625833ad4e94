"""Indicators as bytes: rounded as their rule says, never a number where there is none, and read by the engine as they were meant."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.kpi import KpiBatch, packed
from pipeline.core.resource import ResourceId
from pipeline.core.sample import Quality
from pipeline.store.client import StoreClient, StoreError
from pipeline.store.packed import COLUMNS, INTAKE, Packed, pack
from tests.support.history_samples import NOW, S, kpis

numbers = st.floats(allow_nan=True, allow_infinity=True)


def batch_of(values: list[float], **changes: object) -> KpiBatch:
    resources = tuple(ResourceId(f"interface/pe1/{place}") for place in range(len(values)))
    columns = packed({"in_bps": (np.array(values), np.zeros(len(values), np.uint8))})
    return replace(KpiBatch("pe1", NOW, "poll-1", 1, resources, *columns), **changes)  # type: ignore[arg-type]  # by field name


def kept(values: list[float], digits: int = 12) -> list[float]:
    return [float(value) for value in np.frombuffer(pack(batch_of(values), {"in_bps": digits}).values, "<f8")]


@given(st.lists(numbers, max_size=8), st.integers(1, 53))
def test_values_are_rounded_to_the_nearest_with_so_many_binary_digits(values: list[float], digits: int) -> None:
    """The error is at most half of the last digit that is kept; no number becomes none, and none stays none."""
    for value, found in zip(values, kept(values, digits), strict=True):
        if np.isfinite(value) and np.isfinite(found):
            exponent = float(np.frexp(value)[1])
            assert abs(found - value) <= 2.0 ** (max(exponent, -1021) - digits) / 2
        else:
            assert np.isnan(found)
            assert not np.isfinite(value) or abs(value) > 1e308


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 4095.0, 0.5, 41.25, -3.25])
def test_what_fits_is_exact(value: float) -> None:
    """States, small counts and readings in binary fractions lose nothing."""
    assert kept([value]) == [value]


def test_more_digits_are_kept_where_a_rule_asks_for_them() -> None:
    """Each indicator of a batch has its own precision."""
    two = packed({"coarse": (np.array([np.pi]), np.zeros(1, np.uint8)), "exact": (np.array([np.pi]), np.zeros(1, np.uint8))})
    done = pack(batch_of([1.0], columns=two[0], quality=two[1]), {"exact": 53})
    coarse, exact = np.frombuffer(done.values, "<f8")
    assert (coarse, exact) == (3.1416015625, np.pi)


def test_qualities_that_are_all_good_take_no_room() -> None:
    """Only what is not good is told of."""
    done = pack(kpis(), {})
    assert (done.rated, done.qualities) == ((True, True), bytes((Quality.GOOD, Quality.MISSING, Quality.GOOD, Quality.RESET)))
    assert (pack(batch_of([1.0]), {}).rated, pack(batch_of([1.0]), {}).qualities) == ((False,), b"")


async def test_the_engine_reads_what_was_packed(client: StoreClient) -> None:
    """Names of any length and script, batches of every shape, and gaps come out as rows that analysts read."""
    long_name = "interface/pe1/" + "é" * 200
    wide = replace(batch_of([1.0, 2.0, np.nan]), device="Zürich-1", resources=(ResourceId(long_name), ResourceId("a"), ResourceId("b")))
    empty = replace(batch_of([]), columns={}, quality={})
    block = Packed([pack(each, {}) for each in (wide, kpis(NOW + S), empty)])
    await client.insert_native(INTAKE, COLUMNS, block.native(), token="t")
    rows = await client.rows("SELECT device, kpi, resource, value, quality FROM kpi ORDER BY device, kpi, resource")
    found = [(row["device"], row["kpi"], row["resource"], row["value"], row["quality"]) for row in rows]
    assert found == [
        ("Zürich-1", "in_bps", "a", 2.0, "good"),
        ("Zürich-1", "in_bps", "b", None, "good"),
        ("Zürich-1", "in_bps", long_name, 1.0, "good"),
        ("pe1", "in_utilisation", "interface/pe1/ge-0/0/1", pytest.approx(0.4, rel=1 / 4096), "good"),
        ("pe1", "in_utilisation", "interface/pe1/ge-0/0/2", None, "missing"),
        ("pe1", "out_utilisation", "interface/pe1/ge-0/0/1", pytest.approx(0.555, rel=1 / 4096), "good"),
        ("pe1", "out_utilisation", "interface/pe1/ge-0/0/2", pytest.approx(0.6, rel=1 / 4096), "reset"),
    ]
    assert await client.rows("SELECT sum(samples) AS good, sum(bad_samples) AS bad FROM kpi_1m") == [{"good": 4, "bad": 3}]


@pytest.mark.slow
async def test_a_block_of_very_many_batches_is_known_by_its_token(client: StoreClient) -> None:
    """However the engine divides a large block on its way through the views, a repeat adds nothing at any level."""
    batches = [replace(pack(kpis(NOW - number * S // 8), {}), device=b"\x06%06d" % (number % 997)) for number in range(150_000)]
    block = Packed(batches).native()
    for _ in range(3):
        await client.insert_native(INTAKE, COLUMNS, block, token="large")
    raw = await client.rows("SELECT count() AS n FROM kpi_raw")
    assert raw == [{"n": 300_000}]
    for table in ("kpi_1m", "kpi_1h"):
        assert await client.rows(f"SELECT sum(samples + bad_samples) AS n FROM {table}") == [{"n": 600_000}]


@pytest.mark.parametrize("torn", ["kpi_raw", "kpi_1m_state", "kpi_1h_state"])
async def test_a_write_that_reached_some_levels_only_is_healed_by_its_token(client: StoreClient, torn: str) -> None:
    """Whichever of the tables did not take its part, the same block again completes that one and adds nothing to the others."""
    await client.insert_native(INTAKE, COLUMNS, Packed([pack(kpis(NOW - S), {})]).native(), token="before")
    block = Packed([pack(kpis(NOW + number * S), {}) for number in range(10)]).native()
    await client.command(f"RENAME TABLE {torn} TO away")
    try:
        with pytest.raises(StoreError):
            await client.insert_native(INTAKE, COLUMNS, block, token="torn")
    finally:
        await client.command(f"RENAME TABLE away TO {torn}")
    for _ in range(2):
        await client.insert_native(INTAKE, COLUMNS, block, token="torn")
    assert await client.rows("SELECT count() AS n FROM kpi") == [{"n": 44}]
    for table in ("kpi_1m", "kpi_1h"):
        assert await client.rows(f"SELECT sum(samples + bad_samples) AS n FROM {table}") == [{"n": 44}]
