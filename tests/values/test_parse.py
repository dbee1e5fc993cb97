import re
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuecompass.errors import InputError
from valuecompass.values import BUILTIN, ValueSystem, builtin_system, parse_system

GOOD = """\
id = "garden"
name = "Garden values"
scoring = "expression"
summary = "What people want of a garden."
source = "Made up for this test."
circle = ["Order", "Wildness"]

# the two ways to keep a garden
[[groups]]
name = "Tended"
dimensions = ["Order"]
opposite = "Left alone"

[[groups]]
name = "Left alone"
dimensions = ["Wildness"]

[[dimensions]]
name = "Order"
aliases = ["Neat"]
opposites = ["Wildness"]
definition = "Everything in its bed."
high = "weeds are pulled"
low = "weeds may stay"
supports = [
  "The hedge is cut square every Friday.",
]
opposes = ["Nobody needs a straight path."]

[[dimensions]]
name = "Wildness"
opposites = ["Order"]
definition = '''
Things grow as they like.
[[dimensions]]
name = "inside a string"
'''
high = "the meadow is left uncut"
low = "the meadow is mown short"
"""


def line_of(text: str, part: str) -> int:
    assert text.count(part) == 1, part
    return text[: text.index(part)].count("\n") + 1


def complaint(text: str) -> str:
    with pytest.raises(InputError) as error:
        parse_system(text, "garden.toml")
    return str(error.value)


def test_a_users_file_becomes_a_system() -> None:
    system = parse_system(GOOD, "garden.toml")
    assert system.names == ("Order", "Wildness")
    assert system.canonical("neat") == "Order"
    assert system.dimension("Wildness").supports == ()
    assert [g.opposite for g in system.groups] == ["Left alone", None]


@pytest.mark.parametrize(
    ("old", "new", "field", "what"),
    [
        ('aliases = ["Neat"]', 'alias = ["Neat"]', "dimensions.1.alias", "unknown field"),
        ('id = "garden"', 'id = "garden"\ncolour = 3', "colour", "unknown field"),
        ('high = "weeds are pulled"', "high = 7", "dimensions.1.high", "string"),
        ('aliases = ["Neat"]', 'aliases = "Neat"', "dimensions.1.aliases", "tuple"),
        ('aliases = ["Neat"]', 'aliases = ["ok", 3]', "dimensions.1.aliases.2", "string"),
        ('high = "weeds are pulled"', 'high = ""', "dimensions.1.high", "at least 3"),
        ('scoring = "expression"', 'scoring = "vibes"', "scoring", "'expression'"),
        ('id = "garden"', 'id = "Garden!"', "id", "pattern"),
        ('name = "Wildness"', 'name = "order"', "dimensions.2.name", "two dimensions"),
        ('aliases = ["Neat"]', 'aliases = ["Neat", "wild ness"]', "dimensions.2.name", "two dim"),
        (
            'name = "Wildness"',
            'name = "Wildness"\naliases = ["nEAT"]',
            "dimensions.2.aliases",
            "'nEAT'",
        ),
        ('dimensions = ["Order"]', 'dimensions = ["Odour"]', "groups.1.dimensions", "'Odour'"),
        ('dimensions = ["Order"]', "dimensions = []", "groups.1.dimensions", "at least 1"),
        ('opposites = ["Order"]', 'opposites = ["Odour"]', "dimensions.2.opposites", "'Odour'"),
        ('opposites = ["Order"]', 'opposites = ["Wildness"]', "dimensions.2.opposites", "itself"),
        ('opposite = "Left alone"', 'opposite = "Gone"', "groups.1.opposite", "not a group"),
        ('name = "Left alone"', 'name = "Tended"', "groups.2.name", "two groups"),
        ('circle = ["Order", "Wildness"]', 'circle = ["Order"]', "circle", "every dimension once"),
        ('circle = ["Order", "Wildness"]', 'circle = ["Order", "Odour"]', "circle", "'Odour'"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(old: str, new: str, field: str, what: str) -> None:
    text = GOOD.replace(old, new, 1)
    message = complaint(text)
    found = re.fullmatch(r"garden\.toml, line (\d+): ([^:]+): (.+)", message)
    assert found is not None, message
    assert found[2] == field
    assert what in found[3]
    key = field.rstrip(".0123456789").split(".")[-1]
    lines, changed = text.splitlines(), new.splitlines()[-1]
    if changed.startswith(key):
        assert lines[int(found[1]) - 1] == changed, message
    else:  # the second of two dimensions of one name is the one complained of
        assert lines[int(found[1]) - 1] == 'name = "Wildness"', message


def test_a_missing_field_is_placed_at_its_table() -> None:
    text = GOOD.replace('low = "weeds may stay"\n', "")
    line = line_of(text, '[[dimensions]]\nname = "Order"')
    assert complaint(text) == (f"garden.toml, line {line}: dimensions.1.low: this field is missing")
    assert complaint(GOOD.replace('name = "Garden values"\n', "")) == (
        "garden.toml, line 1: name: this field is missing"
    )


def test_a_table_where_a_list_belongs_is_placed() -> None:
    text = GOOD[: GOOD.index("[[dimensions]]")] + "[dimensions]\nname = 'Order'\n"
    line = line_of(text, "[dimensions]")
    assert complaint(text).startswith(f"garden.toml, line {line}: dimensions: ")


def test_each_wrong_field_has_a_line_of_its_own() -> None:
    text = GOOD.replace('low = "weeds may stay"', "low = 1").replace('id = "garden"', "id = 2")
    low = line_of(text, "low = 1")
    assert [m.split(": ")[0] for m in complaint(text).splitlines()] == [
        "garden.toml, line 1",
        f"garden.toml, line {low}",
    ]


def test_broken_toml_is_placed() -> None:
    text = GOOD.replace('high = "weeds are pulled"', 'high = "weeds are pulled')
    line = line_of(text, 'high = "weeds are pulled')
    message = complaint(text)
    assert message.startswith("garden.toml: not valid TOML: ")
    assert f"at line {line}," in message


@pytest.mark.parametrize("text", ["x = " + "[" * 20_000, "x = " + "9" * 20_000, "", "\x00"])
def test_extreme_text_is_refused_like_any_other(text: str) -> None:
    assert complaint(text).startswith("garden.toml")


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A valid file with some lines moved, cut, doubled or spoilt."""
    lines = GOOD.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        match draw(st.sampled_from(["drop", "double", "cut", "insert", "move", "swap"])):
            case "drop" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(at, line)
            case "cut":
                lines[at] = line[: draw(st.integers(0, len(line)))]
            case "insert":
                place = draw(st.integers(0, len(line)))
                noise = draw(st.text(max_size=6) | st.sampled_from(["=", "[[", '"', "nan", "{}"]))
                lines[at] = line[:place] + noise + line[place:]
            case "move":
                lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
            case _:
                lines[at] = draw(st.sampled_from(lines))
    return "\n".join(lines)


@settings(deadline=None, max_examples=300, derandomize=True)
@given(damaged())
def test_damage_gives_a_complaint_or_a_valid_system(text: str) -> None:
    try:
        system = parse_system(text, "garden.toml")
    except InputError as error:
        for message in str(error).splitlines():
            assert message.startswith("garden.toml")
    else:
        assert ValueSystem.model_validate(system.model_dump()) == system
        assert all(system.canonical(n) == n for n in system.names)


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.sampled_from(BUILTIN), st.data())
def test_a_line_lost_from_a_builtin_file_does_no_harm(system_id: str, data: st.DataObject) -> None:
    path = files("valuecompass.values") / "systems" / f"{system_id}.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    del lines[data.draw(st.integers(0, len(lines) - 1))]
    try:
        system = parse_system("\n".join(lines), "some.toml")
    except InputError as error:
        assert re.search(r"line \d+|end of document", str(error))
    else:
        assert len(system.names) <= len(builtin_system(system_id).names)
