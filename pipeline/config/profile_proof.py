"""Runs the tests that profile files carry: what an agent answers, and the rows, names and values that a profile makes of it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.config.problem import Path_, did_you_mean
from pipeline.config.profile_check import is_oid
from pipeline.config.profile_form import ProfileFile, ProfileTest
from pipeline.config.rule_files import RuleFile
from pipeline.core.column import Cell, Column
from pipeline.core.measure import worked_out
from pipeline.core.mib import MibIndex
from pipeline.core.profile import ColumnType, DerivedColumn, PollColumn, Profile, ProfileTable
from pipeline.core.profile_book import choose
from pipeline.core.raw import RawTable
from pipeline.core.row_plan import bound_table
from pipeline.core.sample import labels_of
from pipeline.core.unit import unit

Tell = Callable[[Path_, str, str], None]
_CLOSE = 1e-6
"""How far, in parts, a number may be from the one that is expected."""
_MEND = "mend the profile or the test"


@dataclass(frozen=True, slots=True)
class Proof:
    """The tests of the profile files of one folder; ``names`` are the MIB objects that the files name, with their OIDs."""

    profiles: Mapping[str, Profile]
    mibs: MibIndex
    names: Mapping[str, str]

    def run(self, file: RuleFile[ProfileFile], path: Path_, test: ProfileTest) -> None:
        """Run one test; what differs is told at its place."""

        def tell(below: Path_, message: str, remedy: str = "") -> None:
            file.tell((*path, *below), message, remedy)

        if not (test.choose or test.expect or test.rows):
            tell((), "a test expects something", "write expect:, answers: with rows:, or choose:")
        for number, choice in enumerate(test.choose):
            chosen = choose(self.profiles, choice.sys_object_id, choice.sys_descr).name
            if chosen != choice.expect:
                tell(("choose", number, "expect"), f"test failed: expected {choice.expect!r}, got {chosen!r}", "mend the match or the test")
        profile = self.profiles.get(test.profile)
        if profile is None and (test.profile or test.expect or test.rows):
            tell(("profile",) if test.profile else (), f"'{test.profile}' is not a profile", did_you_mean(test.profile, self.profiles))
        elif profile is not None:
            self._asked(test, profile, tell)
            self._answered(test, profile, tell)

    def _asked(self, test: ProfileTest, profile: Profile, tell: Tell) -> None:
        """Whether the columns stand at the objects that are expected."""
        asked = columns_of(profile)
        for key, wanted in test.expect.items():
            if key not in asked:
                tell(("expect", key), f"'{key}' cannot be expected here", did_you_mean(key, asked))
            elif wanted not in self._called(asked[key].oid):
                got = max(self._called(asked[key].oid), key=str.isalnum)
                tell(("expect", key), f"test failed: expected {wanted!r}, got {got!r}", _MEND)

    def _called(self, oid: str) -> set[str]:
        """What an object may be called in a test: its OID, and the names that the MIB index and the profiles know."""
        known = self.mibs.objects.get(oid)
        own = {name for name, place in self.names.items() if place == oid}
        return {oid} | own | ({known.name, self.mibs.qualified(oid)} if known else set())

    def _answered(self, test: ProfileTest, profile: Profile, tell: Tell) -> None:
        """Whether the answers give the rows that are expected."""
        answers = dict(self._answers(test, profile, tell))
        for name, wanted in test.rows.items():
            table = profile.table(name)
            if table is None:
                known = [each.name for each in profile.tables]
                tell(("rows", name), f"'{profile.name}' asks for no table '{name}'", did_you_mean(name, known))
                continue
            found = rows_of(table, answers)
            for label in sorted(wanted.keys() - found.keys()):
                remedy = did_you_mean(label, found) or _MEND
                tell(("rows", name, label), f"test failed: there is no row named {label!r}", remedy)
            for label in sorted(found.keys() - wanted.keys()):
                tell(("rows", name), f"test failed: there is a row named {label!r} too", _MEND)
            for label in sorted(wanted.keys() & found.keys()):
                _compare(("rows", name, label), wanted[label], found[label], tell)

    def _answers(self, test: ProfileTest, profile: Profile, tell: Tell) -> Iterator[tuple[str, Cell]]:
        """What the test's agent says, by OID of the instance."""
        columns = {column.oid: column for table in profile.tables for column in table.columns}
        for instance, value in test.answers.items():
            path = ("answers", instance)
            found = self._instance(instance, columns)
            if found is None:
                message = f"'{profile.name}' asks for nothing that '{instance}' would answer"
                tell(path, message, did_you_mean(instance.partition(".")[0], self._names_of(columns)) or "write object.index, or the OID")
                continue
            column, index = found
            cell = self._cell(column, value)
            if cell is None:
                tell(path, f"{value!r} is no {column.type.value} as an agent would send it", "mend the value, or the column's type")
                continue
            yield f"{column.oid}.{index}", cell

    def _names_of(self, columns: Mapping[str, PollColumn]) -> set[str]:
        return {name for name, oid in self.names.items() if oid in columns and "::" not in name} | {
            known.name for oid in columns if (known := self.mibs.objects.get(oid))
        }

    def _instance(self, instance: str, columns: Mapping[str, PollColumn]) -> tuple[PollColumn, str] | None:
        """The column that an instance belongs to, and its index: ``ifIndex.3``, or the OID of both."""
        if is_oid(instance):
            owner = next((oid for oid in columns if instance.startswith(f"{oid}.")), None)
            return None if owner is None else (columns[owner], instance[len(owner) + 1 :])
        name, _, index = instance.partition(".")
        oid = self.names.get(name) or self.mibs.oid_of(name)
        return (columns[oid], index) if oid is not None and oid in columns and index else None

    def _cell(self, column: PollColumn, value: Any) -> Cell:
        """A value of YAML as the poller would hand it on, ``None`` when it is none of the column's type."""
        if isinstance(value, str) and not column.type.is_text and column.type is not ColumnType.NUMBER_TEXT:
            known = self.mibs.objects.get(column.oid)
            labels = {label: number for number, label in known.enumeration.items()} if known else {}
            value = labels.get(value)
        return fitting(column.type, value)


def prove_profiles(files: Sequence[RuleFile[ProfileFile]], profiles: Mapping[str, Profile], mibs: MibIndex) -> int:
    """Run the tests of all profile files, telling each that fails at its place; the number that ran."""
    proof = Proof(profiles, mibs, named_objects(files))
    ran = 0
    for file in files:
        for place, test in enumerate(file.form.tests):
            proof.run(file, ("tests", place), test)
            ran += 1
    return ran


def named_objects(files: Iterable[RuleFile[ProfileFile]]) -> dict[str, str]:
    """The MIB objects that profile files name, short and with their module, with the OIDs at which they stand."""
    found: dict[str, str] = {}
    for file in files:
        for profile in file.form.profiles:
            for column in (column for table in profile.tables for column in table.columns if column.object):
                found.setdefault(column.short, column.oid)
                found.setdefault(column.object, column.oid)
    return found


def columns_of(profile: Profile) -> dict[str, PollColumn]:
    """What a profile asks for, by ``table.column``; and by ``column`` alone, where that is the first of its name."""
    asked: dict[str, PollColumn] = {}
    for table in profile.tables:
        for column in table.columns:
            asked.setdefault(column.name, column)
            asked[f"{table.name}.{column.name}"] = column
    return asked


_LIMITS: dict[ColumnType, tuple[int, int]] = {
    ColumnType.COUNTER32: (0, 1 << 32),
    ColumnType.COUNTER64: (0, 1 << 64),
    ColumnType.GAUGE: (0, 1 << 32),
    ColumnType.GAUGE64: (0, 1 << 64),
    ColumnType.INTEGER: (-(1 << 31), 1 << 31),
}


def fitting(kind: ColumnType, value: Any) -> Cell:
    """A value when an agent could send it for a column of this type (RFC 2578 section 7.1), else ``None``."""
    if isinstance(value, bool) or value is None:
        return None
    if kind.is_text:
        return str(value)
    if kind is ColumnType.NUMBER_TEXT:
        try:
            return float(value)
        except (TypeError, ValueError):
            return None
    low, high = _LIMITS[kind]
    return value if isinstance(value, int) and low <= value < high else None


def rows_of(table: ProfileTable, answers: Mapping[str, Cell]) -> dict[str, dict[str, Cell]]:
    """The rows that a table's answers make, by name: text and counters as they stand, numbers in the units of their columns."""
    first = f"{table.columns[0].oid}."
    indexes = tuple(oid.removeprefix(first) for oid in answers if oid.startswith(first))
    packed = {column.name: Column.of([answers.get(f"{column.oid}.{index}") for index in indexes]) for column in table.columns}
    raw = RawTable(indexes, packed)
    numbers, kept = worked_out(raw, bound_table(table, ()))
    cells: dict[str, list[Cell]] = {column.name: list(packed[column.name].values()) for column in table.columns}
    measured: list[PollColumn | DerivedColumn] = [
        *(column for column in table.columns if not (column.type.is_text or column.type.counter_bits)),
        *table.derived,
    ]
    for column in measured:
        factor = unit(column.unit).factor
        cells[column.name] = [None if math.isnan(value) else _trimmed(value / factor) for value in numbers[column.name].tolist()]
    rows = [{name: values[row] for name, values in cells.items()} for row in range(len(indexes))]
    return {label: row for label, row, is_kept in zip(labels_of(raw, table), rows, kept.tolist(), strict=True) if is_kept}


def _trimmed(value: float) -> float:
    """A number without the last digits, which changing its unit to and fro has made up."""
    return float(f"{value:.12g}")


def _compare(path: Path_, wanted: Mapping[str, Any], found: Mapping[str, Cell], tell: Tell) -> None:
    for name, value in wanted.items():
        if name not in found:
            tell((*path, name), f"'{name}' cannot be expected here", did_you_mean(name, found))
        elif not _same(value, found[name]):
            tell((*path, name), f"test failed: expected {_word(value)}, got {_word(found[name])}", _MEND)


def _same(wanted: Any, found: Cell) -> bool:
    if isinstance(wanted, (int, float)) and isinstance(found, (int, float)):
        return math.isclose(wanted, found, rel_tol=_CLOSE, abs_tol=1e-9)
    return str(wanted) == str(found) if wanted is not None and found is not None else wanted is found


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return "no value" if value is None else repr(value) if isinstance(value, str) else str(value)
