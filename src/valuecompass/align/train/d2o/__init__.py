"""D2O: alignment from negative examples only, as a trainer in TRL's style.

Duan et al. (2024), "Negating Negatives", arXiv 2403.03419.
"""

from valuecompass.align.train.d2o.config import D2OConfig
from valuecompass.align.train.d2o.trainer import D2OTrainer

__all__ = ["D2OConfig", "D2OTrainer"]
