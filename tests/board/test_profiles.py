"""Files of profiles: what they may hold, and what is said of everything else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuecompass.board.cultures.profiles import demonstration_profiles, read_profiles
from valuecompass.errors import InputError
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
ROW = {name: place for place, name in enumerate(SCHWARTZ.names, start=1)}


def written(tmp_path: Path, content: object, name: str = "P.json") -> Path:
    path = tmp_path / name
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def test_profiles_are_read_in_the_order_of_the_system(tmp_path):
    turned = dict(reversed(ROW.items())) | {"Power": 2.5}
    found = read_profiles(written(tmp_path, {"Here": ROW, "There": turned}), SCHWARTZ)
    assert found.cultures == ("Here", "There")
    assert found.source is None
    assert found.values[0].tolist() == list(range(1, 11))
    assert found.values[1, SCHWARTZ.names.index("Power")] == 2.5


def test_aliases_and_ties_are_valid(tmp_path):
    row = {("SD" if name == "Self-direction" else name.upper()): 4 for name in ROW}
    found = read_profiles(written(tmp_path, {"Here": row}), SCHWARTZ)
    assert found.values.tolist() == [[4.0] * 10]


def test_a_file_may_say_where_its_numbers_come_from(tmp_path):
    about = {"source": "A survey of ours.", "n": {"Here": 12}}
    path = written(tmp_path, {"about": about, "profiles": {"Here": ROW}})
    found = read_profiles(path, SCHWARTZ)
    assert found.source == "A survey of ours." and found.about["n"] == {"Here": 12}
    assert found.cultures == ("Here",)


def test_a_table_is_read_alike(tmp_path):
    lines = ["culture," + ",".join(ROW), "Here," + ",".join(str(v) for v in ROW.values())]
    found = read_profiles(written(tmp_path, "\n".join(lines), "P.csv"), SCHWARTZ)
    same = read_profiles(written(tmp_path, {"Here": ROW}), SCHWARTZ)
    assert found.cultures == same.cultures and np.array_equal(found.values, same.values)


def test_a_table_with_an_empty_cell_is_told_with_its_line(tmp_path):
    lines = ["culture," + ",".join(ROW), "Here,," + ",".join("1" for _ in range(9))]
    with pytest.raises(InputError, match="line 2: 'Here': Self-direction: the value is missing"):
        read_profiles(written(tmp_path, "\n".join(lines), "P.csv"), SCHWARTZ)


def without(name: str) -> dict[str, int]:
    return {key: value for key, value in ROW.items() if key != name}


DOUBLED = '{"Here": {"Power": 1, ' + json.dumps(ROW)[1:] + "}"
BAD = {
    "": "the file is empty",
    "  \n": "the file is empty",
    "{": "line 1, column 2: not valid JSON",
    "[1]": "expected an object",
    "3": "expected an object",
    "{}": "there is no culture in the file",
    '{"about": {}, "profiles": {}}': "there is no culture in the file",
    '{"Here": 3}': "'Here': expected an object",
    json.dumps({"Here": ROW | {"Wit": 1}}): "'Here': Wit: not a dimension of schwartz; known:",
    json.dumps({"Here": without("Power")}): "'Here': Power: the value is missing; give every",
    json.dumps({"Here": ROW | {"Power": "9"}}): "'Here': Power: \"9\" is not a number",
    json.dumps({"Here": ROW | {"Power": None}}): "'Here': Power: null is not a number",
    json.dumps({"Here": ROW | {"Power": True}}): "'Here': Power: true is not a number",
    json.dumps({"Here": ROW | {"Power": {"a": 1}}}): "'Here': Power: {\"a\": 1} is not a number",
    json.dumps({"Here": ROW | {"Power": float("nan")}}): "'Here': Power: nan is not a finite",
    json.dumps({"Here": ROW | {"Power": float("inf")}}): "'Here': Power: inf is not a finite",
    json.dumps({"Here": ROW | {"Power": 10**400}}): "'Here': Power: inf is not a finite",
    json.dumps({"Here": ROW | {"Power": -1e308}}): "-1e+308 is not a finite number up to 1e+12",
    json.dumps({"Here": ROW | {"SD": 3}}): "'Here': SD: Self-direction is given twice",
    DOUBLED: "'Here': Power: Power is given twice",
    json.dumps({"Here": ROW, "here ": ROW}): "'here ': the culture already stands in the file",
    f'{{"Here": {json.dumps(ROW)}, "Here": {json.dumps(ROW)}}}': "already stands in the file",
    json.dumps({" ": ROW}): "a culture without a name",
    "[" * 100_000: "not readable JSON",
}


@pytest.mark.parametrize(("text", "message"), BAD.items(), ids=range(len(BAD)))
def test_bad_profiles_are_told_with_file_culture_and_field(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_profiles(path, SCHWARTZ)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_an_absent_file_is_told(tmp_path):
    with pytest.raises(InputError, match=r"no\.json: cannot be read"):
        read_profiles(tmp_path / "no.json", SCHWARTZ)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*ROW, "SD", "about", "profiles", "Here"]) | st.text(max_size=3),
            inner,
            max_size=12,
        )
    ),
    max_leaves=30,
)


@given(json_values)
def test_whatever_json_holds_is_profiles_or_one_message(tmp_path_factory, value):
    path = written(tmp_path_factory.mktemp("p"), json.dumps(value))
    try:
        found = read_profiles(path, SCHWARTZ)
    except InputError as error:
        assert str(error).startswith(str(path))
    else:
        assert found.values.shape == (len(found.cultures), 10)
        assert np.isfinite(found.values).all()


def test_the_demonstration_set_says_that_it_is_no_survey():
    found = demonstration_profiles(SCHWARTZ)
    assert found.values.shape == (8, 10)
    assert found.source is not None
    for words in ("Our reconstruction from a published heatmap", "ranks only, not a survey"):
        assert words in found.source
    # ranks: every row holds 1 to 10, a tie shares its places
    assert np.allclose(found.values.sum(axis=1), 55)


def test_the_demonstration_set_is_for_its_own_system_only():
    with pytest.raises(InputError, match="-s safety: no profiles of cultures come with"):
        demonstration_profiles(builtin_system("safety"))
