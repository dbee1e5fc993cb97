"""Profiles from survey files: made-up persons, of whom it is known what they hold important."""

from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from valuecompass.board.cultures.profiles import read_profiles
from valuecompass.board.cultures.surveys import SAMPLES, build_profiles
from valuecompass.errors import InputError
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
NAMES = SCHWARTZ.names
ESS = {
    "Self-direction": ("ipcrtiv", "impfree"),
    "Stimulation": ("impdiff", "ipadvnt"),
    "Hedonism": ("ipgdtim", "impfun"),
    "Achievement": ("ipshabt", "ipsuces"),
    "Power": ("imprich", "iprspot"),
    "Security": ("impsafe", "ipstrgv"),
    "Conformity": ("ipfrule", "ipbhprp"),
    "Tradition": ("ipmodst", "imptrad"),
    "Benevolence": ("iphlppl", "iplylfr"),
    "Universalism": ("ipeqopt", "ipudrst", "impenv"),
}
COLUMNS = [name for names in ESS.values() for name in names]
WVS = {
    **{"Self-direction": 0, "Power": 1, "Security": 2, "Hedonism": 3, "Benevolence": 4},
    **{"Achievement": 5, "Stimulation": 6, "Conformity": 7, "Universalism": 8, "Tradition": 9},
}
"""Place of each item in its battery."""


def person(country: str = "XA", **codes: object) -> dict[str, object]:
    """Answers between "like me" and "a little like me", varied enough to count."""
    spread = {name: 2 + place % 3 for place, name in enumerate(COLUMNS)}
    return {"cntry": country, "pspwght": 1, **spread, **codes}


def written(tmp_path: Path, rows: list[dict[str, object]], name: str = "survey.csv") -> Path:
    path = tmp_path / name
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t" if name.endswith("tsv") else ",")
        writer.writeheader()
        writer.writerows(rows)
    return path


def by_hand(row: dict[str, object]) -> dict[str, float]:
    answers = {name: 7 - float(row[name]) for name in COLUMNS if row[name] in range(1, 7)}
    middle = np.mean(list(answers.values()))
    return {
        dimension: float(np.mean([answers[n] for n in names if n in answers]) - middle)
        for dimension, names in ESS.items()
        if any(n in answers for n in names)
    }


def test_a_country_is_the_weighted_mean_of_centred_persons(tmp_path):
    one, two = person(imprich=6, iprspot=6, pspwght=3), person(iphlppl=1, ipgdtim=77)
    found = build_profiles(written(tmp_path, [one, two, person("XB")]), "ess")
    assert list(found["profiles"]) == ["XA", "XB"]
    for dimension in NAMES:
        expected = (3 * by_hand(one)[dimension] + by_hand(two)[dimension]) / 4
        assert found["profiles"]["XA"][dimension] == pytest.approx(expected, abs=1e-12)
    assert found["about"]["n"] == {"XA": 2, "XB": 1}
    assert found["about"]["weight"] == "pspwght"


def test_a_missing_answer_counts_in_neither_sum_nor_weight(tmp_path):
    gone = person(imprich=88, iprspot=99)
    found = build_profiles(written(tmp_path, [gone, person()]), "ess")["profiles"]["XA"]
    assert found["Power"] == pytest.approx(by_hand(person())["Power"])


def test_what_is_built_is_read(tmp_path):
    found = build_profiles(written(tmp_path, [person(), person("XB", imprich=1)]), "ess")
    path = tmp_path / "P.json"
    path.write_text(json.dumps(found, allow_nan=False), encoding="utf-8")
    profiles = read_profiles(path, SCHWARTZ)
    assert profiles.cultures == ("XA", "XB")
    assert profiles.source == found["about"]["source"]
    assert "European Social Survey, from survey.csv" in str(profiles.source)


def test_the_suffix_of_newer_rounds_is_known_row_by_row(tmp_path):
    old = person()
    new = {(f"{k}a" if k in COLUMNS else k): v for k, v in person("XB").items()}
    found = build_profiles(written(tmp_path, [old, new]), "ess")["profiles"]
    assert found["XA"] == pytest.approx(found["XB"]) and set(found) == {"XA", "XB"}


def test_persons_who_did_not_answer_properly_are_left_out_and_counted(tmp_path):
    five, six = dict.fromkeys(COLUMNS[:5], 9), dict.fromkeys(COLUMNS[:6], 7)
    sixteen = dict.fromkeys(COLUMNS[:16], 1) | dict.fromkeys(COLUMNS[16:], 5)
    seventeen = sixteen | {COLUMNS[16]: 1}
    rows = [person(**one) for one in (five, six, sixteen, seventeen)]
    rows += [person(pspwght=0), person(pspwght="")]
    counts = build_profiles(written(tmp_path, rows), "ess")["about"]["persons"]
    assert counts == {
        "read": 6,
        "used": 2,
        "too_many_missing": 1,
        "too_many_alike": 1,
        "without_weight": 2,
        "stand_in": 0,
    }


def test_groups_within_countries(tmp_path):
    rows = [person(gndr=1, imprich=1), person(gndr=2, imprich=6), person(gndr="")]
    found = build_profiles(written(tmp_path, rows), "ess", by=["gndr"])
    assert found["about"]["n"] == {"XA": 3, "XA, gndr 1": 1, "XA, gndr 2": 1}
    power = {name: row["Power"] for name, row in found["profiles"].items()}
    assert power["XA, gndr 1"] > power["XA"] > power["XA, gndr 2"]
    with pytest.raises(InputError, match="age: there is no such column"):
        build_profiles(written(tmp_path, rows), "ess", by=["age"])
    many = [person(idno=at) for at in range(1001)]
    with pytest.raises(InputError, match="more than 1000 groups; take a --by column with fewer"):
        build_profiles(written(tmp_path, many), "ess", by=["idno"])


def test_a_file_without_weights_is_said_to_be_unweighted(tmp_path):
    rows = [{k: v for k, v in person().items() if k != "pspwght"} for _ in range(2)]
    about = build_profiles(written(tmp_path, rows), "ess")["about"]
    assert about["weight"] is None and "Not weighted" in about["notices"][0]
    assert "not weighted" in about["source"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"imprich": "Like me"}, "line 3: imprich: 'Like me' is not a number; export the file"),
        ({"imprich": 2.5}, "line 3: imprich: 2.5 is no answer code"),
        ({"pspwght": -1}, "line 3: pspwght: -1 is not a weight"),
        ({"pspwght": "inf"}, "line 3: pspwght: inf is not a weight"),
        ({"pspwght": 1e308}, "line 3: pspwght: 1e.308 is not a weight"),
        ({"cntry": ""}, "line 3: cntry: the country is missing"),
    ],
)
def test_a_wrong_row_is_told_with_line_and_column(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        build_profiles(written(tmp_path, [person(), person(**change)]), "ess")


def test_a_wrong_file_is_told(tmp_path):
    lacking = [{k: v for k, v in person().items() if k != "impenv"}]
    with pytest.raises(InputError, match="impenv: there is no such column, nor impenva"):
        build_profiles(written(tmp_path, lacking), "ess")
    nowhere = [{k: v for k, v in person().items() if k != "cntry"}]
    with pytest.raises(InputError, match="cntry: there is no such column"):
        build_profiles(written(tmp_path, nowhere), "ess")
    with pytest.raises(InputError, match="wave 7 did not ask them"):
        build_profiles(written(tmp_path, [{"Q1": 1, "B_COUNTRY_ALPHA": "XA"}]), "wvs")
    semicolons = tmp_path / "wvs.csv"
    semicolons.write_text("V1;V2;V70\n6;12;1\n", encoding="utf-8")
    with pytest.raises(InputError, match="separated by semicolons; save the file with commas"):
        build_profiles(semicolons, "wvs")
    with pytest.raises(InputError, match="no person is left of 1 read: 1 with more than 5 items"):
        build_profiles(written(tmp_path, [person(**dict.fromkeys(COLUMNS, 9))]), "ess")


def wvs(first: int, letter: str = "V", **more: object) -> dict[str, object]:
    items = {f"{letter}{first + at}": 1 + (at * 2) % 6 for at in WVS.values()}
    return {"V2": 156, "S003": 156, **items, **more}


@pytest.mark.parametrize(
    ("row", "wave", "weight"),
    [
        (wvs(80, V259=1), "wave 5", "V259"),
        (wvs(80, V259=1) | {f"V{n}": 3 for n in range(70, 80)}, "wave 5", "V259"),
        (wvs(70, V258=1, V74B=3), "wave 6", "V258"),
        (wvs(70, V258=1, V74B=3) | {f"V{n}": 2 for n in range(80, 90)}, "wave 6", "V258"),
        (wvs(189, "A", S017=1), "time series", "S017"),
    ],
)
def test_waves_of_the_world_values_survey_are_told_apart(tmp_path, row, wave, weight):
    found = build_profiles(written(tmp_path, [row, row]), "wvs")
    assert f"({wave})" in found["about"]["source"] and found["about"]["weight"] == weight
    answers = {name: 7 - (1 + (at * 2) % 6) for name, at in WVS.items()}
    if "V74B" in row:
        answers["Benevolence"] = 7 - 3
    middle = np.mean(list(answers.values()))
    expected = {name: answers[name] - middle for name in NAMES}
    assert found["profiles"]["156"] == pytest.approx(expected)


def test_what_stands_in_for_the_item_on_people_nearby_is_said(tmp_path):
    rows = [wvs(70, V258=1, V74B=-4), wvs(70, V258=1, V74B=2)]
    about = build_profiles(written(tmp_path, rows), "wvs")["about"]
    assert about["persons"]["stand_in"] == 1
    assert "For 1 persons Benevolence rests on the item about the good" in about["notices"][0]


def test_a_country_without_a_dimension_is_left_out(tmp_path):
    rows = [wvs(80), wvs(80, V89=-4) | {"V2": 4}]
    found = build_profiles(written(tmp_path, rows), "wvs")
    assert set(found["profiles"]) == {"156"}
    assert found["about"]["left_out"] == {"4": "nobody answered: Tradition"}


def test_parquet_and_tsv_give_the_same(tmp_path):
    rows = [person(country, imprich=1 + at % 6) for at in range(30) for country in ("XA", "XB")]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "survey.parquet")
    paths = [written(tmp_path, rows), written(tmp_path, rows, "survey.tsv")]
    found = [build_profiles(p, "ess") for p in (*paths, tmp_path / "survey.parquet")]
    assert found[0]["profiles"] == found[1]["profiles"] == found[2]["profiles"]
    assert found[0]["about"]["intervals"] == found[2]["about"]["intervals"]
    assert None not in found[0]["about"]["intervals"]["XA"].values()


def crowd(n: int, seed: int = 1) -> list[dict[str, object]]:
    rng = np.random.default_rng(seed)
    middle = np.linspace(1.5, 4.5, len(COLUMNS))
    codes = np.clip(np.rint(middle + rng.normal(0, 1.2, (n, len(COLUMNS)))), 1, 6).astype(int)
    weights = rng.uniform(0.5, 2, n).round(3)
    return [
        {"cntry": "XA", "pspwght": w, **dict(zip(COLUMNS, row.tolist(), strict=True))}
        for w, row in zip(weights.tolist(), codes, strict=True)
    ]


def test_intervals_are_as_wide_as_the_textbook_says(tmp_path):
    rows = crowd(1500)
    found = build_profiles(written(tmp_path, rows), "ess")
    values = np.array([[by_hand(row)[name] for name in NAMES] for row in rows])
    weights = np.array([row["pspwght"] for row in rows], dtype=float)
    mean = weights @ values / weights.sum()
    # linearised error of a weighted mean: Cochran (1977), Sampling Techniques, section 6.4
    error = np.sqrt((weights**2) @ (values - mean) ** 2) / weights.sum()
    for name, middle, sd in zip(NAMES, mean, error, strict=True):
        low, high = found["about"]["intervals"]["XA"][name]
        assert found["profiles"]["XA"][name] == pytest.approx(middle, abs=1e-9)
        # a quantile of 1,000 draws is itself known to 4 % of the width or so
        assert (high - low) / (2 * 1.96 * sd) == pytest.approx(1, abs=0.15)
        assert low < middle < high
    assert build_profiles(written(tmp_path, rows), "ess") == found
    assert build_profiles(written(tmp_path, rows), "ess", seed=1) != found


def test_groups_of_few_persons_have_no_limits_and_are_named(tmp_path):
    rows = [row | {"gndr": 1 + (at >= 30)} for at, row in enumerate(crowd(59))]
    about = build_profiles(written(tmp_path, rows), "ess", by=["gndr"])["about"]
    assert about["n"] == {"XA": 59, "XA, gndr 1": 30, "XA, gndr 2": 29}
    for culture, limits in about["intervals"].items():
        assert set(map(type, limits.values())) == {type(None) if culture[-1] == "2" else list}
    assert about["notices"] == [
        "No limits, because there are fewer than 30 persons: XA, gndr 2. Limits from so few would "
        "be far too narrow."
    ]
    assert build_profiles(written(tmp_path, crowd(30)), "ess")["about"]["notices"] == []


def test_a_longer_file_takes_no_more_memory(tmp_path):
    def peak(rows: list[dict[str, object]]) -> int:
        path = written(tmp_path, rows)
        tracemalloc.start()
        build_profiles(path, "ess")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    rows = crowd(2000)
    peak(rows)  # what is loaded once
    short, long = peak(rows), peak(rows * 3)
    assert long < 1.2 * short
    assert short > SAMPLES * 2000 * 8  # the draws of a chunk, so the peak is the real one
