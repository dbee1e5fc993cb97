"""One numbered file a migration, oldest first."""
