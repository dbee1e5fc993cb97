"""Test items that evolve by probing many models."""
