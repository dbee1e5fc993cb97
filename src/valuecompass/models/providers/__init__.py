"""Inspect providers of ours: embedded, simulated, recorded."""
