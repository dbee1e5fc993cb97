"""The names of judges: one text for the free judge, a model, or a panel of both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from valuecompass.errors import InputError
from valuecompass.judges.llm.judge import LLMJudge, Mode
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.panel import PanelJudge
from valuecompass.judges.protocol import Judge
from valuecompass.models import Respondent, parse_respondent
from valuecompass.models.asker import Asker
from valuecompass.models.spec import ITEM_AWARE

MODES: tuple[Mode, ...] = ("one-call", "per-value", "concepts")
FREE = ("local", "local-nearest")
_MODE = re.compile(r"@mode=([^@]*)")


@dataclass(frozen=True)
class Member:
    """One judge as named."""

    model: Respondent | None
    """None: the local judge."""
    mode: Mode
    nearest: bool = False
    """The local judge by nearest definition alone."""


@dataclass(frozen=True)
class JudgeSpec:
    """A judge as named: one member, or a panel and perhaps a strong judge."""

    text: str
    members: tuple[Member, ...]
    strong: Member | None = None

    @property
    def local(self) -> bool:
        """True when no model is asked."""
        return self.strong is None and all(member.model is None for member in self.members)


def parse_judge(text: str, mode: str = "one-call", strong: str | None = None) -> JudgeSpec:
    """Read the name of a judge.

    Args:
        text: ``local``, ``local-nearest``, ``MODEL`` or ``MODEL@mode=MODE`` (one-call, per-value,
            concepts); several with commas between them are a panel. MODEL is named as with -m. A
            system prompt goes to the end of the text, so only the last member can have one.
        mode: of the members that name none.
        strong: MODEL or MODEL@mode=MODE, asked where a panel disagrees; one-call if it names none.

    Raises:
        InputError: an unknown mode or model, or a strong judge without a panel.
    """
    default = _mode(mode, f"--judge-mode {mode}")
    head, system, prompt = text.partition("@system=")
    *first, last = head.split(",")
    if first and not all(name.strip() for name in (*first, last + system)):
        raise InputError(f"--judge {text}: nothing stands before or after a comma; name a judge")
    members = tuple(_member(name, default, "--judge") for name in (*first, last + system + prompt))
    if strong is None:
        return JudgeSpec(text, members)
    if len(members) == 1:
        raise InputError(
            f"--strong-judge {strong}: it is asked where the judges of a panel disagree; "
            "name two judges at least, such as --judge "
            + (f"{text},MODEL" if members[0].model is None else f"local,{text}")
        )
    if "," in strong.partition("@system=")[0]:
        raise InputError(f"--strong-judge {strong}: a panel cannot decide; give one model")
    if strong.strip() in FREE:
        raise InputError(f"--strong-judge {strong}: give a model")
    return JudgeSpec(text, members, _member(strong, "one-call", "--strong-judge"))


def _member(text: str, default: Mode, option: str) -> Member:
    head, system, prompt = text.strip().partition("@system=")
    modes = _MODE.findall(head)
    name = _MODE.sub("", head) + system + prompt
    if name in FREE:
        if modes:
            raise InputError(f"{option} {text}: the local judge has no modes; give {name}")
        return Member(None, default, nearest=name == "local-nearest")
    model = parse_respondent(name, option=option)
    if model.provider in ITEM_AWARE:
        raise InputError(f"{option} {name}: this cannot read; give local or a model")
    if not modes:
        return Member(model, default)
    if len(modes) > 1:
        raise InputError(f"{option} {text}: @mode= stands there twice; give one")
    mode = _mode(modes[0], f"{option} {text}")
    return Member(model.model_copy(update={"name": f"{model.name}@mode={mode}"}), mode)


def _mode(text: str, where: str) -> Mode:
    if text in MODES:
        return text
    raise InputError(f"{where}: unknown mode {text!r}; give one-call, per-value or concepts")


def build_judge(
    spec: JudgeSpec, asker: Asker | None = None, respondents: Sequence[Respondent] = ()
) -> Judge:
    """Return the judge of a name.

    Args:
        spec: the name, as read.
        asker: asks the models; None where every judge is local.
        respondents: a respondent of the same model lends a judge its price.

    Raises:
        InputError: a judge is named twice.
    """
    members = [_judge(member, asker, respondents) for member in spec.members]
    if len(members) == 1:
        return members[0]
    strong = None if spec.strong is None else _judge(spec.strong, asker, respondents)
    known = [member.identity for member in members]
    for place, member in enumerate(members):
        if known[place] in known[:place]:
            raise InputError(f"--judge {spec.text}: {member.name} is named twice")
    if strong is not None and strong.identity in known:
        raise InputError(
            f"--strong-judge {strong.name}: it is a judge of the panel already; "
            "give another model or another mode"
        )
    return PanelJudge(members, strong)


def _judge(member: Member, asker: Asker | None, respondents: Sequence[Respondent]) -> Judge:
    model = member.model
    if model is None:
        return LocalJudge(nearest=member.nearest)
    assert asker is not None
    if model.price is None:
        known = (r.price for r in respondents if r.model == model.model and r.price is not None)
        model = model.model_copy(update={"price": next(known, None)})
    return LLMJudge(model, asker, member.mode)


def model_judges(judge: Judge) -> list[LLMJudge]:
    """Return the model judges that a judge asks about every response."""
    members = judge.members if isinstance(judge, PanelJudge) else (judge,)
    return [member for member in members if isinstance(member, LLMJudge)]


def strong_judge(judge: Judge) -> LLMJudge | None:
    """Return the model judge that is asked where a panel disagrees, if there is one."""
    strong = judge.strong if isinstance(judge, PanelJudge) else None
    return strong if isinstance(strong, LLMJudge) else None


def requests_of(judge: Judge, opinions: int, dimensions: int) -> int:
    """Return the requests that judging one response takes, but for repeated questions.

    With those it is `most_requests_of`. A judge of somebody
    else's is taken to make one request.

    Args:
        judge: who judges.
        opinions: parts of the response.
        dimensions: what each is judged on.
    """
    if isinstance(judge, PanelJudge):
        asked = [*judge.members, *([judge.strong] if judge.strong else [])]
        return sum(requests_of(one, opinions, dimensions) for one in asked)
    if isinstance(judge, LocalJudge):
        return 0
    if isinstance(judge, LLMJudge):
        return {"one-call": 1, "concepts": 2, "per-value": opinions * dimensions}[judge.mode]
    return 1


def most_requests_of(judge: Judge, opinions: int, dimensions: int) -> int:
    """Return the requests that judging one response takes at most, repeated questions included.

    Args:
        judge: who judges.
        opinions: parts of the response.
        dimensions: what each is judged on.
    """
    if isinstance(judge, PanelJudge):
        asked = [*judge.members, *([judge.strong] if judge.strong else [])]
        return sum(most_requests_of(one, opinions, dimensions) for one in asked)
    planned = requests_of(judge, opinions, dimensions)
    # yes and no need no repairing, lists of verdicts may
    repairs = isinstance(judge, LLMJudge) and judge.mode != "per-value"
    return planned + repairs


def judge_models(judge: Judge) -> list[Respondent]:
    """Return every model that a judge may ask, the strong judge's last."""
    strong = strong_judge(judge)
    return [j.model for j in (*model_judges(judge), *([strong] if strong else []))]
