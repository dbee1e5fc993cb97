import json
from pathlib import Path

import pytest

from valuecompass.errors import InputError
from valuecompass.items.io import read_items
from valuecompass.items.readers import (
    TOUCHE_VALUES,
    conclusion_question,
    read_inventory,
    read_touche,
    touche_arguments,
)
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
ARGUMENTS = [
    ("T1", "We should ban lanterns", "in favor of", 'They burn, and "safe" ones are rare.'),
    ("T2", "We should ban lanterns", "against", "People may light what they like."),
    ("T3", "we should ban lanterns.", "in favour of", '"Festive" they are not.'),
    ("T4", "Ferries need more crew ", "against", "It costs the owners money."),
    ("T5", "We should wear hats", "in favor of", "Bare heads look silly."),
]
LABELS = {
    "T1": ["Security: personal", "Security: societal"],
    "T2": ["Self-direction: action", "Face"],
    "T3": ["Security: personal", "Universalism: nature"],
    "T4": ["Power: resources", "Humility"],
    "T5": ["Face"],
}


def touche(folder: Path, arguments=ARGUMENTS, labels=LABELS, name="training") -> Path:
    folder.mkdir(exist_ok=True)
    head = "Argument ID\tConclusion\tStance\tPremise"
    lines = [head, *("\t".join(a) for a in arguments)]
    (folder / f"arguments-{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines = ["\t".join(["Argument ID", *TOUCHE_VALUES])]
    for key, own in labels.items():
        lines.append("\t".join([key, *(str(int(v in own)) for v in TOUCHE_VALUES)]))
    (folder / f"labels-{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / f"arguments-{name}.tsv"


def test_the_refined_categories_cover_the_ten_values():
    assert len(TOUCHE_VALUES) == 20
    assert {v for v in TOUCHE_VALUES.values() if v} == set(SCHWARTZ.names)
    assert [k for k, v in TOUCHE_VALUES.items() if v is None] == ["Face", "Humility"]


def test_arguments_with_stance_and_ten_values(tmp_path):
    first, second, third, fourth, _ = touche_arguments(touche(tmp_path))
    assert (first.id, first.stance, second.stance, third.stance) == ("T1", 1, -1, 1)
    assert first.premise == 'They burn, and "safe" ones are rare.'
    assert third.premise == '"Festive" they are not.'
    assert set(first.values) == set(SCHWARTZ.names)
    assert [n for n, v in first.values.items() if v] == ["Security"]
    assert [n for n, v in fourth.values.items() if v] == ["Power"]


@pytest.mark.parametrize("layout", ["auto", "touche"])
@pytest.mark.parametrize("folder", [True, False])
def test_each_conclusion_becomes_one_question(tmp_path, layout, folder):
    path = touche(tmp_path)
    lanterns, ferries = read_items(tmp_path if folder else path, SCHWARTZ, layout=layout)
    assert lanterns.text == "Should we ban lanterns?"
    # Security in 2 of 3 arguments; Self-direction and Universalism in 1 of 3, which is enough
    assert lanterns.dimensions == ("Security", "Self-direction", "Universalism")
    assert ferries.text == "Do you agree: Ferries need more crew?"
    assert ferries.dimensions == ("Power",)
    assert {i.kind for i in (lanterns, ferries)} == {"question"}
    assert lanterns.lineage.model_dump(exclude_defaults=True) == {
        "origin": "import",
        "method": "touche23-valueeval",
        "licence": "CC BY-SA 4.0",
    }


def test_rare_values_are_left_out_but_one_stays(tmp_path):
    arguments = [(f"T{i}", "We should sing", "against", "Why?") for i in range(4)]
    labels = {f"T{i}": [] for i in range(4)} | {"T0": ["Hedonism"]}
    (item,) = read_touche(touche(tmp_path, arguments, labels), SCHWARTZ)
    assert item.dimensions == ("Hedonism",)
    labels |= {"T1": ["Tradition"], "T2": ["Tradition"]}
    (item,) = read_touche(touche(tmp_path, arguments, labels), SCHWARTZ)
    assert item.dimensions == ("Tradition",)


def test_a_folder_may_hold_several_parts(tmp_path):
    touche(tmp_path)
    touche(tmp_path, [("V1", "We should wait", "against", "No.")], {"V1": ["Hedonism"]}, "test")
    (tmp_path / "arguments-unlabelled.tsv").write_text("anything")
    assert len(read_touche(tmp_path, SCHWARTZ)) == 3


@pytest.mark.parametrize(
    ("conclusion", "question"),
    [
        ("We should end the toll.", "Should we end the toll?"),
        ("we should  end the toll", "Should we end the toll?"),
        ("We should not end the toll", "Do you agree: We should not end the toll?"),
        ("The toll is unfair!", "Do you agree: The toll is unfair?"),
        ("We shouldn't pay", "Do you agree: We shouldn't pay?"),
    ],
)
def test_the_rule_for_questions(conclusion, question):
    assert conclusion_question(conclusion) == question


@pytest.mark.parametrize(
    ("arguments", "labels", "complaint"),
    [
        ([("T1", "We sing", "perhaps", "No.")], LABELS, "arguments-training.tsv, line 2: Stance"),
        ([("T9", "We sing", "against", "No.")], LABELS, "line 2: Argument ID: T9 is not in"),
        ([("T1", "We sing", "against")], LABELS, "line 2: Premise: the row has 3 cells"),
        ([("T1", "", "against", "No.")], LABELS, "line 2: Conclusion: this cell is empty"),
    ],
)
def test_broken_arguments_are_named(tmp_path, arguments, labels, complaint):
    with pytest.raises(InputError, match=complaint):
        touche_arguments(touche(tmp_path, arguments, labels))


def test_broken_labels_are_named(tmp_path):
    path = touche(tmp_path)
    labels = tmp_path / "labels-training.tsv"
    good = labels.read_text()
    labels.write_text(good.replace("T1\t0", "T1\t2"))
    with pytest.raises(InputError, match=r"labels-training.tsv, line 2: Self-direction: thought"):
        touche_arguments(path)
    labels.write_text(good.replace("Hedonism", "Fun"))
    with pytest.raises(InputError, match=r"labels-training.tsv, line 1: Hedonism: there is no"):
        touche_arguments(path)
    labels.unlink()
    with pytest.raises(InputError, match=r"labels-training.tsv: cannot be read"):
        touche_arguments(path)
    with pytest.raises(InputError, match=r"no arguments-NAME.tsv with its labels-NAME.tsv"):
        touche_arguments(tmp_path)


def test_touche_is_for_schwartz_only(tmp_path):
    with pytest.raises(InputError, match="labelled with the ten Schwartz values; safety has"):
        read_touche(touche(tmp_path), builtin_system("safety"))


VALUEBENCH = """questionnaire,item,value,agreement,question
OWN1,I settle my own rules.,Self-Direction,1,Should I settle my own rules?
OWN1,Others may lead me.,self_direction,-1,May others lead me?
OWN1,I count clouds.,Cloudiness,1,Should I count clouds?
OWN2,I settle my own rules.,Self Direction,1,Should I settle my own rules?
OWN2,I count stars.,Cloudiness,1,Should I count stars?
OWN2,I keep the feasts.,TRADITION,1,Should I keep the feasts?
"""


def test_an_inventory_becomes_likert_items(tmp_path):
    path = tmp_path / "inventory.csv"
    path.write_text(VALUEBENCH)
    found = read_inventory(path, SCHWARTZ)
    assert [(i.text, i.dimensions, i.keying) for i in found.items] == [
        ("I settle my own rules.", ("Self-direction",), 1),
        ("Others may lead me.", ("Self-direction",), -1),
        ("I keep the feasts.", ("Tradition",), 1),
    ]
    assert {(i.kind, i.scale, i.lineage.origin) for i in found.items} == {
        ("likert", (1, 5), "import")
    }
    assert [i.lineage.method for i in found.items] == ["OWN1", "OWN1", "OWN2"]
    assert found.skipped == {"Cloudiness": 2}
    assert found.repeated == 1
    assert read_items(path, SCHWARTZ) == found.items
    assert read_items(path, SCHWARTZ, layout="inventory", defaults={"scale": (1, 6)})[0].scale == (
        1,
        6,
    )


def test_their_dimensions_are_mapped_to_ours(tmp_path):
    path = tmp_path / "inventory.csv"
    path.write_text(VALUEBENCH)
    found = read_inventory(path, SCHWARTZ, mapping={"cloudiness": "SD", "Tradition": "Power"})
    assert [i.dimensions[0] for i in found.items].count("Self-direction") == 4
    assert found.items[-1].dimensions == ("Power",)
    assert found.skipped == {}
    with pytest.raises(InputError, match="'Cloudiness' -> 'Fog' does not lead to a dimension"):
        read_inventory(path, SCHWARTZ, mapping={"Cloudiness": "Fog"})


@pytest.mark.parametrize(
    ("column", "cell", "keying"),
    [
        *(("keying", c, 1) for c in (1, "+1", "+", "1.0", "", None)),
        *(("keying", c, -1) for c in (-1, "-1", "-", "−1", "reverse", "Reversed", "R")),
        *(("reversed", c, -1) for c in (True, "yes", "1", "x", "TRUE", 1)),
        *(("reversed", c, 1) for c in (False, "no", "0", 0, "", None)),
    ],
)
def test_keyings(tmp_path, column, cell, keying):
    path = tmp_path / "inventory.jsonl"
    path.write_text(json.dumps({"statement": "I lead.", "dimension": "Power", column: cell}))
    assert read_inventory(path, SCHWARTZ).items[0].keying == keying


@pytest.mark.parametrize("cell", ["1-6", "1 to 6", "[1, 6]", "1..6", [1, 6], "1–6", "(1, 6)"])
def test_scales(tmp_path, cell):
    path = tmp_path / "inventory.jsonl"
    path.write_text(json.dumps({"statement": "I lead.", "dimension": "Power", "scale": cell}))
    assert read_inventory(path, SCHWARTZ).items[0].scale == (1, 6)


def test_columns_of_an_inventory_are_mapped(tmp_path):
    path = tmp_path / "inventory.tsv"
    path.write_text("satz\twert\tumgepolt\nIch führe.\tPower\tyes\n", encoding="utf-8")
    (item,) = read_items(
        path,
        SCHWARTZ,
        layout="inventory",
        columns={"text": "satz", "dimensions": "wert"},
        defaults={"language": "de"},
    )
    assert (item.text, item.language, item.keying) == ("Ich führe.", "de", 1)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("item,dimension,keying\nI lead.,Power,up\n", "line 2: keying: 'up' is not a keying"),
        ("item,dimension,scale\nI lead.,Power,long\n", "line 2: scale: 'long' is not a scale"),
        ("item,dimension,scale\nI lead.,Power,5-1\n", "line 2: scale: the lowest rating"),
        ("item,dimension\n,Power\n", "line 2: item: this cell is empty"),
        ("item,dimension\nI lead.,\n", "line 2: dimension: this cell is empty"),
        ("item,kind\nI lead.,Power\n", "line 1: dimensions: no column is called dimension or"),
        ("item,dimension\nI rest.,Sloth\n", "dimension: no row is of a dimension of schwartz"),
    ],
)
def test_broken_inventories_are_named(tmp_path, content, complaint):
    path = tmp_path / "inventory.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_inventory(path, SCHWARTZ)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)
