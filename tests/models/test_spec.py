from datetime import date
from pathlib import Path

import pytest

from valuecompass.errors import InputError
from valuecompass.models import (
    Price,
    Respondent,
    find_dimension,
    parse_respondent,
    parse_roster,
    priming,
)
from valuecompass.models.providers.simulated import parse_profile
from valuecompass.values import builtin_system, parse_system

FULL = """\
label = "Example, primed"
model = "openai/example"
prime = "Power"
temperature = 0.7
top_p = 0.9
max_tokens = 500
reasoning_effort = "low"
price = { input = 0.25, output = 2 }
developer = "Somebody"
openness = "closed"
released = 2025-08-07
licence = "own terms"
url = "https://example.org/card"
"""

GARDEN = parse_system(
    """
id = "garden"
name = "Garden values"
scoring = "expression"
summary = "What people want of a garden."
source = "Made up for this test."
[[dimensions]]
name = "Power"
definition = "The power of the spade."
high = "digs deep"
low = "does not dig"
[[dimensions]]
name = "Shade"
definition = "Cool places under trees."
high = "more trees"
low = "more lawn"
""",
    "garden.toml",
)


def complaint(text: str) -> str:
    with pytest.raises(InputError) as error:
        parse_respondent(text)
    return str(error.value)


@pytest.fixture
def rfile(tmp_path: Path) -> Path:
    return tmp_path / "R.toml"


# --- -m NAME and its markers


@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-5-mini",
        "openai-api/local/some@model",
        "hf/user@2024-01",
        "openrouter/a/b:free",
        "bedrock/arn:aws:us@east",
        "x/y@primeval=no",
        "x/y@file",
        "simulated/schwartz?Power=1.5&seed=3",
    ],
)
def test_a_plain_name_is_taken_whole(name: str) -> None:
    found = parse_respondent(name)
    assert (found.name, found.model, found.system, found.prime) == (name, name, None, None)


@pytest.mark.parametrize(
    ("text", "model", "system"),
    [
        ("a/b@system=Be brief.", "a/b", "Be brief."),
        ("a/b@c@system=Be brief.", "a/b@c", "Be brief."),
        ("a/b@system=You are x@y.org, @prime=Power", "a/b", "You are x@y.org, @prime=Power"),
        ("a/b@system=two\nlines", "a/b", "two\nlines"),
    ],
)
def test_the_first_marker_splits(text: str, model: str, system: str) -> None:
    found = parse_respondent(text)
    assert (found.name, found.model, found.system) == (text, model, system)


def test_a_primed_model_is_another_respondent() -> None:
    found = parse_respondent("a/b@prime=power")
    assert (found.name, found.model, found.prime) == ("a/b@prime=power", "a/b", "power")
    assert found.system == priming("Power")
    assert builtin_system("schwartz").dimension("Power").definition in found.system


@pytest.mark.parametrize("marker", ["@prime=", "@system=", "@file="])
def test_a_marker_needs_something_on_both_sides(marker: str) -> None:
    assert complaint(f"a/b{marker}") == f"-m a/b{marker}: nothing follows {marker}"
    assert "needs a model name" in complaint(f"{marker}x")
    assert "needs a model name" in complaint(f"  {marker}x")


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_name_is_refused(text: str) -> None:
    assert "needs a model name" in complaint(text)


def test_a_name_without_a_provider_is_refused() -> None:
    assert "form provider/model" in complaint("gpt-5-mini")
    assert complaint("gpt-5-mini@prime=Power").startswith("-m gpt-5-mini@prime=Power: ")


def test_a_simulated_respondent_is_not_primed() -> None:
    message = complaint("simulated/schwartz@prime=Power")
    assert message.endswith("a simulated respondent carries its values in its name")


def test_an_unknown_dimension_is_refused_with_examples() -> None:
    message = complaint("a/b@prime=Astrology")
    assert "'Astrology' is not a dimension of any value system" in message
    assert "Self-direction" in message


def test_provider_and_simulation() -> None:
    assert parse_respondent("a/b/c").provider == "a"
    assert not parse_respondent("a/simulated/x").simulated
    assert parse_respondent("simulated/schwartz").simulated


# --- dimensions to prime for


def test_a_primed_dimension_is_looked_up_in_the_given_system_first() -> None:
    assert find_dimension("power", [GARDEN]).definition == "The power of the spade."
    assert find_dimension("power").name == "Power"
    assert find_dimension("power").definition != "The power of the spade."
    assert "spade" in priming("Power", [GARDEN])
    assert parse_respondent("a/b@prime=shade", [GARDEN]).system == priming("Shade", [GARDEN])


def test_other_systems_are_looked_through_by_name_and_alias() -> None:
    assert find_dimension("care", [GARDEN]).name == "Care/Harm"
    assert find_dimension("Malicious").name == "Malicious Use"
    with pytest.raises(InputError, match="Power, Shade"):
        find_dimension("Sunlight", [GARDEN])


# --- local files


def test_a_gguf_file_is_an_embedded_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "my model@v2.gguf"
    path.write_bytes(b"GGUF")
    assert parse_respondent(str(path)).model == f"embedded/{path}"
    primed = parse_respondent(f"{path}@prime=Power")
    assert (primed.model, primed.prime) == (f"embedded/{path}", "Power")
    monkeypatch.chdir(tmp_path)
    relative = parse_respondent("my model@v2.gguf")
    assert (relative.name, relative.model) == ("my model@v2.gguf", f"embedded/{path}")


def test_a_gguf_file_must_be_there(tmp_path: Path) -> None:
    assert complaint(f"{tmp_path}/none.gguf").endswith("none.gguf: no such file")


def test_a_transformers_folder_is_a_model(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    assert parse_respondent(str(folder)).model == str(folder)  # nothing of a model in it
    (folder / "config.json").write_text("{}")
    assert parse_respondent(str(folder)).model == f"hf/{folder}"


# --- -m NAME@file=R.toml


def test_a_file_may_say_everything(rfile: Path) -> None:
    rfile.write_text(FULL)
    found = parse_respondent(f"openai/example@file={rfile}")
    assert found == Respondent(
        name="Example, primed",
        model="openai/example",
        system=priming("Power"),
        prime="Power",
        temperature=0.7,
        top_p=0.9,
        max_tokens=500,
        reasoning_effort="low",
        price=Price(input=0.25, output=2),
        developer="Somebody",
        openness="closed",
        released=date(2025, 8, 7),
        licence="own terms",
        url="https://example.org/card",
    )


def test_a_file_may_leave_out_model_and_label(rfile: Path) -> None:
    rfile.write_text('system = "Be brief."\n')
    text = f"openai/ex@mple@file={rfile}"
    found = parse_respondent(text)
    assert (found.name, found.model, found.system) == (text, "openai/ex@mple", "Be brief.")


def test_planted_scores_and_seed_of_a_file_become_the_model_name(rfile: Path) -> None:
    rfile.write_text('seed = 4\n[scores]\nPower = 1.5\n"Malicious Use & more" = -1\n')
    found = parse_respondent(f"simulated/safety@file={rfile}")
    assert found.model == "simulated/safety?Power=1.5&Malicious%20Use%20%26%20more=-1&seed=4"
    rfile.write_text("scores = { Pow = 1.5, Uni = -1 }\n")
    profile = parse_profile(
        parse_respondent(f"simulated/schwartz?seed=3@file={rfile}").model.removeprefix("simulated/")
    )
    assert profile.scores == {"Power": 1.5, "Universalism": -1.0}
    assert profile.seed == 3


@pytest.mark.parametrize(
    ("text", "field", "what"),
    [
        ("colour = 1", "colour", "unknown field"),
        ('name = "x"', "name", "`label`"),
        ("label = 3", "label", "string"),
        ("temperature = 3", "temperature", "less than or equal to 2"),
        ("top_p = 0", "top_p", "greater than 0"),
        ("max_tokens = 0", "max_tokens", "greater than or equal to 1"),
        ('reasoning_effort = "huge"', "reasoning_effort", "'high'"),
        ("price = { input = 1 }", "price.output", "missing"),
        ("price = { input = -1, output = 1 }", "price.input", "greater than or equal to 0"),
        ("price = { input = nan, output = 1 }", "price.input", "finite"),
        ("price = 3", "price", "dictionary"),
        ('openness = "ajar"', "openness", "'open'"),
        ('released = "soon"', "released", "date"),
        ("model = 5", "model", "text"),
        ('model = "gpt"', "model", "form provider/model"),
        ('model = "openai/other"', "model", "not the model named with -m"),
        ('prime = "Astrology"', "prime", "'Astrology' is not a dimension"),
        ("prime = 7", "prime", "'7' is not a dimension"),
        ("scores = { Power = 1 }", "scores", "only simulated"),
        ("seed = 1", "seed", "only simulated"),
    ],
)
def test_a_wrong_field_is_named_with_file_and_line(
    rfile: Path, text: str, field: str, what: str
) -> None:
    rfile.write_text(f"# a respondent\n\n{text}\n")
    message = complaint(f"openai/example@file={rfile}")
    assert message.startswith(f"{rfile}, line 3: {field}: "), message
    assert what in message


def test_prime_and_system_exclude_each_other(rfile: Path) -> None:
    rfile.write_text('system = "Be brief."\nprime = "Power"\n')
    assert complaint(f"a/b@file={rfile}") == (
        f"{rfile}, line 2: prime: give prime or system, not both"
    )
    rfile.write_text('prime = "Power"\n')
    assert complaint(f"simulated/schwartz@file={rfile}").startswith(f"{rfile}, line 1: prime: ")
    rfile.write_text('scores = "high"\n')
    assert "line 1: scores: write scores = { Power" in complaint(f"simulated/schwartz@file={rfile}")


def test_a_file_that_is_absent_or_broken(rfile: Path) -> None:
    assert f"{rfile}: cannot be read" in complaint(f"a/b@file={rfile}")
    rfile.write_text("temperature = 1\nsystem = = 2\n")
    message = complaint(f"a/b@file={rfile}")
    assert message.startswith(f"{rfile}: not valid TOML: ")
    assert "line 2" in message
    rfile.write_bytes(b"label = 'Stra\xdfe'\n")
    assert f"{rfile}, line 1: byte 0xdf is not UTF-8" in complaint(f"a/b@file={rfile}")


# --- rosters


def test_a_roster_keeps_its_order(rfile: Path) -> None:
    rfile.write_text(
        f"[[respondents]]\n{FULL}\n"
        '[[respondents]]\nmodel = "openai/example"\n'
        '[[respondents]]\nmodel = "simulated/schwartz"\nscores = { Power = 1 }\nlabel = "S"\n'
    )
    first, second, third = parse_roster(rfile)
    assert (first.name, first.released) == ("Example, primed", date(2025, 8, 7))
    assert second == Respondent(name="openai/example", model="openai/example")
    assert (third.name, third.model) == ("S", "simulated/schwartz?Power=1")


def roster_complaint(rfile: Path, text: str) -> str:
    rfile.write_text(text)
    with pytest.raises(InputError) as error:
        parse_roster(rfile)
    return str(error.value)


def test_a_wrong_roster_is_named_with_file_line_and_field(rfile: Path) -> None:
    good = '[[respondents]]\nmodel = "a/b"\n\n'
    assert roster_complaint(rfile, good + "[[respondents]]\ntemperature = 1\n") == (
        f"{rfile}, line 4: respondents.2.model: this field is missing"
    )
    assert roster_complaint(rfile, good + '[[respondents]]\nmodel = "c/d"\ntop_k = 1\n') == (
        f"{rfile}, line 6: respondents.2.top_k: unknown field"
    )
    assert roster_complaint(rfile, good + good) == (
        f"{rfile}, line 4: respondents.2.label: 'a/b' stands for two respondents"
    )
    assert roster_complaint(rfile, 'owner = "me"\n' + good) == (
        f"{rfile}, line 1: owner: unknown field"
    )


@pytest.mark.parametrize(
    "text", ["", "respondents = []", "respondents = 3", "respondents = [1]", "[respondents]\nx = 1"]
)
def test_a_roster_needs_respondents(rfile: Path, text: str) -> None:
    assert "needs at least one [[respondents]] table" in roster_complaint(rfile, text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        parse_respondent("simulated/schwartz?Power=1@system=\udcff")
