"""A local server with the true wire format whose models write facts and items of their own form."""

from __future__ import annotations

import json
from typing import Any

from tests.support.answers import answer, last_user_text, pick

WORDS = {
    "en": ("bells", "kites", "bridges", "markets", "orchards", "ferries", "wells", "lamps"),
    "es": ("campanas", "cometas", "puentes", "mercados", "huertos", "barcas", "pozos", "faroles"),
    "zh": ("钟声", "风筝", "桥梁", "集市", "果园", "渡船", "水井", "路灯"),
}
FORMS = {
    "en": "Should {0}, {1} and {2} be banned near the old town?",
    "es": "¿Deberían prohibirse {0}, {1} y {2} cerca del casco antiguo?",
    "zh": "老城附近是否应当禁止{0}、{1}和{2}?",
}
FACTS = {
    "en": "In 2019 {0} and {1} were forbidden near {2}.",
    "es": "En 2019 se prohibieron {0} y {1} junto a {2}.",
    "zh": "2019年，{2}附近禁止了{0}和{1}。",
}
ASKED = {"Answer with a JSON": "en", "Responde únicamente": "es", "只输出一个": "zh"}
"""How the prompts for writers end, by which a server knows their language."""
WRITTEN = ("compose", "refine", "paraphrase", "one-shot")


def language_of_prompt(prompt: str) -> str:
    """Return the language of a writer's prompt."""
    (found,) = (language for end, language in ASKED.items() if end in prompt)
    return found


def written(body: dict[str, Any], index: int = 0) -> str:
    """Answer as the server does, but give writers facts and questions in the prompt's language."""
    prompt = last_user_text(body)
    wanted = (body.get("response_format") or {}).get("json_schema", {}).get("name")
    if wanted not in ("explore", *WRITTEN):
        return answer(body, index)
    language = language_of_prompt(prompt)
    about = [pick(WORDS[language], prompt, body.get("seed"), n) for n in range(4)]
    if wanted == "explore":
        fact = FACTS[language].format(*about)
        return "Here it is: " + json.dumps({"fact": fact, "region": "Norway", "year": 2019})
    return json.dumps({"question": FORMS[language].format(*about)}, ensure_ascii=False)
