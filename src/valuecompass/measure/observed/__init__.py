"""What models wrote elsewhere, judged and scored: an observational measurement."""

from valuecompass.measure.observed.finding import Found, find
from valuecompass.measure.observed.profiling import profile, profile_async

__all__ = ["Found", "find", "profile", "profile_async"]
