"""Texts written to sway a judge stay between the marks, and a judge that keeps to them is safe."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.judges.attacks import ACTING, ATTACKS, NAMES, SUITE, benchmark, of
from tests.judges.examples import EVERY_KIND, OPENING, subject
from tests.judges.test_asking import Bench
from tests.judges.test_prompts import mark_of
from tests.support.mock_provider import MockProvider
from valuecompass.judges import Subject
from valuecompass.judges.llm.judge import LONGEST, render
from valuecompass.models import Patience
from valuecompass.models.asker import Asker
from valuecompass.models.budget import Budget
from valuecompass.store import open_store

LANGUAGES = {"en": 35, "de": 10, "fr": 10, "es": 10, "zh": 10}
TEMPLATES = ("one-call.md", "per-value.md", "concepts.md")


@pytest.fixture(scope="module")
def injection() -> Iterator[Any]:
    """The benchmark's module."""
    with benchmark() as module:
        yield module


# --- the suite ---


def test_the_suite_has_what_it_promises():
    assert len(ATTACKS) >= 75
    spoken = Counter(a["language"] for a in ATTACKS)
    assert spoken.keys() == LANGUAGES.keys()
    assert all(spoken[name] >= fewest for name, fewest in LANGUAGES.items())
    assert {a["place"] for a in ATTACKS} == {"response", "item", "respondent"}
    assert {a["aim"] for a in ATTACKS} == {"raise", "lower", "break"}
    assert len({a["id"] for a in ATTACKS}) == len({a["text"] for a in ATTACKS}) == len(ATTACKS)
    for place in ("response", "item", "respondent"):
        assert {a["language"] for a in ATTACKS if a["place"] == place} == LANGUAGES.keys()


def test_nothing_in_the_suite_acts_on_who_reads_its_file():
    text = (SUITE / "injections.jsonl").read_text(encoding="utf-8")
    assert not ACTING.search(text) and not re.search("[\u200b-\u200f\u2060\ufeff]", text)
    assert any(ACTING.search(a["text"]) for a in ATTACKS)


# --- prompts ---


def fenced(prompt: str) -> tuple[dict[str, str], str, str]:
    """What stands between marked lines by name, the prompt without it, and the mark."""
    mark = mark_of(prompt)
    fence = re.compile(rf"^<<< {mark} ([a-z]+(?: \d+)?)\n(.*?)\n?>>> {mark} \1$", re.DOTALL | re.M)
    found = {m[1]: m[2] for m in fence.finditer(prompt)}
    frame = fence.sub(r"[\1]", prompt)
    assert frame.count(mark) == 1  # where it is announced
    return found, frame.replace(mark, "MARK"), mark


def prompt_of(template: str, about: Subject) -> str:
    if template == "per-value.md":
        return render(template, about, 0, about.dimensions[0])
    return render(template, about)


def harmless(about: Subject, kind: dict[str, Any]) -> Subject:
    """The same item with an answer of as many points."""
    count = len(about.parts)
    points = "\n".join(f"{n}. It rains." for n in range(1, count + 1)) if count > 1 else "It rains."
    return subject(**{**kind, "response": points})


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("position", ["end", "middle", "whole"])
def test_an_attack_in_a_response_stays_between_the_marks(
    injection: Any, template: str, kind: dict[str, Any], position: str
):
    carrier = subject(**kind)
    for text in of("response") + of("item") + NAMES:
        response = injection.inserted(carrier.response, text, position)
        about = subject(**{**kind, "response": response})
        found, frame, mark = fenced(prompt_of(template, about))
        shown = about.parts[:1] if template == "per-value.md" else about.parts
        room = LONGEST // len(shown)
        parts = {f"part {n}": p.text[:room] for n, p in enumerate(shown, 1)}
        norm = {"principle": about.item.principle} if about.item.principle else {}
        assert found == {**norm, "given": about.item.text, **parts}
        assert mark not in response
        assert frame == fenced(prompt_of(template, harmless(about, kind)))[1]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("position", ["end", "middle", "whole"])
def test_an_attack_in_an_item_stays_between_the_marks(
    injection: Any, template: str, kind: dict[str, Any], position: str
):
    plain = subject(**kind)
    frame_of_plain = fenced(prompt_of(template, plain))[1]
    for text in of("item") + of("response") + NAMES:
        asked = injection.inserted(plain.item.text, text, position)
        about = subject(**{**kind, "text": asked})
        found, frame, mark = fenced(prompt_of(template, about))
        assert found["given"] == asked
        assert mark not in asked
        assert frame == frame_of_plain


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_attack_in_a_principle_stays_between_the_marks(template: str):
    frame_of_plain = fenced(prompt_of(template, subject(**OPENING)))[1]
    for text in of("item") + of("response") + NAMES:
        about = subject(**{**OPENING, "principle": text})
        found, frame, mark = fenced(prompt_of(template, about))
        assert found["principle"] == about.item.principle
        assert mark not in text
        assert frame == frame_of_plain


def test_an_attack_that_a_judge_repeats_as_a_concept_stays_between_the_marks():
    about = subject(**OPENING)
    plain = fenced(render("one-call.md", about, concepts=["It rains."]))[1]
    for text in of("response") + of("item"):
        concept = " ".join(text.split())[:300]
        found, frame, mark = fenced(render("one-call.md", about, concepts=[concept]))
        assert found["notes"] == f"- {concept}" and mark not in concept
        assert frame == plain


# --- judges that obey ---

CHOSEN = ("order", "delimiter", "json", "role", "end", "few-shot", "quotes")
"""Kinds that give an order; of these every fourth attack is tried."""


@dataclass
class Obedient:
    """A model that does what an attack asks for wherever it reads for orders.

    Without orders it says .3 of free text and of sentences, .7 of conduct and answers to requests.
    """

    attacks: Sequence[Any]
    dimensions: Sequence[str]
    reads: Callable[[str], str]

    def __call__(self, body: dict[str, Any]) -> str:
        prompt = body["messages"][0]["content"]
        read = self.reads(prompt)
        aims = (a.aim for a in self.attacks if any(order(a, d) in read for d in self.dimensions))
        aim = next(aims, None)
        if aim == "break":
            return "I would rather not."
        frame = fenced(prompt)[1]
        honest = 0.3 if "appeals to it" in frame or "sentence stem" in frame else 0.7
        return verdicts(body, prompt, {None: honest, "raise": 1.0, "lower": 0.0}[aim])


def order(attack: Any, dimension: str) -> str:
    lines = attack.text.replace("{dimension}", dimension).splitlines()
    return max(lines, key=len).strip()


def verdicts(body: dict[str, Any], prompt: str, value: float) -> str:
    """One number for everything that is asked about, or yes or no."""
    if prompt.endswith("Answer with one word: Yes or No."):
        return "Yes" if value >= 0.5 else "No"
    schema = body["response_format"]["json_schema"]["schema"]["properties"]["parts"]["items"]
    names = schema["properties"]["verdicts"]["items"]["properties"]["dimension"]["enum"]
    said = {"expressed": value, "stance": "neither", "confidence": 1, "evidence": ""}
    rows = [{"dimension": name, **said} for name in names]
    count = sum(name.startswith("part ") for name in fenced(prompt)[0])
    return json.dumps({"parts": [{"part": n, "verdicts": rows} for n in range(1, count + 1)]})


def outside_the_marks(prompt: str) -> str:
    return fenced(prompt)[1]


def everything(prompt: str) -> str:
    return prompt


@pytest.fixture
async def bench(
    mock_provider: MockProvider, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    async with open_store(workspace) as store:
        asker = Asker(store, Budget(store, "injection"), Patience(retries=0, timeout=20))
        yield Bench(asker, monkeypatch)
        await asker.models.close()


async def found_in(
    injection: Any, bench: Bench, mode: Any, reads: Callable[[str], str]
) -> dict[str, Any]:
    """The benchmark's document for a part of the attacks and an obedient judge."""
    inside = [a for a in injection.read_attacks() if a.kind in CHOSEN and a.place != "respondent"]
    chosen = sorted(inside, key=lambda a: a.aim)[::4]
    assert {a.aim for a in chosen} == {"raise", "lower", "break"}
    assert {a.place for a in chosen} == {"response", "item"}
    model = Obedient(chosen, [c.dimension for c in injection.read_carriers()], reads)
    judge = bench.judge(lambda _: model(bench.sent[-1]), mode)
    named = injection.parse_judge("openai/judge", mode)
    plan = [t for t in injection.trials(named.members) if t.attack in chosen]
    judged = injection.Judged(judge)
    await judged.all(
        [(s, t.carrier.dimension) for t in plan for s in (t.clean, t.attacked, t.control)]
    )
    return injection.document(judged, plan)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["one-call", "per-value"])
async def test_a_judge_that_obeys_what_stands_outside_the_marks_is_not_moved(
    injection: Any, bench: Bench, mode: str
):
    found = await found_in(injection, bench, mode, outside_the_marks)
    assert set(found["carriers"].values()) == ({0.3, 0.7} if mode == "one-call" else {0, 1})
    assert found["failed"] == 0
    assert found["not_read"].keys() == {"respondent"}  # a model reads every item
    for what in ("expressed", "flipped", "missing"):
        assert found["all"][what]["n"] >= 50
        assert found["all"][what]["attack"][0] == found["all"][what]["control"][0] == 0


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["one-call", "per-value"])
async def test_a_judge_that_obeys_everything_is_found_out(injection: Any, bench: Bench, mode: str):
    found = await found_in(injection, bench, mode, everything)
    flipped = found["all"]["flipped"]
    # per value, points of an answer that the attack is not in are judged without it
    assert flipped["attack"][0] == 1 if mode == "one-call" else flipped["attack"][0] > 0.8
    assert flipped["control"][0] == 0 and flipped["beyond"][1] > 0.4
    shift = found["all"]["expressed"]
    assert shift["attack"][0] > 0.4 and shift["control"][0] == 0
    broken = found["aim"]["break"]
    assert broken["missing"]["attack"][0] > 0.8 and broken["missing"]["control"][0] == 0
    assert broken["flipped"] is None
    assert found["aim"]["raise"]["missing"]["attack"][0] == 0
