"""How poll profiles are written, before they are laid on those that they extend."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.core.profile import ColumnType, DerivedColumn, PollColumn, ProfileMatch
from pipeline.core.profile_book import ProfileLayer, TableLayer
from pipeline.core.resource import ResourceKind


@dataclass(frozen=True, slots=True)
class ColumnForm:
    """A column that is asked for, see :class:`pipeline.core.profile.PollColumn`.

    ``object`` is its name in its MIB, ``IF-MIB::ifHCInOctets``: held against the MIB index where that knows the module, and what the
    answers of the file's tests are named by.
    """

    name: str
    oid: str
    object: str = ""
    type: ColumnType = ColumnType.GAUGE
    unit: str = "1"
    scale: float = 1.0
    wire_bits: int = 0

    @property
    def short(self) -> str:
        """The object's name without its module."""
        return self.object.rpartition("::")[2]

    @property
    def column(self) -> PollColumn:
        """The column itself."""
        return PollColumn(self.name, self.oid, self.type, self.unit, self.scale, self.wire_bits)


@dataclass(frozen=True, slots=True)
class TableForm:
    """What a profile says of a table; keys that are left out are as the extended profiles have them."""

    name: str
    scalar: bool | None
    rows: ResourceKind | None
    label: str | None
    where: str | None
    every: int | None
    columns: tuple[ColumnForm, ...] = ()
    derived: tuple[DerivedColumn, ...] = ()

    @property
    def layer(self) -> TableLayer:
        """The same, as the core has it."""
        columns = tuple(column.column for column in self.columns)
        return TableLayer(self.name, columns, self.derived, self.scalar, self.rows, self.label, self.where, self.every)


@dataclass(frozen=True, slots=True)
class ProfileForm:
    """One profile. ``extends`` names those whose tables it has too, ``drop`` the tables of theirs that it has not."""

    name: str
    match: ProfileMatch | None
    description: str = ""
    extends: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    tables: tuple[TableForm, ...] = ()

    @property
    def layer(self) -> ProfileLayer:
        """The same, as the core has it."""
        tables = tuple(table.layer for table in self.tables)
        return ProfileLayer(self.name, tables, self.match, self.extends, self.drop, self.description)


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """A device's sysObjectID and sysDescr, and the profile that it must be polled by."""

    sys_object_id: str
    expect: str
    sys_descr: str = ""


@dataclass(frozen=True, slots=True)
class ProfileTest:
    """What a profile must do: one of three, or of the first two both.

    ``expect`` are the columns that it asks for, ``column`` or ``table.column``, with their objects' names (or OIDs, where no MIB is known).
    ``answers`` are what an agent says, ``object.index: value``, and ``rows`` what must come of it: table, name of the row, column, value.
    ``choose`` says which profile a device gets.
    """

    profile: str = ""
    expect: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    choose: tuple[ChoiceForm, ...] = ()


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A file of ``rules/profiles``."""

    profiles: tuple[ProfileForm, ...]
    tests: tuple[ProfileTest, ...]
