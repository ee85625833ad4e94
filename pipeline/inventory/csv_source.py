"""A CSV file as the nodes that a YAML file would give, so that both are decoded alike. The header row names the keys."""

import csv
from pathlib import Path

from pipeline.config.decode import shape_of
from pipeline.config.problem import ConfigError, Problem
from pipeline.config.yaml_source import Fields, Items, Node, Scalar, read_text
from pipeline.inventory.form import Section

LIST_SEPARATOR = ";"
"""Between the members of a list in one cell: ``tunnel/t1;interface/pe1/ge-0/0/1``; of a mapping: ``tunnel/t1=3;tunnel/t2=1``."""


def read_csv(path: Path, section: Section, file: str) -> Items:
    """The rows of a file as mappings with their lines. Empty cells are keys that are not given; a row of empty cells is none.

    Raises:
        ConfigError: when it is no CSV or a row has more cells than the header.
    """
    reader = csv.reader(read_text(path, file).splitlines(), strict=True)
    kinds = {key: str(kind).partition("[")[0] for key, kind in shape_of(section.form).types.items()}
    try:
        header = [cell.strip() for cell in next(reader, [])]
        rows = [_row(header, cells, reader.line_num, kinds, file) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise ConfigError([Problem(file, reader.line_num, "$", f"not valid CSV: {error}", "mend the quotes of this line")]) from error
    return Items(tuple(rows), 1)


def _row(header: list[str], cells: list[str], line: int, kinds: dict[str, str], file: str) -> Fields:
    if len(cells) > len(header):
        message = f"{len(cells)} cells under {len(header)} headings"
        raise ConfigError([Problem(file, line, "$", message, "put text that holds a comma in quotes")])
    pairs = {key: cell.strip() for key, cell in zip(header, cells, strict=False) if cell.strip()}
    fields: dict[str, Node] = {key: _cell(text, line, kinds.get(key, "")) for key, text in pairs.items()}
    return Fields(fields, dict.fromkeys(fields, line), line)


def _cell(text: str, line: int, kind: str) -> Node:
    if kind not in ("tuple", "dict"):
        return Scalar(text, plain=True, line=line)
    members = [part.strip() for part in text.split(LIST_SEPARATOR) if part.strip()]
    if kind == "tuple":
        return Items(tuple(Scalar(part, plain=True, line=line) for part in members), line)
    pairs = dict(map(_pair, members))
    return Fields({key: Scalar(value, plain=True, line=line) for key, value in pairs.items()}, dict.fromkeys(pairs, line), line)


def _pair(text: str) -> tuple[str, str]:
    """``key=value``; the key alone when nothing is given to it, which the decoder then tells."""
    key, sign, value = text.rpartition("=")
    return (key.strip(), value.strip()) if sign else (value.strip(), "")
