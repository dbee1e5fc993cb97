"""Measurements: plan -> respond -> judge -> score over a frozen form."""

from valuecompass.measure.measurement import Case, Mark, Measurement, Row, Score

__all__ = ["Case", "Mark", "Measurement", "Row", "Score"]
