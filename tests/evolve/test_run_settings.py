"""Settings of a run: names, seeds, files, presets, and what a dry run says of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.evolve.served import JUDGE, POOL, WRITER, command
from tests.measure.calibrations import calibration_of
from tests.measure.helpers import Command, rows
from tests.measure.test_scoring import NoJudge
from tests.support.mock_provider import MockProvider
from valuecompass.cli.evolve_live import line_of
from valuecompass.errors import InputError
from valuecompass.evolve.adaem_config import AdAEMConfig
from valuecompass.evolve.probing import Heard, Prober
from valuecompass.evolve.run import Standing
from valuecompass.evolve.settings import EvolveSettings, read_config, resolve, with_error_rates
from valuecompass.evolve.trials import FRESH
from valuecompass.items import Item, seed_items
from valuecompass.models import Respondent
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
QUESTIONS = [item for item in seed_items("schwartz") if item.kind == "question"]


def resolved(**more: Any):
    return resolve(EvolveSettings(**{"pool": POOL, "calls": 100, **more}))


def refused(**more: Any) -> str:
    with pytest.raises(InputError) as caught:
        resolved(**more)
    return str(caught.value)


# --- who takes part ---


def test_the_pool_writes_unless_others_are_named_and_simulated_models_cannot() -> None:
    players = resolved(strong="openai/x")
    assert [m.name for m in players.explorers] == list(POOL)
    assert [m.name for m in players.answering] == [*POOL, "openai/x"]
    planted = ["simulated/schwartz?seed=1", "simulated/schwartz?seed=2"]
    assert "nobody of the pool can write" in refused(pool=planted)
    players = resolved(pool=planted, explorers=WRITER)
    assert any("simulated" in note for note in players.notes)
    assert "cannot write" in refused(explorers=planted)
    assert "named twice" in refused(pool=[POOL[0], POOL[0]])
    assert "name more" in refused(pool=[POOL[0]])
    assert "--calls" in refused(calls=None)


def test_an_examinee_with_the_weights_of_the_pool_is_flagged_whatever_its_name() -> None:
    other = Respondent(name="my own", model=POOL[1])
    players = resolved(examinees=[other, "openai/unknown"])
    assert players.overlap == ("my own",)
    assert any("my own" in note for note in players.notes)
    primed = f"{POOL[0]}@prime=Power"
    assert resolved(examinees=[primed]).overlap == (primed,)
    assert resolved(examinees=["openai/unknown"]).overlap == ()


@pytest.mark.parametrize(
    ("examinee", "alike"),
    [
        ("openrouter/openai/gpt-6-luna", True),
        ("openai/gpt-6-luna-2026-03-01", True),
        ("bedrock/GPT-6-Luna:free", True),
        ("openai/gpt-6-luna-latest", True),
        ("openai/gpt-6-luna-mini", False),
        ("openai/gpt-6.1-terra", False),
    ],
)
def test_a_model_that_may_be_another_of_its_name_is_flagged(examinee: str, alike: bool) -> None:
    players = resolved(
        pool=["openai/gpt-6-luna", POOL[0]], examinees=[Respondent(name="mine", model=examinee)]
    )
    assert players.overlap == (("mine",) if alike else ())
    assert any("mine: " in note and "possibly" in note for note in players.notes) == alike


# --- seeds ---


def test_seeds_are_those_of_the_kind_and_the_language(tmp_path: Path) -> None:
    assert len(resolved().topics) == len(QUESTIONS)
    assert {item.kind for item in resolved(kind="tradeoff").topics} == {"tradeoff"}
    said = refused(systems="moral-foundations")
    assert "the bank has no questions of moral-foundations" in said
    both = resolved(systems=["schwartz", "moral-foundations"])
    assert {item.system for item in both.topics} == {"schwartz"}
    assert any("no seeds of moral-foundations" in note for note in both.notes)
    message = refused(language="es")
    assert "seeds are in en" in message and "-d language=es" in message
    rows = [
        {"kind": "question", "text": "¿Se debe votar?", "dimensions": ["Power"], "language": "es"},
        {"kind": "question", "text": "Should one vote?", "dimensions": ["Power"]},
    ]
    file = tmp_path / "seeds.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    players = resolved(seeds=file, language="es")
    assert [item.text for item in players.topics] == ["¿Se debe votar?"]
    assert any("1 seeds in other languages" in note for note in players.notes)
    assert any("rules know English words only" in note for note in players.notes)
    assert not any("rules know" in note for note in resolved().notes)
    assert resolved(seeds=QUESTIONS[:3]).topics == tuple(QUESTIONS[:3])
    assert "absent.jsonl: cannot be read" in refused(seeds=str(tmp_path / "absent.jsonl"))


# --- settings ---


def test_a_file_replaces_fields_of_the_preset_and_options_those_of_the_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        'tau = 0.3\nkeep = 7\np2 = "none"\n'
        "[information]\nsensitivity = 0.8\n[floors]\ntopic = 0.5\n"
    )
    found = resolved(config=file).config
    assert (found.tau, found.keep, found.p2) == (0.3, 7, None)
    assert found.information.sensitivity == 0.8 and found.information.specificity == 0.95
    assert found.floors["topic"] == 0.5 and found.floors["class"] == 0.8
    assert resolved(config=file, keep=9, seed=3).config.keep == 9
    paper = resolved(preset="paper", strong=["openai/x"], disentanglement=0.5).config
    assert (paper.p1, paper.p2, paper.disentanglement) == (3, 4, 0.5)
    assert paper.judge_mode == "per-value" and paper.bandit == "ucb" and paper.pulls == 1_500
    given = AdAEMConfig(tau=0.7)
    assert resolved(config=given, keep=3).config == AdAEMConfig(tau=0.7, keep=3)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tua = 0.3", "line 1: tua: unknown field"),
        ("keep = 3\ntau = 'much'", "line 2: tau:"),
        ("[information]\nsense = 1", "line 2: information.sense: unknown field"),
        ("bandit = 'best'", "line 1: bandit:"),
        ("p1 = 0", "line 1: p1: must be at least 1"),
        ("keep = 3\nseed = -1", "line 2: seed: must be"),
        ("beta = -1", "line 1: beta: must be"),
        ("disentanglement = nan", "line 1: disentanglement: must be finite"),
        ("similar = nan", "line 1: similar: must be"),
        ("similar = 0", "line 1: similar: must be above 0"),
        ("tau = inf", "line 1: tau: must be finite"),
        ("least_gain = nan", "line 1: least_gain: must be"),
        ("target_width = -1", "line 1: target_width: must be"),
        ("target_width = 4.0", "line 1: target_width: must be above 0 and below 3.92"),
        ("reward = 'variance'\ntarget_width = 3.0", "line 2: target_width: needs"),
        ("[floors]\nnonsense = 0.9", "line 2: floors.nonsense: unknown facet"),
        ("[floors]\ntopic = -0.1", "line 2: floors.topic: must be"),
        ("[floors]\ntopic = 5.0", "line 2: floors.topic: must be"),
        ("words = 100", "line 1: words: must be"),
        ("temperature = 3", "line 1: temperature: must be"),
        ("[information]\nsensitivity = 0.2\nspecificity = 0.3", "information"),
        ("tau =", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_named_with_its_line_and_field(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_config(file, AdAEMConfig())
    assert str(file) in str(caught.value) and complaint in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"calls": 0}, "calls: give a whole number from 1 on, not 0"),
        ({"calls": -5}, "calls: give"),
        ({"calls": "60"}, "calls: give a whole number from 1 on, not '60'"),
        ({"tokens": -1}, "tokens: give"),
        ({"usd": float("nan")}, "usd: give a number"),
        ({"seed": -1}, "seed: give"),
        ({"keep": 0}, "keep: give"),
        ({"config": AdAEMConfig(explorer_calls=1)}, "explorer_calls: a model writes in 2"),
        (
            {
                "seeds": [q.model_copy(update={"language": "fr"}) for q in QUESTIONS[:2]],
                "language": "fr",
            },
            "--language: there are prompts",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(
    wrong: dict[str, Any], complaint: str
) -> None:
    assert complaint in refused(**wrong)


def test_sampling_of_the_run_is_for_models_that_name_none_of_their_own() -> None:
    own = Respondent(name="own", model="openai/x", temperature=0.2)
    players = resolved(strong=[own], preset="paper")
    assert [(m.temperature, m.top_p) for m in players.pool] == [(1.0, 0.95)] * 3
    assert [(m.temperature, m.top_p) for m in players.explorers] == [(1.0, 0.95)] * 3
    assert (players.strong[0].temperature, players.strong[0].top_p) == (0.2, 0.95)
    assert {(m.temperature, m.top_p) for m in resolved().answering} == {(None, None)}


def test_explorers_are_asked_for_as_many_words_as_the_settings_say(
    served: MockProvider, cli: Command, workspace: Path, tmp_path: Path
) -> None:
    config = tmp_path / "c.toml"
    config.write_text("words = 20\n")
    assert cli(*command(workspace, "--calls", 60, "--config", config)).code == 0
    asked = [body for (body,) in rows(workspace, "select request from responses")]
    composed = [text for text in map(str, asked) if "Then turn it into one question" in text]
    assert composed and all("at most 20 words" in text for text in composed)


def test_every_setting_can_be_given_in_a_file(tmp_path: Path) -> None:
    import tomllib
    from dataclasses import asdict

    base = AdAEMConfig.preset("paper")
    lines: list[str] = []
    tables: list[str] = []
    for name, value in asdict(base).items():
        if isinstance(value, dict):
            inner = [f"{k} = {json.dumps(v)}" for k, v in value.items()]
            tables += [f"[{name}]", *inner]
        else:
            lines.append(f"{name} = {json.dumps('none' if value is None else value)}")
    file = tmp_path / "all.toml"
    file.write_text("\n".join([*lines, *tables]))
    assert tomllib.loads(file.read_text())
    assert read_config(file, AdAEMConfig()) == base


def test_the_judges_errors_enter_the_expected_information() -> None:
    judge = NoJudge()
    config = AdAEMConfig()
    assert with_error_rates(config, None, judge, [SCHWARTZ]) is config
    found = with_error_rates(config, calibration_of(SCHWARTZ), judge, [SCHWARTZ]).information
    assert found.sensitivity == pytest.approx(9000.5 / 10001)
    assert found.specificity == pytest.approx(8000.5 / 10001)
    blind = calibration_of(SCHWARTZ, whole=(100, 900, 100, 900))
    with pytest.raises(InputError, match="tells values from"):
        with_error_rates(config, blind, judge, [SCHWARTZ])
    never_wrong = calibration_of(SCHWARTZ, whole=(50, 0, 50, 0))
    assert with_error_rates(config, never_wrong, judge, [SCHWARTZ]).information.sensitivity < 1


# --- dry runs ---


def test_a_dry_run_says_what_the_run_then_takes_and_makes_nothing(
    served: MockProvider, cli: Command, workspace: Path
) -> None:
    words = command(workspace, "--calls", 150, "--json")
    said = cli(*words, "--dry-run")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert served.stats()["requests"] == 0
    assert not workspace.exists() and not workspace.with_suffix(".jsonl").exists()
    assert 130 < sum(told["requests"].values()) <= 150
    assert told["usd"] is None and told["kept"] <= told["questions"]
    done = json.loads(cli(*words).out)
    # a dry run takes all that is written to be new. This writer knows eight words: 23 of its 30
    # questions repeat others, and what they took to be written is not left for answers: .70
    for role in ("answers", "judge"):
        assert 0.5 < done["meter"][role] / told["requests"][role] <= 1.01
    assert {p["name"] for p in told["parts"]} == {*POOL, WRITER, f"{JUDGE}"}


def test_where_pulls_bound_a_run_a_dry_run_says_what_refused_winners_may_take_more(
    served: MockProvider,
    cli: Command,
    workspace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tmp_path / "c.toml"  # nothing repeats others but copies, and all models answer
    config.write_text("pulls = 12\nkeep = 4\nsimilar = 1.0\nadvance = 1.0\np1 = 2\n")
    words = command(workspace, "--config", config, "--json")
    shown = cli(*command(workspace, "--config", config, "--dry-run"))
    assert "Note: the next best take the places of winners" in shown.err
    told = json.loads(cli(*words, "--dry-run").out)
    total = sum(told["requests"].values())
    # an answer and a judgement by two models, of four that take the places of the best four
    assert told["calls"] is None and told["more"] == 2 * 2 * 4
    assert any("up to 16 requests more" in note for note in told["notes"])
    assert sum(json.loads(cli(*words).out)["meter"].values()) == total

    def dry(*more: object) -> int:
        return json.loads(cli(*words, *more, "--dry-run").out)["more"]

    assert dry("--keep", 9) == 2 * 2 * 3  # no more than were written
    assert dry("--keep", 12) == 0
    assert dry("--calls", 10_000) == 16
    assert dry("--calls", total + 5) == 5
    assert dry("--calls", total - 20) == 0  # --calls bounds it

    async def unread(self: Prober, item: Item, name: str, repeat: int) -> Heard:
        heard = await ask(self, item, name, repeat)
        return replace(heard, verdicts=None) if repeat == FRESH else heard

    ask = Prober.ask
    monkeypatch.setattr(Prober, "ask", unread)
    words = command(tmp_path / "other", "--config", config, "--json")
    done = json.loads(cli(*words).out)
    assert not done["kept"] and sum(done["meter"].values()) == total + 16


def test_a_dry_run_prices_every_player_and_says_what_is_unknown(
    cli: Command, workspace: Path
) -> None:
    known = ["--pool", "openai/gpt-6-luna", "--pool", "openai/gpt-6.1-terra"]
    words = ["evolve", "adaem", "--calls", 1000, "--dry-run", "-w", workspace]
    priced = cli(*words, *known, "--judge", "openai/gpt-6-luna", "--json")
    assert priced.code == 0, priced.err
    told = json.loads(priced.out)
    assert told["usd"] == pytest.approx(sum(p["usd"] for p in told["parts"])) and told["usd"] > 0
    dear = [p for p in told["parts"] if p["name"] == "openai/gpt-6.1-terra"]
    cheap = [p for p in told["parts"] if p["name"] == "openai/gpt-6-luna" and p["role"] != "judge"]
    assert sum(p["usd"] for p in dear) == pytest.approx(10 * sum(p["usd"] for p in cheap))
    shown = cli(*words, *known, "--strong", "openai/unheard-of")
    assert re.search(r"openai/unheard-of +answers .* unknown", shown.err)
    assert shown.out == ""
    # money cannot bound what has no price
    bounded = cli(*words[:-3], *words[-2:], *known, "--strong", "openai/unheard-of", "--usd", 1)
    assert bounded.code == 2 and "unheard-of" in bounded.err


@pytest.mark.parametrize("calls", [999, 1000, 2000])
def test_the_parts_of_a_dry_run_are_never_more_than_the_budget(
    cli: Command, workspace: Path, calls: int
) -> None:
    pool = ("openai/gpt-6-luna", "openai/gpt-6.1-terra", "openai/gpt-5.5")
    words = ["evolve", "adaem", *(w for name in pool for w in ("--pool", name)), "-w", workspace]
    said = cli(*words, "--judge", pool[0], "--calls", calls, "--dry-run", "--json")
    assert said.code == 0, said.err
    parts = json.loads(said.out)["parts"]
    assert calls - 10 < sum(part["requests"] for part in parts) <= calls
    # alike but for rounding
    for role in ("explorer", "answers"):
        own = [part["requests"] for part in parts if part["role"] == role]
        assert len(own) == 3 and max(own) - min(own) <= 1


def test_a_dry_run_of_tradeoffs_needs_no_judge(cli: Command, workspace: Path) -> None:
    words = ["evolve", "adaem", "--pool", "openai/gpt-6-luna", "--pool", "openai/gpt-5.5"]
    words += ["--judge", "openai/gpt-6-luna", "--kind", "tradeoff", "-w", workspace, "--json"]
    said = cli(*words, "--calls", 500, "--dry-run")
    assert said.code == 0, said.err
    told = json.loads(said.out)["requests"]
    assert told["judge"] == 0 and told["answers"] > 200
    # the printed reward looks at the values of the text itself
    said = cli(*words, "--calls", 5000, "--dry-run", "--preset", "paper")
    (judge,) = [p for p in json.loads(said.out)["parts"] if p["role"] == "judge"]
    assert judge["requests"] > 0 and judge["tokens_in"] > 50 * judge["requests"]
    assert judge["tokens_out"] > 0 and judge["usd"] > 0


def test_the_paper_preset_warns_that_ucb_would_be_idle(cli: Command, workspace: Path) -> None:
    words = ["evolve", "adaem", "--pool", "openai/gpt-6-luna", "--pool", "openai/gpt-5.5"]
    words += ["--preset", "paper", "--judge", "openai/gpt-6-luna", "--dry-run", "-w", workspace]
    assert "UCB never chooses" not in cli(*words).err  # 270 topics, 1,500 pulls
    few = workspace.with_suffix(".toml")
    few.write_text("pulls = 200")
    assert "UCB never chooses" in cli(*words, "--config", few).err


def test_wrong_usage_is_told_in_one_line(cli: Command, workspace: Path) -> None:
    words = ["evolve", "adaem", "--pool", POOL[0], "--pool", POOL[1], "-w", workspace]
    for more, complaint in (
        (["--calls", 9, "--out", "x.txt"], "unknown kind of file"),
        (["--calls", 9, "--preset", "mine"], "give ours or paper"),
        (["--calls", 9, "--kind", "stem"], "give question or tradeoff"),
        (["--calls", 9, "--seeds", "no-such-file.jsonl"], "no-such-file.jsonl"),
        (["--calls", 9, "--safety", "simulated/schwartz"], "cannot read"),
        (["--calls", 9, "--judge-mode", "guess"], "unknown mode"),
        (["--calls", 9, "--out", "a.jsonl", "--rejected", "a.jsonl"], "give another"),
        ([], "--calls"),
    ):
        said = cli(*words, *more)
        assert said.code == 2 and complaint in said.err, (more, said.err)
        assert "Traceback" not in said.err
    assert not workspace.exists()


def test_no_file_that_a_run_reads_or_somebody_else_wrote_is_written_over(
    served: MockProvider, cli: Command, workspace: Path, tmp_path: Path
) -> None:
    seeds, config = tmp_path / "items.jsonl", tmp_path / "c.toml"
    row = {"kind": "question", "text": "Should one vote?", "dimensions": ["Power"]}
    seeds.write_text(json.dumps(row) + "\n")
    config.write_text("keep = 3\n")
    words = ["evolve", "adaem", *command(workspace)[2:-4], "-w", workspace, "--calls", 120]
    for more, complaint in (
        (["--seeds", seeds, "--out", seeds], "this is the file of --seeds"),
        (["--seeds", seeds, "--rejected", seeds], "this is the file of --seeds"),
        (["--config", config, "--rejected", config], "this is the file of --config"),
        (["--out", seeds], "no run of evolve wrote"),
        (["--rejected", seeds], "holds something else"),
    ):
        for how in ([], ["--dry-run"]):
            said = cli(*words, *more, *how)
            assert said.code == 2 and complaint in said.err, (more, said.err)
    assert json.loads(seeds.read_text()) == row and served.stats()["requests"] == 0
    # what a run wrote may be written again
    for suffix in ("jsonl", "csv", "parquet"):
        out = tmp_path / f"out.{suffix}"
        for _ in range(2):
            more = ["--seeds", seeds, "--out", out, "--rejected", tmp_path / "rejected.jsonl"]
            said = cli(*words, *more)
            assert said.code == 0 and f"{out}:" in said.out, said.err


# --- progress ---


def test_progress_counts_what_events_say_and_is_safe_to_show() -> None:
    standing = Standing(100, {"a": "Vote \x1b[31mred?", "b": "Vote?"})
    spent = {"explorer": 4, "answers": 6, "judge": 6, "safety": 0}
    kept = [{"id": "1" * 12, "reward": 2.0}, {"id": "2" * 12, "reward": 1.0}]
    pull = {"event": "pull", "topic": "a", "kept": kept, "rejected": {"similar": 2}}
    standing.take({**pull, "spent": spent})
    standing.take({**pull, "topic": "b", "kept": [], "spent": {**spent, "explorer": 6}})
    assert standing.best == 2.0 and standing.found == 2
    assert standing.best_topics() == [("Vote \x1b[31mred?", 1.5)]
    assert line_of(standing) == (
        "18 of 100 requests; 2 pulls of 2 of 2 topics; 2 questions found, best reward 2.00; "
        "rejected: 4 similar"
    )
    from io import StringIO

    from rich.console import Console

    from valuecompass.cli.evolve_live import drawn

    out = StringIO()
    Console(file=out, width=80).print(drawn(standing))
    assert "red?" in out.getvalue() and "\x1b" not in out.getvalue()
