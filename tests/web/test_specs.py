"""What an operator may ask for, and what is refused before anything is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from valuecompass.errors import InputError
from valuecompass.models import parse_respondent
from valuecompass.values import builtin_system
from valuecompass.web.addresses import Endpoint
from valuecompass.web.specs import (
    EvolveSpec,
    RunSpec,
    evolve_settings,
    parse_spec,
    run_settings,
    same,
)

SIMULATED = {"model": "simulated/schwartz?Power=1.5"}
KEY = "sk-" + "a1B2c3D4" * 4


def run_of(**fields: Any) -> dict[str, Any]:
    return {"kind": "run", "respondents": [SIMULATED], **fields}


def test_a_specification_means_what_the_command_means(workspace: Path) -> None:
    spec = parse_spec(
        run_of(
            respondents=[
                {"model": "openai/gpt-5-mini", "prime": "Power", "temperature": 0.5},
                {"model": "openai/gpt-5-mini", "system": "You are terse."},
            ],
            systems=["schwartz", "safety"],
            form="tiny",
            budget={"calls": 10},
        )
    )
    assert isinstance(spec, RunSpec)
    settings = run_settings(spec, workspace, None, {})
    primed = parse_respondent("openai/gpt-5-mini@prime=Power", [builtin_system("schwartz")])
    told = parse_respondent("openai/gpt-5-mini@system=You are terse.")
    assert list(settings.models) == [primed.model_copy(update={"temperature": 0.5}), told]
    assert settings.limits.calls == 10 and settings.systems == ("schwartz", "safety")


def test_an_evolving_run_has_its_settings(workspace: Path) -> None:
    pool = [{"model": "openai/gpt-5-mini"}, {"model": "anthropic/claude-haiku-4-5"}]
    spec = parse_spec({"kind": "evolve", "pool": pool, "budget": {"calls": 200}, "seed": 3})
    assert isinstance(spec, EvolveSpec)
    settings = evolve_settings(spec, workspace, None, {})
    assert [m.model for m in settings.pool if not isinstance(m, str)] == [m["model"] for m in pool]
    assert (settings.calls, settings.seed, settings.language) == (200, 3, "en")


def test_an_endpoint_is_a_service_of_its_own(workspace: Path) -> None:
    url = "https://llm.example.org/v1"
    spec = parse_spec(run_of(respondents=[{"model": "llama-3", "base_url": url}]))
    assert isinstance(spec, RunSpec)
    endpoint = Endpoint(url, "llm.example.org", 443, ("93.184.216.34",))
    (one,) = run_settings(spec, workspace, None, {url: endpoint}).models
    assert not isinstance(one, str)
    assert one.model == f"openai-api/{endpoint.service}/llama-3"


def test_the_budget_is_not_what_a_specification_asks_for() -> None:
    first, richer = parse_spec(run_of()), parse_spec(run_of(budget={"usd": 5}))
    assert same(first) == same(richer)
    assert same(first) != same(parse_spec(run_of(occasion="2027-01")))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "kind"),
        ({"kind": "run", "respondents": []}, "respondents"),
        (run_of(api_key="whatever"), "api_key: Extra inputs are not permitted"),
        (run_of(respondents=[SIMULATED | {"key": "x"}]), "respondents.0.key: Extra"),
        (run_of(systems=["nobody"]), "no such value system: nobody; known: schwartz"),
        (run_of(form="/etc/passwd"), "form"),
        (run_of(respondents=[{"model": "recorded//etc/passwd"}]), "files of the server"),
        (run_of(respondents=[{"model": "embedded//tmp/m.gguf"}]), "no such model; known"),
        (run_of(respondents=[{"model": "../weights/m.gguf"}]), "files of the server"),
        (run_of(respondents=[{"model": "hf//tmp"}]), "files of the server"),
        (run_of(respondents=[{"model": "a/b@file=/etc/passwd"}]), "fields of their own"),
        (run_of(judge="local,recorded/answers.jsonl"), "files of the server"),
        (run_of(judge="a/b@file=/etc/passwd"), "fields of their own"),
        (run_of(strong_judge="recorded/x"), "files of the server"),
        (run_of(respondents=[SIMULATED | {"temperature": 3}]), "respondents.0.temperature"),
        (run_of(respondents=[{"model": "m", "base_url": "file:///etc/passwd"}]), "base_url"),
        (run_of(respondents=[{"model": "m", "base_url": "https://me@host/v1"}]), "password"),
        (run_of(respondents=[{"model": "m", "base_url": "https://h/v1?key=1"}]), "follows"),
        (run_of(budget={"usd": float("inf")}), "budget.usd"),
        ({"kind": "evolve", "pool": [SIMULATED], "safety": "recorded/x"}, "files of the server"),
    ],
)
def test_what_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says.replace("(", r"\(")):
        parse_spec(given)


@pytest.mark.parametrize(
    "given",
    [
        run_of(judge=f"openai/{KEY}"),
        run_of(respondents=[SIMULATED | {"system": f"Use {KEY}, please."}]),
        run_of(respondents=[SIMULATED | {"label": "the-server-key"}]),
        run_of(**{KEY: 1}),
        run_of(occasion="Bearer abcdefghijklmnop"),
    ],
)
def test_a_key_is_refused_and_not_repeated(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "the-server-key")
    with pytest.raises(InputError) as caught:
        parse_spec(given)
    assert "environment, by name" in str(caught.value)
    assert KEY not in str(caught.value) and "the-server-key" not in str(caught.value)


def test_one_name_stands_for_one_respondent(workspace: Path) -> None:
    spec = parse_spec(run_of(respondents=[SIMULATED, SIMULATED]))
    assert isinstance(spec, RunSpec)
    with pytest.raises(InputError, match=r"respondents\.1\.model: .* named twice"):
        run_settings(spec, workspace, None, {})
