"""What a notification is about, so that in a storm an older word about the same can give way to a newer one. Pure.

Giving way loses no state: the last notification of each object is passed on, and those of one ``order`` are passed on as they came.
"""

from collections.abc import Hashable
from typing import NamedTuple

from pipeline.core.directory import Directory
from pipeline.core.mib import MibIndex
from pipeline.core.normalize import attributes_of, locate, lookup_of, rule_for
from pipeline.core.raw import RawTrap, ValueType
from pipeline.core.rule import RuleBook

_MEASURED = frozenset({ValueType.TIME_TICKS, ValueType.COUNTER32, ValueType.COUNTER64, ValueType.GAUGE32})


class Identity(NamedTuple):
    """``subject`` is what may be compacted to its last notification; ``order`` within what order is kept, ``None`` being all of the source.

    Both are of one source: two sources never share an identity. What is authenticated never gives way to what is not.
    """

    subject: Hashable
    order: Hashable = None


def by_variables(trap: RawTrap) -> Identity:
    """Without any rule: the same notification with the same variables, times and counts left out, is about the same object.

    Raise and clear are then two objects, so order is kept within all that the source says.
    """
    told = tuple([(varbind.oid, varbind.value) for varbind in trap.varbinds if varbind.type not in _MEASURED])
    return Identity((trap.source, trap.authenticated, trap.trap_oid, told))


def by_rules(trap: RawTrap, rules: RuleBook, directory: Directory, mibs: MibIndex) -> Identity:
    """By the rule that decides: the object is the alarm that it speaks of, order is kept within its resource.

    What no rule knows is stateless: its notification alone is the object.
    """
    rule = rule_for(trap, rules)
    if rule is None:
        stateless = (trap.source, trap.authenticated, trap.trap_oid)
        return Identity(stateless, stateless)
    device = directory.device_at(trap.source)
    reporter = device.name if device else trap.source
    resource = locate(rule.locator, trap.varbinds, reporter, directory)
    qualifier = ""
    if rule.qualifier:
        qualifier = rule.qualifier.render(lookup_of(trap, reporter, resource, attributes_of(trap.varbinds, mibs), mibs))
    subject = (trap.source, trap.authenticated, resource, rule.alarm_type.name, qualifier)
    return Identity(subject, (trap.source, resource))
