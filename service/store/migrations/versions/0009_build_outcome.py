"""What became of a wait is a state of its own, beside its words."""

import sqlalchemy as sa
from alembic import op

revision = "0009_build"
down_revision = "0008_build"

_OUTCOMES = {"deadline": "deadline", "cancelled": "cancelled", "resumed": "resumed"}


def upgrade() -> None:
    """Bring the tables forward, and the rows by the words that were written until now."""
    op.add_column("waits", sa.Column("outcome", sa.Text(), nullable=False, server_default="open"))
    waits = sa.table("waits", sa.column("answered_at"), sa.column("answer", sa.Text), sa.column("outcome", sa.Text))
    told = sa.case(_OUTCOMES, value=waits.c.answer, else_="ready")
    ended = sa.case((waits.c.answer.like("the run is %"), "ended"), else_=told)
    op.execute(waits.update().where(waits.c.answered_at.is_not(None)).values(outcome=ended))
