"""What a request asks: its parameters and names, checked before any store is asked."""

import re
from collections.abc import Collection

from aiohttp import web

from pipeline.api.refusal import bad_question, unknown
from pipeline.core.text import shown

MOST_ROWS = 1000
LONGEST_NAME = 200
_NUMBER = re.compile(r"[0-9]{1,6}")
_ECHOED = 40


def only(request: web.Request, *names: str) -> None:
    """Refuse parameters that are not known or come twice: a misspelt filter must not answer with everything."""
    for name in request.query:
        if name not in names:
            allowed = f"; known here: {', '.join(names)}" if names else "; none are known here"
            raise bad_question(f"There is no parameter {_echo(name)}{allowed}.")
        if len(request.query.getall(name)) > 1:
            raise bad_question(f"The parameter {name} comes more than once.")


def one_of(request: web.Request, name: str, choices: Collection[str]) -> str | None:
    """A parameter that is one of ``choices``; ``None`` when it is not given."""
    given = request.query.get(name)
    if given is not None and given not in choices:
        raise bad_question(f"{name} is {' or '.join(choices)}, not {_echo(given)}.")
    return given


def flag(request: web.Request, name: str) -> bool:
    """A parameter that is ``true`` or ``false``; false when it is not given."""
    return one_of(request, name, ("true", "false")) == "true"


def number(request: web.Request, name: str, default: int) -> int:
    """A whole number from 1 to :data:`MOST_ROWS`."""
    given = request.query.get(name)
    if given is None:
        return default
    if not _NUMBER.fullmatch(given) or not 1 <= int(given) <= MOST_ROWS:
        raise bad_question(f"{name} is a number from 1 to {MOST_ROWS}, not {_echo(given)}.")
    return int(given)


def name_in(request: web.Request, part: str) -> str:
    """A name in the path. Nothing has a name that is very long or cannot be printed: refused as unknown."""
    name = request.match_info[part]
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise unknown("Nothing has such a name.")
    return name


def name_given(request: web.Request, name: str) -> str | None:
    """A name as a parameter; ``None`` when it is not given. Raises the refusal of a bad question for one that cannot be a name."""
    given = request.query.get(name)
    if given is not None and not (0 < len(given) <= LONGEST_NAME and given.isprintable()):
        raise bad_question(f"{name} is no name: {_echo(given)}.")
    return given


def _echo(text: str) -> str:
    """What was given, made safe to show; pages and JSON escape it further."""
    return f"'{shown(text, _ECHOED)}'"
