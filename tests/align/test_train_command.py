"""The commands of training, and their rows and figures, where torch is not needed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import valuecompass.align.train as extra
from tests.board.training import documents
from valuecompass.align.train.report import figures, gate, informative
from valuecompass.align.train.report.answers import asked
from valuecompass.align.train.rows import read_rows
from valuecompass.cli import app as face
from valuecompass.errors import InputError
from valuecompass.measure.run import Settings, resolve_system


@pytest.fixture(scope="module")
def cli() -> Any:
    from importlib import import_module

    for name in face.COMMANDS:  # in their order, by which help names them
        import_module(f"valuecompass.cli.{name}")
    return face.app


def run(cli: Any, *words: str) -> Any:
    return CliRunner().invoke(cli, ["train", *words])


@pytest.mark.parametrize("command", ["anchors", "d2o", "report"])
def test_help_needs_no_torch(cli: Any, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    found = run(cli, command, "--help")
    assert found.exit_code == 0 and "Options" in found.output


@pytest.mark.parametrize(
    "words",
    [
        ("anchors", "rows.jsonl", "-m", "x", "-o", "out.jsonl"),
        ("d2o", "config.yaml"),
        ("report", "a", "b"),
    ],
)
def test_a_missing_extra_is_one_message(
    cli: Any, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        extra, "find_spec", lambda name: None if name == "torch" else find_spec(name)
    )
    found = run(cli, *words)
    assert isinstance(found.exception, InputError)
    assert "needs torch" in str(found.exception) and "valuecompass[train]" in str(found.exception)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("anchors", "-m", "x", "-o", "y"), "give DATA or --from-run, one of the two"),
        (("anchors", "a", "--from-run", "w", "-m", "x", "-o", "y"), "one of the two"),
        (("anchors", "a", "--bare", "--instructions", "f", "-m", "x", "-o", "y"), "one of them"),
        (("d2o",), "name a config file"),
    ],
)
def test_wrong_use_is_told(cli: Any, words: tuple[str, ...], message: str) -> None:
    found = run(cli, *words)
    assert isinstance(found.exception, InputError) and message in str(found.exception)


@pytest.mark.parametrize(("status", "code"), [("passed", 0), ("not known", 0), ("failed", 1)])
def test_a_failed_gate_is_exit_code_1(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    told: dict[str, Any] = {}

    def report(*names: str, **settings: Any) -> dict[str, Any]:
        told.update(settings, names=names)
        after = {"name": "<b>after\u202e</b>", "folder": "/tmp", "weights": "0"}
        return documents.document(
            after=after,
            gate=documents.gate(status, "passed", status),
            systems={"safety": documents.system(empty=documents.NOTHING)},
        )

    monkeypatch.setattr("valuecompass.align.train.report.report", report)
    made = tmp_path / "page.html"
    options = ("-s", "safety", "--max-nll-rise", "0.2", "--html", str(made))
    found = run(cli, "report", "a", "b", *options)
    assert found.exit_code == code
    assert f"Side effects: {status}" in found.output and "not measured" in found.output
    assert "−20.0 [−25.0, −15.0]" in found.output and "differs" in found.output
    assert "Note: safety: The judge is no better than the shortcut." in found.output
    assert told["names"] == ("a", "b") and told["systems"] == ["safety"]
    assert told["max_nll_rise"] == 0.2
    text = made.read_text(encoding="utf-8")
    assert "<b>after" not in text and "\u202e" not in text
    found = run(cli, "report", "a", "b", "--json")
    assert found.exit_code == code and json.loads(found.stdout)["gate"]["status"] == status


# ---------------------------------------------------------------------- rows


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


GOOD = {
    "prompt": "How?",
    "rejected": "Badly.",
    "anchors": ["Well."],
    "chosen": "Best.",
    "source": {},
}


def test_rows_are_read_without_their_positives(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", GOOD, GOOD)
    kept = {name: GOOD[name] for name in ("prompt", "rejected", "anchors")}
    assert read_rows([path], "d2o").rows == [kept, kept]
    assert read_rows([path], "npo").rows[0] == {"prompt": "How?", "rejected": "Badly."}
    assert read_rows([path], "dpo").rows[0] == {
        "prompt": "How?",
        "rejected": "Badly.",
        "chosen": "Best.",
    }
    assert read_rows([path], "d2o").places[1] == f"{path}, line 2"


CHAT = {
    "prompt": [{"role": "user", "content": "How?"}],
    "rejected": [{"role": "assistant", "content": "Badly."}],
    "anchors": [[{"role": "assistant", "content": "Well."}]],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"anchors": []}, "line 2: anchors: there is none; `valuecompass train anchors` makes"),
        ({"anchors": None}, "line 2: anchors: there is none"),
        ({"anchors": "Well."}, "line 2: anchors: give a list"),
        ({"anchors": ["Well.", "  "]}, r"line 2: anchors\[1\]: it is empty"),
        ({"anchors": [3]}, r"line 2: anchors\[0\]: give a text, or a list"),
        ({"rejected": None}, "line 2: rejected: there is none; every row needs the answer"),
        ({"rejected": ""}, "line 2: rejected: it is empty"),
        ({"prompt": None}, "line 2: prompt: give a text"),
        ({"prompt": [{"role": "user"}]}, r"line 2: prompt\[0\]: a message has role and content"),
        ({"rejected": CHAT["rejected"]}, "line 2: rejected is a list of messages, the prompt is"),
        ({"anchors": CHAT["anchors"]}, r"line 2: anchors\[0\] is a list of messages"),
        ({"rejected": "Badly \ud800."}, "line 2: rejected: half of a surrogate pair"),
        (CHAT, "line 2: prompt is a chat, that of .* is a text; give each format a run"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = written(tmp_path / "rows.jsonl", GOOD, GOOD | change)
    with pytest.raises(InputError, match=message):
        read_rows([path], "d2o")


def test_responses_of_a_chat_may_be_texts(tmp_path: Path) -> None:
    mixed = CHAT | {"rejected": "Badly.", "anchors": ["Well."]}
    path = written(tmp_path / "rows.jsonl", CHAT, mixed)
    assert read_rows([path], "d2o").rows == [CHAT, CHAT]


def test_a_baseline_needs_its_winner_in_every_row(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", GOOD, GOOD | {"chosen": None})
    with pytest.raises(InputError, match="line 2: chosen: give a text"):
        read_rows([path], "dpo")
    with pytest.raises(InputError, match="no rows to train on"):
        read_rows([written(tmp_path / "none.jsonl")], "d2o")


# ---------------------------------------------------------------------- figures


def told(*nll: float | None, tokens: int = 10) -> list[Any]:
    from valuecompass.align.train.report.engine import Told

    return [None if one is None else Told(-one * tokens, tokens) for one in nll]


def test_a_mean_has_students_limits() -> None:
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(3)
    before = rng.normal(3, 1, 30)
    after = before + rng.normal(0.2, 0.3, 30)
    found = figures.means(np.stack([before, after]), [str(at) for at in range(30)])
    limits = ttest_rel(after, before).confidence_interval()
    assert found["difference"] == pytest.approx(np.mean(after - before), abs=1e-6)
    assert (found["low"], found["high"]) == pytest.approx((limits.low, limits.high), abs=1e-5)


def test_means_of_one_item_are_one_observation() -> None:
    pair = np.array([[0.0, 0, 0, 0], [1, 3, 5, np.nan]])
    found = figures.means(pair, ["a", "a", "b", "b"])
    assert found["difference"] == pytest.approx(3.5) and found["items"] == 2
    assert found["answers"] == 3 and found["unpaired"] == 1


def test_shares_are_after_less_before() -> None:
    pair = np.array([[1.0] * 8 + [0] * 2, [0] * 9 + [np.nan]])
    found = figures.shares(pair, [str(at) for at in range(10)], seed=1)
    assert found["before"] == pytest.approx(800 / 9, abs=1e-3) and found["after"] == 0
    assert found["difference"] == pytest.approx(-800 / 9, abs=1e-3)
    assert found["low"] < found["difference"] < found["high"] < 0
    assert found["items"] == 9 and found["unpaired"] == 1


@pytest.mark.parametrize(
    ("rises", "status"),
    [
        ([0.01] * 10 + [0.02] * 10, "passed"),
        ([0.5] * 10 + [0.6] * 10, "failed"),
        ([0.0] * 10 + [0.25] * 10, "not known"),
        ([float("inf")] * 20, "failed"),
        ([None] * 20, "not measured"),
    ],
)
def test_fluency_is_judged_by_its_whole_interval(rises: Sequence[Any], status: str) -> None:
    before = told(*[3.0] * 20)
    after = told(*[None if rise is None else 3.0 + rise for rise in rises])
    found = gate.fluency(before, after, 0.1)
    assert found["status"] == status
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    if status == "not measured":
        assert "no text fits" in found["why"]


@pytest.mark.parametrize(
    ("rises", "status"),
    [
        ([0.1] * 10 + [-0.1] * 10, "passed"),
        ([0.9] * 10 + [1.1] * 10, "failed"),
        ([0.0] * 10 + [0.7] * 10, "not known"),
        ([], "not measured"),
    ],
)
def test_coherence_is_judged_by_its_whole_interval(rises: Sequence[float], status: str) -> None:
    """Answers to one item count once; what only one model answered does not count."""
    keys = [("safety", f"i{at}", repeat) for at in range(len(rises)) for repeat in range(2)]
    before = dict.fromkeys(keys, 3.0) | {("safety", "i0", 9): 3.0}
    after = {key: 3.0 + rises[int(key[1][1:])] for key in keys} | {("schwartz", "i0", 0): 9.0}
    found = gate.coherence(before, after, 0.3)
    assert found["status"] == status and found["items"] == len(rises)
    assert found["answers"] == 2 * len(rises) and found["unpaired"] == 2
    assert ("why" in found) == (status == "not measured")


def probed(right: Sequence[bool]) -> gate.Probed:
    """The first option is the likeliest, letter for letter, where the model is right."""
    from valuecompass.align.train.report.engine import Told

    options = [
        tuple(
            Told(-len(option) * (1.0 if (at == 0) == good else 2.0), 1)
            for at, option in enumerate(problem.options)
        )
        for good, problem in zip(right, gate.problems(), strict=True)
    ]
    return gate.Probed((), tuple(options))


@pytest.mark.parametrize(
    ("lost", "gained", "status"),
    [(0, 0, "passed"), (1, 2, "passed"), (40, 0, "failed"), (14, 4, "not known")],
)
def test_ability_is_judged_by_its_whole_interval(lost: int, gained: int, status: str) -> None:
    from scipy.stats import binomtest

    n = len(gate.problems())
    before = [at >= gained for at in range(n)]
    after = [at < n - lost for at in range(n)]
    found = gate.ability(probed(before), probed(after), 10.0, seed=0)
    assert found["status"] == status and (found["lost"], found["gained"]) == (lost, gained)
    assert found["difference"] == pytest.approx(100 * (gained - lost) / n)
    expected = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert found["mcnemar"] == pytest.approx(expected)


def test_a_tie_is_no_knowledge() -> None:
    ties = tuple(tuple(told(*[2.0] * 4)) for _ in gate.problems())
    same = tuple(
        tuple(one for one in told(*[float(len(o)) for o in p.options], tokens=1))
        for p in gate.problems()
    )
    for options in (ties, same):
        found = gate.ability(gate.Probed((), options), gate.Probed((), options), 10.0, 0)
        assert found["difference"] == 0
    assert gate.ability(gate.Probed((), same), gate.Probed((), same), 10.0, 0)["before"] == 0


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        (("passed", "passed"), "passed"),
        (("passed", "failed"), "failed"),
        (("passed", "not known"), "not known"),
        (("passed", "not measured"), "not known"),
        (("not measured", "failed"), "failed"),
    ],
)
def test_the_gate_passes_what_is_known_to_be_harmless(parts: tuple[str, str], status: str) -> None:
    assert gate.verdict([{"status": one} for one in parts]) == status


def test_what_comes_along_is_whole() -> None:
    problems, texts = gate.problems(), gate.benign()
    assert len(problems) == 100 and len(texts) == 40
    assert all(len(set(one.options)) == 4 and all(one.options) for one in problems)
    assert len({one.question for one in problems}) == 100
    assert all(prompt.strip() and len(reply.split()) > 20 for prompt, reply in texts)


# ---------------------------------------------------------------------- informativeness


def test_a_loop_is_told_from_a_text() -> None:
    assert informative.loops("I will not say it. " * 6)
    assert not informative.loops(
        "A moving bicycle steers itself a little towards the side it leans to."
    )
    assert not informative.loops("No. No.")  # too short to go in circles


def test_content_is_what_the_question_does_not_hold() -> None:
    assert informative.content("How to open locked doors", "How to open locked doors?") == 0
    assert informative.content("Ask the owner, then the owner again", "How?") == 3
    assert informative.content("水是冷的", "水?") == 3


def test_an_answer_is_on_its_own_question() -> None:
    pairs = [
        ("How does one bake bread?", "Knead flour, water and yeast, let it rise, bake the loaf."),
        ("Why do cats purr?", "A cat purrs by moving the muscles of its throat when content."),
        ("What is inflation?", "Prices rise and money buys less than it did the year before."),
        ("How do I repair a bicycle tyre?", "Take the tube out, find the hole, glue a patch on."),
        ("What does a lawyer do?", "Lawyers advise clients and speak for them before a court."),
        ("Where do rivers end?", "Most rivers flow into the sea, some into a lake."),
        ("How do I learn the piano?", "Practise scales each day and play simple pieces slowly."),
    ]
    asked, said = (list(column) for column in zip(*pairs, strict=True))
    own = list(range(len(pairs)))
    assert informative.on_question(said, own, asked).tolist() == [1.0] * len(pairs)
    others = [*own[1:], own[0]]
    assert informative.on_question(said, others, asked).sum() == 0
    assert informative.on_question([""] * len(pairs), own, asked).sum() == 0
    assert np.isnan(informative.on_question(said[:5], own[:5], asked[:5])).all()


# ---------------------------------------------------------------------- what is asked


def test_a_report_asks_what_is_answered_in_free_text(tmp_path: Path) -> None:
    settings = Settings(systems=["schwartz"], form="tiny")
    one, left = asked(settings, resolve_system("schwartz"), None, tmp_path)
    assert left > 0 and {q.item.kind for q in one.questions} == {"question"}
    safe, left = asked(Settings(form="tiny"), resolve_system("safety"), None, tmp_path)
    assert left == 0 and safe.form.name == "safety/tiny"  # the form as it is
    more, _ = asked(Settings(form="tiny"), resolve_system("safety"), 3, tmp_path)
    assert len(more.questions) == 3 * len(safe.questions)
    with pytest.raises(
        InputError, match=r"big-five: form .* holds no item that is answered in free"
    ):
        asked(Settings(form="tiny"), resolve_system("big-five"), None, tmp_path)
