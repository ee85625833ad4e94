"""Claims: which month a customer asks to be credited."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Give operations the month of a claim."""
    op.add_column("operation", sa.Column("period", sa.Text(), nullable=False, server_default=""))
