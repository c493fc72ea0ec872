"""What started a run by itself, and the files of a watched place."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add both."""
    op.add_column("runs", sa.Column("occasion", sa.String(64)))
    op.create_index("ix_runs_occasion", "runs", ["occasion"], unique=True)
    op.create_table(
        "watched_files",
        sa.Column("path", sa.String(1024), primary_key=True),
        sa.Column("mark", sa.String(255), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("sha256", sa.String(64)),
        sa.Column("error", sa.Text),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_table("watched_files")
    op.drop_index("ix_runs_occasion", "runs")
    op.drop_column("runs", "occasion")
