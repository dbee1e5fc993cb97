"""A local server with the true wire format whose models write items, and judge, in full."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.answers import answer, last_user_text, pick

WORDS = {
    "en": ("bells", "kites", "bridges", "markets", "orchards", "ferries", "wells", "lamps"),
    "es": ("campanas", "cometas", "puentes", "mercados", "huertos", "barcas", "pozos", "faroles"),
    "zh": ("钟声", "风筝", "桥梁", "集市", "果园", "渡船", "水井", "路灯"),
}
FACTS = {
    "en": "In 2019 {0} and {1} were forbidden near {2}.",
    "es": "En 2019 se prohibieron {0} y {1} junto a {2}.",
    "zh": "2019年，{2}附近禁止了{0}和{1}。",
}
QUESTIONS = {
    "en": "Should {0}, {1} and {2} be banned near the old town?",
    "es": "¿Deberían prohibirse {0}, {1} y {2} cerca del casco antiguo?",
    "zh": "老城附近是否应当禁止{0}、{1}和{2}？",
}
TRADEOFFS = {
    "en": (
        "A town can pay for one thing only this year, and {3} are no part of it.",
        "It pays for {0} and {1}, as the mayor asks.",
        "It pays for {2} and {1}, as the poor ask.",
    ),
    "es": (
        "Un pueblo solo puede pagar una cosa este año, y no se trata de {3}.",
        "Paga {0} y {1}, como pide el alcalde.",
        "Paga {2} y {1}, como piden los pobres.",
    ),
    "zh": (
        "小镇今年的经费只够办一件事，与{3}没有关系。",
        "按镇长的意思，把钱用在{0}和{1}上。",
        "按穷人的意思，把钱用在{2}和{1}上。",
    ),
}
ASKED = {"Answer with a JSON": "en", "Responde únicamente": "es", "只输出一个": "zh"}
"""How the prompts for writers end, by which a server knows their language."""
WRITTEN = ("explore", "compose", "refine", "paraphrase", "one-shot")


def wanted_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return name and schema of the structured answer that a request asks for."""
    return (body.get("response_format") or {}).get("json_schema") or {}


def language_of_prompt(prompt: str) -> str:
    """Return the language of a writer's prompt."""
    (found,) = (language for end, language in ASKED.items() if end in prompt)
    return found


def judged(body: dict[str, Any]) -> str:
    """Answer as a judge with a verdict on every part and dimension."""
    prompt, schema = last_user_text(body), wanted_of(body)["schema"]
    row = schema["properties"]["parts"]["items"]["properties"]["verdicts"]["items"]["properties"]
    verdict = {"stance": "neither", "confidence": 0.9, "evidence": ""}
    parts = [
        {
            "part": part,
            "verdicts": [
                {"dimension": name, "expressed": pick((0, 1), prompt, part, name), **verdict}
                for name in row["dimension"]["enum"]
            ],
        }
        for part in range(1, 1 + len(set(re.findall(r"<<< \w+ part (\d+)", prompt))))
    ]
    return json.dumps({"parts": parts})


def written(body: dict[str, Any], index: int = 0) -> str:
    """Answer as the server does, but write items in the prompt's language, and judge in full."""
    prompt, wanted = last_user_text(body), wanted_of(body)
    if wanted.get("name") == "verdicts":
        return judged(body)
    if wanted.get("name") not in WRITTEN:
        return answer(body, index)
    language = language_of_prompt(prompt)
    about = [pick(WORDS[language], prompt, body.get("seed"), n) for n in range(4)]
    if wanted["name"] == "explore":
        fact = FACTS[language].format(*about)
        return "Here it is: " + json.dumps({"fact": fact, "region": "Norway", "year": 2019})
    if "situation" in wanted["schema"]["properties"]:
        texts = (text.format(*about) for text in TRADEOFFS[language])
        fields = dict(zip(("situation", "first", "second"), texts, strict=True))
    else:
        fields = {"question": QUESTIONS[language].format(*about)}
    return json.dumps(fields, ensure_ascii=False)
