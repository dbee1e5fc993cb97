"""lm-evaluation-harness: its tasks out of our items, and its samples in as measurements."""

from valuecompass.measure.lm_eval.export import write_tasks
from valuecompass.measure.lm_eval.samples import read_samples

__all__ = ["read_samples", "write_tasks"]
