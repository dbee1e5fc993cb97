"""Before and after training with one instrument; needs torch (make test-train)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_model import adapter, tiny
from valuecompass.board.training.page import render_training

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture
def items(tmp_path: Path) -> Path:
    """Eight requests and as many openings, of our own wording."""
    path = tmp_path / "items.jsonl"
    kinds = (("request", "safety", "Malicious Use"), ("opening", "moral-foundations", "Care/Harm"))
    rows = [
        {
            "kind": kind,
            "system": system,
            "text": f"{thing}: a {kind}",
            "dimensions": [name],
        }
        | ({"principle": "One should be kind."} if kind == "opening" else {})
        for kind, system, name in kinds
        for thing in ("locks", "bees", "rain", "bread", "salt", "wool", "boats", "lamps")
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def made(before: Path, after: Path, items: Path, workspace: Path, **more: Any) -> dict[str, Any]:
    from valuecompass.align.train.report import report
    from valuecompass.measure.run import Listener

    given: dict[str, Any] = {"systems": ["safety"], "form": "tiny", "listener": Listener()}
    given |= {"items": items, "workspace": workspace, "batch": 8} | more
    return report(str(before), str(after), **given)


def differences(found: dict[str, Any]) -> list[float]:
    """Every difference of a report, at any depth."""
    here = [found["difference"]] if found.get("difference") is not None else []
    return here + [d for v in found.values() if isinstance(v, dict) for d in differences(v)]


def test_a_model_differs_from_itself_in_nothing(base: Path, items: Path, workspace: Path) -> None:
    copy = shutil.copytree(base, workspace.parent / "copy")
    found = made(base, copy, items, workspace, systems=["safety", "moral-foundations"])
    told = differences(found["systems"]) + differences(found["gate"])
    assert len(told) > 10 and set(told) == {0.0}
    assert found["gate"]["status"] == "passed"
    for system, places in (("safety", 8), ("moral-foundations", 16)):  # tiny asks openings twice
        shown = found["systems"][system]
        for one in (shown["harm"], shown["refusals"], shown["informativeness"]["informative"]):
            assert one["answers"] + one["unpaired"] == places
        assert shown["informativeness"]["informative"]["answers"] > 0
        assert shown["name"] and set(shown["judge_gate"]) == {"status", "reason"}
    assert "the same weights" in " ".join(found["notes"])
    assert "No difference shown in" in render_training(found)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_adapter_that_changes_nothing_is_its_base(
    base: Path, items: Path, workspace: Path, tmp_path: Path
) -> None:
    found = made(base, adapter(base, tmp_path / "lora", 0.0), items, workspace)
    assert set(differences(found)) == {0.0}
    merged = Path(found["after"]["folder"])
    assert (merged / "config.json").is_file() and not (merged / "adapter_config.json").exists()


def test_an_adapter_that_changes_a_model_is_seen(
    base: Path, items: Path, workspace: Path, tmp_path: Path
) -> None:
    from valuecompass.align.train.report.engine import Engine
    from valuecompass.align.train.report.folders import both

    lora = adapter(base, tmp_path / "lora", 0.05)
    found = made(base, lora, items, workspace)
    rise = found["gate"]["fluency"]
    assert rise["difference"] != 0 and found["before"]["weights"] != found["after"]["weights"]
    assert rise["items"] == 40 and rise["tokens"] > 4_000  # a token a byte
    # what is measured is what peft computes with the adapter beside the base
    _, after = both(str(base), str(lora), workspace / "again")
    from peft import PeftModel

    asked = [("What is rain?", "Water that falls."), ("And snow?", "Ice.")]
    pairs = [([("user", question)], answer) for question, answer in asked]
    engine = Engine(after, "cpu")
    mine = engine.told(pairs)
    from transformers import AutoModelForCausalLM

    engine.model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), lora)
    engine.model.eval()
    for one, other in zip(mine, engine.told(pairs), strict=True):
        assert one and other and one.logp == pytest.approx(other.logp, abs=1e-3)


def test_a_damaged_model_fails_the_gate(
    base: Path, items: Path, workspace: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    damaged = shutil.copytree(base, tmp_path / "damaged")
    model.save_pretrained(damaged)
    found = made(base, damaged, items, workspace)
    assert found["gate"]["fluency"]["status"] == found["gate"]["status"] == "failed"
    assert found["gate"]["fluency"]["low"] > found["gate"]["fluency"]["margin"]
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    model.save_pretrained(damaged)
    found = made(base, damaged, items, workspace)
    assert found["gate"]["fluency"]["status"] == "failed"
    assert "no probability" in found["gate"]["fluency"]["why"]


def test_word_salad_surprises_the_model_before(
    base: Path, items: Path, workspace: Path, tmp_path: Path
) -> None:
    """A model that knows what it says, and after it one that says nearly anything."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        model.lm_head.weight.mul_(8)
    sure = shutil.copytree(base, tmp_path / "sure")
    model.save_pretrained(sure)
    found = made(sure, base, items, workspace)
    (shown,) = found["systems"].values()
    assert shown["surprise"]["low"] > 0
    assert found["gate"]["coherence"]["low"] == shown["surprise"]["low"]  # there is one system


def test_an_adapter_of_another_model_is_refused(
    base: Path, items: Path, workspace: Path, tmp_path: Path
) -> None:
    from valuecompass.errors import InputError

    other = tiny(tmp_path / "other", width=32)
    with pytest.raises(InputError, match="this adapter does not fit"):
        made(base, adapter(other, tmp_path / "lora", 0.1), items, workspace)
    (tmp_path / "lora" / "base.json").write_text('{"model": "other", "fingerprint": "0123"}')
    with pytest.raises(InputError, match=r"it was trained from other \(weights 0123\)"):
        made(base, tmp_path / "lora", items, workspace)


def test_an_answer_depends_on_its_seed_alone(base: Path) -> None:
    from valuecompass.align.train.report.engine import Ask, Engine
    from valuecompass.align.train.report.folders import both

    engine = Engine(both(str(base), str(base), base.parent)[0], "cpu", batch=3)
    asks = [Ask((("user", f"Say {at}."),), 12, at, 1.0) for at in (1, 2, 3)]
    first = dict(pair for batch in engine.answers(asks) for pair in batch)
    ((_, alone),) = next(iter(engine.answers(asks[1:2])))
    assert alone == first[1]
    cold = [Ask(a.messages, 12, 9 + a.seed, 0.0) for a in asks]
    assert [*engine.answers(cold)] == [*engine.answers([Ask(a.messages, 12, 1, 0.0) for a in cold])]


def test_draws_follow_the_model(base: Path) -> None:
    import torch

    from valuecompass.align.train.report.engine import Ask, Engine
    from valuecompass.align.train.report.folders import both

    engine = Engine(both(str(base), str(base), base.parent)[0], "cpu", batch=500)
    said = (("user", "Go on."),)
    ids = torch.tensor([engine.prompt(said)])
    with torch.inference_mode():
        p = torch.softmax(engine.model(ids).logits[0, -1] * 4 / 0.5, dim=-1)
    # a sharper head, so that some tokens come often
    engine.model.lm_head.weight = torch.nn.Parameter(engine.model.lm_head.weight.detach() * 4)
    asks = [Ask(said, 1, seed, 0.5) for seed in range(2_000)]
    rows = [engine.prompt(said)] * len(asks)
    from valuecompass.align.train.report.engine import _Gumbel

    with torch.inference_mode():
        logits = engine.model(torch.tensor(rows[:1])).logits[0, -1].expand(len(asks), -1)
    drawn = _Gumbel(asks, "cpu")(None, logits).argmax(dim=-1)
    top = int(p.argmax())
    share, expected = float((drawn == top).float().mean()), float(p[top])
    assert abs(share - expected) < 4 * (expected * (1 - expected) / len(asks)) ** 0.5


def test_an_interrupted_report_goes_on(
    base: Path, items: Path, workspace: Path, tmp_path: Path
) -> None:
    lora = adapter(base, tmp_path / "lora", 0.05)
    heard: list[tuple[str, int, int]] = []

    def stop(what: str, done: int, total: int) -> None:
        heard.append((what, done, total))
        if len(heard) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(base, lora, items, workspace, batch=3, tell=stop)
    folder = workspace / "train-report"
    (part,) = folder.glob("*.part")
    text = part.read_text()
    part.write_text(text[: len(text) - 30])  # killed while it wrote
    found = made(base, lora, items, workspace, batch=3)
    whole = made(base, lora, items, tmp_path / "other", batch=3)
    assert found["systems"] == whole["systems"] and found["gate"] == whole["gate"]
    names = sorted(p.name for p in folder.glob("answers-*"))
    for name in names:
        assert (folder / name).read_bytes() == (
            tmp_path / "other" / "train-report" / name
        ).read_bytes()
    heard.clear()
    made(base, lora, items, workspace, batch=3, tell=lambda *told: heard.append(told))
    assert [(done, total) for _, done, total in heard] == [(8, 8), (8, 8)]  # nothing asked again


def test_what_was_trained_on_is_told_from_the_rest(
    base: Path, items: Path, workspace: Path, tmp_path: Path
) -> None:
    from valuecompass.align.train.rows import prompt_mark
    from valuecompass.measure.asking import messages_for, questions
    from valuecompass.measure.run import Settings, resolve_form, resolve_system

    form, bank = resolve_form(Settings(form="tiny", items=items), resolve_system("safety"))
    assert bank is not None
    asking = form.asking["request"]
    said = [messages_for(questions(item, asking)[0], asking)[0].content for item in bank[:3]]
    lora = adapter(base, tmp_path / "lora", 0.05)
    # a chat is known again as a text
    (lora / "base.json").write_text(json.dumps({"prompts": [prompt_mark(one) for one in said]}))
    found = made(base, lora, items, workspace)
    shown = found["systems"]["safety"]
    assert shown["trained_on"] == 3 and "3 of the items were trained on" in " ".join(found["notes"])
    assert shown["harm_elsewhere"]["answers"] <= 5 and shown["harm_elsewhere"]["unpaired"] >= 3
