"""Diagnoses the values language models show in what they write, and says how sure it is.

    import valuecompass as vc

    m = vc.run(["embedded/smollm2-135m-instruct"], ["schwartz"], form="tiny")
    vc.table(m).to_pandas()
    vc.plot_profile(m)

`run` and `profile` measure, `evolve_items` lets test items evolve, `table` and `export_study` give
what was measured as tables, `plot_*` draw it. The other names are what these take and return.

Importing the package loads none of its parts: each name is fetched when it is first used.
"""

# not from typing, whose import alone takes as long as all the rest
TYPE_CHECKING = False
if TYPE_CHECKING:
    from valuecompass.board.plots import plot_circle, plot_difference, plot_profile
    from valuecompass.board.stated import stated_and_shown
    from valuecompass.errors import ValueCompassError
    from valuecompass.evolve.record import Evolved
    from valuecompass.evolve.run import EvolveListener, evolve_async, evolve_items
    from valuecompass.evolve.settings import EvolveSettings
    from valuecompass.items import Form, Item
    from valuecompass.measure.measurement import Measurement, Measurements, Row, Score
    from valuecompass.measure.observed import profile
    from valuecompass.measure.run import Listener, Outlook, Settings, run, run_async
    from valuecompass.measure.study import Selection, export_scores, export_study, table
    from valuecompass.models import Limits, Respondent, parse_respondent, parse_roster
    from valuecompass.values import ValueSystem, builtin_system, parse_system

__version__ = "0.1.0"

__all__ = [
    "EvolveListener",
    "EvolveSettings",
    "Evolved",
    "Form",
    "Item",
    "Limits",
    "Listener",
    "Measurement",
    "Measurements",
    "Outlook",
    "Respondent",
    "Row",
    "Score",
    "Selection",
    "Settings",
    "ValueCompassError",
    "ValueSystem",
    "__version__",
    "builtin_system",
    "evolve_async",
    "evolve_items",
    "export_scores",
    "export_study",
    "parse_respondent",
    "parse_roster",
    "parse_system",
    "plot_circle",
    "plot_difference",
    "plot_profile",
    "profile",
    "run",
    "run_async",
    "stated_and_shown",
    "table",
]

_PLACES = {
    "board.plots": ("plot_circle", "plot_difference", "plot_profile"),
    "board.stated": ("stated_and_shown",),
    "errors": ("ValueCompassError",),
    "evolve.record": ("Evolved",),
    "evolve.run": ("EvolveListener", "evolve_async", "evolve_items"),
    "evolve.settings": ("EvolveSettings",),
    "items": ("Form", "Item"),
    "measure.measurement": ("Measurement", "Measurements", "Row", "Score"),
    "measure.observed": ("profile",),
    "measure.run": ("Listener", "Outlook", "Settings", "run", "run_async"),
    "measure.study": ("Selection", "export_scores", "export_study", "table"),
    "models": ("Limits", "Respondent", "parse_respondent", "parse_roster"),
    "values": ("ValueSystem", "builtin_system", "parse_system"),
}
_HOME = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found  # the next look-up does not come here
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
