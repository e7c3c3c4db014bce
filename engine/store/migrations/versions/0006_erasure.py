"""Erasure"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.add_column(sa.Column("erased_at", sa.Double(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("erased_by", sa.String(), server_default="", nullable=False))
    op.create_index(op.f("ix_calls_organisation_id_erased_at"), "calls", ["organisation_id", "erased_at"])
    op.create_index(op.f("ix_calls_campaign_id_erased_at_ended_at"), "calls", ["campaign_id", "erased_at", "ended_at"])
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("words_days", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    # Column by column: SQLite would make the table anew in a batch, and facts refer to its rows.
    op.drop_column("campaigns", "words_days")
    op.drop_index(op.f("ix_calls_campaign_id_erased_at_ended_at"), "calls")
    op.drop_index(op.f("ix_calls_organisation_id_erased_at"), "calls")
    op.drop_column("calls", "erased_by")
    op.drop_column("calls", "erased_at")
