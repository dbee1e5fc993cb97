"""Findings: sentences made from the data, each with the numbers and the query behind it."""
