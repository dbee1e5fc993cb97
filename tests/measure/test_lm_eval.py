"""Tasks for lm-evaluation-harness, and its samples in again.

`recorded/lm-eval` holds what lm-eval 0.4.13 wrote of such tasks with SmolLM2-135M (float32 weights
made by `tests.support.lm_eval_model`); of its file of results only the fields used here.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml

from tests.measure.helpers import (
    LIKERT,
    QUESTIONS,
    TRADEOFFS,
    Command,
    count,
    likert,
    question,
    rows,
    tradeoff,
    write_items,
)
from tests.support.markdown import blocks, run
from valuecompass.assets import fetch
from valuecompass.errors import InputError
from valuecompass.items import Asking, Item, builtin_form, form_items, form_of_items
from valuecompass.measure.asking import Question, messages_for, read_off
from valuecompass.measure.lm_eval import read_samples, utils, write_tasks
from valuecompass.measure.log_import import import_logs, import_samples
from valuecompass.measure.logprobs import preference
from valuecompass.measure.measurement import Measurement, Row
from valuecompass.measure.run import Settings
from valuecompass.models.request import LOGPROBS
from valuecompass.stats import keyed_scale
from valuecompass.values import builtin_system

RECORDED = Path(__file__).parent / "recorded" / "lm-eval"
PAGE = Path(__file__).parents[2] / "docs" / "lm-eval.md"
OUTSIDE = "VALUECOMPASS_LM_EVAL_PYTHON"
"""Names the Python of an environment with lm-eval, torch, transformers and gguf."""
SCHWARTZ = builtin_system("schwartz")
ITEMS = [
    question(*QUESTIONS[0]),
    *(tradeoff(*one) for one in TRADEOFFS[:2]),
    likert(*LIKERT[0]),
    likert(*LIKERT[2]),
]
Json = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads the tag of functions as lm-eval does, as the name of one beside the file."""


def _function(loader: yaml.SafeLoader, node: yaml.Node) -> Callable[..., Any]:
    module, name = str(node.value).rsplit(".", 1)
    assert module == "utils"
    return getattr(utils, name)


_Loader.add_constructor("!function", _function)  # pyright: ignore[reportUnknownMemberType]


def task(path: Path) -> Json:
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)


def requests(path: Path) -> list[Json]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capfd)


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """The tasks of the recorded run of the Schwartz system."""
    form = form_of_items(ITEMS, SCHWARTZ, "schwartz/items.jsonl", "tiny")
    write_tasks(SCHWARTZ, form, ITEMS, tmp_path / "tasks")
    return tmp_path / "tasks"


def samples(folder: Path = RECORDED) -> list[Path]:
    return sorted(folder.glob("*/samples_*.jsonl"))


def brought_in(
    paths: list[Path], workspace: Path, respondent: str | None = None
) -> list[Measurement]:
    return anyio.run(import_samples, paths, Settings(workspace=workspace), respondent)


def copied(tmp_path: Path, name: str = "other") -> Path:
    folder = tmp_path / "results" / name
    shutil.copytree(RECORDED / "smollm2-135m", folder)
    return folder


# --- out


def test_the_tasks_are_what_lm_eval_reads(tasks: Path) -> None:
    group = task(tasks / "valuecompass_schwartz.yaml")
    kinds = ["question", "tradeoff", "likert"]
    assert group["group"] == "valuecompass_schwartz"
    assert group["task"] == [f"valuecompass_schwartz_{kind}" for kind in kinds]
    for name in group["task"]:
        found = task(tasks / f"{name}.yaml")
        assert found["task"] == name and found["metadata"] == {"version": 1}
        assert found["custom_dataset"] is utils.load and found["test_split"] == "test"
        lines = requests(tasks / found["dataset_kwargs"]["file"])
        # every request has what the task's fields name, in the same types: one table
        assert len({tuple(line) for line in lines}) == 1
        assert found["doc_to_text"] in lines[0]
        metrics = {one["metric"]: one["aggregation"] for one in found["metric_list"]}
        if name.endswith("question"):
            assert found["output_type"] == "generate_until"
            assert found["process_results"] is utils.answered and metrics == {"answered": "mean"}
            assert found["generation_kwargs"]["until"] == []
        else:
            assert found["output_type"] == "multiple_choice" and found["doc_to_choice"] in lines[0]
            assert found["process_results"] is utils.expected and found["target_delimiter"] == " "
            named = {d for line in lines for d in line["dimensions"]}
            assert set(metrics) == named | {"p(options)"}
    folder = {p.name for p in tasks.iterdir()}
    assert folder == {"utils.py", "valuecompass_schwartz.yaml"} | {
        f"{name}.{suffix}" for name in group["task"] for suffix in ("yaml", "jsonl")
    }


def test_the_requests_are_those_of_a_run(tasks: Path) -> None:
    lines = requests(tasks / "valuecompass_schwartz_tradeoff.jsonl")
    assert len(lines) == 2 * 2  # both orders
    asked = Question(ITEMS[1], 1, 0)
    (prompt,) = messages_for(asked, Asking(words=1))
    assert lines[1]["prompt"] == prompt.content + "\n\nAnswer:"
    assert lines[1]["options"] == ["A", "B"]
    assert lines[1]["dimensions"] == [s.dimension for s in (ITEMS[1].sides or ())[::-1]]
    (line,) = requests(tasks / "valuecompass_schwartz_question.jsonl")
    (prompt,) = messages_for(Question(ITEMS[0], 0, 0), Asking(words=70))
    assert line["prompt"] == prompt.content


@pytest.mark.parametrize("shares", [(0.5, 0.1, 0.05, 0.05, 0.1, 0.1), (0, 0, 0, 0, 0, 0.7)])
def test_its_metric_is_our_reading(tasks: Path, shares: tuple[float, ...]) -> None:
    results = [(math.log(s) if s else -math.inf, False) for s in shares]
    stored = {str(n): x for n, (x, _) in enumerate(results, 1) if math.isfinite(x)}
    for line, item in zip(
        requests(tasks / "valuecompass_schwartz_likert.jsonl"), ITEMS[3:], strict=True
    ):
        found = utils.expected(line, results)
        reading = read_off(Question(item, 0, 0), json.dumps(stored), LOGPROBS)
        assert reading is not None and item.scale is not None
        ours = keyed_scale([reading["rating"]], [item.keying or 1], *item.scale)[0]
        name = item.dimensions[0]
        assert found == pytest.approx({name: ours, "p(options)": sum(shares)})
    for line in requests(tasks / "valuecompass_schwartz_tradeoff.jsonl")[:2]:
        kept = json.loads(line["valuecompass"])
        asked = Question(Item.from_row(kept["item"]), kept["presentation"], 0)
        reading = read_off(asked, json.dumps({"A": math.log(0.3), "B": math.log(0.1)}), LOGPROBS)
        found = utils.expected(line, [(math.log(0.3), True), (math.log(0.1), False)])
        assert reading is not None
        for name in line["dimensions"]:
            assert found[name] == pytest.approx(preference(reading, name))


def test_its_functions_hold_at_the_edges() -> None:
    assert utils.expected({"dimensions": ["x"], "values": [[0, 1]]}, [(-math.inf, False)] * 2) == {}
    assert utils.answered({}, [" \n"]) == {"answered": 0} != utils.answered({}, ["Yes"])
    assert utils.share([0.2, 0.4]) == pytest.approx(0.3)


def test_every_form_of_the_bank_can_be_written(tmp_path: Path) -> None:
    for name in ("schwartz", "moral-foundations", "safety", "llm-unique", "big-five"):
        system, form = builtin_system(name), builtin_form(name, "full")
        group, *names = write_tasks(system, form, form_items(form), tmp_path)
        assert task(tmp_path / f"{group}.yaml")["task"] == names
        lines = sum(len(requests(tmp_path / f"{one}.jsonl")) for one in names)
        assert lines >= len(form.items)


def test_what_cannot_be_a_task_is_told(tmp_path: Path, cli: Command) -> None:
    def said(*items: Item) -> str:
        path = write_items(tmp_path, list(items))
        found = cli(*("items", "export", "--format", "lm-eval", tmp_path / "t", "--items", path))
        assert found.code == 2 and not (tmp_path / "t").exists()
        return found.err

    assert "rating 10 begins with 1" in said(likert("I rest.", "Hedonism", 1, (1, 10)))
    turn: Any = {"role": "user", "text": "Begin."}
    scene = Item(kind="scenario", system="schwartz", text="x", dimensions=("Power",), turns=(turn,))
    assert f"item {scene.id}: lm-eval cannot be given this scenario" in said(scene)
    found = cli("items", "export", "--format", "helm", tmp_path / "t")
    assert found.code == 2 and "--format helm: give lm-eval" in found.err


def test_own_items_can_be_exported_to_a_file(tmp_path: Path, cli: Command) -> None:
    path = write_items(tmp_path, ITEMS)
    assert cli("items", "export", tmp_path / "out.jsonl", "--items", path).code == 0
    assert {row["id"] for row in requests(tmp_path / "out.jsonl")} == {i.id for i in ITEMS}


# --- in


def test_recorded_samples_score_as_lm_eval_says(tmp_path: Path) -> None:
    big_five, schwartz = sorted(
        brought_in(samples(), tmp_path / "ws"), key=lambda found: found.system
    )
    (path,) = RECORDED.glob("*/results_*.json")
    told = json.loads(path.read_text())["results"]
    likert_told = told["valuecompass_big-five_likert"]
    for name, score in big_five.rows[0].dimensions.items():
        # lm-eval's own means, by our function in its process
        assert score.score == pytest.approx(100 * likert_told[f"{name},none"], abs=0.006)
        assert score.n == 2 and score.missing == 0
        assert score.low is not None and score.high is not None and score.low < score.high
    mass = likert_told["p(options),none"]
    assert any(f"together hold {mass:.0%}" in note for note in big_five.rows[0].notes)
    # one item for each pair of dimensions: its share is the mean over the orders, less the prior
    trade = told["valuecompass_schwartz_tradeoff"]
    for name in ("Power", "Benevolence", "Stimulation", "Conformity"):
        within = schwartz.rows[0].dimensions[name].detail["within"]["score"]
        assert (within - 50) * (100 * trade[f"{name},none"] - 50) > 0
        assert within == pytest.approx(100 * trade[f"{name},none"], abs=0.25)
    assert schwartz.rows[0].dimensions["Power"].n == 1  # the text was judged
    assert big_five.rows[0].respondent == "smollm2-135m" and not big_five.rows[0].simulated
    assert big_five.manifest["form"]["hash"] == builtin_form("big-five", "tiny").hash
    (who,) = big_five.manifest["respondents"]
    assert who["model"] == "lm-eval/smollm2-135m" and who["occasion"].startswith("lm-eval 2026-")
    kept = rows(tmp_path / "ws", "select version, request from responses limit 1")
    assert kept[0][0] == "lm_eval 0.4.13 hf"
    assert json.loads(kept[0][1])["messages"][0]["content"].startswith('"')


def test_samples_twice_are_one_measurement_and_two_models_one_board(tmp_path: Path) -> None:
    (likert_samples,) = RECORDED.glob("*/samples_valuecompass_big-five_*")
    ws = tmp_path / "ws"
    (one,) = brought_in([likert_samples], ws)
    (again,) = brought_in([likert_samples], ws)
    assert again.id == one.id and count(ws, "responses") == 10
    folder = copied(tmp_path)
    (path,) = folder.glob("results_*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_name": "/models/other-1b"}))
    more = [likert_samples, *folder.glob("samples_*big-five*")]
    (both,) = brought_in(more, tmp_path / "both")
    assert [row.respondent for row in both.rows] == ["smollm2-135m", "other-1b"]
    with pytest.raises(InputError, match="--respondent x: these samples are of several runs"):
        brought_in(more, tmp_path / "named", "x")
    path.unlink()
    (alone,) = brought_in(more[1:], tmp_path / "alone")
    assert alone.rows[0].respondent == "other"  # the folder's
    (named,) = brought_in(more[1:], tmp_path / "named", "Base")
    assert named.rows[0].respondent == "Base"


def test_a_model_twice_is_told(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    for path in folder.iterdir():
        path.rename(folder / path.name.replace("T20-", "T21-"))
    with pytest.raises(InputError, match="smollm2-135m: two runs of this name"):
        brought_in([*samples(), *folder.glob("samples_*")], tmp_path / "ws")


def test_what_was_not_run_is_not_in_the_form(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (path,) = folder.glob("samples_*tradeoff*")
    path.write_text("\n".join(path.read_text().splitlines()[:3]) + "\n")  # as with --limit 3
    (found,) = brought_in([path], tmp_path / "ws")
    (row,) = found.rows
    assert row.dimensions["Power"].detail["within"]["n"] == 1
    assert any("not read in both orders" in note for note in row.notes)
    assert "1 requests failed, the last: the log holds no answer to this item" in row.notes


def test_a_system_of_ones_own_comes_along(tmp_path: Path) -> None:
    own = SCHWARTZ.model_copy(update={"id": "mine"})
    items = [i.model_copy(update={"system": "mine"}) for i in ITEMS[3:]]
    form = form_of_items(items, own, "mine/items", "tiny")
    write_tasks(own, form, items, tmp_path / "tasks")
    answered = [
        {
            "doc": line,
            "arguments": {"gen_args_0": {"arg_0": line["prompt"]}},
            "filtered_resps": [[str(math.log(1 / 6)), "False"]] * 6,
        }
        for line in requests(tmp_path / "tasks" / "valuecompass_mine_likert.jsonl")
    ]
    path = tmp_path / "renamed.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in answered))
    (logged,) = read_samples([path], "m")
    assert logged.form is not None and logged.form == form.model_dump(mode="json")
    (found,) = brought_in([path], tmp_path / "ws", "m")
    report = found.rows[0].dimensions["Benevolence"].detail["self_report"]
    assert found.system == "mine" and report["score"] == pytest.approx(50)


def _changed(change: Callable[[Json], Any]) -> Callable[[str], str]:
    def apply(line: str) -> str:
        told = json.loads(line)
        change(told)
        return json.dumps(told)

    return apply


def _inside(change: Callable[[Json], Any]) -> Callable[[str], str]:
    def apply(told: Json) -> None:
        kept = json.loads(told["doc"]["valuecompass"])
        change(kept)
        told["doc"]["valuecompass"] = json.dumps(kept)

    return _changed(apply)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda line: line[:-9], "line 2: not JSON"),
        (lambda _: "[]", "line 2: a JSON object is needed"),
        (_changed(lambda t: t.pop("doc")), "line 2: doc: no sample of a task that"),
        (_changed(lambda t: t.update(doc={"text": "arc"})), "line 2: doc: no sample of a task"),
        (_inside(lambda k: k.update(repeat=math.inf)), "line 2: doc.valuecompass"),
        (_inside(lambda k: k["asking"].update(words=9)), "was asked otherwise; import them apart"),
        (_inside(lambda k: k.pop("item")), "doc.valuecompass: 'item' is missing"),
        (_inside(lambda k: k["item"].update(kind="poem")), "doc.valuecompass: kind: Input should"),
        (_inside(lambda k: k.update(system="astrology")), "'astrology' is no built-in system"),
        (_inside(lambda k: k["item"].update(dimensions=["Greed"])), "'Greed' is no dimension"),
        (_inside(lambda k: k.update(place="first")), "doc.valuecompass: invalid literal"),
        (_changed(lambda t: t.update(filtered_resps=[["-1"]])), "5 log-likelihoods are needed"),
        (
            _changed(lambda t: t.update(filtered_resps=[["nan", "x"]] * 5)),
            "holds no log-likelihood",
        ),
        (_changed(lambda t: t.update(filtered_resps=[["2", "x"]] * 5)), "holds no log-likelihood"),
        (_changed(lambda t: t.pop("arguments")), "arguments: the prompt is not there"),
    ],
)
def test_damaged_samples_are_told(
    tmp_path: Path, cli: Command, damage: Callable[[str], str], complaint: str
) -> None:
    folder = copied(tmp_path)
    (path,) = folder.glob("samples_*big-five*")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], damage(lines[1]), *lines[2:]]) + "\n")
    said = cli("import", path, "-w", tmp_path / "ws")
    assert said.code == 2 and complaint in said.err and path.name in said.err
    assert not (tmp_path / "ws").exists()


def test_a_sample_twice_and_a_wrong_option_are_told(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (path,) = folder.glob("samples_*big-five*")
    path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match="line 11: doc: the answer to this request is there"):
        read_samples([path])
    other = json.loads(path.read_text().splitlines()[0])
    kept = json.loads(other["doc"]["valuecompass"]) | {"form": "big-five/short", "presentation": 1}
    other["doc"]["valuecompass"] = json.dumps(kept)
    path.write_text("\n".join([*path.read_text().splitlines()[:-1], json.dumps(other)]))
    with pytest.raises(InputError, match="line 11: doc: of another form than the samples before"):
        read_samples([path])
    with pytest.raises(InputError, match=r"--respondent: .* says itself who answered"):
        anyio.run(import_logs, [tmp_path / "x.eval"], Settings(workspace=tmp_path / "ws"), "me")


def test_the_page_is_followed_with_recorded_samples(tmp_path: Path) -> None:
    copied(tmp_path, "my-base-model")
    lines = [
        line
        for block in blocks(PAGE)
        if block.language == "sh"
        for line in block.text.splitlines()
        if line.startswith("valuecompass")
    ]
    assert len(lines) == 2
    for line in lines:
        code, printed = run(line, tmp_path)
        assert code == 0, printed
    shown = (tmp_path / "values").rglob("*.html"), tmp_path.glob("*.html")
    assert any("smollm2-135m" in page.read_text() for pages in shown for page in pages)


# --- lm-eval itself


@pytest.mark.skipif(OUTSIDE not in os.environ, reason=f"${OUTSIDE} names no Python with lm-eval")
def test_lm_eval_itself_says_what_a_run_says(tmp_path: Path, cli: Command) -> None:
    """The same float32 weights in two engines, lm-eval with transformers and llama.cpp."""
    python = os.environ[OUTSIDE]
    weights = fetch("smollm2-135m-instruct") / "model.gguf"
    script = Path(__file__).parents[1] / "support" / "lm_eval_model.py"
    subprocess.run([python, script, weights, tmp_path], check=True, capture_output=True)
    own = write_items(tmp_path, ITEMS[1:])
    where = ("--format", "lm-eval", tmp_path / "tasks", "--form", "tiny")
    assert cli("items", "export", *where, "-s", "big-five").code == 0
    assert cli("items", "export", *where, "-s", "schwartz", "--items", own).code == 0
    command = [
        *(python, "-m", "lm_eval", "--model", "hf", "--model_args", "pretrained=hf"),
        *("--device", "cpu", "--batch_size", "1", "--log_samples", "--output_path", "results"),
        *("--tasks", "valuecompass_big-five,valuecompass_schwartz", "--include_path", "tasks"),
    ]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, shlex.join(map(str, command)) + done.stderr[-3_000:]
    assert re.search(r"valuecompass_big-five_likert", done.stdout)
    found = brought_in(samples(tmp_path / "results"), tmp_path / "theirs")
    said: list[str] = []
    for model, most in ((tmp_path / "model.gguf", 0.02), ("embedded/smollm2-135m-instruct", 0.5)):
        name, ours = f"{model}@answers=logprobs", tmp_path / f"ours-{most}"
        native = [_native(cli, name, own, system, ours) for system in SYSTEMS]
        if most < 0.1:
            _alike(native, [m.rows[0] for m in sorted(found, key=lambda m: m.system)])
        gaps = _gaps(ours, tmp_path / "theirs")
        told = f"mean gap {sum(gaps) / len(gaps):.4f}, largest {max(gaps):.4f}"
        said.append(f"{Path(model).name}: {len(gaps)} options: {told}")
        assert len(gaps) == 70 and max(gaps) < most
    print(*said, sep="\n")


SYSTEMS = ("big-five", "schwartz")


def _native(cli: Command, model: str, own: Path, system: str, workspace: Path) -> Json:
    more = ("--items", own) if system == "schwartz" else ()
    said = cli("run", "-m", model, "-s", system, "--form", "tiny", *more, "-w", workspace, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)["rows"][0]


def _alike(ours: list[Json], theirs: list[Row]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        for name, score in one["dimensions"].items():
            found = other.dimensions[name]
            if score["score"] is not None:
                assert score["score"] == pytest.approx(found.score, abs=0.3)
            if score.get("within", {}).get("score") is not None:
                within = found.detail["within"]["score"]
                assert score["within"]["score"] == pytest.approx(within, abs=0.3)


def _gaps(ours: Path, theirs: Path) -> list[float]:
    """Return how far the log-probabilities of each option of each request are apart."""
    query = (
        "select answers.item, answers.presentation, text from answers "
        "join responses on answers.key = responses.key"
    )
    one, other = ({(i, p): json.loads(t) for i, p, t in rows(ws, query)} for ws in (ours, theirs))
    assert one.keys() == other.keys()
    return [abs(x - other[k][o]) for k, told in one.items() for o, x in told.items()]
