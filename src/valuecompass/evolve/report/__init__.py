"""What a run of an evolving method is worth: figures, and how they are gathered."""
