"""The words for why: the same word in the log, the metric's label, the ticket and the credit's evidence."""

from enum import StrEnum


class Reason(StrEnum):
    """Why something was decided, refused or ignored."""

    # alarms
    FIRST_RAISE = "first-raise"
    RAISED_AFTER_CLEAR = "raised-after-clear"
    SEVERITY_CHANGED = "severity-changed"
    REPEATED = "repeated"
    CLEARED = "cleared"
    CONFIRMED_BY_POLL = "confirmed-by-poll"
    CONFIRMED_BY_TRAP = "confirmed-by-authenticated-trap"
    LOST_CLEAR_SETTLED_BY_POLL = "lost-clear-settled-by-poll"
    LOST_RAISE_SETTLED_BY_POLL = "lost-raise-settled-by-poll"
    CONTRADICTED_BY_POLL = "contradicted-by-poll"
    RESTART_SEEN_BY_POLL = "restart-seen-by-poll"
    CLEAR_WITHOUT_RAISE = "clear-without-raise"
    CLEAR_BEFORE_RAISE = "clear-before-raise"
    LATE = "late"
    ALREADY_SEEN = "already-seen"
    STATELESS = "stateless"
    # questions: why a device is asked at once, and what became of it
    DOUBTED_CAUSE = "doubted-cause"
    RAISED_BY_TRAP = "raised-by-trap"
    CLEARED_BY_TRAP = "cleared-by-trap"
    RESTARTED = "restarted"
    ASKED = "asked"
    ASKED_BY_SCHEDULE = "asked-by-schedule"
    ALREADY_WAITING = "already-waiting"
    TOO_OLD = "too-old"
    OVER_BUDGET = "over-budget"
    # shelf
    MAINTENANCE_WINDOW = "maintenance-window"
    MAINTENANCE_ENDED = "maintenance-ended"
    FLAPPING = "flapping"
    # incidents and tickets
    ROOT_CAUSE_FOUND = "root-cause-found"
    EVIDENCE_REVISED = "evidence-revised"
    ALL_CLEAR = "all-clear"
    WITHIN_HOLD_DOWN = "within-hold-down"
    NO_SERVICE_AFFECTED = "no-service-affected"
    BELOW_SEVERITY = "below-severity"
    # sla and credit
    TARGET_MET = "target-met"
    TARGET_MISSED = "target-missed"
    UNCONFIRMED = "unconfirmed"
    BELOW_MINIMUM = "below-minimum"
    EXCLUDED_PLANNED = "excluded-planned"
    CAPPED = "capped"
    DRY_RUN = "dry-run"
    # refused at the edge
    NOT_ALLOWED = "not-allowed"
    MALFORMED = "malformed"
    UNSUPPORTED_VERSION = "unsupported-version"
    UNKNOWN_DEVICE = "unknown-device"
    TOO_LARGE = "too-large"
    JOURNAL_FULL = "journal-full"
    UNKNOWN_NOTIFICATION = "unknown-notification"
    # refused by SNMPv3's user-based security (RFC 3414)
    DISCOVERY = "discovery"
    UNKNOWN_USER = "unknown-user"
    UNKNOWN_ENGINE = "unknown-engine"
    UNSUPPORTED_SECURITY_LEVEL = "unsupported-security-level"
    WEAK_ALGORITHM = "weak-algorithm"
    WRONG_DIGEST = "wrong-digest"
    NOT_IN_TIME_WINDOW = "not-in-time-window"
    DECRYPTION_FAILED = "decryption-failed"
    # absorbed at the edge: a newer word about the same was passed on
    STORM = "storm"
    REPEATED_INFORM = "repeated-inform"
    # poison
    UNDECODABLE = "undecodable"
    HANDLER_FAILED = "handler-failed"
