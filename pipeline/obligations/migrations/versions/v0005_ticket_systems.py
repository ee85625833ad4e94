"""More about tickets: what they are called, what they continue, when they were looked at; and attempts to make one."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns and the table."""
    for name in ("number", "key", "previous", "assignee", "domain"):
        op.add_column("ticket_link", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in ("looked_at", "asked_at"):
        op.add_column("ticket_link", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ticket_link_by_remote", "ticket_link", ["system", "remote_id"])
    op.create_table(
        "ticket_attempt",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("system", "key"),
    )
