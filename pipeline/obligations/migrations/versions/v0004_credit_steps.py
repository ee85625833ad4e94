"""Approvals and postings of credits, in the ledger's chain. The table of approvals before them was written by nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of steps and of states."""
    op.drop_table("credit_approval")
    op.create_index("credit_by_customer", "credit", ["customer", "period"], unique=False)
    op.create_table(
        "credit_step",
        sa.Column("sequence", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("entry_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("credit_step_by_key", "credit_step", ["key"], unique=False)
    once = sa.text("kind = 'posting'")
    op.create_index("credit_posting_once", "credit_step", ["key"], unique=True, sqlite_where=once, postgresql_where=once)
    op.create_table(
        "credit_state",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("posting_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["credit.key"]),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("credit_state_by_state", "credit_state", ["state", "next_attempt_at"], unique=False)
