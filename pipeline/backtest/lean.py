"""Knowledge without what no incident can come of: most of a replay's work is KPIs, and most KPIs only raise alarms that are told apart.

An alarm whose type says nothing of its resource's ability to serve is no evidence (:func:`pipeline.core.domain.witness`): with or without
it incidents, tickets, pages, outages and credits are the same; a test holds both together.
"""

from collections.abc import Mapping
from dataclasses import replace

from pipeline.config.rule_set import RuleSet
from pipeline.core.alarm import Alarm
from pipeline.core.event import Condition
from pipeline.core.knowledge import Knowledge
from pipeline.core.measure import Measuring
from pipeline.core.profile import Profile, ProfileBook
from pipeline.core.reconcile import LIGHT_LOST


def is_evidence(alarm: Alarm) -> bool:
    """Whether an alarm may bear on an incident."""
    return alarm.condition is not Condition.NONE or alarm.alarm_type == LIGHT_LOST


def lean(known: Knowledge) -> Knowledge:
    """The same knowledge, measuring only the KPIs whose thresholds may raise evidence, or what a correlation rule lays to an incident.

    Nothing is watched for being unusual, unless such a rule asks for it: then all is as it was.
    """
    if any(rule.alarm_type in known.correlating.by_effect for rule in known.measuring.watching.rules):
        return known
    thresholds = tuple(each for each in known.thresholds if _may_bear(each.alarm_type, known))
    wanted = {each.kpi for each in thresholds}
    rollups = tuple(each for each in known.measuring.rollups if each.name in wanted)
    wanted |= {each.kpi for each in rollups}
    rules = tuple(each for each in known.measuring.rules if each.name in wanted)
    profiles = _only(known.measuring.profiles.profiles, {each.table for each in rules})
    measuring = Measuring(ProfileBook(profiles), rules, rollups, known.measuring.shares)
    return replace(known, thresholds=thresholds, measuring=measuring)


def measures_alike(one: RuleSet, other: RuleSet) -> bool:
    """Whether two sets raise the same alarms from KPIs: then there is nothing to tell about them."""
    return _measures(one) == _measures(other)


def _measures(rules: RuleSet) -> tuple[object, ...]:
    return rules.thresholds, rules.kpis, rules.rollups, rules.anomalies, rules.profiles


def _may_bear(alarm_type: str, known: Knowledge) -> bool:
    found = known.rules.alarm_types.get(alarm_type)
    is_evidence = found is None or found.condition is not Condition.NONE or alarm_type == LIGHT_LOST
    return is_evidence or alarm_type in known.correlating.by_effect


def _only(profiles: Mapping[str, Profile], tables: set[str]) -> dict[str, Profile]:
    return {
        name: replace(profile, tables=tuple(table for table in profile.tables if table.name in tables))
        for name, profile in profiles.items()
    }
