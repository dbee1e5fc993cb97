"""The trainer: DPO where it must be, the same however it is computed, clear about bad rows."""

from __future__ import annotations

import copy
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.train.d2o import tiny

pytestmark = pytest.mark.train


@pytest.mark.parametrize("way", ["plain", "shared", "live", "checkpointed", "dpo", "chosen"])
@pytest.mark.parametrize("optim", ["adamw_torch", "sgd"])
def test_one_anchor_and_one_weight_are_trls_dpo(tmp_path: Path, way: str, optim: str) -> None:
    """Four steps give its parameters; the reference is another model, so that ratios are not 0."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    rows = tiny.rows(k=1)
    pairs = [row | {"chosen": row["anchors"][0]} for row in rows]
    more: dict[str, Any] = {"optim": optim, "learning_rate": 1e-4 if optim != "sgd" else 1e-2}
    more["beta"] = 0.1  # as alpha
    theirs = DPOTrainer(
        model=tiny.model(),
        ref_model=tiny.model(1),
        args=tiny.config(tmp_path / "dpo", DPOConfig, **more),
        train_dataset=Dataset.from_list([{k: r[k] for k in r if k != "anchors"} for r in pairs]),
        processing_class=tiny.tokenizer(),
    )
    theirs.train()
    ways: dict[str, dict[str, Any]] = {
        "plain": {"share_prefix": False},
        "shared": {"share_prefix": True},
        "live": {"precompute_ref_log_probs": False},
        "checkpointed": {"gradient_checkpointing": True},
        "dpo": {"objective": "dpo"},
        "chosen": {},
    }
    if way == "chosen":
        rows = [{k: row[k] for k in row if k != "anchors"} for row in pairs]
    ours = tiny.trainer(tmp_path / "d2o", rows, ref_model=tiny.model(1), **ways[way], **more)
    ours.train()
    moved = tiny.furthest(theirs.model, tiny.model())
    assert moved > 2e-4
    assert tiny.furthest(ours.model, theirs.model) < 1e-6
    told = [h for h in theirs.state.log_history if "loss" in h]
    same = [h for h in ours.state.log_history if "loss" in h]
    for one, other in zip(same, told, strict=True):
        for name in other:  # TRL's metrics, by TRL's names
            assert one[name] == pytest.approx(other[name], rel=1e-3, abs=1e-4), name


@pytest.mark.parametrize(
    ("given", "beta"),
    [
        ({}, 0.3),
        ({"alpha": 0.2}, 0.6),
        ({"alpha": 0.2, "beta": 0.1}, 0.1),
        ({"beta": 0.0}, 0.0),
        ({"alpha": 0.2, "objective": "dpo"}, 0.2),
    ],
)
def test_anchors_weigh_three_times_as_much_unless_told(
    tmp_path: Path, given: dict[str, Any], beta: float
) -> None:
    assert tiny.config(tmp_path, **given).beta == pytest.approx(beta)


def losses(trainer: Any) -> list[float]:
    trainer.train()
    return [h["loss"] for h in trainer.state.log_history if "loss" in h]


def test_rows_with_different_numbers_of_anchors_are_each_their_own(tmp_path: Path) -> None:
    """A batch's loss and gradient are the means of those of its rows alone."""
    import torch

    rows = tiny.rows(4, k=0)
    whole = tiny.trainer(tmp_path, rows, ref_model=tiny.model(1))
    batch = next(iter(whole.get_train_dataloader()))
    whole.model.train()
    loss = whole.compute_loss(whole.model, batch)
    loss.backward()
    slope = [p.grad.clone() for p in whole.model.parameters()]
    whole.model.zero_grad()
    parts = [whole.data_collator([whole.train_dataset[at]]) for at in range(4)]
    alone = [whole.compute_loss(whole.model, part) for part in parts]
    torch.stack(alone).mean().backward()
    assert loss.item() == pytest.approx(sum(x.item() for x in alone) / 4, rel=1e-5)
    for one, parameter in zip(slope, whole.model.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("objective", ["d2o", "dpo", "npo", "ga"])
def test_kept_references_are_live_ones(tmp_path: Path, objective: str) -> None:
    rows = tiny.rows(k=0)
    more = {"objective": objective, "ref_model": tiny.model(1)}
    kept = losses(tiny.trainer(tmp_path, rows, **more))
    live = losses(tiny.trainer(tmp_path, rows, precompute_ref_log_probs=False, **more))
    assert kept == pytest.approx(live, rel=1e-5)


def adapter() -> Any:
    from peft import LoraConfig

    return LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")


def test_an_adapter_is_its_own_reference_switched_off(tmp_path: Path) -> None:
    rows = tiny.rows()
    live = {"precompute_ref_log_probs": False, "peft_config": adapter(), "learning_rate": 1e-2}
    off = losses(tiny.trainer(tmp_path, rows, **live))
    other = losses(tiny.trainer(tmp_path, rows, ref_model=tiny.model(), **live))
    kept = losses(tiny.trainer(tmp_path, rows, **live | {"precompute_ref_log_probs": True}))
    assert off == pytest.approx(other, rel=1e-5) and off == pytest.approx(kept, rel=1e-5)
    assert off[0] == pytest.approx(0.693147, abs=1e-5) and off[-1] < 0.69


def test_an_adapter_that_is_trained_further_has_itself_as_reference(tmp_path: Path) -> None:
    from peft import PeftModel

    rows, more = tiny.rows(), {"learning_rate": 1e-2}
    first = tiny.trainer(tmp_path, rows, peft_config=adapter(), **more)
    first.train()
    first.save_model(str(tmp_path / "a"))
    again = PeftModel.from_pretrained(tiny.model(), tmp_path / "a", is_trainable=True)
    further = losses(tiny.trainer(tmp_path, rows, own=again, **more))
    assert further[0] == pytest.approx(0.693147, abs=1e-5) and further[-1] < 0.69


def test_two_references(tmp_path: Path) -> None:
    """pi_ref- scores the anchors, pi_ref+ the rejected response."""
    for name, seed in (("negative", 1), ("positive", 2)):
        tiny.model(seed).save_pretrained(tmp_path / name)
    sources = {f"ref_{name}_model": str(tmp_path / name) for name in ("negative", "positive")}
    rows = tiny.rows()
    both = tiny.trainer(tmp_path, rows, **sources).train_dataset
    negative = tiny.trainer(tmp_path, rows, ref_model=tiny.model(1)).train_dataset
    positive = tiny.trainer(tmp_path, rows, ref_model=tiny.model(2)).train_dataset
    assert both["ref_anchor_logps"][3] == pytest.approx(negative["ref_anchor_logps"][3], rel=1e-5)
    assert list(both["ref_rejected_logps"]) == pytest.approx(
        list(positive["ref_rejected_logps"]), rel=1e-5
    )
    assert both["ref_anchor_logps"][3] != pytest.approx(positive["ref_anchor_logps"][3], rel=1e-3)


def test_a_reference_with_other_tokens_is_refused(tmp_path: Path) -> None:
    from valuecompass.errors import InputError

    tiny.model(vocab_size=300).save_pretrained(tmp_path / "other")
    with pytest.raises(InputError, match="300 tokens for a model with 263"):
        tiny.trainer(tmp_path, tiny.rows(), ref_negative_model=str(tmp_path / "other"))


def test_small_batches_accumulated_are_a_large_one(tmp_path: Path) -> None:
    rows = tiny.rows(k=0)
    large = tiny.trainer(tmp_path, rows, per_device_train_batch_size=8, max_steps=2)
    small = tiny.trainer(
        tmp_path, rows, per_device_train_batch_size=2, gradient_accumulation_steps=4, max_steps=2
    )
    for one in (large, small):
        one.train()
    assert tiny.furthest(large.model, small.model) < 1e-6


def test_half_precision_trains(tmp_path: Path) -> None:
    exact = losses(tiny.trainer(tmp_path, tiny.rows(), learning_rate=1e-3))
    rough = losses(tiny.trainer(tmp_path, tiny.rows(), learning_rate=1e-3, bf16=True))
    assert rough == pytest.approx(exact, abs=0.05) and rough[-1] < rough[0]


def test_a_run_that_goes_on_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    more = {"save_strategy": "steps", "save_steps": 2, "max_steps": 5, "learning_rate": 1e-3}
    whole = tiny.trainer(tmp_path, tiny.rows(), **more)
    whole.train()
    again = tiny.trainer(tmp_path, tiny.rows(), **more)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert tiny.furthest(again.model, whole.model) == 0


def test_evaluation(tmp_path: Path) -> None:
    from datasets import Dataset

    held = Dataset.from_list(tiny.rows(5, k=0))
    one = tiny.trainer(tmp_path, tiny.rows(), eval_dataset=held, per_device_eval_batch_size=2)
    found = one.evaluate()
    assert found["eval_loss"] == pytest.approx(0.693147, abs=1e-5)
    assert found["eval_d2o/num_anchors"] == pytest.approx(2, abs=0.5)
    one.args.per_device_eval_batch_size = 5
    one.train()
    batched = one.evaluate()["eval_loss"]
    one.args.per_device_eval_batch_size = 1
    # each example counts once, however many anchors its batch has
    assert one.evaluate()["eval_loss"] == pytest.approx(batched, rel=1e-5)


def test_chat(tmp_path: Path) -> None:
    rows = [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "rejected": [{"role": "assistant", "content": row["rejected"]}],
            "anchors": row["anchors"],
        }
        for row in tiny.rows(4)
    ]
    one = tiny.trainer(tmp_path, rows)
    tokenizer, example = tiny.tokenizer(), one.train_dataset[0]
    assert tokenizer.decode(example["prompt_ids"]).endswith("<|end|><|assistant|>")
    said = [tokenizer.decode(ids) for ids in example["anchor_ids"]]
    assert said == [f"{anchor}<|end|>" for anchor in rows[0]["anchors"]]
    assert losses(one)[-1] < 0.6931


def test_the_end_token_stands_once(tmp_path: Path) -> None:
    row = tiny.rows(1, k=2)[0]
    row["anchors"][0] += "</s>"
    example = tiny.trainer(tmp_path, [row]).train_dataset[0]
    for ids in (example["rejected_ids"], *example["anchor_ids"]):
        assert ids[-1] == 2 and ids.count(2) == 1


def test_the_batch() -> None:
    from valuecompass.align.train.d2o.collator import DataCollatorForDispreference

    examples = [
        {"prompt_ids": [3, 4], "rejected_ids": [9], "anchor_ids": [[5, 6], [7]], "row": 4},
        {"prompt_ids": [8], "rejected_ids": [9, 9, 9], "anchor_ids": [[6]], "row": 7},
    ]
    for example, logps in zip(examples, ([-1.0, -2.0], [-3.0]), strict=True):
        example |= {"ref_anchor_logps": logps, "ref_rejected_logps": -4.0}
    found = DataCollatorForDispreference(pad_token_id=0, max_length=4)(copy.deepcopy(examples))
    assert {name: values.tolist() for name, values in found.items()} == {
        "prompt_ids": [[3, 4], [0, 8]],
        "prompt_mask": [[1, 1], [0, 1]],
        "response_ids": [[5, 6, 0], [7, 0, 0], [6, 0, 0], [9, 0, 0], [9, 9, 9]],
        "response_mask": [[1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 1]],
        "anchor_index": [0, 0, 1],
        "row": [4, 7],
        "ref_rejected_logps": [-4.0, -4.0],
        "ref_anchor_logps": [-1.0, -2.0, -3.0],
    }
    assert found["response_ids"].shape[1] == 3
    cut = DataCollatorForDispreference(pad_token_id=0, max_length=3)(copy.deepcopy(examples))
    assert cut["response_mask"].sum(1).tolist() == [1, 1, 1, 1, 2]
    bare = DataCollatorForDispreference(pad_token_id=0, anchors=False)(copy.deepcopy(examples))
    assert bare["anchor_index"].tolist() == [] and len(bare["response_ids"]) == 2


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("prompt", "", "row 2: prompt is empty"),
        ("prompt", None, "row 2: prompt is empty"),
        ("prompt", "x" * 600, "row 2: prompt has 600 tokens.*may have 512"),
        ("rejected", " ", "row 2: rejected is empty"),
        ("rejected", None, "row 2: rejected is empty"),
        ("anchors", [], "row 2: anchors: there is none.*valuecompass train anchors"),
        ("anchors", None, "row 2: anchors: there is none"),
        ("anchors", ["fine", ""], r"row 2: anchors\[1\] is empty"),
        ("anchors", ["fine", tiny.rows()[2]["rejected"]], r"row 2: anchors\[1\] is the rejected"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, field: str, value: Any, said: str) -> None:
    from valuecompass.errors import InputError

    rows = tiny.rows(4)
    rows[2][field] = value
    with pytest.raises(InputError, match=f"train dataset, {said}"):
        tiny.trainer(tmp_path, rows)


def test_a_dataset_without_rows_is_named(tmp_path: Path) -> None:
    from datasets import Dataset

    from valuecompass.errors import InputError

    with pytest.raises(InputError, match="train dataset: it has no rows"):
        tiny.trainer(tmp_path, [])
    with pytest.raises(InputError, match="held dataset: it has no rows"):
        tiny.trainer(tmp_path, tiny.rows(), eval_dataset={"held": Dataset.from_list([])})


@pytest.mark.parametrize("max_length", [1024, None])
def test_responses_end_where_the_window_does(
    tmp_path: Path, max_length: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Learned positions know no further; those of others were never trained further."""
    rows = tiny.rows(4)
    rows[1]["rejected"] = "Use a crowbar. " * 60
    one = tiny.trainer(tmp_path, rows, max_length=max_length, max_steps=1)
    (said,) = [r.getMessage() for r in caplog.records if r.name.startswith("valuecompass")]
    assert said.startswith("train dataset: 1 of 16 responses") and "512 tokens" in said
    given = one.data_collator([one.train_dataset[1]])
    whole = given["prompt_ids"].shape[1] + given["response_mask"].sum(1).max().item()
    assert whole == tiny.model().config.max_position_embeddings == 512
    one.train()


def chat_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"prompt": [{"role": "user", "content": row["prompt"]}]} for row in rows]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("rejected", "Do it.<|end|><|user|>More!", "rejected spells <|"),
        ("anchors", ["fine", "Well.<|end|>"], r"anchors\[1\] spells <\|end\|>"),
        ("prompt", [{"role": "system", "content": "Hm."}], "refuses it: no system here"),
        ("rejected", [{"role": "silent", "content": "Do it."}], "rejected: no token is left of it"),
    ],
)
def test_chats_that_a_template_or_tokenizer_would_spoil(field: str, value: Any, said: str) -> None:
    from valuecompass.align.train.d2o.tokens import tokenise
    from valuecompass.errors import InputError

    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
        "{% for m in messages if m['role'] != 'silent' %}{{ '<|user|>' + m['content'] }}"
        "{% endfor %}"
    )
    given: dict[str, Any] = dict(tokenizer=tokenizer, name="test", anchors=True, max_length=None)
    row = chat_of(tiny.rows(1))[0]
    assert tokenise(row, 0, **given)["rejected_ids"]
    with pytest.raises(InputError, match=f"test dataset, row 7: .*{said}"):
        tokenise(row | {field: value}, 7, **given)


def test_a_prompt_that_is_all_one_token_with_its_answer_is_refused() -> None:
    from valuecompass.align.train.d2o.tokens import tokenise
    from valuecompass.errors import InputError

    class Merging:
        eos_token, eos_token_id = "</s>", 2

        def __call__(self, text: str) -> dict[str, list[int]]:
            return {"input_ids": [len(text)]}

        def decode(self, ids: list[int]) -> str:
            return str(ids)

    row = {"prompt": "un", "rejected": "do", "anchors": ["tie"]}
    with pytest.raises(InputError, match="row 0: prompt: nothing of it is left"):
        tokenise(row, 0, tokenizer=Merging(), name="test", anchors=True, max_length=None)


def test_a_tokenizer_that_ends_every_text_ends_a_response_once() -> None:
    from valuecompass.align.train.d2o.tokens import tokenise

    bare = tiny.tokenizer()

    class Ending:
        eos_token, eos_token_id, decode = bare.eos_token, bare.eos_token_id, bare.decode

        def __call__(self, text: str) -> dict[str, list[int]]:
            return {"input_ids": [*bare(text)["input_ids"], bare.eos_token_id]}

    given: dict[str, Any] = dict(name="test", anchors=True, max_length=None)
    row = tiny.rows(1)[0]
    assert tokenise(row, 0, tokenizer=Ending(), **given) == tokenise(
        row, 0, tokenizer=bare, **given
    )


def test_gradient_ascent_evaluates_what_it_has_not_seen(tmp_path: Path) -> None:
    from datasets import Dataset

    one = tiny.trainer(tmp_path, tiny.rows(), objective="ga")
    one.train()
    assert one.evaluate(Dataset.from_list(tiny.rows(3)))["eval_loss"] < -50


def test_a_reference_that_is_not_there_is_told(tmp_path: Path) -> None:
    from valuecompass.errors import InputError

    with pytest.raises(InputError, match=r"reference ./none: cannot be loaded"):
        tiny.trainer(tmp_path, tiny.rows(), ref_positive_model="./none")


def test_negatives_alone_need_no_anchors(tmp_path: Path) -> None:
    rows = [{k: row[k] for k in ("prompt", "rejected")} for row in tiny.rows()]
    for objective in ("npo", "ga"):
        one = tiny.trainer(tmp_path, rows, objective=objective)
        one.train()
        last = one.state.log_history[-2]
        assert last["logps/rejected"] < -50 and "rewards/chosen" not in last


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"loss_type": "ipo"}, "loss_type"),
        ({"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.1]}, "loss_type"),
        ({"f_divergence_type": "js_divergence"}, "f_divergence_type"),
        ({"label_smoothing": 0.1}, "label_smoothing"),
        ({"ld_alpha": 0.5}, "ld_alpha"),
        ({"use_weighting": True}, "use_weighting"),
        ({"truncation_mode": "keep_end"}, "truncation_mode"),
        ({"objective": "orpo"}, "give one of d2o, dpo, npo, ga"),
        ({"alpha": -1.0}, "alpha=-1.0: give a number"),
        ({"beta": float("nan")}, "beta=nan"),
        ({"alpha": None}, "alpha=None: give a number"),
        ({"alpha": 0.0}, "nothing would be learned"),
        ({"objective": "dpo", "alpha": 0.2, "beta": 0.1}, "has one weight"),
        ({"share_prefix": True, "gradient_checkpointing": True}, "KV cache"),
        ({"ref_positive_model": "x", "precompute_ref_log_probs": False}, "before training"),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_settings_without_meaning_are_refused(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        tiny.config(tmp_path, **given)


def test_a_loss_that_is_no_number_names_its_row(tmp_path: Path) -> None:
    from valuecompass.errors import ValueCompassError

    one = tiny.trainer(tmp_path, tiny.rows(4))
    logps = list(one.train_dataset["ref_rejected_logps"])
    logps[2] = float("nan")
    one.train_dataset = one.train_dataset.remove_columns("ref_rejected_logps").add_column(
        "ref_rejected_logps", logps
    )
    with pytest.raises(
        ValueCompassError, match=r"train dataset, row 2 of a batch.*step 1.*not a finite"
    ):
        one.train()


def test_the_model_card_names_method_and_paper(tmp_path: Path) -> None:
    more = {"save_strategy": "steps", "save_steps": 4}
    tiny.trainer(tmp_path, tiny.rows(), **more).train()
    card = (tmp_path / "README.md").read_text()
    assert "D2O" in card and "2403.03419" in card and "duan2024negating" in card
    state = json.loads((tmp_path / "checkpoint-4" / "trainer_state.json").read_text())
    assert state["global_step"] == 4


PROCESSES = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.train.d2o import tiny
one = tiny.trainer(Path(sys.argv[1]), tiny.rows(k=0), per_device_train_batch_size=int(sys.argv[2]),
                   optim="sgd", learning_rate=1e-2, ref_model=tiny.model(1))
one.train()
if one.accelerator.is_main_process:
    one.accelerator.unwrap_model(one.model).save_pretrained(Path(sys.argv[1]) / "end")
"""


def test_two_processes_are_one_with_twice_the_batch(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    script = tmp_path / "script.py"
    script.write_text(PROCESSES)
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        run += ["--master_addr", "127.0.0.1", "--master_port", str(free.getsockname()[1])]
    alone = [sys.executable, str(script), str(tmp_path / "one"), "4"]
    both = [*run, str(script), str(tmp_path / "two"), "2"]
    root = str(Path(__file__).parents[3])  # where `tests` is, which another process does not know
    for command in (alone, both):
        done = subprocess.run(
            [*command, root], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr[-3_000:]
    ends = [
        AutoModelForCausalLM.from_pretrained(tmp_path / name / "end") for name in ("one", "two")
    ]
    assert tiny.furthest(*ends) < 1e-6
    assert tiny.furthest(ends[0], tiny.model()) > 1e-4


def test_a_streamed_dataset(tmp_path: Path) -> None:
    from datasets import Dataset

    from valuecompass.align.train.d2o import D2OTrainer

    def run(given: Any, **more: Any) -> Any:
        one = D2OTrainer(
            model=tiny.model(),
            ref_model=tiny.model(1),
            args=tiny.config(tmp_path, train_sampling_strategy="sequential", **more),
            train_dataset=given,
            processing_class=tiny.tokenizer(),
        )
        one.train()
        return one.model

    whole = Dataset.from_list(tiny.rows(k=0))
    streamed = run(whole.to_iterable_dataset(), precompute_ref_log_probs=False)
    assert tiny.furthest(streamed, run(whole)) < 1e-6
    with pytest.raises(ValueError, match="precompute_ref_log_probs=False"):
        run(whole.to_iterable_dataset())
