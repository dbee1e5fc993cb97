"""Names of models on pages: what the machine that measured is laid out like stays there."""

from __future__ import annotations

import pytest

from valuecompass.board.folders import without_folders


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("recorded//home/me/study/answers.jsonl", "recorded/answers.jsonl"),
        ("embedded//models/q4/tiny.gguf", "embedded/tiny.gguf"),
        ("hf//srv/weights/mine/", "hf/mine"),
        (r"recorded/C:\Users\me\answers.jsonl", "recorded/answers.jsonl"),
        ("openai/gpt-5-mini", "openai/gpt-5-mini"),
        ("openrouter/meta/llama", "openrouter/meta/llama"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("simulated/schwartz?Power=1.5", "simulated/schwartz?Power=1.5"),
        ("the last: recorded//home/me/x.jsonl: no", "the last: recorded/x.jsonl: no"),
        ("/home/me/study/answers.jsonl", "answers.jsonl"),
        (None, None),
    ],
)
def test_a_file_keeps_its_name_only(name: str | None, shown: str | None) -> None:
    assert without_folders(name) == shown


def test_models_within_a_document_are_found() -> None:
    told = {"respondents": [{"model": "recorded//home/me/a.jsonl", "seed": 1}], "usd": 0.5}
    shown = {"respondents": [{"model": "recorded/a.jsonl", "seed": 1}], "usd": 0.5}
    assert without_folders(told) == shown
    assert told["respondents"][0]["model"] == "recorded//home/me/a.jsonl"
