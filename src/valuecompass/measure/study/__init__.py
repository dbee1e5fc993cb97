"""Study export: tidy tables, their codebook and a methods paragraph, for analysis elsewhere."""

from valuecompass.measure.study.export import (
    Exported,
    Format,
    Selection,
    export_scores,
    export_study,
)

__all__ = ["Exported", "Format", "Selection", "export_scores", "export_study"]
