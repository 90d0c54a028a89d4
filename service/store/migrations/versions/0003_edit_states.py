"""An edit that something newer stands in the way of, or of which that is not known yet, has a state of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_STATES = {"order-superseded": "overtaken", "order-not-looked-up": "unordered"}


def upgrade() -> None:
    """Bring the rows forward."""
    edits = sa.table("edits", sa.column("state", sa.Text), sa.column("code", sa.Text))
    for code, state in _STATES.items():
        op.execute(edits.update().where(edits.c.state == "refused", edits.c.code == code).values(state=state, code=""))
