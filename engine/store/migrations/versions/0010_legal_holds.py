"""Legal holds"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.add_column(sa.Column("legal_hold_at", sa.Double(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("legal_hold_by", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("calls", "legal_hold_by")
    op.drop_column("calls", "legal_hold_at")
