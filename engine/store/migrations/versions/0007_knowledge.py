"""Knowledge of an organisation's own"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("knowledge", schema=None) as batch_op:
        batch_op.add_column(sa.Column("questions", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("intents", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("source", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("knowledge", schema=None) as batch_op:
        batch_op.drop_column("source")
        batch_op.drop_column("intents")
        batch_op.drop_column("questions")
