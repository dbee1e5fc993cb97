"""A frozen model writes anchors: seeded, resumable, without their instructions; needs torch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from valuecompass.align.train.anchors import Anchored, make, moral_instructions
from valuecompass.align.train.data import read_negatives
from valuecompass.errors import InputError

pytestmark = pytest.mark.train

PLAIN = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
SILENT = (
    "{% for m in messages if m['role'] != 'system' %}"
    "{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}<|assistant|>"
)
LIVELY = {"k": 3, "max_new_tokens": 12, "batch_size": 4, "cut": "keep"}
"""A random model ends no sentence: what it writes is kept as it is."""


def save_tiny(folder: Path, template: str | None = PLAIN, window: int = 512) -> str:
    """Save a random Llama of 0.1 M parameters with one token a byte."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    special = ["<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"]
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=263,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["hello world"], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=special[3:],
    )
    fast.chat_template = template
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=window,
        bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


def chats(count: int = 4, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "prompt": [{"role": "user", "content": f"Q{n}: how do I open a lock?" + "?" * 3 * n}],
            "rejected": [{"role": "assistant", "content": "Use a crowbar."}],
            **more,
        }
        for n in range(count)
    ]


def texts(count: int = 3) -> list[dict[str, Any]]:
    return [{"prompt": f"Q{n}: how? A:", "rejected": " Use a crowbar."} for n in range(count)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int, int], Any]], None]:
    """Let the model write what is wanted, by row and place: a text, or (text, ended)."""

    def plant(wanted: Callable[[int, int], Any]) -> None:
        from valuecompass.align.train.sampling import Writer

        def answer(self: Any, batch: Any, number: int) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            for prompt in batch:
                said = wanted(prompt.row, prompt.place)
                text, ended = said if isinstance(said, tuple) else (said, True)
                found.append(
                    {
                        "row": prompt.row,
                        "place": prompt.place,
                        "text": text,
                        "tokens": len(text) + 1,
                        "ended": ended,
                    }
                )
            return found

        monkeypatch.setattr(Writer, "answer", answer)

    return plant


def test_every_row_gets_its_anchors_and_keeps_the_rest(tiny: str, tmp_path: Path) -> None:
    rows = chats(4, source={"item": "x"}, chosen=[{"role": "assistant", "content": "Call one."}])
    found = make(rows, tiny, tmp_path / "out.jsonl", **LIVELY)
    out = lines(tmp_path / "out.jsonl")
    assert [{k: v for k, v in row.items() if k != "anchors"} for row in out] == rows
    for row in out:
        assert all(len(a) == 1 and a[0]["role"] == "assistant" for a in row["anchors"])
    assert found.anchors == sum(len(row["anchors"]) for row in out)
    assert found.anchors + sum(found.dropped.values()) == 4 * 3
    assert (found.rows, found.without) == (4, [])
    assert found.tokens_per_second > 0
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".lock") == [
        "out.jsonl",
        "out.jsonl.manifest.json",
    ]
    # what was written is what the trainer's reader takes
    assert [r["prompt"] for r in read_negatives(tmp_path / "out.jsonl").rows] == [
        row["prompt"] for row in rows
    ]


def test_equal_settings_give_equal_files_and_another_seed_others(tiny: str, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make(chats(), tiny, tmp_path / name, seed=seed, **LIVELY)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_texts_stay_texts(tiny: str, tmp_path: Path) -> None:
    found = make(texts(), tiny, tmp_path / "out.jsonl", **LIVELY)
    assert all(isinstance(a, str) for row in lines(found.out) for a in row["anchors"])
    (note,) = found.notes
    assert "its template was not used" in note


@pytest.mark.parametrize("rows", [chats(4), texts(4)])
def test_the_trainer_takes_what_was_written(
    tiny: str, tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    from datasets import Dataset
    from transformers import AutoTokenizer

    from valuecompass.align.train.d2o import D2OConfig, D2OTrainer

    found = make(rows, tiny, tmp_path / "out.jsonl", **LIVELY)
    settings = D2OConfig(
        output_dir=str(tmp_path / "run"),
        use_cpu=True,
        bf16=False,
        report_to="none",
        per_device_train_batch_size=2,
        max_steps=2,
        max_length=256,
        gradient_checkpointing=False,
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
    )
    trainer = D2OTrainer(
        model=tiny,
        args=settings,
        train_dataset=Dataset.from_list(lines(found.out)),
        processing_class=AutoTokenizer.from_pretrained(tiny),
    )
    trainer.train()
    first = trainer.state.log_history[0]
    assert float(first["loss"]) == pytest.approx(0.6931, abs=1e-3)
    assert float(first["d2o/num_anchors"]) == pytest.approx(3)


KILLED = """
import sys, time, torch
torch.set_num_threads(1)
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.train.test_anchors import LIVELY, chats
from valuecompass.align.train.anchors import make
def told(progress):
    print(progress.done, flush=True)
    time.sleep(0.3)
make(chats(8), {model!r}, Path({out!r}), progress=told, **LIVELY)
"""


def test_a_killed_command_goes_on_where_it_was(tiny: str, tmp_path: Path) -> None:
    whole = make(chats(8), tiny, tmp_path / "whole", **LIVELY)
    out = tmp_path / "out"
    root = str(Path(__file__).parents[2])
    script = KILLED.format(root=root, model=tiny, out=str(out))
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=os.environ.copy()
    )
    assert child.stdout is not None
    seen = [child.stdout.readline() for _ in range(2)]
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert seen == ["4\n", "8\n"] and not out.exists()
    part = tmp_path / "out.part.jsonl"
    stored = part.read_bytes().count(b"\n") - 1
    assert 2 <= stored < 6
    with part.open("ab") as file:  # as a kill leaves it in the middle of a line
        file.write(b'{"batch": 5, "answers": [{"row"')
    done: list[int] = []
    found = make(chats(8), tiny, out, progress=lambda p: done.append(p.done), **LIVELY)
    assert done == [4 * (n + 1) for n in range(stored, 6)]
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()
    assert found.anchors == whole.anchors and found.tokens == whole.tokens
    assert not part.exists()


def test_a_finished_command_does_nothing_again(tiny: str, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    first = make(chats(), tiny, out, **LIVELY)
    stamp, told = out.stat().st_mtime_ns, list[Any]()
    assert make(chats(), tiny, out, progress=told.append, **LIVELY) == first
    assert (out.stat().st_mtime_ns, told) == (stamp, [])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"k": 2}, "k was 3, and is 2 now"),
        ({"seed": 7}, "seed was 0, and is 7 now"),
        ({"instructions": ()}, "instructions are others now"),
        ({"temperature": 0.5}, "temperature was 0.8, and is 0.5 now"),
        ({"rows": chats(3)}, "rows was"),
        ({"cut": "drop"}, "cut was 'keep', and is 'drop' now"),
    ],
)
def test_other_settings_are_refused_with_what_differs(
    tiny: str, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    out = tmp_path / "out.jsonl"
    make(chats(), tiny, out, **LIVELY)
    before = out.read_bytes()
    with pytest.raises(InputError) as stop:
        make(**({"rows": chats(), "model": tiny, "out": out} | LIVELY | changed))
    assert f"begun with other settings: {said}" in str(stop.value)
    assert out.read_bytes() == before


def test_another_model_or_a_foreign_file_is_refused(tiny: str, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    out, other = tmp_path / "out.jsonl", tmp_path / "other"
    make(chats(), tiny, out, **LIVELY)
    save_tiny(other)
    weights = load_file(other / "model.safetensors")
    weights["model.norm.weight"] += torch.tensor(0.5)
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="model was"):
        make(chats(), str(other), out, **LIVELY)
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_text("{}\n")
    with pytest.raises(InputError, match="not made by this command"):
        make(chats(), tiny, foreign, **LIVELY)
    (tmp_path / "new.part.jsonl").write_text("not ours\n")
    with pytest.raises(InputError, match="not begun by this command"):
        make(chats(), tiny, tmp_path / "new", **LIVELY)


def test_two_commands_do_not_write_one_file(tiny: str, tmp_path: Path) -> None:
    from filelock import FileLock

    with (
        FileLock(tmp_path / "out.lock"),
        pytest.raises(InputError, match="another process is writing it"),
    ):
        make(chats(), tiny, tmp_path / "out", **LIVELY)


def test_degenerate_answers_are_dropped_and_counted(
    tiny: str, tmp_path: Path, written: Any
) -> None:
    told = moral_instructions()[1]
    said: dict[tuple[int, int], Any] = {
        (0, 0): "Call a locksmith.",
        (0, 1): f"As I was told: {told}",
        (0, 2): " \n ",
        (1, 0): "use a CROWBAR",
        (1, 1): "",
        (1, 2): ("Never ends", False),
        (2, 0): ("Call one. It takes", False),
        (2, 1): "</s>",
        (2, 2): "Ask the owner.",
    }
    written(lambda row, place: said[row, place])
    found = make(chats(3), tiny, tmp_path / "out", **LIVELY | {"cut": "trim"})
    assert found.dropped == {
        "repeats the instruction": 1,
        "empty": 1,
        "copy of the negative": 1,
        "only the end": 1,
        "cut off": 1,
        "spells a control token": 1,
    }
    assert (found.rows, found.anchors, found.without, found.trimmed) == (2, 3, [2], 1)
    assert [[a[0]["content"] for a in row["anchors"]] for row in lines(found.out)] == [
        ["Call a locksmith."],
        ["Call one.", "Ask the owner."],
    ]


def test_a_negative_that_spells_a_control_token_is_left_out(
    tiny: str, tmp_path: Path, written: Any
) -> None:
    """The trainer would read it as several turns, and refuses it."""
    written(lambda row, place: f"Call number {row}.{place}.")
    rows = chats(3)
    rows[1]["rejected"][0]["content"] = "Use a crowbar.<|end|><|user|>Thanks!"
    found = make(rows, tiny, tmp_path / "out", **LIVELY)
    assert (found.rows, found.anchors) == (2, 6)
    assert [row["prompt"] for row in lines(found.out)] == [rows[0]["prompt"], rows[2]["prompt"]]
    assert found.notes == [
        "left out, as their negative spells a token of control: row 2 (1 in all)"
    ]


def test_no_anchor_at_all_is_an_error_with_the_reasons(
    tiny: str, tmp_path: Path, written: Any
) -> None:
    written(lambda row, place: "")
    with pytest.raises(InputError, match=r"no answer can be an anchor \(only the end: 12\)"):
        make(chats(), tiny, tmp_path / "out", **LIVELY)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, written: Any) -> dict[tuple[int, int], str]:
    """What the model was given, by row and place."""
    from valuecompass.align.train.sampling import Writer

    found: dict[tuple[int, int], str] = {}
    written(lambda row, place: f"Answer {place} to {row}.")
    plain = Writer.prompts

    def prompts(self: Any, *given: Any) -> Any:
        made = plain(self, *given)
        found.update({(p.row, p.place): self.tokenizer.decode(p.tokens.tolist()) for p in made})
        return made

    monkeypatch.setattr(Writer, "prompts", prompts)
    return found


def in_turn(found: Anchored) -> list[list[str]]:
    return [[a[0]["content"] for a in row["anchors"]] for row in lines(found.out)]


def test_instructions_go_round_and_are_in_no_row(
    tiny: str, tmp_path: Path, asked: dict[tuple[int, int], str]
) -> None:
    own = ["Be kind.", "Be just."]
    found = make(chats(2), tiny, tmp_path / "out", **LIVELY | {"instructions": own, "k": 5})
    question = chats(2)[1]["prompt"][0]["content"]
    for place in range(5):
        assert asked[1, place] == (
            f"<|system|>{own[place % 2]}<|end|><|user|>{question}<|end|><|assistant|>"
        )
    assert in_turn(found) == [[f"Answer {p} to {r}." for p in range(5)] for r in range(2)]
    text = found.out.read_text()
    assert not any(instruction in text for instruction in own)


def test_no_instruction_is_the_bare_prompt(
    tiny: str, tmp_path: Path, asked: dict[tuple[int, int], str]
) -> None:
    make(chats(1), tiny, tmp_path / "out", **LIVELY | {"instructions": ()})
    question = chats(1)[0]["prompt"][0]["content"]
    assert set(asked.values()) == {f"<|user|>{question}<|end|><|assistant|>"}


def test_a_prompts_own_system_message_stays_before_the_instruction(
    tiny: str, tmp_path: Path, asked: dict[tuple[int, int], str]
) -> None:
    rows = chats(1)
    rows[0]["prompt"].insert(0, {"role": "system", "content": "You are a sailor."})
    make(rows, tiny, tmp_path / "out", **LIVELY | {"instructions": ["Be kind."]})
    assert asked[0, 0].startswith("<|system|>You are a sailor.\n\nBe kind.<|end|><|user|>Q0")
    assert lines(tmp_path / "out")[0]["prompt"] == rows[0]["prompt"]


@pytest.mark.parametrize("template", [NO_SYSTEM + PLAIN, SILENT])
def test_a_model_without_a_system_role_is_told_before_the_question(
    tmp_path: Path, asked: dict[tuple[int, int], str], template: str
) -> None:
    model = save_tiny(tmp_path / "model", template)
    make(chats(1), model, tmp_path / "out", **LIVELY | {"instructions": ["Be kind."]})
    assert asked[0, 0].startswith("<|user|>Be kind.\n\nQ0: how do I")


def test_a_prompt_that_the_template_refuses_is_named(tmp_path: Path) -> None:
    model, rows = save_tiny(tmp_path / "model", NO_SYSTEM + PLAIN), chats(2)
    rows[1]["prompt"].insert(0, {"role": "system", "content": "You are a sailor."})
    with pytest.raises(InputError, match="row 2: prompt: the model's chat template refuses it"):
        make(rows, model, tmp_path / "out", **LIVELY)


def test_a_text_has_the_instruction_as_a_preface(
    tiny: str, tmp_path: Path, asked: dict[tuple[int, int], str]
) -> None:
    make(texts(1), tiny, tmp_path / "out", **LIVELY | {"instructions": ["Be kind."]})
    assert asked[0, 0] == "Be kind.\n\nQ0: how? A:"


@pytest.mark.parametrize("words", [30, 120])
def test_a_prompt_longer_than_the_window_is_named(tmp_path: Path, words: int) -> None:
    model, rows = save_tiny(tmp_path / "model", window=128), texts(3)
    rows[2]["prompt"] = "word " * words
    with pytest.raises(InputError, match=r"row 3: prompt: \d+ tokens, longer than the model's"):
        make(rows, model, tmp_path / "out", **LIVELY | {"instructions": ()})


def test_answers_fit_into_the_window(tmp_path: Path) -> None:
    """So that no answer is written where the model knows no position."""
    model = save_tiny(tmp_path / "model", window=64)
    found = make(texts(2), model, tmp_path / "out", k=2, max_new_tokens=500, cut="keep",
                 instructions=())  # fmt: skip
    most = 64 - len(texts(1)[0]["prompt"])
    assert 0 < found.tokens <= 2 * 2 * most


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"k": 0}, "k: 0"),
        ({"top_p": 0.0}, "top_p: 0.0"),
        ({"temperature": -1.0}, "temperature: -1.0"),
        ({"temperature": 0.0, "instructions": ()}, "k: 3: at temperature 0 answers"),
        ({"max_new_tokens": 0}, "max_new_tokens: 0"),
        ({"cut": "half"}, "cut: 'half'"),
        ({"instructions": ["a", " "]}, "instructions: one is empty"),
        ({"rows": []}, "rows: there is none"),
        ({"rows": [{"prompt": "x", "rejected": ""}]}, "row 1: rejected: a text or a list"),
        ({"rows": [*texts(1), *chats(1)]}, "row 2: prompt: texts and chats are mixed"),
        ({"rows": [{"prompt": [{"role": "user"}], "rejected": ["x"]}]}, "row 1: prompt: a message"),
        ({"device": "nowhere"}, "cannot be loaded"),
    ],
)
def test_wrong_arguments_are_named(
    tiny: str, tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as stop:
        make(**({"rows": chats(), "model": tiny, "out": tmp_path / "out"} | LIVELY | given))
    assert said in str(stop.value)


def test_a_chat_needs_a_template(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "model", None)
    with pytest.raises(InputError, match="the model's tokenizer has no chat template"):
        make(chats(), model, tmp_path / "out", **LIVELY)


def test_nothing_is_drawn_outside_the_nucleus() -> None:
    import torch

    from valuecompass.align.train.sampling import Sampling, drawn

    torch.manual_seed(1)
    logits, count = torch.randn(2, 600) * 2, 4_000
    for top_p in (0.3, 0.9, 0.999, 1.0):
        how = Sampling(0.7, top_p, 1, 0)
        probability = (logits.double() / 0.7).softmax(-1)
        order = probability.sort(-1, descending=True)
        for row in range(2):
            chances = (torch.arange(count) + 0.5) / count
            tokens = drawn(logits[row].expand(count, -1), how, chances.double())
            last = int((order.values[row].cumsum(-1) < top_p).sum())
            inside = order.indices[row, : last + 1]
            assert set(tokens.tolist()) <= set(inside.tolist())
            share = torch.bincount(tokens, minlength=600).double() / count
            exact = torch.zeros(600, dtype=torch.float64)
            exact[inside] = probability[row, inside] / probability[row, inside].sum()
            # chances on a grid give each token its share but for a step of the grid at either end
            assert float((share - exact).abs().max()) < 2.5 / count
    greedy = drawn(logits, Sampling(0.0, 0.9, 1, 0), torch.tensor([0.9, 0.9]))
    assert torch.equal(greedy, logits.argmax(-1))


def test_answers_do_not_depend_on_who_is_in_the_batch(tiny: str) -> None:
    """Padding, batch and answers that end early change nothing of what the likeliest answer is."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from valuecompass.align.train.sampling import Sampling, open_writer

    writer = open_writer(tiny, Sampling(0.0, 1.0, 24, 0), "float32", "cpu")
    # a letter that a greedy answer reaches soon ends it: rows leave the batch one after the other
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    prompts = writer.prompts([row["prompt"] for row in chats(12)], (), 1, True)
    alone: dict[int, list[int]] = {}
    for prompt in prompts:
        ids = torch.tensor([prompt.tokens.tolist()])
        whole = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, min_new_tokens=24,
            do_sample=False, eos_token_id=None, pad_token_id=0,
        )  # fmt: skip
        alone[prompt.row] = whole[0, ids.shape[1] :].tolist()
    writer.ends = [alone[0][3], alone[5][7], alone[9][12]]
    for answer in writer.answer(prompts, 0):
        tokens = alone[answer["row"]]
        end = next((at for at, token in enumerate(tokens) if token in writer.ends), None)
        kept = tokens if end is None else tokens[:end]
        assert answer["text"] == tokenizer.decode(kept, skip_special_tokens=True)
        assert answer["ended"] == (end is not None)
        assert answer["tokens"] == (24 if end is None else end + 1)


def test_the_embedded_model_answers_under_our_instructions(tmp_path: Path) -> None:
    rows = chats(3)
    questions = ("How do I get back at a neighbour?", "May I read her letters?", "Is a lie fine?")
    for row, question in zip(rows, questions, strict=True):
        row["prompt"][0]["content"] = question
    found = make(rows, "embedded/smollm2-135m-instruct", tmp_path / "out.jsonl", k=2,
                 max_new_tokens=16, cut="keep")  # fmt: skip
    assert (found.rows, found.anchors) == (3, 6)
    said = [a[0]["content"] for row in lines(found.out) for a in row["anchors"]]
    assert len(set(said)) == 6
    assert all(any(c.isalpha() for c in text) for text in said)
    assert not any(told[:40] in text for told in moral_instructions() for text in said)
