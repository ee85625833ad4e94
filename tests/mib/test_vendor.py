"""Whose a module is: told by the enterprise number below which it stands, by what it imports, or by its folder."""

from pathlib import Path

import pytest

from pipeline.mib.source import Source
from pipeline.mib.vendor import vendor_name, vendors_of

NAMES = {9: "cisco", 2636: "juniper"}
STANDARDS = frozenset({"IF-MIB", "SNMPv2-SMI"})


def source(module: str, body: str, folder: str = "mibs") -> Source:
    return Source(module, Path("/somewhere") / folder / f"{module}.txt", 1, f"{module} DEFINITIONS ::= BEGIN\n{body}\nEND\n")


@pytest.mark.parametrize(
    ("body", "vendor"),
    [
        ("x OBJECT IDENTIFIER ::= { enterprises 9 }", "cisco"),
        ("x MODULE-IDENTITY ::= { enterprises acme(2636) 3 }", "juniper"),
        ("x OBJECT IDENTIFIER ::= { enterprises 4711 }", "enterprise-4711"),
        ("x OBJECT IDENTIFIER ::= { private 1 9 }", "cisco"),
        ("x OBJECT IDENTIFIER ::= { iso org(3) dod(6) internet(1) private(4) enterprises(1) 9 }", "cisco"),
        ("x OBJECT IDENTIFIER ::= { 1 3 6 1 4 1 9 }", "cisco"),
        ("x OBJECT IDENTIFIER ::= { mib-2 77 }", "standard"),
        ("x OBJECT IDENTIFIER ::= { snmpModules 77 }", "standard"),
        ('d DESCRIPTION "below { enterprises 9 }" x OBJECT IDENTIFIER ::= { mib-2 77 }', "standard"),
        ("x OBJECT IDENTIFIER ::= { somewhere 1 }", "acme-networks"),
    ],
)
def test_a_vendor_is_told_by_the_place_of_the_module(body: str, vendor: str) -> None:
    """What is quoted tells nothing, and of what tells nothing the folder does."""
    module = source("X-MIB", body, "Acme Networks")
    assert vendors_of([module], NAMES, STANDARDS, {}) == {module: vendor}


def test_what_stands_below_another_modules_names_is_that_modules_vendors() -> None:
    """Over several modules, whatever their order."""
    leaf = source("LEAF-MIB", "IMPORTS mid FROM MID-MIB ifIndex FROM IF-MIB; x OBJECT IDENTIFIER ::= { mid 1 }")
    mid = source("MID-MIB", "IMPORTS root FROM ROOT-SMI; mid OBJECT IDENTIFIER ::= { root 1 }")
    root = source("ROOT-SMI", "root OBJECT IDENTIFIER ::= { enterprises 2636 }")
    assert vendors_of([leaf, mid, root], NAMES, STANDARDS, {}) == dict.fromkeys((leaf, mid, root), "juniper")


def test_what_was_added_before_tells_too() -> None:
    leaf = source("LEAF-MIB", "IMPORTS mid FROM MID-MIB; x OBJECT IDENTIFIER ::= { mid 1 }")
    assert vendors_of([leaf], NAMES, STANDARDS, {"MID-MIB": "acme"}) == {leaf: "acme"}


def test_a_standard_module_is_the_standards_whatever_it_says() -> None:
    module = source("IF-MIB", "x OBJECT IDENTIFIER ::= { enterprises 9 }")
    assert vendors_of([module], NAMES, STANDARDS, {}) == {module: "standard"}


@pytest.mark.parametrize(("text", "name"), [("Acme Networks, Inc.", "acme-networks-inc"), ("CISCO", "cisco"), ("--", "")])
def test_vendors_are_named_in_small_letters(text: str, name: str) -> None:
    assert vendor_name(text) == name
