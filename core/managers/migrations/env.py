"""Alembic's environment: it migrates over the connection that ``core/managers/database.py`` opened."""

from alembic import context

from core.managers.run_tables import Table
from core.managers.version_tables import VersionRow  # noqa: F401 (it adds the registry's tables)

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
context.run_migrations()
