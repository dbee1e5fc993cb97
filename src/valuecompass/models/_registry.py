"""Inspect's entry point: our providers become models by name."""

from __future__ import annotations

from inspect_ai.model import ModelAPI, modelapi


@modelapi(name="embedded")
def embedded() -> type[ModelAPI]:
    """GGUF models served in process."""
    from valuecompass.models.providers.embedded import EmbeddedAPI

    return EmbeddedAPI


@modelapi(name="simulated")
def simulated() -> type[ModelAPI]:
    """Respondents with planted values."""
    from valuecompass.models.providers.simulated import SimulatedAPI

    return SimulatedAPI


@modelapi(name="recorded")
def recorded() -> type[ModelAPI]:
    """Answers given elsewhere."""
    from valuecompass.models.providers.recorded import RecordedAPI

    return RecordedAPI
