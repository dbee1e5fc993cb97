"""The page of a report on a run that let items evolve."""
