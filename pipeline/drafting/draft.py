"""What a draft is: alarm types and trap rules, each with what a person should check; and what was not carried over, with its reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.rule_form import AlarmTypeForm, TrapForm


@dataclass(frozen=True, slots=True)
class DraftType:
    """An alarm type that no catalogue has yet; ``checks`` are the guesses in it, each with its reason."""

    form: AlarmTypeForm
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftRule:
    """A trap rule; ``checks`` are the guesses in it, ``notes`` what else its reader should know, ``origin`` where it comes from.

    ``example`` are the varbinds of a notification that it must read, as a test of a rule file writes them.
    """

    form: TrapForm
    origin: str
    checks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was not carried over. ``line`` counts from 1; ``kind`` is the same word for the same reason, for counting."""

    file: str
    line: int
    what: str
    kind: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything of one source. ``read`` counts what the source holds; ``losses`` were carried over, but not whole."""

    name: str
    heading: str
    types: tuple[DraftType, ...] = ()
    rules: tuple[DraftRule, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    losses: tuple[Refusal, ...] = ()
    read: int = 0


class Names:
    """Gives each thing a name of its own: the wanted one, or that with a number."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def new(self, wanted: str) -> str:
        """A name that nothing has yet."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}-{count}"
        self._taken.add(name)
        return name


@dataclass(frozen=True, slots=True)
class Taken:
    """The names that alarm types and trap rules have already."""

    types: Names
    rules: Names
