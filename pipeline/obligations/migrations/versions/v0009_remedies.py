"""Remedies: what was proposed, decided, started, and what came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_TEXTS = ("incident", "domain", "rule", "action", "resource", "state", "detail", "decided_by", "body")
_TIMES = ("proposed_at", "decided_at", "started_at", "ended_at", "over_at", "polled_at")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "remedy",
        sa.Column("name", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _TIMES),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("remedy_by_rule", "remedy", ["rule", "started_at"], unique=False)
