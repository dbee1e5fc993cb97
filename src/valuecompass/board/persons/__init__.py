"""Whose order of values is like a person's: questionnaire, match, value space."""
