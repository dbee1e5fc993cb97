import pytest
from pydantic import ValidationError

from valuecompass.items import KINDS, Item, Lineage, Side, Turn

QUESTION = {
    "kind": "question",
    "system": "schwartz",
    "text": "Should the harbour close at night?",
    "dimensions": ("Security",),
}
SIDES = (Side(dimension="Security", text="Close it."), Side(dimension="Power", text="Own it."))
RATED = {"keying": 1, "scale": (1, 5)}
VALID = {
    "question": {},
    "opening": {"principle": "Promises bind."},
    "request": {},
    "stem": {},
    "tradeoff": {"sides": SIDES},
    "likert": RATED,
    "judgement": {**RATED, "principle": "Promises bind."},
    "scenario": {"turns": (Turn(role="user", text="Hello."),)},
    "conversation": {"transcript": "0123456789abcdef"},
}


def make(**fields):
    return Item.model_validate({**QUESTION, **fields})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_with_its_fields_is_valid(kind):
    assert make(kind=kind, **VALID[kind]).kind == kind


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"kind": "tradeoff"}, "sides: a tradeoff needs two"),
        ({"kind": "question", "sides": SIDES}, "other kinds have none"),
        ({"kind": "tradeoff", "sides": SIDES[:1]}, "sides"),
        ({"kind": "tradeoff", "sides": (SIDES[0], SIDES[0])}, "different dimensions"),
        ({"kind": "likert", "keying": 1}, "a likert item needs both"),
        ({"kind": "likert", "scale": (1, 5)}, "a likert item needs both"),
        ({"kind": "judgement", **RATED}, "principle"),
        ({"kind": "likert", "keying": 1, "scale": (5, 5)}, "lowest rating must be below"),
        ({"kind": "likert", "keying": 0, "scale": (1, 5)}, "keying"),
        ({"kind": "opening"}, "principle: an item of kind opening"),
        ({"kind": "scenario"}, "turns: a scenario needs at least one"),
        ({"kind": "conversation"}, "transcript: a conversation needs one"),
        ({"transcript": "0123456789abcdef"}, "other kinds have none"),
        ({"kind": "poem"}, "kind"),
        ({"text": ""}, "text"),
        ({"dimensions": ()}, "dimensions"),
        ({"language": "English"}, "language"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_rules_of_the_kinds(fields, complaint):
    with pytest.raises(ValidationError, match=complaint):
        make(**fields)


def test_the_id_is_twelve_hex_digits_of_the_content():
    # written out: an id that changes would orphan every stored response
    assert make().id == "5344cd6f5f17"
    assert make().id == make().id
    assert make(text="Should the harbour close by day?").id != make().id


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "stem"},
        {"system": "mine"},
        {"language": "de"},
        {"topic": "economy-business"},
        {"dimensions": ("Power",)},
        {"dimensions": ("Security", "Power")},
        {"principle": "Promises bind."},
        {"media": ({"type": "image", "uri": "harbour.png"},)},
    ],
)
def test_everything_that_is_shown_or_judged_enters_the_id(fields):
    assert make(**fields).id != make().id


def test_order_of_the_sides_enters_the_id():
    forward, backward = (make(kind="tradeoff", sides=s) for s in (SIDES, SIDES[::-1]))
    assert forward.id != backward.id


def test_a_changed_copy_has_an_id_of_its_own():
    item = make()
    assert item.id == item.model_copy().id
    copied = item.model_copy(update={"text": "Should the harbour close by day?"})
    assert copied.id == make(text="Should the harbour close by day?").id != item.id


def test_lineage_does_not_enter_the_id():
    lineage = Lineage(origin="evolved", parents=("a" * 12,), method="adaem", licence="CC0-1.0")
    assert make(lineage=lineage).id == make().id


def test_a_row_has_the_id_first_and_no_empty_fields():
    row = make().row()
    assert list(row) == ["id", "kind", "system", "text", "dimensions"]
    assert make(**{k: v for k, v in row.items() if k != "id"}) == make()
