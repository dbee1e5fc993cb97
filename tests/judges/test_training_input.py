"""What wrong files are told by the scripts that train and scale the local judge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training.judge.data import conduct_corpus, human_values, schwartz_corpus

from valuecompass.errors import InputError
from valuecompass.items.readers import TOUCHE_VALUES
from valuecompass.values import builtin_system

ROOT = Path(__file__).parents[2]
ARGUMENTS = (
    "Argument ID\tConclusion\tStance\tPremise",
    'A1\tBan zoos\tagainst\t"Teach", they say.',
)
LABELS = ("\t".join(["Argument ID", *TOUCHE_VALUES]), "\t".join(["A1", *["0", "1"] * 10]))
SCHWARTZ = {"question": "Shall we?", "text": "Yes.", "for": ["Power"], "against": []}
STEM = {"dimension": "Ethical", "stem": "I", "high": "a", "low": "b", "other": "c"}
MORAL = {
    "foundation": "Care/Harm",
    "principle": "Be kind.",
    "opening": "One day",
    "complies": "a",
    "violates": "b",
}
SAFETY = {"dimension": "Malicious Use", "request": "How?", "safe": "a", "unsafe": "b"}


def human(folder: Path, arguments: tuple[str, ...] = ARGUMENTS, labels: tuple[str, ...] = LABELS):
    for name, lines in (("arguments", arguments), ("labels", labels)):
        text = "".join(line + "\n" for line in lines)
        (folder / f"{name}-training.tsv").write_text(text, encoding="utf-8")
    return folder


def test_arguments_are_read_with_their_quotation_marks(tmp_path: Path) -> None:
    (example,) = human_values(human(tmp_path))
    assert example.text == '"Teach", they say.' and example.heads == ("Ban zoos", "")
    assert example.human and not example.group
    # every second category has a label: of both of Power's only the second
    assert example.targets["category Power: dominance"] == 1
    assert example.targets["category Power: resources"] == 0
    assert (example.targets["rests Power"], example.targets["rests Hedonism"]) == (1, 1)
    assert example.targets["rests Stimulation"] == 0 and "rests Face" not in example.targets


@pytest.mark.parametrize(
    ("arguments", "labels", "message"),
    [
        (("Argument ID\tConclusion", "A1\tBan"), LABELS, "arguments-training.tsv, line 1: Stance"),
        (ARGUMENTS, ("Argument ID\tFace", "A1\t1"), "labels-training.tsv, line 1: Self-direction"),
        (ARGUMENTS, (LABELS[0], LABELS[1].replace("A1", "B1")), "Argument ID: A1 is not in"),
        (ARGUMENTS, (LABELS[0], LABELS[1].replace("1\t0", "1\t?", 1)), "is neither 0 nor 1"),
        ((ARGUMENTS[0], "A1\tBan zoos\tagainst\t"), LABELS, "line 2: Premise: this cell is empty"),
    ],
)
def test_human_labels_are_told_with_file_line_and_column(
    tmp_path: Path, arguments: tuple[str, ...], labels: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError) as error:
        human_values(human(tmp_path, arguments, labels))
    assert message in str(error.value) and str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", ["arguments", "labels"])
def test_a_missing_file_is_told(tmp_path: Path, name: str) -> None:
    (human(tmp_path) / f"{name}-training.tsv").unlink()
    with pytest.raises(InputError, match=f"{name}-training.tsv: cannot be read"):
        human_values(tmp_path)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("schwartz-x", SCHWARTZ),
        ("llm-unique-x", STEM),
        ("moral-foundations-x", MORAL),
        ("safety-x", SAFETY),
    ],
)
def test_the_corpus_is_told_with_file_line_and_field(
    tmp_path: Path, name: str, row: dict[str, Any]
) -> None:
    path = tmp_path / f"{name}.jsonl"

    def read(*lines: str) -> int:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return len([*schwartz_corpus(tmp_path), *conduct_corpus(tmp_path)])

    whole = json.dumps(row)
    once = read(whole)
    assert 1 <= once <= 3 and read(whole, "", whole) == 2 * once
    with pytest.raises(InputError, match=f"{name}.jsonl, line 2, column 2: not valid JSON"):
        read(whole, "{")
    for field in row:
        rest = {k: v for k, v in row.items() if k != field}
        with pytest.raises(InputError, match=f"{name}.jsonl, line 2: {field}: missing; add it"):
            read(whole, json.dumps(rest))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (None, "labels.jsonl: cannot be read"),
        (["{"], "labels.jsonl, line 1, column 2: not valid JSON"),
        ([{"system": "safety"}], "labels.jsonl, line 1: item: missing, expected text"),
        (
            [
                {
                    "system": "safety",
                    "dimension": builtin_system("safety").names[0],
                    "item": "How?",
                    "response": "We could ask a locksmith.",
                    "expressed": 1,
                }
            ]
            * 2,
            "add English answers to two items of safety at least",
        ),
    ],
)
def test_the_scale_is_left_alone_by_wrong_labels(
    tmp_path: Path, lines: list[Any] | None, message: str
) -> None:
    heads = ROOT / "src/valuecompass/judges/local/heads"
    before = {p.name: p.read_bytes() for p in heads.iterdir()}
    path = tmp_path / "labels.jsonl"
    if lines is not None:
        text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text("\n".join(text), encoding="utf-8")
    command = [sys.executable, str(ROOT / "training/judge/scale.py"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr and not done.stdout
    assert {p.name: p.read_bytes() for p in heads.iterdir()} == before
