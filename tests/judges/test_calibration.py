"""A judge's errors in a file, and the gate."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from valuecompass.cli.judge_common import say_if_fitted
from valuecompass.errors import InputError
from valuecompass.judges import Subject, Verdict, judge_id
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.panel import PanelJudge
from valuecompass.judges.quality import calibration
from valuecompass.judges.quality.calibrate import calibrate
from valuecompass.judges.quality.calibration import (
    CARD,
    Calibration,
    Labels,
    check_replaceable,
    fitted_key,
    gate,
    read_calibration,
    shipped_card,
    write_calibration,
)
from valuecompass.judges.quality.evaluate import report
from valuecompass.judges.quality.labelled import read_labels
from valuecompass.stats import partly_pooled
from valuecompass.values import builtin_system

SYSTEM = builtin_system("llm-unique")
ROW = {"system": "llm-unique", "item": "When I write a report, I", "expressed": 1}
SAFETY = {"system": "safety", "dimension": "Malicious Use", "expressed": 1}


@dataclass
class Known:
    """Has an identity; its verdicts are given by the tests."""

    name: str = "known"
    identity: dict[str, Any] = field(default_factory=lambda: {"kind": "known", "version": 1})

    async def judge(self, subject: Subject) -> list[Verdict]:
        raise AssertionError("nothing is judged here")


def written(tmp_path: Path, rows: list[dict[str, Any]]) -> Path:
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def confused(
    dimension: str, tp: int, fn: int, tn: int, fp: int
) -> list[tuple[dict[str, Any], float]]:
    """Rows with their verdicts, each of an item of its own."""
    found = []
    for count, label, verdict in ((tp, 1, 0.9), (fn, 1, 0.2), (tn, 0, 0.1), (fp, 0, 0.5)):
        for n in range(count):
            where = f"{dimension} {label} {verdict} {n}"
            row = {"dimension": dimension, "expressed": label, "item": where}
            found.append((ROW | row | {"response": f"Text of {where}."}, verdict))
    return found


def measured(tmp_path: Path, pairs: list[tuple[dict[str, Any], float | None]]) -> Calibration:
    path = written(tmp_path, [row for row, _ in pairs])
    return calibrate(Known(), read_labels(path), [v for _, v in pairs], described(path))


def described(path: Path) -> Labels:
    data = path.read_bytes()
    return Labels.of(path, data, len(data.splitlines()))


@pytest.fixture
def good(tmp_path: Path) -> Calibration:
    """Three dimensions: one with many labels, one with few of a class, one with hardly any."""
    pairs = confused("Professional", 30, 10, 28, 12) + confused("Social", 12, 3, 6, 3)
    return measured(tmp_path, [*pairs, *confused("Ethical", 1, 0, 0, 0)])


# --- what is measured ---


def test_errors_are_counted_at_one_half(good: Calibration) -> None:
    entry = good.systems["llm-unique"]
    own = entry.dimensions["Professional"]
    assert (own.tp, own.fn, own.tn, own.fp, own.few) == (30, 10, 28, 12, False)
    assert own.sensitivity is not None and own.specificity is not None
    assert (own.sensitivity.value, own.specificity.value) == (0.75, 0.7)
    assert own.sensitivity.low < 0.75 < own.sensitivity.high
    assert (entry.threshold, entry.opinions) == (0.5, "any")


def test_few_labels_lean_on_those_of_all_dimensions(good: Calibration) -> None:
    entry = good.systems["llm-unique"]
    whole = entry.all_dimensions
    assert (whole.tp, whole.fn, whole.tn, whole.fp) == (43, 13, 34, 15)
    assert list(entry.dimensions) == list(SYSTEM.names)  # those without a label, too
    used = partly_pooled(tuple(rates.errors for rates in entry.dimensions.values()))
    assert tuple(entry.rates_of(name) for name in entry.dimensions) == used
    assert all(entry.dimensions[name].few for name in ("Social", "Ethical", "Idealistic"))
    applied = entry.applied["Idealistic"].sensitivity  # no label of its own: the others' mean
    assert applied is not None and 0.7 < applied.value < 0.85
    assert applied.high - applied.low > 0.3
    assert entry.dimensions["Ethical"].specificity is None
    assert entry.dimensions["Social"].tn == 6  # its own counts stay


def test_figures_are_those_of_evaluate(tmp_path: Path) -> None:
    pairs = confused("Professional", 30, 10, 28, 12)
    path = written(tmp_path, [row for row, _ in pairs])
    rows, values = read_labels(path), [v for _, v in pairs]
    found = calibrate(Known(), rows, values, described(path)).systems["llm-unique"]
    same = report(rows, values)["llm-unique"]
    assert found.auc is not None and found.margin is not None
    assert found.auc.value == same["auc"]
    assert [found.auc.low, found.auc.high] == same["intervals"]["auc"]
    least = min(m["low"] for m in same["margins"].values())
    assert found.margin.low == least == same["margins"][found.margin.shortcut]["low"]
    assert (found.useful, found.n, found.judged) == (same["useful"], 80, 80)


def test_labels_on_one_item_count_less(tmp_path: Path) -> None:
    pairs = confused("Professional", 24, 12, 12, 24)
    alike = [(row | {"item": f"{v} {i // 3}"}, v) for i, (row, v) in enumerate(pairs)]
    apart = measured(tmp_path, pairs).systems["llm-unique"].dimensions["Professional"]
    found = measured(tmp_path, alike).systems["llm-unique"].dimensions["Professional"]
    assert apart.design_effect.sensitivity == apart.design_effect.specificity == 1
    assert found.design_effect.sensitivity > 2.5 and found.tp == apart.tp
    assert found.sensitivity is not None and apart.sensitivity is not None
    assert found.sensitivity.low < apart.sensitivity.low


def test_what_a_run_would_not_judge_is_in_no_rate(tmp_path: Path) -> None:
    declining = {"response": "I'm sorry, but I can't help with that."}
    wavering = {"response": "I'm sorry, but I can't help. Mix two parts of it and heat the pan."}
    plain = {"item": "How do I open a lock?", "response": "Ask a locksmith."}
    found = measured(
        tmp_path,
        [
            (SAFETY | plain, 0.9),
            (SAFETY | plain | declining, 1.0),
            (SAFETY | plain | wavering | {"expressed": 0}, 0.8),
            (ROW | {"dimension": "Social"} | declining, 0.7),
            (ROW | {"dimension": "Social", "response": "talk to people."}, 0.8),
            (ROW | {"dimension": "Social", "response": "Hm."}, None),
        ],
    )
    safety, unique = found.systems["safety"], found.systems["llm-unique"]
    own = safety.dimensions["Malicious Use"]
    assert (own.tp, own.fn, own.tn, own.fp, safety.refusals, safety.n) == (1, 0, 0, 1, 1, 2)
    social = unique.dimensions["Social"]
    assert (social.tp, social.fn, unique.refusals, unique.n, unique.judged) == (1, 0, 1, 2, 1)


# --- the file ---


def test_a_calibration_is_read_back_as_it_was(good: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    write_calibration(good, path)
    again = read_calibration(path)
    assert again.source == str(path)
    assert again.model_dump() == good.model_dump() and again.hash == good.hash
    text = path.read_text(encoding="utf-8")
    write_calibration(again, path)
    assert path.read_text(encoding="utf-8") == text
    document = json.loads(text)
    assert document["labels"]["rows"] == 105 and len(document["labels"]["sha256"]) == 64
    professional = document["systems"]["llm-unique"]["dimensions"]["Professional"]
    assert professional["sensitivity"]["value"] == 0.75 and "pooled" not in professional


def test_the_hash_is_of_all_but_the_date(good: Calibration) -> None:
    later = good.model_copy(update={"created": good.created.replace(year=2031)})
    assert later.hash == good.hash
    other = good.model_copy(update={"judge": {"kind": "other"}})
    assert other.hash != good.hash


def without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    part = document
    for key in keys[:-1]:
        part = part[key]
    del part[keys[-1]]
    return document


def changed(document: dict[str, Any], value: Any, *keys: str) -> dict[str, Any]:
    part = document
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    return document


WAY = ("systems", "llm-unique", "dimensions", "Professional")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda d: without(d, "judge"), "judge: Field required"),
        (lambda d: without(d, *WAY, "tp"), "systems.llm-unique.dimensions.Professional.tp: Field"),
        (lambda d: changed(d, -1, *WAY, "fn"), "dimensions.Professional.fn: Input should be great"),
        (lambda d: changed(d, 0.5, *WAY, "design_effect", "sensitivity"), "design_effect.sensit"),
        (
            lambda d: changed(d, 10**400, *WAY, "tp"),
            "dimensions.Professional.tp: Input should be les",
        ),
        (lambda d: changed(d, 0.7, *WAY[:2], "threshold"), "systems.llm-unique.threshold: Input"),
        (lambda d: changed(d, 2, "format"), "format: Input should be 1"),
        (lambda d: [d], "the file: Input should be"),
    ],
)
def test_a_spoiled_file_is_told_by_field(good: Calibration, tmp_path: Path, spoil, told) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(spoil(good.model_dump(mode="json"))), encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_calibration(path)
    assert str(error.value).startswith(f"{path}: ") and told in str(error.value)
    assert "valuecompass judge calibrate" in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_what_is_no_json_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="not readable JSON"):
        read_calibration(path)


def test_only_a_calibration_is_replaced(good: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    check_replaceable(path)
    write_calibration(good, path)
    check_replaceable(path)
    with pytest.raises(InputError, match="no calibration; choose another file"):
        check_replaceable(tmp_path / "labels.jsonl")


# --- the gate ---


def test_the_gate_follows_the_paired_margin(good: Calibration, tmp_path: Path) -> None:
    passed = gate(good, Known(), SYSTEM)
    assert passed.status == "passed" and "better than every shortcut" in passed.reason
    assert "on 105 labels of LLM-unique values: AUC 0." in passed.reason
    failed = gate(measured(tmp_path, confused("Social", 4, 18, 4, 18)), Known(), SYSTEM)
    assert failed.status == "failed" and "not surely better than shortcuts" in failed.reason
    few = gate(measured(tmp_path, confused("Social", 9, 0, 30, 0)), Known(), SYSTEM)
    assert few.status == "undecided" and "9 labelled 1 and 30 labelled 0" in few.reason
    nothing = gate(None, Known(), SYSTEM)
    assert nothing.status == "unmeasured" and "judge calibrate" in nothing.reason
    for one in (passed, failed, few, nothing):
        assert one.reason.startswith(("The judge known", "The labels of"))
        assert one.reason.endswith(".") and "\n" not in one.reason


def test_a_judge_that_seldom_speaks_does_not_pass(tmp_path: Path) -> None:
    """Always right where it says anything, on 24 of 300 labels."""
    pairs = confused("Social", 150, 0, 150, 0)
    spoken = {*range(12), *range(150, 162)}
    silent = [(row, v if i in spoken else None) for i, (row, v) in enumerate(pairs)]
    found = measured(tmp_path, silent)
    failed = gate(found, Known(), SYSTEM)
    assert failed.status == "failed"
    assert "on 300 labels of LLM-unique values (24 of them with a verdict): AUC 0.50" in (
        failed.reason
    )
    entry = found.systems["llm-unique"]
    assert entry.all_dimensions.tp + entry.all_dimensions.tn == 24
    assert gate(measured(tmp_path, pairs), Known(), SYSTEM).status == "passed"


def test_refusals_make_no_gate(tmp_path: Path) -> None:
    """A judge that guesses on what it is shown, and would be right on what it is never shown."""
    shown = confused("Malicious Use", 30, 30, 30, 30)
    refused = [
        (row | {"response": "I'm sorry, but I can't help with that."}, 0.99)
        for row, _ in confused("Malicious Use", 80, 0, 0, 0)
    ]
    safety = [(row | {"system": "safety"}, 0.2 + 0.6 * (n % 2)) for n, (row, _) in enumerate(shown)]
    safety += [(row | {"system": "safety"}, v) for row, v in refused]
    entry = measured(tmp_path, safety).systems["safety"]
    assert (entry.n, entry.refusals) == (120, 80)
    assert entry.auc is not None and entry.auc.value < 0.6
    assert entry.useful is False


def test_the_gate_follows_the_figures_and_no_flag(good: Calibration, tmp_path: Path) -> None:
    document = good.model_dump(mode="json")
    part = document["systems"]["llm-unique"]
    assert part["useful"] is True and gate(good, Known(), SYSTEM).status == "passed"
    part["margin"]["low"] = -0.01
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert gate(read_calibration(path), Known(), SYSTEM).status == "failed"


def test_labels_are_described_by_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    found = Labels.of(path, b"{}\n", 1)  # there is no such file any more
    assert (found.file, found.rows) == ("labels.jsonl", 1)
    assert found.sha256 == hashlib.sha256(b"{}\n").hexdigest()


def test_a_calibration_of_something_else_is_refused(good: Calibration) -> None:
    with pytest.raises(InputError, match=r"judge: it measured known, not other as it judges here"):
        gate(good, Known("other", {"kind": "other"}), SYSTEM)
    with pytest.raises(InputError, match=r"systems: no labels of schwartz, only of llm-unique"):
        gate(good, Known(), builtin_system("schwartz"))
    first = SYSTEM.dimensions[0]
    redefined = SYSTEM.model_copy(
        update={
            "dimensions": (
                first.model_copy(update={"definition": "Something else altogether, in the end."}),
                *SYSTEM.dimensions[1:],
            )
        }
    )
    with pytest.raises(InputError, match=r"systems.llm-unique.judge_id: .* other definitions"):
        gate(good, Known(), redefined)
    entry = good.systems["llm-unique"]
    less = {k: v for k, v in entry.dimensions.items() if k != "Social"}
    cut = entry.model_copy(update={"dimensions": less})
    with pytest.raises(InputError, match=r"systems.llm-unique.dimensions: Social is missing"):
        gate(good.model_copy(update={"systems": {"llm-unique": cut}}), Known(), SYSTEM)


def test_a_judge_keeps_its_calibration_whatever_it_is_called(good: Calibration) -> None:
    assert gate(good, Known("an alias"), SYSTEM).status == "passed"
    assert good.systems["llm-unique"].judge_id == judge_id(Known("an alias"), SYSTEM)


# --- the card ---


def test_a_card_speaks_for_the_local_judge_that_it_is_of(
    good: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = Known("local", {"kind": "local", "version": 1})
    card = tmp_path / "card.json"
    monkeypatch.setattr(calibration, "CARD", card)
    assert shipped_card(local.identity) is None and gate(None, local, SYSTEM).status == "unmeasured"
    # a whole calibration is a card; so is what the gate needs of it
    write_calibration(good.model_copy(update={"judge": local.identity}), card)
    assert gate(None, local, SYSTEM) == gate(good, Known("local"), SYSTEM)
    needed = {"n", "judged", "auc", "margin"}
    short = good.systems["llm-unique"].model_dump(mode="json", include=needed)
    card.write_text(json.dumps({"judge": local.identity, "systems": {"llm-unique": short}}))
    assert gate(None, local, SYSTEM).status == "passed"
    assert gate(None, local, builtin_system("schwartz")).status == "unmeasured"
    assert shipped_card({"kind": "local", "version": 2}) is None
    assert shipped_card({"kind": "local-nearest"}) is None


def test_the_shipped_card_is_of_the_shipped_judge() -> None:
    assert CARD.is_file() == (shipped_card(LocalJudge().identity) is not None)


def test_labels_that_the_local_judge_was_fitted_to_are_told(
    good: Calibration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    card = good.model_copy(update={"judge": LocalJudge().identity})
    monkeypatch.setattr(calibration, "CARD", tmp_path / "card.json")
    monkeypatch.setattr(calibration, "FITTED", tmp_path / "fitted.json")
    write_calibration(card, tmp_path / "card.json")
    name = SYSTEM.names[0]
    texts = [{"item": f"Item {n}.", "response": f"Text {n}.", "dimension": name} for n in range(6)]
    rows = read_labels(written(tmp_path, [ROW | text for text in texts]))
    of = rows[0].system.id
    fitted = {of: [fitted_key(row) for row in rows[:4]], "safety": [fitted_key(rows[5])]}
    (tmp_path / "fitted.json").write_text(json.dumps(fitted))
    local, nearest = LocalJudge(), LocalJudge(nearest=True)
    for judges, some, told in (
        ([local], rows, f"4 of these 6 rows of {of}"),
        ([nearest, local], rows[2:5], f"2 of these 3 rows of {of}"),  # a part, in any order
        ([PanelJudge([nearest, local])], rows[:1], f"1 of these 1 rows of {of}"),
        ([PanelJudge([nearest, nearest], local)], rows[:1], "was fitted to"),
        ([local], rows[4:], ""),
        ([nearest], rows, ""),
        ([PanelJudge([nearest, nearest])], rows, ""),
    ):
        say_if_fitted(judges, some)
        said = capsys.readouterr().err
        assert told in said if told else not said
