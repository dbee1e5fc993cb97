"""A workspace with a simulated board of any size: to try pages and to measure speed."""

from valuecompass.measure.synth.build import Built, build_workspace
from valuecompass.measure.synth.truth import Synthetic

__all__ = ["Built", "Synthetic", "build_workspace"]
