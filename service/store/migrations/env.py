"""Alembic's entry: runs the migrations on the connection that service.store.migrate opened."""

from alembic import context

from service.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
