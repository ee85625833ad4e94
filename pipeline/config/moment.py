"""Times as people write them (RFC 3339) to UTC nanoseconds."""

from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(text: str) -> int:
    """RFC 3339 text to UTC nanoseconds, exactly. Raises ``ValueError`` when it is none or has no offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write it as 2026-11-23T01:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} does not say its offset; write it as 2026-11-23T01:00:00Z")
    since = moment - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
