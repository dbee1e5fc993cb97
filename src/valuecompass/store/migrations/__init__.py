"""Migrations of the schema, run by alembic when a workspace is opened."""
