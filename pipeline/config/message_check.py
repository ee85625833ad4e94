"""The rules of customers' messages held against what a message needs; and the tests that their files carry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.message_form import MessageFile, MessageTest, NoticeFile, NoticeTest
from pipeline.config.message_template import OTHER, TemplateFailedError, fill, values_of
from pipeline.config.problem import Problems
from pipeline.config.reload import Reloading
from pipeline.config.rule_files import SUFFIXES, RuleFile, read_files
from pipeline.core.exclusion import ExclusionKind
from pipeline.core.notice import MINUTE_NS, Notices, Past, Send, Skip, Stage, judge
from pipeline.core.outage import ServiceState

NOTICES_NAME, MESSAGES_NAME = "notices.yaml", "messages"
SENT = (Stage.FIRST, Stage.PROGRESS, Stage.RESTORED)
WORDS = (
    *(
        "all_well",
        "some_affected",
        "work_now",
        "services",
        "service",
        "state",
        "since",
        "cause",
        "action",
        "attended",
        "informed",
        "reference",
    ),
    *("planned", "begins", "ends", "agreements", "promised", "delivered", "downtime", "left", "exceeded"),
    *("outages", "began", "ended", "lasts", "length", "not_counted", "messages", "when", "what", "first", "progress", "restored"),
    *("credits", "month", "amount", "approved", "credited", "taken_back", "none", "times", "made"),
)
"""The texts of a customer's view (``words``)."""
_AT = 1_795_000_000 * 1_000_000_000
_CUSTOMER = {"name": "Example Ltd", "timezone": "Europe/Amsterdam"}

Outcome = tuple[Mapping[str, Any], Mapping[str, Any] | str]


@dataclass(frozen=True, slots=True)
class Messages:
    """How many messages a customer gets in an hour at most, and every language by its name."""

    notices: Notices = field(default_factory=Notices)
    languages: dict[str, MessageFile] = field(default_factory=dict)


class MessageSource(Reloading[Messages]):
    """The messages of a rules folder, read again when its files change; a broken set is refused whole."""

    def __init__(self, folder: Path) -> None:
        super().__init__((folder,), SUFFIXES, lambda: load_messages(folder), what="customers' messages")


def load_messages(folder: Path) -> Messages:
    """The messages of a rules folder; none where it has none. Raises ``ConfigError`` with every problem."""
    problems = Problems()
    notice_files, message_files = read_notice_files(folder, problems), read_message_files(folder, problems)
    found = Messages(notices_of(notice_files), languages_of(message_files))
    problems.raise_if_any()
    return found


def read_notice_files(folder: Path, problems: Problems) -> list[RuleFile[NoticeFile]]:
    """``notices.yaml``, if the folder has one."""
    return list(read_files(folder / NOTICES_NAME, NoticeFile, problems)) if (folder / NOTICES_NAME).is_file() else []


def read_message_files(folder: Path, problems: Problems) -> list[RuleFile[MessageFile]]:
    """Every language that the folder has."""
    return list(read_files(folder / MESSAGES_NAME, MessageFile, problems)) if (folder / MESSAGES_NAME).is_dir() else []


def notices_of(files: Iterable[RuleFile[NoticeFile]]) -> Notices:
    """The rules, telling what cannot be."""
    for file in files:
        for place, rule in enumerate(file.form.rules):
            for name in ("after_min", "progress_every_min"):
                if getattr(rule, name) < 0:
                    file.tell(("rules", place, name), f"{getattr(rule, name):g} min is less than nothing", "write minutes")
            if rule.name in {other.name for other in file.form.rules[:place]}:
                file.tell(("rules", place, "name"), f"the rule '{rule.name}' stands twice", "rename one")
        if file.form.most_per_hour < 1:
            file.tell(("most_per_hour",), f"{file.form.most_per_hour} messages", "write 1 or more; without rules nobody is told")
        return Notices(file.form.rules, file.form.most_per_hour)
    return Notices()


def languages_of(files: Iterable[RuleFile[MessageFile]]) -> dict[str, MessageFile]:
    """The languages by name, telling every message that is missing or cannot be filled."""
    found: dict[str, MessageFile] = {}
    for file in files:
        language = file.form
        if language.language in found:
            file.tell(("language",), f"the language '{language.language}' stands twice", "keep one file for it")
        _tell_missing_words(file)
        if OTHER not in language.causes:
            file.tell(("causes",), "no words for other causes", "add other: …")
        for stage in SENT:
            _tell_wrong_message(file, stage.value)
        for name in language.messages.keys() - set(SENT):
            file.tell(("messages", name), f"'{name}' is no message", f"write {', '.join(SENT)}")
        found.setdefault(language.language, language)
    return found


def _tell_missing_words(file: RuleFile[MessageFile]) -> None:
    language = file.form
    needed = {"states": tuple(ServiceState), "exclusions": tuple(ExclusionKind), "words": WORDS}
    for part, names in needed.items():
        given: Mapping[str, str] = getattr(language, part)
        for name in names:
            if name not in given:
                file.tell((part,), f"no words for '{name}'", f"add {name}: …")
        for name in given.keys() - set(names):
            file.tell((part, name), f"nothing asks for words for '{name}'", "take it out, or mend the name")


def _tell_wrong_message(file: RuleFile[MessageFile], stage: str) -> None:
    if stage not in file.form.messages:
        file.tell(("messages",), f"the message '{stage}' is missing", f"add {stage}: {{subject: …, text: …}}")
        return
    try:
        fill(file.form, stage, _example(file.form, MessageTest(Stage(stage), ())))
    except TemplateFailedError as error:
        remedy = "use customer, reference, cause, acknowledged, since, restored, and of each of services: name, description, state, since"
        file.tell(("messages", stage), str(error), remedy)


def _example(language: MessageFile, test: MessageTest) -> dict[str, Any]:
    body = {
        "reference": "4f6c2a10",
        "cause": test.cause,
        "acknowledged": True,
        "started_at": _AT,
        "resolved_at": _AT + 90 * MINUTE_NS if test.stage is Stage.RESTORED else 0,
        "services": [{"service": "svc-example", "state": test.state.value, "since_at": _AT}],
    }
    return values_of(language, body, _CUSTOMER, {"svc-example": "Example internet access"})


def check_message(test: MessageTest, language: MessageFile) -> Outcome:
    """Run one test of a language: which of the texts are to be there, and which are."""
    try:
        subject, text = fill(language, test.stage.value, _example(language, test))
    except TemplateFailedError as error:
        return {}, str(error)
    whole = f"{subject}\n{text}"
    wanted = {**dict.fromkeys(test.contains, True), **dict.fromkeys(test.lacks, False)}
    return wanted, {part: part in whole for part in wanted}


def check_notice(test: NoticeTest, policy: Notices) -> Outcome:
    """Run one test of ``notices.yaml``: which messages are to be sent, and which would be."""
    rule = policy.rule_for(test.tier)
    if rule is None or test.state not in rule.states:
        return {"told": list(test.told)}, {"told": []}
    due, ends = round(rule.after_min * MINUTE_NS), round(test.lasts_min * MINUTE_NS)
    every = round(rule.progress_every_min * MINUTE_NS)
    ended = (Past("end", Stage.RESTORED, pending=True, sent=False),) if due >= ends else ()
    told: list[Stage] = []
    if isinstance(judge(Stage.FIRST, 0, (), ended, due, may_send=True), Send):
        told.append(Stage.FIRST)
        told += [Stage.PROGRESS] * (max(0, (ends - due - 1) // every) if every else 0)
    sent = tuple(Past(str(place), stage, pending=False, sent=True) for place, stage in enumerate(told))
    if not isinstance(judge(Stage.RESTORED, 0, sent, (), ends, may_send=True), Skip):
        told.append(Stage.RESTORED)
    return {"told": list(test.told)}, {"told": told}
