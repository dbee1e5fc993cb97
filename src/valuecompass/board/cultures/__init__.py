"""Whose order of values is like that of people somewhere: profiles, similarity, surveys."""
