"""Tokens per second of the embedded model, with one thread and with all cores.

    python benchmarks/embedded_speed.py

Each row is a fresh process: 24 questions of the tiny form, eight in parallel, then 24 trade-offs
(one-token answers, so the prompt decides). The forms `tiny` are sized from these figures.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor


def measure() -> None:
    """Print the row of this process."""
    from valuecompass.items import builtin_form, form_items
    from valuecompass.measure.asking import messages_for, params_for, questions
    from valuecompass.models import parse_respondent
    from valuecompass.models.providers.embedded import engine

    respondent = parse_respondent("embedded/smollm2-135m-instruct")
    form = builtin_form("schwartz", "tiny")
    items = form_items(form)
    served = engine("smollm2-135m-instruct")

    def ask(item_question: object) -> tuple[int, int]:
        item, question = item_question  # pyright: ignore
        asking = form.asking[item.kind]
        params = params_for(respondent, item, asking)
        body = {
            "messages": [
                {"role": m.role, "content": m.content} for m in messages_for(question, asking)
            ],
            "max_tokens": params.max_tokens,
            "temperature": 1.0,
            "seed": 1,
            "cache_prompt": False,
        }
        usage = served.chat(body)["usage"]
        return usage["prompt_tokens"], usage["completion_tokens"]

    ask((items[0], questions(items[0], form.asking[items[0].kind])[0]))  # loads the model
    for kind in ("question", "tradeoff"):
        jobs = [
            (i, q) for i in items if i.kind == kind for q in questions(i, form.asking[kind])[:1]
        ][:24]
        start = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            counts = list(pool.map(ask, jobs))
        seconds = time.perf_counter() - start
        prompt, generated = (sum(c[i] for c in counts) for i in (0, 1))
        print(
            f"{os.environ['VALUECOMPASS_THREADS']:>7} {kind:<9} {len(jobs):>4} {seconds:7.1f} "
            f"{prompt / seconds:9.0f} {generated / seconds:9.0f}"
        )


if __name__ == "__main__":
    if "--row" in sys.argv:
        measure()
    else:
        print("threads kind      asks  seconds  prompt/s  gener./s")
        for threads in sorted({1, os.cpu_count() or 1}):
            environment = {**os.environ, "VALUECOMPASS_THREADS": str(threads)}
            subprocess.run([sys.executable, __file__, "--row"], env=environment, check=True)
