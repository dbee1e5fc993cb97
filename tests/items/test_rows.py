import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuecompass.errors import InputError
from valuecompass.items.rows import jsonl_rows, parse_items
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
FOUNDATIONS = builtin_system("moral-foundations")
QUESTION = {"kind": "question", "text": "Should bells ring at dawn?", "dimensions": ["Tradition"]}


def parse(*rows, system=SCHWARTZ):
    text = "\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows)
    return parse_items(jsonl_rows(text, "mine.jsonl"), "mine.jsonl", system)


def test_rows_become_items_of_the_system():
    (item,) = parse(QUESTION)
    assert (item.system, item.language, item.lineage.origin) == ("schwartz", "en", "import")


def test_names_are_brought_to_their_canonical_spelling():
    (item,) = parse({**QUESTION, "dimensions": ["self-DIRECTION", " power"]})
    assert item.dimensions == ("Self-direction", "Power")
    (item,) = parse({**QUESTION, "dimensions": ["harm"]}, system=FOUNDATIONS)
    assert item.dimensions == ("Care/Harm",)


def test_the_spelling_of_a_dimension_does_not_change_the_id():
    assert parse({**QUESTION, "dimensions": ["tradition"]})[0].id == parse(QUESTION)[0].id


def test_an_id_in_the_file_is_a_label_only():
    (labelled,), (plain,) = parse({**QUESTION, "id": "Q-17"}), parse(QUESTION)
    assert labelled == plain
    assert labelled.id == plain.id


def test_blank_lines_are_skipped_and_counted():
    with pytest.raises(InputError, match=r"^mine.jsonl, line 4: text: this field is missing$"):
        parse(QUESTION, "", "  ", {"kind": "question", "dimensions": ["Power"]})


SIDE = {"dimension": "Power", "text": "Take it."}
TRADEOFF = {**QUESTION, "kind": "tradeoff", "dimensions": ["Power"]}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('{"kind": "question",', "line 2, column 21: not valid JSON: Expecting property name"),
        ("[1, 2]", "line 2: expected a JSON object"),
        ('{"text": ' + "9" * 5_000 + "}", "line 2: not readable JSON"),
        ("[" * 200_000, "line 2: not readable JSON"),
        ({**QUESTION, "dimensions": ["Bravery"]}, "line 2: dimensions: 'Bravery' is not a dimen"),
        ({**QUESTION, "dimensions": []}, "line 2: dimensions: "),
        ({**QUESTION, "dimensions": ["Power", "power"]}, "line 2: dimensions: Power, Power: one"),
        ({**QUESTION, "kind": "poem"}, "line 2: kind: Input should be 'question'"),
        ({**QUESTION, "colour": 1}, "line 2: colour: unknown field"),
        ({**QUESTION, "text": 7}, "line 2: text: Input should be a valid string"),
        ({**QUESTION, "text": "\ud800"}, "line 2: text: half of a surrogate pair"),
        ({**QUESTION, "system": "safety"}, "line 2: system: 'safety' is not 'schwartz'"),
        ({**QUESTION, "kind": "likert"}, "line 2: scale, keying: a likert item needs both"),
        (
            {**TRADEOFF, "sides": [SIDE, {"dimension": "Glory", "text": "Shine."}]},
            "line 2: sides.2.dimension: 'Glory' is not a dimension",
        ),
        ({**TRADEOFF, "sides": [SIDE, {"text": "Shine."}]}, "line 2: sides.2.dimension: this fiel"),
        (
            {**TRADEOFF, "sides": [SIDE, {"dimension": "POWER", "text": "Shine."}]},
            "line 2: sides: both serve Power",
        ),
    ],
)
def test_complaints_name_file_line_and_field(row, complaint):
    first = {**QUESTION, "text": "Should bells ring at noon?"}
    with pytest.raises(InputError) as caught:
        parse(first, row)
    assert str(caught.value).startswith(f"mine.jsonl, {complaint}")
    assert "\n" not in str(caught.value)


def test_the_same_content_twice_is_an_error():
    with pytest.raises(InputError, match=r"line 2: id: the same item .* in line 1; remove one"):
        parse(QUESTION, {**QUESTION, "id": "again"})


def test_the_same_label_twice_is_an_error():
    other = {**QUESTION, "text": "Should bells ring at noon?"}
    with pytest.raises(InputError, match=r"line 2: id: id 'Q-1' already stands in line 1"):
        parse({**QUESTION, "id": "Q-1"}, {**other, "id": "Q-1"})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([*QUESTION, "sides", "scale", "keying", "id", "lineage"]), anything)
def test_no_value_of_a_field_ends_in_a_traceback(field, value):
    try:
        (item,) = parse({**QUESTION, field: value})
    except InputError as error:
        assert str(error).startswith("mine.jsonl, line 1")
    else:
        assert len(item.id) == 12
