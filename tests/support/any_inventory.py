"""Inventories at random: small, well formed or not, with every section that makes topology, to hold the graph against its definition."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from pipeline.core.inventory import (
    Circuit,
    Dependency,
    Device,
    Duct,
    Fibre,
    Interface,
    Inventory,
    Lag,
    Link,
    Lsp,
    Power,
    Service,
    Site,
    Tunnel,
)

DEVICES, PORTS = ("a", "b", "c"), ("1", "2", "ae0", "ae1")
ENDS = tuple(f"{device}/{port}" for device in DEVICES for port in PORTS)
NEEDS = (
    *(f"device/{name}" for name in DEVICES),
    *(f"interface/{end}" for end in ENDS),
    *(f"{kind}/{number}" for kind in ("circuit", "service", "tunnel", "link", "power", "fibre") for number in (0, 1)),
    "supply/a",
    "uplinks/b",
    "card/c/x",
    "device/undeclared",
)
NUMBERS = ("0", "1")


def some(values: Sequence[str], most: int = 3, least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    """Several of these, each once."""
    return st.lists(st.sampled_from(values), unique=True, min_size=least, max_size=most).map(tuple)


def _named(names: Sequence[str], entry: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A section with some of these entries."""
    one = {name: st.builds(entry, st.just(name), **fields) for name in names}
    return st.fixed_dictionaries({}, optional=one)


_keep = st.integers(0, 3)
_one_more = st.integers(1, 3)
_interfaces = st.lists(st.sampled_from(PORTS), unique=True).flatmap(
    lambda names: st.tuples(
        *(st.builds(Interface, st.just(name), st.just(1), st.just(1), card=st.sampled_from(("", "x"))) for name in names)
    )
)

any_inventory: st.SearchStrategy[Inventory] = st.builds(
    Inventory,
    st.just("v"),
    sites=_named(NUMBERS, Site),
    power=_named(NUMBERS, Power, site=st.sampled_from(("", *NUMBERS))),
    devices=_named(
        DEVICES,
        Device,
        site=st.sampled_from(NUMBERS),
        address=st.just(""),
        interfaces=_interfaces,
        uplinks=some(PORTS, 2),
        power=some(NUMBERS, 2),
        power_needs=_one_more,
    ),
    ducts=_named(NUMBERS, Duct),
    fibres=_named(NUMBERS, Fibre, duct=st.sampled_from(("", *NUMBERS)), ducts=some(NUMBERS, 2)),
    links=_named(NUMBERS, Link, a=st.sampled_from(ENDS), b=st.sampled_from(ENDS), fibres=some(NUMBERS, 2)),
    lags=_named([end for end in ENDS if "ae" in end], Lag, members=some(ENDS), needs=_one_more),
    lsps=_named(NUMBERS, Lsp, head=st.sampled_from(DEVICES), links=some(NUMBERS, 2)),
    tunnels=_named(NUMBERS, Tunnel, lsps=some(NUMBERS, 2), needs=_one_more),
    circuits=_named(NUMBERS, Circuit, needs=some(NEEDS), keep=_keep),
    dependencies=_named(NUMBERS, Dependency, resource=st.sampled_from(NEEDS), needs=some(NEEDS), keep=_keep),
    services=_named(
        NUMBERS,
        Service,
        customer=st.just("k"),
        contract=st.just("c"),
        kind=st.just("x"),
        needs=some(NEEDS),
        description=st.just(""),
        keep=_keep,
    ),
)
"""Anything that files could say, slips included."""
