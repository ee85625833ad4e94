"""A draft as YAML, as a person would write it: guesses are marked ``# check:`` where they stand. The one writer of rule files.

Whatever comes from elsewhere is escaped (:mod:`pipeline.core.text`), so that it can be neither a second line nor a second key.
"""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from pipeline.config.rule_form import AlarmTypeForm, ResourceForm, TrapForm, TrapTest
from pipeline.core.event import Condition
from pipeline.core.rule import By
from pipeline.core.text import shown
from pipeline.drafting.draft import Draft, DraftRule, DraftType

WIDTH = 140
_PLAIN = re.compile(r"[A-Za-z]([A-Za-z0-9 _./()=+-]*[A-Za-z0-9_./()=+-])?")
_DOTTED = re.compile(r"[0-9]+(\.[0-9]+){2,}[A-Za-z0-9.]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""What some reader of YAML takes for something else than text."""
_MAX_TEXT = 400


def alarm_file(draft: Draft) -> str:
    """A file of ``rules/alarms`` with a test for each type."""
    types = [line for each in draft.types for line in _alarm_type(each)]
    tests = [f"  - {_flow({'alarm_type': each.form.name, 'expect': _expected(each.form)})}" for each in draft.types]
    return _file(draft.heading, "alarm_types", types, tests)


def _expected(form: AlarmTypeForm) -> dict[str, Any]:
    return {"severity": form.severity, "will_clear": form.will_clear, "probable_cause": form.probable_cause}


def trap_file(draft: Draft, tests: Iterable[TrapTest] = ()) -> str:
    """A file of ``rules/traps`` with these tests."""
    rules = [line for each in draft.rules for line in _rule(each)]
    return _file(draft.heading, "traps", rules, [line for test in tests for line in _test(test)])


def _file(heading: str, key: str, entries: Sequence[str], tests: Sequence[str]) -> str:
    head = list(comment("", heading))
    body = [f"{key}:", *entries] if entries else [f"{key}: []"]
    ending = ["tests:", *tests] if tests else ["tests: []"]
    return "\n".join([*head, "", *body, "", *ending, ""])


def _alarm_type(each: DraftType) -> Iterator[str]:
    form = each.form
    yield from _checks("  ", each.checks)
    yield f"  - name: {scalar(form.name)}"
    yield f"    event_type: {scalar(form.event_type)}"
    yield f"    probable_cause: {scalar(form.probable_cause)}"
    yield f"    severity: {scalar(form.severity)}"
    if not form.will_clear:
        yield "    will_clear: false"
    if form.condition is not Condition.NONE:
        yield f"    condition: {scalar(form.condition)}"
    yield f"    description: {scalar(form.description)}"


def _rule(each: DraftRule) -> Iterator[str]:
    form = each.form
    for note in each.notes:
        yield from comment("  ", note)
    yield from _checks("  ", each.checks)
    yield f"  - name: {scalar(form.name)}"
    yield from _matching(form)
    for key in ("when", "reason"):
        if getattr(form, key):
            yield f"    {key}: {_value(getattr(form, key))}"
    yield f"    resource: {_flow(_resource(form.resource))}"
    yield f"    alarm_type: {scalar(form.alarm_type)}"
    if form.qualifier:
        yield f"    qualifier: {scalar(form.qualifier)}"
    yield f"    signal: {scalar(form.signal)}"
    if form.severity is not None:
        yield f"    severity: {scalar(form.severity)}"
    yield f"    text: {scalar(form.text)}"


def _matching(form: TrapForm) -> Iterator[str]:
    if form.notification or form.oid:
        yield f"    notification: {scalar(form.notification)}" if form.notification else f"    oid: {scalar(form.oid)}"
    else:
        yield f"    enterprise: {scalar(form.enterprise)}"
        yield f"    specific: {form.specific}"


def _resource(form: ResourceForm) -> dict[str, Any]:
    given = {"kind": form.kind, "by": form.by, "varbind": form.varbind, "name_varbind": form.name_varbind, "index_of": form.index_of}
    return {key: value for key, value in given.items() if value and value is not By.DEVICE} | ({"arcs": form.arcs} if form.arcs else {})


def _test(test: TrapTest) -> Iterator[str]:
    yield f"  - notification: {scalar(test.notification)}" if test.notification else f"  - oid: {scalar(test.oid)}"
    for key in ("varbinds", "expect"):
        values = getattr(test, key)
        line = f"    {key}: {_flow(values)}"
        if not values:
            continue
        if len(line) <= WIDTH:
            yield line
        else:
            yield f"    {key}:"
            yield from (f"      {scalar(name)}: {_value(value)}" for name, value in values.items())


def _checks(indent: str, checks: Iterable[str]) -> Iterator[str]:
    for check in checks:
        yield from comment(indent, f"check: {check}")


def comment(indent: str, text: str) -> Iterator[str]:
    """A text as lines of a comment."""
    words = shown(text, _MAX_TEXT)
    yield from textwrap.wrap(
        words, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ", break_long_words=False, break_on_hyphens=False
    )


def _flow(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{scalar(key)}: {_value(value)}" for key, value in values.items()) + "}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _flow(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(each) for each in value)}]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A value that reads back as itself: plain where that is safe anywhere, in double quotes otherwise."""
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name.lower()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if (_PLAIN.fullmatch(text) and text.lower() not in _WORDS) or _DOTTED.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)
