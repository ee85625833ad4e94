"""Notifications that stand in an Alertmanager, which forgets them by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table of standing notifications."""
    op.create_table(
        "standing_notification",
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("notification", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("receiver", "name"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("standing_notification")
