"""A CSV file as entries of its section. The header row names the keys.

A row that is well is read by its columns alone, which is what makes hundreds of thousands of them cheap. Any other becomes the nodes that a
YAML file would give, so that the one decoder tells what is wrong with it.
"""

import csv
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.config.decode import Decoder, reader_of, shape_of
from pipeline.config.problem import ConfigError, Path_, Problem
from pipeline.config.yaml_source import Fields, Items, Node, Scalar, read_text
from pipeline.inventory.form import Section

LIST_SEPARATOR = ";"
"""Between the members of a list in one cell: ``tunnel/t1;interface/pe1/ge-0/0/1``; of a mapping: ``tunnel/t1=3;tunnel/t2=1``."""

REMEMBERED = 4_096
"""How many different cells of a column are remembered: most columns repeat few, which are then read once and kept once."""


def read_csv(path: Path, section: Section, decoder: Decoder) -> Iterator[tuple[int, int, Any]]:
    """The entries of a file, each with its position and its line; the decoder has been told of those that are wrong.

    Empty cells are keys that are not given; a row of empty cells is none.

    Raises:
        ConfigError: when it is no CSV or a row has more cells than the header.
    """
    file = decoder.file
    reader = csv.reader(read_text(path, file).splitlines(), strict=True)
    try:
        columns = _Columns([cell.strip() for cell in next(reader, [])], section.form)
        position = 0
        for cells in reader:
            line = reader.line_num
            entry = columns.entry(cells)
            if entry is None:
                if not any(map(str.strip, cells)):
                    continue
                _refuse_surplus(cells, columns.header, line, file)
                entry = decoder.read(columns.node(cells, line), section.form, _path(section, position))
            if entry is not None:
                yield position, line, entry
            position += 1
    except csv.Error as error:
        raise _no_csv(error, reader.line_num, file) from error


def read_csv_nodes(path: Path, section: Section, file: str) -> Items:
    """The rows of a file as mappings with their lines, for whoever takes entries that are not whole. Raises as :func:`read_csv` does."""
    reader = csv.reader(read_text(path, file).splitlines(), strict=True)
    try:
        columns = _Columns([cell.strip() for cell in next(reader, [])], section.form)
        rows = []
        for cells in reader:
            if any(map(str.strip, cells)):
                _refuse_surplus(cells, columns.header, reader.line_num, file)
                rows.append(columns.node(cells, reader.line_num))
    except csv.Error as error:
        raise _no_csv(error, reader.line_num, file) from error
    return Items(tuple(rows), 1)


def _no_csv(error: csv.Error, line: int, file: str) -> ConfigError:
    return ConfigError([Problem(file, line, "$", f"not valid CSV: {error}", "mend the quotes of this line")])


def _path(section: Section, position: int) -> Path_:
    return section.key, position


def _refuse_surplus(cells: list[str], header: list[str], line: int, file: str) -> None:
    if len(cells) > len(header):
        message = f"{len(cells)} cells under {len(header)} headings"
        raise ConfigError([Problem(file, line, "$", message, "put text that holds a comma in quotes")])


class _Columns:
    """The columns of one file: which key each is, and how its cells are read."""

    def __init__(self, header: list[str], form: type[Any]) -> None:
        shape = shape_of(form)
        self.header = header
        self._form = form
        self._absent = dict.fromkeys(shape.absent)
        self._kinds = {key: typing.get_origin(kind) for key, kind in shape.types.items()}
        readers = [_cell_reader(shape.types.get(key)) for key in header]
        self._is_plain = all(readers) and len(set(header)) == len(header)
        self._columns = [(key, read, dict[str, Any]()) for key, read in zip(header, readers, strict=True) if read is not None]

    def entry(self, cells: list[str]) -> Any:
        """The entry of a row; ``None`` when anything is the matter with it."""
        if not self._is_plain or len(cells) > len(self.header):
            return None
        values = dict(self._absent)
        try:
            for (key, read, known), cell in zip(self._columns, cells, strict=False):
                value = known.get(cell)
                if value is not None:
                    values[key] = value
                elif text := cell.strip():
                    values[key] = value = read(text)
                    if len(known) < REMEMBERED:
                        known[cell] = value
            return self._form(**values) if any(values) else None
        except (ValueError, TypeError):  # the decoder says it better: what cannot be read, or what is missing
            return None

    def node(self, cells: list[str], line: int) -> Fields:
        """A row as a mapping with its line."""
        pairs = {key: cell.strip() for key, cell in zip(self.header, cells, strict=False) if cell.strip()}
        fields: dict[str, Node] = {key: self._cell(key, text, line) for key, text in pairs.items()}
        return Fields(fields, dict.fromkeys(fields, line), line)

    def _cell(self, key: str, text: str, line: int) -> Node:
        match self._kinds.get(key):
            case kind if kind is tuple:
                return Items(tuple(Scalar(part, plain=True, line=line) for part in _members(text)), line)
            case kind if kind is dict:
                pairs = dict(map(_pair, _members(text)))
                return Fields({key: Scalar(value, plain=True, line=line) for key, value in pairs.items()}, dict.fromkeys(pairs, line), line)
            case _:
                return Scalar(text, plain=True, line=line)


def _cell_reader(target: Any) -> Callable[[str], Any] | None:
    """What reads a cell of a type, or ``None`` for what no cell can hold."""
    arguments = [reader_of(each) for each in typing.get_args(target)[: 2 if typing.get_origin(target) is dict else 1]]
    match typing.get_origin(target), arguments:
        case origin, [read] if origin is tuple and read is not None:
            return lambda text: tuple(map(read, _members(text)))
        case origin, [read_key, read_value] if origin is dict and read_key is not None and read_value is not None:
            return lambda text: {read_key(key): read_value(value) for key, value in map(_pair, _members(text))}
        case _:
            return reader_of(target)


def _members(text: str) -> list[str]:
    return [part.strip() for part in text.split(LIST_SEPARATOR) if part.strip()]


def _pair(text: str) -> tuple[str, str]:
    """``key=value``; the key alone when nothing is given to it, which the decoder then tells."""
    key, sign, value = text.rpartition("=")
    return (key.strip(), value.strip()) if sign else (value.strip(), "")
