"""Diagnoses the values language models show in what they write, and says how sure it is."""

__version__ = "0.1.0"
