"""Forms of poll profiles -> profiles, whole and consistent; every mistake told at its place, with what to do."""

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.config.problem import Path_, did_you_mean
from pipeline.config.profile_form import ColumnForm, ProfileFile, ProfileForm, TableForm
from pipeline.config.rule_files import RuleFile
from pipeline.core.formula import Formula, FormulaError, compiled
from pipeline.core.kpi import counters_of, texts_of
from pipeline.core.mib import MibIndex
from pipeline.core.profile import GENERIC_NAME, Profile, ProfileTable
from pipeline.core.profile_book import ProfileLayer, ancestry, circles, flatten
from pipeline.core.resource import ResourceKind
from pipeline.core.unit import PLAIN, UNITS, Dimension, UnitError, described, unit

_OID = re.compile(r"[012](\.(0|[1-9][0-9]{0,9})){2,126}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PROFILE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
INDEX = "index"
"""The placeholder of a row's index."""
RESERVED = frozenset({INDEX, "none"})
ROW_KINDS = (
    ResourceKind.DEVICE,
    ResourceKind.CARD,
    ResourceKind.COMPONENT,
    ResourceKind.PORT,
    ResourceKind.INTERFACE,
    ResourceKind.PEER,
)
"""What a row of a table may be."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a profile stands: its file, and its place in the list."""

    file: RuleFile[ProfileFile]
    number: int

    @property
    def form(self) -> ProfileForm:
        """The profile as it is written."""
        return self.file.form.profiles[self.number]

    def tell(self, path: Path_, message: str, remedy: str = "") -> None:
        """Report a problem at a place below the profile."""
        self.file.tell(("profiles", self.number, *path), message, remedy)


def read_profiles(files: Iterable[RuleFile[ProfileFile]], mibs: MibIndex | None = None) -> dict[str, Profile]:
    """The profiles of all files by name, each with what it has from those that it extends; problems are told to the files."""
    places: dict[str, Place] = {}
    for file in files:
        for number, form in enumerate(file.form.profiles):
            place = Place(file, number)
            if form.name in places:
                place.tell(("name",), f"the profile '{form.name}' stands in {places[form.name].file.name} already", "rename one")
            places.setdefault(form.name, place)
            _tell_form(place, mibs)
    layers = {name: place.form.layer for name, place in places.items()}
    for place in places.values():
        _tell_parents(place, layers)
    profiles = flatten(layers)
    for place in places.values():
        for number, table in enumerate(place.form.tables):
            whole = profiles[place.form.name].table(table.name)
            assert whole is not None
            _tell_table(place, ("tables", number), table, whole)
    _tell_matches(places, layers)
    return profiles


def _tell_form(place: Place, mibs: MibIndex | None) -> None:
    """What is wrong with a profile by itself."""
    form = place.form
    if not _PROFILE_NAME.fullmatch(form.name):
        place.tell(("name",), f"'{form.name}' is no name of a profile", "write small letters, digits and single hyphens: acme-router")
    seen: set[str] = set()
    for number, table in enumerate(form.tables):
        path = ("tables", number)
        if table.name in seen:
            place.tell((*path, "name"), f"the table '{table.name}' stands twice in this profile", "join them")
        seen.add(table.name)
        _tell_name(place, (*path, "name"), table.name, "table")
        _tell_columns(place, path, table, mibs)
        if table.rows is not None and table.rows not in ROW_KINDS:
            known = ", ".join(ROW_KINDS)
            place.tell((*path, "rows"), f"a row of a device's table is no {table.rows.value}", f"use one of: {known}")
        if table.every is not None and table.every < 1:
            place.tell((*path, "every"), f"every {table.every}th poll", "write 1 for every poll, 10 for every tenth")


def _tell_columns(place: Place, path: Path_, table: TableForm, mibs: MibIndex | None) -> None:
    seen: set[str] = set()
    named = [("columns", number, column.name) for number, column in enumerate(table.columns)]
    named += [("derived", number, column.name) for number, column in enumerate(table.derived)]
    for key, number, name in named:
        where = (*path, key, number, "name")
        if name in seen:
            place.tell(where, f"the table '{table.name}' has two columns named '{name}'", "rename one")
        seen.add(name)
        _tell_name(place, where, name, "column")
    for number, column in enumerate(table.columns):
        _tell_column(place, (*path, "columns", number), column, mibs)
    for number, derived in enumerate(table.derived):
        _tell_unit(place, (*path, "derived", number, "unit"), derived.unit)


def _tell_name(place: Place, path: Path_, name: str, what: str) -> None:
    if not _NAME.fullmatch(name) or name in RESERVED or keyword.iskeyword(name):
        place.tell(path, f"'{name}' cannot be the name of a {what}", "write small letters, digits and _, no word of formulas: in_octets")


def _tell_column(place: Place, path: Path_, column: ColumnForm, mibs: MibIndex | None) -> None:
    tell = place.tell
    if not is_oid(column.oid):
        tell((*path, "oid"), f"'{column.oid}' is not an OID", "write numbers and dots, without a leading dot: 1.3.6.1.…")
    elif column.oid.endswith(".0"):
        tell((*path, "oid"), f"'{column.oid}' is an instance", "write it without its .0, and scalar: true at its table")
    elif mibs is not None and column.object:
        _tell_object(place, (*path, "object"), column, mibs)
    _tell_unit(place, (*path, "unit"), column.unit)
    if column.scale == 0 or abs(column.scale) > _MOST_SCALE:
        tell((*path, "scale"), f"a scale of {column.scale:g}", "write what the value on the wire is to be multiplied by: 0.01")
    if column.type.is_text and (column.unit != "1" or column.scale != 1):
        tell(path, f"'{column.name}' is text and has no unit or scale", "take them out, or write type: number-text")
    if column.wire_bits < 0 or (column.wire_bits and not column.type.counter_bits):
        tell((*path, "wire_bits"), f"'{column.name}' is no counter, so its counts take no bits on the wire", "take it out")


_MOST_SCALE = 1e18


def is_oid(text: str) -> bool:
    """Whether a text is an OID as it is written here: at least three numbers of at most 32 bits, with dots between."""
    return bool(_OID.fullmatch(text)) and all(int(arc) < 1 << 32 for arc in text.split("."))


def _tell_object(place: Place, path: Path_, column: ColumnForm, mibs: MibIndex) -> None:
    """An object that the MIB index knows must stand at the OID that is written; what it does not know is taken as it is."""
    found = mibs.oid_of(column.object)
    if found is not None and found != column.oid:
        named = mibs.objects[column.oid].name if column.oid in mibs.objects else "unknown"
        place.tell(path, f"'{column.object}' is {found}, and {column.oid} is {named}", "mend the name or the OID")
    elif found is None and column.oid in mibs.objects:
        place.tell(path, f"{column.oid} is {mibs.qualified(column.oid)}, not '{column.object}'", "mend the name or the OID")


def _tell_unit(place: Place, path: Path_, name: str) -> None:
    try:
        unit(name)
    except UnitError as error:
        place.tell(path, str(error), did_you_mean(name, UNITS) or "write one that core/unit.py has, or two parted by a slash: octet/s")


def _tell_parents(place: Place, layers: Mapping[str, ProfileLayer]) -> None:
    form = place.form
    for number, parent in enumerate(form.extends):
        path = ("extends", number)
        if parent not in layers:
            place.tell(path, f"'{parent}' is not a profile", did_you_mean(parent, layers.keys() - {form.name}))
        elif parent in form.extends[:number]:
            place.tell(path, f"'{parent}' stands twice", "take one out")
    if form.name in circles(layers):
        message = f"'{form.name}' extends itself, by way of {', '.join(form.extends)}"
        place.tell(("extends",), message, "take one of the profiles out of the circle")
    above = {table.name for name in ancestry(form.name, layers) if name != form.name for table in layers[name].tables}
    for number, name in enumerate(form.drop):
        if name not in above:
            place.tell(("drop", number), f"no profile that '{form.name}' extends has a table '{name}'", did_you_mean(name, above))


def _tell_table(place: Place, path: Path_, form: TableForm, table: ProfileTable) -> None:
    """What is wrong with a table as it came out, parents' columns included."""
    if not table.columns:
        place.tell(path, f"the table '{table.name}' asks for nothing", "give it columns, or take it out")
        return
    if len(table.columns) + len(table.derived) > MOST_COLUMNS:
        place.tell((*path, "columns"), f"the table '{table.name}' has more than {MOST_COLUMNS} columns", "make two tables of it")
    _tell_label(place, (*path, "label") if form.label is not None else path, table)
    dimensions = {column.name: _dimension(column.unit) for column in table.columns if not column.type.is_text}
    own = {column.name: number for number, column in enumerate(form.derived)}
    for column in table.derived:
        below = (*path, "derived", own[column.name]) if column.name in own else path
        at = (*below, "formula") if column.name in own else path
        formula = _formula(place, at, column.formula, table, dimensions)
        if formula is not None and formula.dimension != _dimension(column.unit):
            wanted = described(_dimension(column.unit))
            message = f"'{column.name}' comes out in {described(formula.dimension)}, and {column.unit} is {wanted}"
            place.tell(at, message, "mend the formula, or the units of the columns that it reads")
        dimensions[column.name] = _dimension(column.unit)  # what comes after may read it
    if table.where:
        at = (*path, "where") if form.where is not None else path
        formula = _formula(place, at, table.where, table, dimensions)
        if formula is not None and formula.dimension != PLAIN:
            place.tell(at, f"where is a number of {described(formula.dimension)}, not a condition", "write a comparison: oper_status == 1")


MOST_COLUMNS = 64


def _formula(place: Place, path: Path_, text: str, table: ProfileTable, dimensions: Mapping[str, Dimension]) -> Formula | None:
    """A formula over one poll of a table; ``None`` after telling what is wrong with it."""
    try:
        formula = compiled(text, dimensions, counters_of(table), texts_of(table))
    except FormulaError as error:
        known = ", ".join(sorted(dimensions))
        place.tell(path, str(error), f"there are: {known}" if "is not a column" in str(error) else "see rules/README.md, A formula")
        return None
    if formula.rates:
        place.tell(path, f"one poll has no rates, and '{text}' needs one", "compute it as a KPI, in rules/kpis")
        return None
    return formula


def _dimension(name: str) -> Dimension:
    try:
        return unit(name).dimension
    except UnitError:  # told at its place
        return PLAIN


def _tell_label(place: Place, path: Path_, table: ProfileTable) -> None:
    texts = {column.name for column in table.columns if column.type.is_text} | {INDEX}
    parts = _PLACEHOLDER.split(table.label)
    if any("{" in part or "}" in part for part in parts[::2]) or not table.label.strip():
        place.tell(path, "a placeholder is the name of a column in braces", "write {if_name}, and {index} for the row's index")
        return
    for name in parts[1::2]:
        if name not in texts:
            is_number = name in {column.name for column in table.columns} | {column.name for column in table.derived}
            message = f"'{name}' is a number, and no name for a row" if is_number else f"the table has no column '{name}'"
            place.tell(path, message, did_you_mean(name, texts))
    nameless = [each for each in table.label.split("|") if not _PLACEHOLDER.search(each)]
    if nameless and not table.scalar:
        place.tell(path, f"'{nameless[0]}' would be the name of every row", "write a placeholder: {index}")


def _tell_matches(places: Mapping[str, Place], layers: Mapping[str, ProfileLayer]) -> None:
    """A profile that no device is polled by is a mistake: one that asks for nothing, or for what another asks for already."""
    used = {parent for layer in layers.values() for parent in layer.extends}
    taken: dict[tuple[str, str], str] = {}
    for name, place in places.items():
        match = place.form.match
        if match is None:
            if name not in used and name != GENERIC_NAME:
                place.tell(("name",), f"no device is polled by '{name}': it has no match, and no profile extends it", "give it a match")
            continue
        path: Path_ = ("match",)
        if not match.sys_object_ids and not match.sys_descr:
            place.tell(path, "an empty match fits no device", "write sys_object_ids, sys_descr, or both")
        _tell_pattern(place, match.sys_descr)
        for number, oid in enumerate(match.sys_object_ids or ("",)):
            if oid and not is_oid(oid):
                remedy = "write numbers and dots, without a leading dot: 1.3.6.1.4.1.…"
                place.tell((*path, "sys_object_ids", number), f"'{oid}' is not an OID", remedy)
            first = taken.setdefault((oid, match.sys_descr), name)
            if first != name or oid in match.sys_object_ids[:number]:
                where = (*path, "sys_object_ids", number) if oid else path
                message = f"'{first}' matches {oid or match.sys_descr!r} already, so '{name}' never would"
                place.tell(where, message, "tell them apart by sys_descr")


def _tell_pattern(place: Place, pattern: str) -> None:
    try:
        found = re.compile(pattern)
    except re.error as error:
        place.tell(("match", "sys_descr"), f"'{pattern}' is no regular expression: {error}", "mend it, or escape its signs with \\")
        return
    if pattern and found.search(""):
        place.tell(("match", "sys_descr"), f"'{pattern}' is found in any sysDescr, even an empty one", "write what must stand there")
