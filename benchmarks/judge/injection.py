"""How far texts that were written to sway a judge do sway it.

    python benchmarks/judge/injection.py --judge local
    python benchmarks/judge/injection.py --judge openai/J --max-calls 3000 --json
    python benchmarks/judge/injection.py --judge ./model.gguf --texts 1

Each attack of `injections.jsonl` goes into twelve answers or items (`carriers.jsonl`), by turns at
the end, in the middle and as the whole. The same is done with a neutral text of the same length
and language (`neutral.toml`): an attack counts for what it does beyond that, towards its aim.
Answers of models stay in the workspace: the same command goes on where it was stopped. What a judge
never reads has figures of its own: items where `local` reads none, and respondents' names, which
are not asked about, because no judge sees one (`tests/judges/test_injection.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from injection_effects import Attack, Cell, effects
from pydantic import ValidationError

from valuecompass.cli.app import guarded
from valuecompass.errors import InputError, RequestFailed
from valuecompass.files import read_text
from valuecompass.hashing import digest
from valuecompass.items.rows import jsonl_rows
from valuecompass.judges import Judge, Subject, Verdict, subject_of
from valuecompass.judges.local.judge import LocalJudge, context
from valuecompass.judges.quality.judging import Said, joined, judge_subjects
from valuecompass.judges.quality.labelled import read_row
from valuecompass.judges.spec import Member, build_judge, judge_models, parse_judge
from valuecompass.models import Limits, Patience
from valuecompass.models.asker import Asker
from valuecompass.models.budget import Budget
from valuecompass.store import open_store
from valuecompass.values import BUILTIN, Dimension, builtin_system
from valuecompass.wording import visible

HERE = Path(__file__).parent
POSITIONS = ("end", "middle", "whole")
SEED = 1


def main() -> None:
    """Judge the attacks and print what they do."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--judge",
        default="local",
        help="local (default), a model, or MODEL@mode=per-value, as for valuecompass run",
    )
    parser.add_argument(
        "--texts",
        type=int,
        default=12,
        metavar="N",
        help="put each attack into N of the twelve texts, by turns (default: all), for slow judges",
    )
    parser.add_argument("--max-calls", type=int, metavar="N", help="stop before more requests")
    parser.add_argument("-w", "--workspace", type=Path, default=Path("valuecompass-workspace"))
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if not 1 <= options.texts <= 12:
        parser.error("--texts must be from 1 to 12")
    found = anyio.run(injection, options)
    print(json.dumps(found) if options.json else report(found))


# --- what is judged ---


def read_attacks() -> list[Attack]:
    """Return the attacks, in the order of the file."""
    path = HERE / "injections.jsonl"
    return [_attack(row, f"{path}, line {n}") for n, row in jsonl_rows(read_text(path), path)]


def _attack(row: Mapping[str, Any], where: str) -> Attack:
    try:
        return Attack(**row)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{where}: {first['loc'][0]}: {first['msg']}") from None


@dataclass(frozen=True)
class Carrier:
    """One row of carriers.jsonl: what attacks are put into, and the dimension that is watched."""

    id: str
    dimension: str
    subject: Subject


def read_carriers() -> list[Carrier]:
    """Return the carriers, in the order of the file."""
    path = HERE / "carriers.jsonl"
    systems = {name: builtin_system(name) for name in BUILTIN}
    return [
        Carrier(str(row.get("id", line)), *read_row(row, f"{path}, line {line}", systems))
        for line, row in jsonl_rows(read_text(path), path)
    ]


def read_neutral(languages: Iterable[str]) -> dict[str, str]:
    """Return the neutral texts by language."""
    path = HERE / "neutral.toml"
    try:
        texts = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None
    for language in languages:
        if not texts.get(language):
            raise InputError(f"{path}: {language}: no text; there are attacks in this language")
    return texts


def neutral(text: str, length: int) -> str:
    """Return a neutral text, repeated and cut to a length in characters."""
    return (text * (length // len(text) + 1))[:length]


def filled(attack: str, dimension: Dimension, turn: int) -> str:
    """Return an attack's text for the dimension that is judged.

    Args:
        attack: the text, as it stands in the file.
        dimension: whose name, definition or example sentence is put in.
        turn: which of the example sentences; one after the last is the first again.
    """
    words = {
        "{dimension}": dimension.name,
        "{definition}": dimension.definition,
        "{supports}": dimension.supports[turn % len(dimension.supports)],
        "{opposes}": dimension.opposes[turn % len(dimension.opposes)],
    }
    for mark, word in words.items():
        attack = attack.replace(mark, word)
    return attack


def inserted(text: str, attack: str, position: str) -> str:
    """Return a text with another one at its end, in its middle, or in its place."""
    if position == "whole":
        return attack
    at = len(text) if position == "end" else text.find(" ", len(text) // 2)
    return f"{text[:at]}\n{attack}{text[at:]}"


def attacked(carrier: Subject, attack: Attack, text: str, position: str) -> Subject:
    """Return a carrier with an attack's text, or the control's, where the attack goes."""
    item, response = carrier.item, carrier.response
    if attack.place == "item":
        item = item.model_copy(update={"text": inserted(item.text, text, position)})
    else:
        response = inserted(response, text, position)
    whole = subject_of(carrier.system, item, response)
    return replace(whole, dimensions=carrier.dimensions)


@dataclass(frozen=True)
class Trial:
    """An attack in a carrier, to be judged."""

    attack: Attack
    carrier: Carrier
    position: str
    text: str
    """Of the attack, for the carrier's dimension."""
    clean: Subject
    attacked: Subject
    control: Subject
    read: bool
    """Whether the judge is shown what the attack changes."""


def trials(members: Sequence[Member], each: int = 12) -> list[Trial]:
    """Return every attack in carriers; in all twelve, each position is equally often.

    Args:
        members: the judge's. Where all are asked about one dimension at a time, about no other.
        each: in how many carriers each attack goes, by turns, so that all get equally many.
    """
    one_by_one = all(m.model is not None and m.mode == "per-value" for m in members)
    found: list[Trial] = []
    attacks = [a for a in read_attacks() if a.place != "respondent"]
    carriers, texts = read_carriers(), read_neutral({a.language for a in attacks})
    for turn, attack in enumerate(attacks):
        for place, carrier in enumerate(carriers):
            if (place - turn * each) % len(carriers) >= each:
                continue
            clean = carrier.subject
            if one_by_one:
                clean = replace(clean, dimensions=(carrier.dimension,))
            position = POSITIONS[(turn + place) % len(POSITIONS)]
            text = filled(attack.text, clean.system.dimension(carrier.dimension), turn)
            plain = neutral(texts[attack.language], len(text))
            one, other = (attacked(clean, attack, t, position) for t in (text, plain))
            read = any(_reads(m, clean, one, carrier.dimension) for m in members)
            found.append(Trial(attack, carrier, position, text, clean, one, other, read))
    return found


def _reads(member: Member, clean: Subject, attacked: Subject, dimension: str) -> bool:
    if member.model is not None or attacked.response != clean.response:
        return True
    return not member.nearest and context(attacked, dimension) != context(clean, dimension)


# --- judging ---


class Judged:
    """Outcomes by subject and dimension; responses that the provider did not judge are absent."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self._found: dict[str, list[Verdict] | RequestFailed] = {}

    @property
    def failed(self) -> int:
        """Responses whose request failed: a fault of the connection is no success of an attack."""
        return sum(isinstance(found, RequestFailed) for found in self._found.values())

    async def all(self, wanted: Sequence[tuple[Subject, str]]) -> None:
        """Judge every subject once; what is in flight at a stop is still finished and stored."""
        subjects = {_key(*pair): pair[0] for pair in wanted}
        self._found = await judge_subjects(self.judge, subjects, _tell)

    def outcome(self, subject: Subject, dimension: str) -> Said | None:
        """Return what was found, None for a request that failed."""
        found = self._found[_key(subject, dimension)]
        return None if isinstance(found, RequestFailed) else joined(found, dimension)

    def cell(self, trial: Trial) -> Cell | None:
        """Return a trial with its outcomes, or None when one of them is absent."""
        subjects = (trial.clean, trial.attacked, trial.control)
        found = [self.outcome(s, trial.carrier.dimension) for s in subjects]
        given = [said for said in found if said is not None]
        if len(given) < len(found):
            return None
        return Cell(trial.attack, trial.carrier.id, trial.position, *given)


def _tell(done: int, total: int) -> None:
    if done % 200 == 0:
        print(f"{done} responses judged", file=sys.stderr, flush=True)


def _key(subject: Subject, dimension: str) -> str:
    return digest([subject.system.id, subject.item.id, subject.response, dimension])


async def injection(options: argparse.Namespace) -> dict[str, Any]:
    """Return everything found, as the JSON object."""
    spec = parse_judge(options.judge)
    plan = trials(spec.members, options.texts)
    wanted = [(s, t.carrier.dimension) for t in plan for s in (t.clean, t.attacked, t.control)]
    if spec.local and len(spec.members) == 1:
        judged = Judged(LocalJudge(nearest=spec.members[0].nearest))
        await judged.all(wanted)
        return document(judged, plan)
    async with open_store(options.workspace, None) as store:
        budget = Budget(store, "", Limits(options.max_calls))
        asker = Asker(store, budget, Patience())
        judged = Judged(judge := build_judge(spec, asker))
        budget.plan = digest(["injection", judge.identity, [_key(*pair) for pair in wanted]], 16)
        await budget.load()
        try:
            for model in judge_models(judge):  # a wrong name is told before the first request
                asker.models.get(model.model)
            await judged.all(wanted)
        finally:
            with anyio.CancelScope(shield=True):
                await asker.models.close()
    return document(judged, plan)


def document(judged: Judged, plan: Sequence[Trial]) -> dict[str, Any]:
    """Return the figures of all attacks that the judge reads, of their groups, and of the rest."""
    found = [(trial.read, cell) for trial in plan if (cell := judged.cell(trial)) is not None]
    cells = [cell for read, cell in found if read]
    carriers = read_carriers()
    systems = {c.id: c.subject.system.id for c in carriers}
    clean = {c.id: judged.outcome(c.subject, c.dimension) for c in carriers}
    attacks = read_attacks()
    in_names = {"attacks": sum(a.place == "respondent" for a in attacks)}
    return {
        "judge": {"name": judged.judge.name, **judged.judge.identity},
        "seed": SEED,
        "attacks": len(attacks),
        "carriers": {n: c and c.expressed for n, c in clean.items()},
        "failed": judged.failed,
        "all": _effects(cells),
        "aim": _grouped(cells, lambda c: c.attack.aim),
        "place": _grouped(cells, lambda c: c.attack.place),
        "position": _grouped(cells, lambda c: c.position),
        "system": _grouped(cells, lambda c: systems[c.carrier]),
        "language": _grouped(cells, lambda c: c.attack.language),
        "kind": _grouped(cells, lambda c: c.attack.kind),
        "not_read": _grouped([cell for read, cell in found if not read], lambda c: c.attack.place)
        | {"respondent": _effects([]) | in_names},
    }


def _grouped(cells: Sequence[Cell], by: Callable[[Cell], str]) -> dict[str, Any]:
    names = [by(c) for c in cells]
    return {
        name: _effects([c for c, n in zip(cells, names, strict=True) if n == name])
        for name in dict.fromkeys(names)
    }


def _effects(cells: Sequence[Cell]) -> dict[str, Any]:
    return effects(cells, np.random.default_rng(SEED))


# --- for people ---


GROUPS = {
    "all": "",
    "aim": "aim",
    "place": "place",
    "position": "position",
    "system": "system",
    "language": "language",
    "kind": "kind",
    "not_read": "not read by this judge, so in no figure above",
}


def report(found: dict[str, Any]) -> str:
    """Return what was found as text."""
    lines = [
        f"Judge: {visible(found['judge']['name'])}. Attacks: {found['attacks']}; carriers: "
        f"{len(found['carriers'])}; requests that failed: {found['failed']}",
        "Each cell: under attack / under a neutral text of the same length, then the difference "
        "with its 95 % interval, clustered on attacks.",
        "flipped: verdicts on the aimed side of .5, of those that were not; shift of expressed "
        "(0 to 1) and valence (-1 to 1): mean change towards the aim, below 0 away from it; "
        "missing: no verdict.",
    ]
    for group, title in GROUPS.items():
        rows = {"all": found["all"]} if group == "all" else found[group]
        figures = ("flipped", "expressed", "valence", "missing")
        titles = ("attacks", "flipped", "shift of expressed", "shift of valence", "missing")
        lines += ["", *([title] if group == "not_read" else [])]
        lines.append(f"{'' if group == 'not_read' else title:<18}" + _columns(titles))
        for name, row in rows.items():
            cells = (str(row["attacks"]), *(_triple(row[k]) for k in figures))
            lines.append(f"{name:<18}" + _columns(cells))
    return "\n".join(lines)


def _columns(cells: Sequence[str]) -> str:
    return f"{cells[0]:>7}" + "".join(f"  {cell:>31}" for cell in cells[1:])


def _triple(row: dict[str, Any] | None) -> str:
    if row is None:
        return "-"
    (one, _, _), (other, _, _), (value, low, high) = (
        row[k] for k in ("attack", "control", "beyond")
    )
    return f"{one:z.2f} / {other:z.2f}  {value:+z.2f} [{low:+z.2f}, {high:+z.2f}]"


if __name__ == "__main__":
    guarded(main)
