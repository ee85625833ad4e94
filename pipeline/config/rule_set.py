"""Everything of a rules folder that the pipeline works by: rule book, plans, thresholds, routing, poll profiles; read as one."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pipeline.config.anomaly_check import anomaly_rules
from pipeline.config.anomaly_form import AnomalyFile
from pipeline.config.correlation_check import correlation_rules
from pipeline.config.correlation_form import CorrelationFile
from pipeline.config.kpi_check import tell_wrong_kpis
from pipeline.config.message_check import languages_of, notices_of, read_message_files, read_notice_files
from pipeline.config.message_form import MessageFile, NoticeFile
from pipeline.config.problem import Path_, Problems, did_you_mean
from pipeline.config.profile_check import read_profiles
from pipeline.config.profile_form import ProfileFile
from pipeline.config.reload import Reloading
from pipeline.config.remedy_check import read_remedy_files, remedies_of
from pipeline.config.remedy_form import RemedyFile
from pipeline.config.routing_check import routing_of
from pipeline.config.routing_form import RoutingFile
from pipeline.config.rule_files import SUFFIXES, ReadRules, RuleFile, default_mibs, read_files, read_rules
from pipeline.config.rule_form import KpiFile, PlanFile
from pipeline.core.anomaly_rule import AnomalyRule, Watching
from pipeline.core.correlation_rule import CorrelationRule
from pipeline.core.event import AlarmType
from pipeline.core.kpi import DEVICE_KPIS, KpiRule
from pipeline.core.measure import Measuring
from pipeline.core.mib import MibIndex
from pipeline.core.notice import Notices
from pipeline.core.plan import Plan
from pipeline.core.plan_check import Finding, validate, versions_findings
from pipeline.core.profile import Profile, ProfileBook
from pipeline.core.remedy import RemedyRule
from pipeline.core.rollup import GROUPS, Groups, RollupRule, Shares
from pipeline.core.routing import Routing
from pipeline.core.rule import RuleBook
from pipeline.core.threshold import Threshold

T = TypeVar("T")
ROUTING_NAME = "routing.yaml"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One consistent set, with the MIB index by which it was compiled."""

    book: RuleBook
    mibs: MibIndex
    plans: dict[str, Plan]
    thresholds: tuple[Threshold, ...]
    routing: Routing
    profiles: dict[str, Profile]
    kpis: tuple[KpiRule, ...] = ()
    rollups: tuple[RollupRule, ...] = ()
    anomalies: tuple[AnomalyRule, ...] = ()
    correlations: tuple[CorrelationRule, ...] = ()
    notices: Notices = field(default_factory=Notices)
    languages: dict[str, MessageFile] = field(default_factory=dict)
    remedies: tuple[RemedyRule, ...] = ()

    def measuring(self, groups: Groups) -> Measuring:
        """What the polls of devices are measured by, with a memory of its own."""
        return Measuring(ProfileBook(self.profiles), self.kpis, self.rollups, Shares(groups), Watching(self.anomalies))


@dataclass(frozen=True, slots=True)
class ReadSet:
    """What reading a folder gave, with the files for their tests; usable when no problem was told."""

    value: RuleSet
    rules: ReadRules
    plans: list[RuleFile[PlanFile]]
    kpis: list[RuleFile[KpiFile]]
    routing: list[RuleFile[RoutingFile]]
    profiles: list[RuleFile[ProfileFile]]
    anomalies: list[RuleFile[AnomalyFile]]
    correlations: list[RuleFile[CorrelationFile]]
    notices: list[RuleFile[NoticeFile]]
    languages: list[RuleFile[MessageFile]]
    remedies: list[RuleFile[RemedyFile]]


def load_rule_set(folder: Path, mibs: MibIndex | None = None) -> RuleSet:
    """Read a whole rules folder; the files' tests are not run. Raises ``ConfigError`` with every problem of every file."""
    problems = Problems()
    found = read_set(folder, mibs or default_mibs(folder), problems)
    problems.raise_if_any()
    return found.value


class RuleSource(Reloading[RuleSet]):
    """The rules of a folder, read again when its files change; a broken set is refused whole and the last good one stays."""

    def __init__(self, folder: Path, mibs: MibIndex | None = None) -> None:
        super().__init__((folder,), SUFFIXES, lambda: load_rule_set(folder, mibs), what="rules folder")


class PlanSource(Reloading[dict[str, Plan]]):
    """The SLA plans of a rules folder, read again when their files change."""

    def __init__(self, folder: Path) -> None:
        super().__init__((folder / "slas",), SUFFIXES, lambda: load_plans(folder), what="SLA plans")


def load_plans(folder: Path) -> dict[str, Plan]:
    """The SLA plans of a rules folder by name. Raises ``ConfigError``; a schedule with a gap or an overlap is refused, the gap named."""
    return _load(folder / "slas", PlanFile, joined_plans)


def load_thresholds(folder: Path) -> tuple[Threshold, ...]:
    """The thresholds of a rules folder, in order of file and place. Raises ``ConfigError``."""
    return _load(folder / "kpis", KpiFile, lambda files: _thresholds(files, None))


def load_kpis(folder: Path) -> tuple[KpiRule, ...]:
    """The KPIs of a rules folder, in order of file and place; formulas are not looked at. Raises ``ConfigError``."""
    return _load(folder / "kpis", KpiFile, _kpis)


def load_profiles(folder: Path) -> dict[str, Profile]:
    """The poll profiles of a rules folder by name. Raises ``ConfigError``."""
    return _load(folder / "profiles", ProfileFile, read_profiles)


def load_routing(folder: Path) -> Routing:
    """The routing of a rules folder (or the file itself). Raises ``ConfigError``."""
    return _load(folder if folder.is_file() else folder / ROUTING_NAME, RoutingFile, routing_of)


def _load(place: Path, form: type[Any], build: Callable[[list[Any]], T]) -> T:
    problems = Problems()
    value = build(list(read_files(place, form, problems)))
    problems.raise_if_any()
    return value


def read_set(folder: Path, mibs: MibIndex, problems: Problems) -> ReadSet:
    """Read all that can be, telling every problem of the rest."""
    rules = read_rules(folder, mibs, problems)
    plans = list(read_files(folder / "slas", PlanFile, problems))
    kpis = list(read_files(folder / "kpis", KpiFile, problems))
    routing = list(read_files(folder / ROUTING_NAME, RoutingFile, problems))
    profiles = list(read_files(folder / "profiles", ProfileFile, problems))
    anomalies = list(read_files(folder / "anomalies", AnomalyFile, problems)) if (folder / "anomalies").is_dir() else []
    correlations = list(read_files(folder / "correlation", CorrelationFile, problems)) if (folder / "correlation").is_dir() else []
    notices, languages = read_notice_files(folder, problems), read_message_files(folder, problems)
    remedies = read_remedy_files(folder, problems)
    told = len(problems.errors)
    known_profiles = read_profiles(profiles, mibs)
    are_whole = len(problems.errors) == told
    known_kpis, rollups = _kpis(kpis), _rollups(kpis)
    known_correlations = correlation_rules(correlations, rules.book.alarm_types)
    kpi_names = (*(kpi.name for kpi in known_kpis), *(rollup.name for rollup in rollups), *DEVICE_KPIS)
    value = RuleSet(
        _versioned(rules.book, known_correlations),
        mibs,
        joined_plans(plans),
        _thresholds(kpis, rules.book.alarm_types),
        routing_of(routing),
        known_profiles,
        known_kpis,
        rollups,
        anomaly_rules(anomalies, kpi_names, rules.book.alarm_types),
        known_correlations,
        notices_of(notices),
        languages_of(languages),
        remedies_of(remedies, rules.book.alarm_types),
    )
    if are_whole:  # formulas are held against columns and units that are known
        tell_wrong_kpis(kpis, known_profiles.values())
    return ReadSet(value, rules, plans, kpis, routing, profiles, anomalies, correlations, notices, languages, remedies)


def _versioned(book: RuleBook, correlations: tuple[CorrelationRule, ...]) -> RuleBook:
    """A rule book whose version tells of correlation rules as well: an incident names the rules that it was told by."""
    if not correlations:
        return book
    return replace(book, version=hashlib.sha256(f"{book.version}{correlations!r}".encode()).hexdigest()[: len(book.version)])


def joined_plans(files: Iterable[RuleFile[Any]]) -> dict[str, Plan]:
    """The plans of files by name, the versions of one joined; what is wrong with any is told at its place."""
    versions: dict[str, list[tuple[Plan, RuleFile[Any], int]]] = {}
    for file in files:
        for place, plan in enumerate(file.form.plans):
            for finding in validate(plan):
                _tell_finding(file, place, plan, finding)
            versions.setdefault(plan.name, []).append((plan, file, place))
    return {name: _joined(told) for name, told in versions.items()}


def _joined(told: list[tuple[Plan, RuleFile[Any], int]]) -> Plan:
    """The versions of one plan as one: the latest, with those of earlier times."""
    for which, finding in versions_findings(tuple(plan for plan, _, _ in told)):
        plan, file, place = told[which]
        _tell_finding(file, place, plan, finding)
    latest, *earlier = sorted((plan for plan, _, _ in told), key=lambda plan: -plan.valid_from)
    return replace(latest, earlier=tuple(earlier)) if earlier else latest


def _tell_finding(file: RuleFile[Any], place: int, plan: Plan, finding: Finding) -> None:
    file.tell(("plans", place, *_parts(finding.path)), f"plan {plan.name}: {finding.message}", finding.remedy)


def _parts(path: str) -> Path_:
    """``$.bands[1].upper`` as ``("bands", 1, "upper")``."""
    words = path.replace("[", ".").replace("]", "").split(".")[1:]
    return tuple(int(word) if word.isdigit() else word for word in words)


def _kpis(files: Iterable[RuleFile[KpiFile]]) -> tuple[KpiRule, ...]:
    found: dict[str, KpiRule] = {}
    for file in files:
        for place, kpi in enumerate(file.form.kpis):
            path = ("kpis", place)
            _tell_twice(file, path, kpi.name, found, "KPI")
            if kpi.name in DEVICE_KPIS:
                file.tell((*path, "name"), f"'{kpi.name}' is known of every device by itself", "rename it")
            found.setdefault(kpi.name, kpi)
    return tuple(found.values())


def _rollups(files: Sequence[RuleFile[KpiFile]]) -> tuple[RollupRule, ...]:
    known = (*(kpi.name for file in files for kpi in file.form.kpis), *DEVICE_KPIS)
    found: dict[str, RollupRule | None] = dict.fromkeys(known)
    for file in files:
        for place, rollup in enumerate(file.form.rollups):
            path = ("rollups", place)
            _tell_twice(file, path, rollup.name, found, "KPI")
            if rollup.kpi not in known:
                file.tell((*path, "kpi"), f"'{rollup.kpi}' is not a KPI", did_you_mean(rollup.kpi, known))
            if rollup.over not in GROUPS:
                file.tell((*path, "over"), f"KPIs are not rolled up over a {rollup.over}", f"write one of: {', '.join(GROUPS)}")
            if not 0 < rollup.least <= 1:
                file.tell((*path, "least"), f"{rollup.least:g} is no share", "write more than 0, at most 1")
            found.setdefault(rollup.name, rollup)
    return tuple(rollup for rollup in found.values() if rollup is not None)


def _thresholds(files: Sequence[RuleFile[KpiFile]], types: dict[str, AlarmType] | Any) -> tuple[Threshold, ...]:
    found: dict[str, Threshold] = {}
    kpis = (
        *(kpi.name for file in files for kpi in file.form.kpis),
        *(rollup.name for file in files for rollup in file.form.rollups),
        *DEVICE_KPIS,
    )
    for file in files:
        for place, threshold in enumerate(file.form.thresholds):
            path = ("thresholds", place)
            _tell_twice(file, path, threshold.name, found, "threshold")
            _tell_wrong_threshold(file, path, threshold, types, kpis)
            found.setdefault(threshold.name, threshold)
    return tuple(found.values())


def _tell_wrong_threshold(file: RuleFile[KpiFile], path: Path_, threshold: Threshold, types: Any, known: Sequence[str]) -> None:
    if threshold.kpi not in known:
        file.tell((*path, "kpi"), f"'{threshold.kpi}' is not a KPI", did_you_mean(threshold.kpi, known))
    if threshold.hold_samples < 1:
        file.tell((*path, "hold_samples"), f"{threshold.hold_samples} samples", "write 1 or more")
    if types is not None and threshold.alarm_type not in types:
        file.tell((*path, "alarm_type"), f"'{threshold.alarm_type}' is not an alarm type", did_you_mean(threshold.alarm_type, types))
    elif types is not None and not types[threshold.alarm_type].will_clear:
        file.tell((*path, "alarm_type"), f"'{threshold.alarm_type}' never clears", "name an alarm type that clears")


def _tell_twice(file: RuleFile[Any], path: Path_, name: str, known: dict[str, Any], what: str) -> None:
    if name in known:
        file.tell((*path, "name"), f"the {what} '{name}' stands twice", "rename one")
