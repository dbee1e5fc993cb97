"""Judges: from a response to verdicts with evidence."""

from valuecompass.judges.protocol import (
    Judge,
    Subject,
    Verdict,
    all_missing,
    judge_id,
    subject_of,
)

__all__ = ["Judge", "Subject", "Verdict", "all_missing", "judge_id", "subject_of"]
