"""Alembic's entry point; uses the connection of `core.database`."""

from alembic import context

from core.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
