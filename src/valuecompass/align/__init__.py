"""Changing the values that a model shows: from a diagnosis to a model that answers otherwise."""
