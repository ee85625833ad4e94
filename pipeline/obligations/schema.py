"""The tables of the obligations store. Times are UTC nanoseconds, money is integer minor units, JSON is canonical text."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint, text

metadata = MetaData()

_ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column declared INTEGER."""

effect = Table(
    "effect",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", BigInteger, nullable=False),
    Column("leased_until", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("remote_id", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("effect_by_state", "state", "ended_at"),
    Index("effect_by_subject", "subject", "id"),
    Index("effect_lane", "route", "subject", "id", sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
)
"""The outbox: each intended action once, by its key, until it has ended."""

receipt = Table(
    "receipt",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("remote_id", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Column("published", Boolean, nullable=False),
    UniqueConstraint("key", "outcome", "detail", name="receipt_once"),
    Index("receipt_by_subject", "subject"),
    Index("receipt_by_route", "route", "at"),
    Index("receipt_unpublished", "id", sqlite_where=text("NOT published"), postgresql_where=text("NOT published")),
)
"""The proofs; ``published`` says whether the topic has it."""

endpoint = Table(
    "endpoint",
    metadata,
    Column("name", Text, primary_key=True),
    Column("url", Text, primary_key=True),
    Column("disabled_at", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
)
"""Receivers that answered 410 Gone. Another URL under the same name is another receiver."""

standing_notification = Table(
    "standing_notification",
    metadata,
    Column("receiver", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("notification", Text, nullable=False),
)
"""Notifications that an Alertmanager is told again until they are over."""

ticket_link = Table(
    "ticket_link",
    metadata,
    Column("incident", Text, primary_key=True),
    Column("system", Text, primary_key=True),
    Column("remote_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("linked_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("number", Text, nullable=False, server_default=""),
    Column("key", Text, nullable=False, server_default=""),
    Column("previous", Text, nullable=False, server_default=""),
    Column("assignee", Text, nullable=False, server_default=""),
    Column("domain", Text, nullable=False, server_default=""),
    Column("looked_at", BigInteger, nullable=False, server_default="0"),
    Column("asked_at", BigInteger, nullable=False, server_default="0"),
    Index("ticket_link_by_remote", "system", "remote_id"),
)
"""One ticket for each incident in each system: the present one."""

ticket_attempt = Table(
    "ticket_attempt",
    metadata,
    Column("system", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("tried_at", BigInteger, nullable=False),
)
"""When a ticket was last asked for of a system whose search lags behind: until that long after, it may be there unseen."""

credit = Table(
    "credit",
    metadata,
    Column("sequence", _ROW_ID, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),
    Column("contract", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("customer", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("entry_hash", Text, nullable=False),
    UniqueConstraint("contract", "service", "metric", "period", "revision", name="credit_natural_key"),
    Index("credit_by_customer", "customer", "period"),
)
"""The ledger: rows are added, never changed."""

credit_step = Table(
    "credit_step",
    metadata,
    Column("sequence", _ROW_ID, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("needed", Integer, nullable=False),
    Column("remote_id", Text, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("entry_hash", Text, nullable=False),
    Index("credit_step_by_key", "key"),
    Index("credit_posting_once", "key", unique=True, sqlite_where=text("kind = 'posting'"), postgresql_where=text("kind = 'posting'")),
)
"""What was done about credits, in the same chain: ``sequence`` continues that of ``credit``. Rows are added, never changed.

The key is empty for pause and resume. Nobody can begin to post a credit twice.
"""

credit_state = Table(
    "credit_state",
    metadata,
    Column("key", Text, ForeignKey("credit.key"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("posting_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", BigInteger, nullable=False),
    Column("leased_until", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    Index("credit_state_by_state", "state", "next_attempt_at"),
)
"""Where credits stand that something was done about, and the work on them. It follows from the steps; `verify` holds it against them."""

ticket = Table(
    "ticket",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("external_id", Text, unique=True),
    Column("status", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Index("ticket_by_status", "status"),
)
"""The built-in ticket book. ``external_id`` is null for a ticket that a person made."""

ticket_note = Table(
    "ticket_note",
    metadata,
    Column("ticket_id", _ROW_ID, ForeignKey("ticket.id"), primary_key=True),
    Column("note_id", Text, primary_key=True),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Remarks on the book's tickets, append-only."""

operation = Table(
    "operation",
    metadata,
    Column("row_id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("operator", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("resources", Text, nullable=False),
    Column("domains", Text, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("reason_kind", Text, nullable=False, server_default=""),
    Column("period", Text, nullable=False, server_default=""),
    Index("operation_by_target", "target"),
    Index("operation_unpublished", "row_id", sqlite_where=text("NOT published"), postgresql_where=text("NOT published")),
)
"""What people did, kept before anything is done with it; ``published`` says whether the topic has it. Rows are never changed otherwise."""

operation_answer = Table(
    "operation_answer",
    metadata,
    Column("operation", Text, primary_key=True),
    Column("domain", Text, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("answered_at", BigInteger, nullable=False),
)
"""What became of an operation in each domain that it was for. No foreign key: the operation may have come by another way."""

message_told = Table(
    "message_told",
    metadata,
    Column("key", Text, primary_key=True),
    Column("contact", Text, primary_key=True),
    Column("remote_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Which contacts a message to a customer went to already."""

remedy = Table(
    "remedy",
    metadata,
    Column("name", Text, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("over_at", BigInteger, nullable=False),
    Column("polled_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("remedy_by_rule", "rule", "started_at"),
)
"""What was proposed to be done about incidents, who decided, when it was started and what came of it."""
hub = Table(
    "hub",
    metadata,
    Column("id", Text, primary_key=True),
    Column("api", Text, nullable=False),
    Column("callback", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("registered_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
)
"""Who is told of events by the TM Forum APIs; ``ended_at`` 0 while they are."""
