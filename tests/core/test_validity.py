"""What holds when: entries begin and end, everything else stays, and a version names one topology."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.inventory import Contract, Fibre, Inventory, Power, Site
from pipeline.core.validity import as_of, holds, next_change
from tests.support.network import START, at

HOUR = 3_600


def inventory(*fibres: Fibre, **fields: object) -> Inventory:
    return Inventory("v1", fibres={each.name: each for each in fibres}, **fields)  # type: ignore[arg-type]  # pass-through of a test


OLD = Fibre("old", valid_until=at(HOUR))
NEW = Fibre("new", valid_from=at(HOUR))
LATER = Fibre("later", valid_from=at(2 * HOUR), valid_until=at(3 * HOUR))
EVER = Fibre("ever")


def test_an_entry_holds_from_its_beginning_up_to_its_end() -> None:
    assert [holds(LATER, at(hour * HOUR)) for hour in (1, 2, 3)] == [False, True, False]
    assert holds(OLD, 0)
    assert holds(NEW, at(HOUR))
    assert not holds(OLD, at(HOUR))


def test_what_is_not_valid_is_dropped_and_the_version_says_since_when() -> None:
    whole = inventory(OLD, NEW, LATER, EVER)
    seen = {hour: as_of(whole, at(hour * HOUR)) for hour in (0, 1, 1.5, 2, 9)}
    assert {hour: list(each.fibres) for hour, each in seen.items()} == {
        0: ["old", "ever"], 1: ["new", "ever"], 1.5: ["new", "ever"], 2: ["new", "later", "ever"], 9: ["new", "ever"],
    }  # fmt: skip
    assert {hour: each.version for hour, each in seen.items()} == {
        0: "v1@1970-01-01T00:00:00Z",
        1: "v1@2026-11-23T13:00:00Z",
        1.5: "v1@2026-11-23T13:00:00Z",
        2: "v1@2026-11-23T14:00:00Z",
        9: "v1@2026-11-23T15:00:00Z",
    }


def test_an_inventory_of_which_all_holds_is_itself() -> None:
    whole = inventory(EVER, OLD)
    assert as_of(whole, START) is whole
    assert as_of(whole, at(HOUR)).version == "v1@2026-11-23T13:00:00Z"


def test_contracts_and_windows_stay_after_their_end() -> None:
    contract = Contract("c", "acme", "gold", "EUR", {}, valid_until=at(1))
    whole = inventory(OLD, contracts={"c": contract}, sites={"s": Site("s", valid_until=at(1))}, power={"p": Power("p", valid_from=at(5))})
    later = as_of(whole, at(2))
    assert (later.contracts, later.sites, later.power) == ({"c": contract}, {}, {})


def test_the_next_change_is_the_next_boundary_of_any_entry() -> None:
    whole = inventory(OLD, LATER, power={"p": Power("p", valid_from=at(90), valid_until=at(100))})
    assert [next_change(whole, after) for after in (0, at(90), at(95), at(100), at(HOUR), at(3 * HOUR))] == [
        at(90), at(100), at(100), at(HOUR), at(2 * HOUR), 0,
    ]  # fmt: skip
    assert next_change(inventory(EVER), 0) == 0


MOMENTS = st.integers(0, 6)


@given(st.lists(st.tuples(MOMENTS, MOMENTS), max_size=5), MOMENTS, MOMENTS)
def test_one_version_is_one_set_of_entries(spans: list[tuple[int, int]], one: int, other: int) -> None:
    """Whenever two times give the same version they give the same entries; and nothing changes before the next change."""
    whole = inventory(*(Fibre(str(place), valid_from=begin, valid_until=end) for place, (begin, end) in enumerate(spans)))
    first, second = as_of(whole, one), as_of(whole, other)
    if first.version == second.version:
        assert first.fibres == second.fibres
    boundary = next_change(whole, one)
    if one <= other and (not boundary or other < boundary):
        assert replace(first, version="") == replace(second, version="")
