"""YAML text -> a tree of nodes that know their lines; safe by construction.

Scalars keep the text that was written, so that the decoder reads ``1.10`` as text, as Decimal or as float by what the field asks for, and
YAML 1.1's surprises (``no`` a boolean, ``22:30`` a number, ``010`` octal) do not exist. Tags, merge keys, several documents and keys that
are not scalars are refused. Size, depth, aliases and the size after their expansion are bounded, because a file may come from a stranger.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.config.problem import ConfigError, Problem

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 32
MAX_ALIASES = 100
MAX_NODES = 2_000_000
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value as it was written; ``plain`` when without quotes. ``size`` counts nodes, this one included."""

    text: str
    plain: bool
    line: int
    size: int = 1


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple["Node", ...]
    line: int
    size: int = 1


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping; ``lines`` says where each key stands."""

    fields: dict[str, "Node"]
    lines: dict[str, int]
    line: int
    size: int = 1


Node = Scalar | Items | Fields


class _Open:
    """A list or mapping that is still being read."""

    def __init__(self, *, mapping: bool, line: int, anchor: str | None) -> None:
        self.mapping = mapping
        self.line = line
        self.anchor = anchor
        self.children: list[Node] = []


class _Builder:
    """Turns parser events into nodes without recursion."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._aliases = 0
        self._nodes = 0
        self.problems: list[Problem] = []
        self.root: Node | None = None

    def refuse(self, line: int, message: str, remedy: str = "") -> ConfigError:
        return ConfigError([*self.problems, Problem(self._file, line, "$", message, remedy)])

    def feed(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if getattr(event, "tag", None) not in {None, "!"} and not _is_implied(event):
            raise self.refuse(line, f"the tag {event.tag} is not allowed", "write the value without a tag")
        match event:
            case yaml.AliasEvent():
                self._alias(event.anchor or "", line)
            case yaml.ScalarEvent():
                self._place(Scalar(event.value, not event.style, line), event.anchor)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._open(_Open(mapping=isinstance(event, yaml.MappingStartEvent), line=line, anchor=event.anchor))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._close()
            case yaml.DocumentStartEvent() if self.root is not None:
                raise self.refuse(line, "a second document begins here", "keep one document in a file")

    def _open(self, opened: _Open) -> None:
        self._stack.append(opened)
        if len(self._stack) > MAX_DEPTH:
            raise self.refuse(opened.line, f"nested deeper than {MAX_DEPTH} levels", "flatten the file")

    def _alias(self, anchor: str, line: int) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise self.refuse(line, f"more than {MAX_ALIASES} aliases", "write the values out")
        if anchor not in self._anchors:
            raise self.refuse(line, f"the alias *{anchor} stands before its anchor, or inside it", "write the values out")
        self._place(self._anchors[anchor], None)

    def _place(self, node: Node, anchor: str | None) -> None:
        self._nodes += node.size
        if self._nodes > MAX_NODES:
            raise self.refuse(node.line, f"more than {MAX_NODES} values after expanding aliases", "split the file")
        if anchor is not None:
            self._anchors[anchor] = node
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self.root = node

    def _close(self) -> None:
        opened = self._stack.pop()
        size = 1 + sum(child.size for child in opened.children)
        self._nodes -= size - 1
        node = self._fields(opened, size) if opened.mapping else Items(tuple(opened.children), opened.line, size)
        self._place(node, opened.anchor)

    def _fields(self, opened: _Open, size: int) -> Fields:
        fields: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key, value in zip(opened.children[::2], opened.children[1::2], strict=True):
            if not isinstance(key, Scalar):
                raise self.refuse(key.line, "a key must be a single word", "write the mapping the other way round")
            if key.text in fields:
                remedy = "keep one of them"
                self.problems.append(
                    Problem(self._file, key.line, "$", f"the key '{key.text}' stands twice, first on line {lines[key.text]}", remedy)
                )
            fields[key.text] = value
            lines[key.text] = key.line
        return Fields(fields, lines, opened.line, size)


def _is_implied(event: Any) -> bool:
    return bool(any(event.implicit) if isinstance(event, yaml.ScalarEvent) else event.implicit)


def parse_yaml(text: str, file: str) -> Node:
    """Read one YAML document. An empty one is an empty mapping.

    Raises:
        ConfigError: with file and line, for text that is not YAML, goes beyond a limit, or repeats a key.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError([Problem(file, 0, "$", f"larger than {MAX_BYTES} bytes", "split the file")])
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.feed(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise builder.refuse(line, f"not valid YAML: {what}", "mend the syntax at this line or just above it") from error
    if builder.problems:
        raise ConfigError(builder.problems)
    root = builder.root
    return Fields({}, {}, 1) if root is None or (isinstance(root, Scalar) and root.plain and not root.text) else root


def read_yaml(path: Path, file: str | None = None) -> Node:
    """Read a YAML file; ``file`` is the name that problems tell, the path by default. Raises ``ConfigError``."""
    return parse_yaml(read_text(path, file), file or str(path))


def read_text(path: Path, file: str | None = None) -> str:
    """The text of a UTF-8 file within the size limit. Raises ``ConfigError`` with the remedy when it cannot be read."""
    name = file or str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError([Problem(name, 0, "$", f"larger than {MAX_BYTES} bytes", "split the file")])
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(name, 0, "$", f"not UTF-8 at byte {error.start}", "save the file as UTF-8")]) from error
    except OSError as error:
        raise ConfigError([Problem(name, 0, "$", f"cannot be read: {error.strerror}", "check the path and its permissions")]) from error
