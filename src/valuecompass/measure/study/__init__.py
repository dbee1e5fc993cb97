"""Study export: tidy tables, their codebook and a methods paragraph, for analysis elsewhere."""

from valuecompass.measure.study.export import (
    Exported,
    Format,
    Selection,
    export_scores,
    export_study,
)
from valuecompass.measure.study.frame import TableName, table

__all__ = [
    "Exported",
    "Format",
    "Selection",
    "TableName",
    "export_scores",
    "export_study",
    "table",
]
