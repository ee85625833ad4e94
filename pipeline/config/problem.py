"""What is wrong with a configuration: each problem with its place and its remedy, all told at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

Path_ = tuple[str | int, ...]
"""Where a value stands in its file: keys and list positions from the root."""


class Level(StrEnum):
    """An error refuses the configuration; a warning is told and the configuration is used."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. ``line`` counts from 1, 0 when the file as a whole is meant; ``path`` is ``$.traps.listen[0]``."""

    file: str
    line: int
    path: str
    message: str
    remedy: str = ""
    level: Level = Level.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        remedy = f"; {self.remedy}" if self.remedy else ""
        warning = "warning: " if self.level is Level.WARNING else ""
        return f"{place}: {self.path}: {warning}{self.message}{remedy}"


class ConfigError(ValueError):
    """A configuration that is refused, with every problem that was found in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Problems:
    """Collects problems, so that a reader learns of all of them in one run."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}

    def add(self, problem: Problem) -> None:
        """Keep one more; the same one is kept once."""
        self._problems[problem] = None

    def extend(self, problems: Iterable[Problem]) -> None:
        """Keep several more."""
        for problem in problems:
            self.add(problem)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Those that refuse the configuration, by file and line."""
        return tuple(sorted((p for p in self._problems if p.level is Level.ERROR), key=_place))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Those that do not, by file and line."""
        return tuple(sorted((p for p in self._problems if p.level is Level.WARNING), key=_place))

    def raise_if_any(self) -> None:
        """Raise ``ConfigError`` with every error; warnings alone raise nothing."""
        if self.errors:
            raise ConfigError(self.errors)


def _place(problem: Problem) -> tuple[str, int]:
    return problem.file, problem.line


def path_text(path: Path_) -> str:
    """``("traps", "listen", 0)`` as people write it: ``$.traps.listen[0]``."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for a word that is not known: the nearest one, or the list when it is short, or nothing."""
    choices = sorted(known)
    if len(choices) > _MOST_CHOICES:
        return ""
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    listed = ", ".join(choices)
    return f"use one of: {listed}" if choices and len(listed) <= _LIST_CHARACTERS else ""


_LIST_CHARACTERS = 200
_MOST_CHOICES = 5_000
"""Among more words the nearest is not looked for: it takes a second for a hundred thousand."""
