"""Respondents and the one way to ask them.

Imports of Inspect are inside functions' modules; this package itself imports quickly.
"""

from valuecompass.models.budget import Budget, Limits, check_priced, price_of
from valuecompass.models.fingerprint import fingerprint
from valuecompass.models.refusals import is_bare_refusal, is_refusal
from valuecompass.models.request import Call, Message, Outcome, Params, Patience, Reply
from valuecompass.models.spec import (
    Price,
    Respondent,
    find_dimension,
    parse_respondent,
    parse_roster,
    priming,
)

__all__ = [
    "Budget",
    "Call",
    "Limits",
    "Message",
    "Outcome",
    "Params",
    "Patience",
    "Price",
    "Reply",
    "Respondent",
    "check_priced",
    "find_dimension",
    "fingerprint",
    "is_bare_refusal",
    "is_refusal",
    "parse_respondent",
    "parse_roster",
    "price_of",
    "priming",
]
