"""Messages to customers: whom they went to, and how many lately."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table of contacts that were told; index receipts by route and time, effects by subject."""
    op.create_table(
        "message_told",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "contact"),
    )
    op.create_index("effect_by_subject", "effect", ["subject", "id"], unique=False)
    op.create_index("receipt_by_route", "receipt", ["route", "at"], unique=False)
