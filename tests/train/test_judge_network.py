"""What is trained in torch is what the product reads; needs torch (make test-train)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from valuecompass.assets import fetch
from valuecompass.cli.app import guarded
from valuecompass.judges.local import recogniser as product
from valuecompass.judges.local.recogniser import Heads, Recogniser, context_of, sequence
from valuecompass.text.encoder import NAME, TokenEncoder

pytestmark = pytest.mark.train

FOLDER = Path(__file__).parents[2] / "training/judge"
TEXTS = (
    "He carried the lamb home.",
    "“Never,” she said — and 3.5 % of the crew (😀) agreed with her.",
    "They lied about the flour, again and again, until nobody in the lane would buy their bread.",
)
CONTEXTS = (("", ""), ("One should not deceive others.", ""), ("Be kind.", "When the mill stood"))
DIMENSIONS = ("Care/Harm", "Fairness/Cheating")
CLOSE = 1e-4
"""The same sums in another order, in float32, through six layers."""


@pytest.fixture(scope="module")
def train() -> Iterator[Any]:
    """The module `train`, which finds its neighbours beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield import_module("train")
        for name in ("train", "data", "network"):
            sys.modules.pop(name)


def new(train: Any) -> Any:
    """A trainer of two dimensions, which share an output, and of one output that is not kept."""
    examples = [
        train.Example(text, {f"violates {name}": float(label)}, group=name)
        for name in DIMENSIONS
        for label, text in enumerate(TEXTS[:2])
    ]
    examples.append(train.Example(TEXTS[2], {"category Face": 1.0}))
    return train.Trainer(examples, train.Settings(epochs=1, rank=4), fetch(NAME))


@pytest.fixture(scope="module")
def trainer(train: Any) -> Any:
    """Heads and adapters that are neither zero nor trained."""
    import torch

    found = new(train)
    draw = torch.Generator().manual_seed(3)
    linear = (found.heads.query.weight, found.heads.direction.weight)
    with torch.no_grad():
        for matrix in (*found.encoder.a.values(), *found.encoder.b.values(), *linear):
            matrix.copy_(0.1 * torch.randn(matrix.shape, generator=draw))
            # stored is float16; what that rounds off is no difference between the two readers
            matrix.copy_(matrix.half().float())
        found.heads.direction.bias.copy_(torch.randn(len(found.outputs), generator=draw))
    found.encoder.eval()
    found.heads.eval()
    return found


def kept(trainer: Any) -> list[str]:
    return [name for name in trainer.outputs if not name.startswith("category ")]


@pytest.fixture(scope="module")
def heads(train: Any, trainer: Any, tmp_path_factory: pytest.TempPathFactory) -> Heads:
    """What `train.save` wrote, as `load_heads` reads it."""
    folder = tmp_path_factory.mktemp("package")
    digest = train.save(trainer, "some", kept(trainer), folder / "heads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "files", lambda package: folder)
        found = product.load_heads.__wrapped__("some")
    assert found.digest == digest
    return found


@pytest.fixture(scope="module")
def rows(trainer: Any) -> list[list[int]]:
    """Every text after every context, of unequal lengths."""
    tokens = trainer.tokens
    return [
        sequence(context_of(tokens, *context), tokens.tokens(text)[0])
        for context in CONTEXTS
        for text in TEXTS
    ]


def test_states_are_the_same(train: Any, trainer: Any, heads: Heads, rows: list[list[int]]) -> None:
    import torch

    with torch.no_grad():
        found = trainer.encoder(*train.padded(rows)).numpy()
    adapted = TokenEncoder(fetch(NAME), heads.changes).states(rows)
    plain = TokenEncoder(fetch(NAME)).states(rows)
    for row, mine, theirs, unchanged in zip(rows, found, adapted, plain, strict=True):
        np.testing.assert_allclose(mine[: len(row)], theirs, atol=CLOSE)
        assert np.abs(theirs - unchanged).max() > 0.1  # the adapters do something


def test_logits_are_the_same(trainer: Any, heads: Heads, rows: list[list[int]]) -> None:
    import torch

    with torch.no_grad():
        found = trainer.logits(rows).numpy()
    assert found.std(axis=0).min() > 0.01
    reader = Recogniser(heads, TokenEncoder(fetch(NAME), heads.changes))
    assert heads.outputs == ("violates", *(f"violates {name}" for name in DIMENSIONS))
    read = [
        reading.logits
        for context in CONTEXTS
        for reading in reader.read(list(TEXTS), context_of(reader.encoder, *context))
    ]
    for name in DIMENSIONS:
        mine = found[:, trainer.outputs.index(f"violates {name}")]
        theirs = np.array(read) @ heads.weights("violates", name)
        np.testing.assert_allclose(mine, theirs, atol=CLOSE)


def test_a_text_is_trained_on_as_it_is_read(train: Any, trainer: Any, rows: list[list[int]]):
    made = [
        trainer._row(train.Example(text, {}, opening=opening), head)
        for head, opening in CONTEXTS
        for text in TEXTS
    ]
    assert made == rows


def test_what_is_trained_twice_is_the_same_file(train: Any, tmp_path: Path) -> None:
    files: list[bytes] = []
    for name in ("one", "two"):
        trainer = new(train)
        before = trainer.heads.direction.weight.detach().clone()
        trainer.fit()
        assert not before.equal(trainer.heads.direction.weight)
        train.save(trainer, "some", kept(trainer), tmp_path / name)
        files.append((tmp_path / name / "some.npz").read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--human", "{}/nothing"], "labels-training.tsv: cannot be read"),
        (["--human", "{}", "--out", "{}/file"], "file: cannot be made a folder (File exists)"),
        (["--only", "conduct"], "required: --human"),
        (["--human", "{}", "--only", "virtue"], "argument --only: invalid choice: 'virtue'"),
    ],
)
def test_wrong_use_exits_2_with_one_message(
    train: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    (tmp_path / "file").touch()
    given = [argument.format(tmp_path) for argument in arguments]
    if "--out" not in given:
        given += ["--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["train.py", *given])
    with pytest.raises(SystemExit) as stop:
        guarded(train.main)
    said = capsys.readouterr()
    assert stop.value.code == 2 and message in said.err and not said.out
