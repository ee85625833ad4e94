"""Why people say that time should not count against an agreement."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Give operations the kind of reason of an exclusion."""
    op.add_column("operation", sa.Column("reason_kind", sa.Text(), nullable=False, server_default=""))
