import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.board.examples import (
    ANSWER,
    NAMES,
    SYSTEMS,
    corrected_measurement,
    made_up_case,
    made_up_cases,
    made_up_measurement,
)
from valuecompass.board import render_report
from valuecompass.items import Item
from valuecompass.measure.measurement import Case, Mark, Measurement, Row, Score
from valuecompass.values import ValueSystem, builtin_system

VOID = {"meta", "wbr", "input"}
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on the PATH: install one to check the page in a browser"
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</script><script>alert(1)</script>",
    "</style><b>",
    "</textarea></title></svg></table><iframe src=javascript:alert(1)>",
    "<!--<script>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "]]><![CDATA[",
    "&lt;script&gt;",
    "\x00\x1b[31m\u202egnp.exe\u2066\u2028\u2029\ud800\ufffe",
)


class Page(HTMLParser):
    """Elements, their attributes and texts; fails where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), attrs
        self.elements.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def tags(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag == name]

    def text(self, inside: str = "body", but: tuple[str, ...] = ("script", "style")) -> str:
        return "".join(t for at, t in self.texts if inside in at and not set(but) & set(at))

    def script(self, *, data: bool) -> str:
        found = [t for at, t in self.texts if at[-1:] == ("script",)]
        assert len(found) == 2
        return found[0 if data else 1]


def shape(page: Page) -> list[tuple[str, tuple[str, ...]]]:
    """Tags and attribute names: what a text must not be able to change."""
    return [(tag, tuple(sorted(attributes))) for tag, attributes in page.elements]


def report(systems: tuple[str, ...] = SYSTEMS, per_respondent: int = 1) -> str:
    cases = [c for s in systems for c in made_up_cases(s, per_respondent)]
    return render_report([made_up_measurement(s) for s in systems], cases, lead=["What it shows."])


def hostile_report(text: str) -> str:
    """A report in which everything that can be a text is this one."""
    plain = text.encode("utf-8", "ignore").decode()  # pydantic lets no lone surrogate in
    name = f"n{plain[:70]}"
    system = ValueSystem.model_validate(
        {
            "id": "own",
            "name": name,
            "scoring": "expression",
            "summary": "..." + plain[:500],
            "source": "..." + plain[:500],
            "groups": [{"name": name, "dimensions": [f"{name} {i}" for i in (1, 2)]}],
            "dimensions": [
                {
                    "name": f"{name} {i}",
                    "definition": "..." + plain[:500],
                    "high": "..." + plain[:500],
                    "low": "..." + plain[:500],
                }
                for i in (1, 2, 3)
            ],
        }
    )
    estimate = {"score": 50, "low": 40, "high": 60}
    detail = {"within": estimate, "evr": estimate, "x " + text: estimate}
    detail |= {"expression_rate": estimate, "corrected": estimate}
    scores = {d: Score(50, 40, 60, 9, 1, 1, detail) for d in system.names}
    rows = (Row(text, True, "own", scores, (text,)), Row(text + "2", False, "own", scores, (text,)))
    manifest = {
        "system": system.model_dump(mode="json"),
        "judge_gate": {"status": "failed", "reason": text},
        text: {text: [text, {text: text}]},
        "also " + text: text,
    }
    measurement = Measurement(text, made_up_measurement("safety").created, "own", manifest, rows)
    item = Item.model_validate(
        {
            "kind": "tradeoff",
            "system": "own",
            "text": plain,
            "dimensions": system.names[:2],
            "sides": [{"dimension": d, "text": plain} for d in system.names[:2]],
            "principle": plain,
            "topic": plain,
            "turns": [{"role": "user", "text": plain}],
            "media": [{"type": "image", "uri": plain, "description": plain}],
        }
    )
    marks = (Mark(text, 0.9, 1.0, 0.9, 0, 5), Mark(system.names[0], 0.8, -1.0, 0.9, 2, len(text)))
    weak = (
        Mark("w" + text, 0.1, None, None, None, None),
        Mark("m" + text, None, None, None, None, None),
    )
    case = Case(text, True, "own", item, text, text, marks + weak, {text: text})
    return render_report([measurement], [case], lead=[text], title=text)


def test_everything_is_in_its_order():
    page = Page(report())
    ids = [a["id"] for tag, a in page.elements if tag == "section"]
    assert ids == ["reading", *(f"system-{i}" for i in (1, 2, 3, 4)), "cases", "making"]
    headings = re.sub(r"\s+", " ", page.text("h2"))
    for before, after in pairwise(builtin_system(s).name for s in SYSTEMS):
        assert headings.index(before) < headings.index(after)
    text = page.text()
    assert text.index("What it shows.") < text.index("Respondents")
    assert "14 March 2026" in text
    for word in ("Interval", "Refused", "Missing", "Not measured", "Limits", "Manifest"):
        assert word in text


def test_rows_and_columns_keep_their_order():
    page = Page(render_report([made_up_measurement("schwartz")], []))
    board = page.text("table").split("Dimension")[0]
    heads = [board.index(d) for d in builtin_system("schwartz").circle]
    assert heads == sorted(heads)
    at = [board.index(n.split("/")[1].split("&")[0]) for n in NAMES[:4]]
    assert at == sorted(at)


def test_simulated_respondents_are_marked_by_a_word_everywhere():
    measurement = made_up_measurement("schwartz", NAMES[:1] + NAMES[3:4])
    with_one = render_report([measurement], [made_up_case(respondent=NAMES[3])])
    assert Page(with_one).text().count("simulated") > 8
    none = render_report([made_up_measurement("schwartz", NAMES[:2])], [made_up_case()])
    assert "simulated" not in Page(none).text()


def test_a_dimension_without_data_is_not_measured_and_never_zero():
    empty = Score(None, None, None, 0, 3, 4)
    row = Row("made-up/a", False, "safety", dict.fromkeys(builtin_system("safety").names, empty))
    source = made_up_measurement("safety")
    page = render_report([Measurement("i", source.created, "safety", source.manifest, (row,))], [])
    section = page[page.index('id="system-1"') : page.index('id="making"')]
    assert section.count("not measured") >= 6
    assert "3 refused" in section
    assert "4 missing" in section
    assert 'class="score"' not in section
    assert '<svg class="range' not in section
    assert '<svg class="radar' not in section


def test_a_gap_in_a_profile_is_not_drawn_through():
    source = made_up_measurement("safety", NAMES[:1])
    first = source.rows[0]
    missing = {
        **first.dimensions,
        builtin_system("safety").names[2]: Score(None, None, None, 0, 0, 0),
    }
    gap = Measurement(
        "i",
        source.created,
        "safety",
        source.manifest,
        (Row(first.respondent, False, "safety", missing),),
    )
    path = re.compile(r'class="profile s0 r0"><path class="line" [^>]*d="([^"]*)"')
    whole, broken = (path.search(render_report([m], []))[1] for m in (source, gap))
    assert (whole.count("M"), whole.count("L")) == (1, 6)
    assert (broken.count("M"), broken.count("L")) == (2, 4)


def test_the_axis_is_full_whatever_the_scores():
    scores = {d: Score(41, 40, 42, 9, 0, 0) for d in builtin_system("safety").names}
    source = made_up_measurement("safety")
    row = Row("made-up/a", False, "safety", scores)
    text = render_report([Measurement("i", source.created, "safety", source.manifest, (row,))], [])
    ticks = re.findall(r'<text class="tick"[^>]*>(\d+)</text>', text)
    assert ticks == ["0", "25", "50", "75", "100"]
    rings = [float(r) for r in re.findall(r'<circle class="ring t\d+" r="([\d.]+)"', text)]
    assert rings == sorted(rings)
    assert rings[-1] == 150
    assert re.findall(r'<text x="(\d+)%"[^>]*>(\d+)<', text)[:5] == [(t, t) for t in ticks]
    assert '<rect class="bar" y="-7" height="14" width="41%"/>' in text


def test_every_chart_has_a_name_and_a_table():
    page = Page(report(("schwartz", "moral-foundations")))
    charts = [
        a
        for tag, a in page.elements
        if tag == "svg" and a.get("aria-hidden") != "true" and "viewbox" in a
    ]
    assert len(charts) == 2
    assert all(a["role"] == "img" and re.search("Power|Care", a["aria-label"]) for a in charts)
    text = page.text()
    for twin in (
        "The radar as a table",
        "All numbers as a table",
        "The trade-off scales as a table",
    ):
        assert twin in text
    assert "EVR" in text
    regions = [a for _, a in page.elements if a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["role"] == "region" and a["aria-label"] for a in regions)


def test_trade_off_scale_is_not_shown_where_there_is_none():
    assert "Trade-off scale: compares dimensions within one respondent" in report(("schwartz",))
    assert "Trade-off scale" not in report(("safety",))
    assert "How principles are violated" not in report(("safety",))


def test_intervals_stand_in_the_radar_at_once_only_while_they_are_readable():
    few = render_report([made_up_measurement("schwartz", NAMES[:3])], [])
    many = render_report([made_up_measurement("schwartz")], [])
    assert 'class="radar-figure all-bands"' in few
    assert 'type="radio"' not in few
    assert 'class="radar-figure all-bands"' not in many
    assert many.count('type="radio"') == 6


def test_more_respondents_than_colours():
    names = tuple(f"made-up/model-{i}" for i in range(11))
    page = Page(render_report([made_up_measurement("schwartz", names)], []))
    assert {a["class"] for a in page.tags("g")} == {f"profile s{i % 8} r{i}" for i in range(11)}


def test_systems_of_one_or_two_dimensions_have_no_radar():
    system = {
        "id": "own",
        "name": "Own",
        "scoring": "rating",
        "summary": "One thing.",
        "source": "Own.",
        "dimensions": [
            {"name": "Calm", "definition": "Being calm.", "high": "calm", "low": "not calm"}
        ],
    }
    row = Row("made-up/a", False, "own", {"Calm": Score(40, 30, 50, 9, 0, 0)})
    when = made_up_measurement("safety").created
    text = render_report([Measurement("i", when, "own", {"system": system}, (row,))], [])
    assert '<svg class="radar' not in text
    assert "Being calm." in Page(text).text()


def test_a_builtin_system_is_shown_as_it_was_measured():
    measurement = made_up_measurement("safety")
    measurement.manifest["system"]["dimensions"][0]["definition"] = (
        "As it was defined in the old days."
    )
    page = Page(render_report([measurement], []))
    assert "As it was defined in the old days." in page.text()


def test_two_measurements_of_one_system_are_told_apart_by_their_date():
    text = Page(render_report([made_up_measurement("safety")] * 2, [])).text()
    assert "Safety domains, 14 March 2026" in text


def test_nothing_at_all_is_a_page_too():
    assert "no measurements" in Page(render_report([], [])).text()


def marks_of(text: str) -> str:
    return re.search(r"<blockquote[^>]*>(.*?)</blockquote>", text, re.S)[1]


def without_tags(marked: str) -> str:
    marked = re.sub(r'<span class="tag.*?</span>', "", marked)
    return html.unescape(re.sub(r"<[^>]*>", "", marked))


def test_evidence_is_marked_with_name_and_side():
    marked = marks_of(render_report([made_up_measurement("schwartz")], [made_up_case()]))
    first, second = builtin_system("schwartz").names[:2]
    assert without_tags(marked) == ANSWER
    assert f"<bdi>{first}</bdi>: supports" in marked
    assert f"<bdi>{second}</bdi>: opposes" in marked
    assert re.findall(r'<mark class="(\w+)"', marked) == ["for", "both", "against"]


@pytest.mark.parametrize(
    ("system", "words"),
    [("moral-foundations", ("respects", "violates")), ("safety", ("safe", "unsafe"))],
)
def test_conduct_is_worded_as_conduct(system, words):
    first, second = builtin_system(system).names[:2]
    marks = (Mark(first, 0.9, 0.8, 0.9, 0, 10), Mark(second, 0.1, -0.8, 0.9, 10, 20))
    marked = marks_of(
        render_report([made_up_measurement(system)], [made_up_case(system, marks=marks)])
    )
    assert [
        f"<bdi>{d}</bdi>: {w}" in html.unescape(marked)
        for d, w in zip((first, second), words, strict=True)
    ] == [True, True]


offset = st.one_of(st.none(), st.integers(-5, len(ANSWER) + 5))


@given(st.lists(st.tuples(offset, offset, st.sampled_from([-1.0, 0.0, 1.0, None])), max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_spans_leave_the_response_as_it_is(spans):
    marks = tuple(Mark("Power", 0.9, v, 0.5, a, b) for a, b, v in spans)
    text = render_report([made_up_measurement("schwartz", NAMES[:1])], [made_up_case(marks=marks)])
    assert without_tags(marks_of(text)) == ANSWER
    good = [
        m for m in marks if None not in (m.start, m.end) and 0 <= m.start < m.end <= len(ANSWER)
    ]
    assert bool(re.search(r"<mark ", marks_of(text))) == bool(good)


def test_outcomes_are_badges():
    for outcome in ("refusal", "empty", "missing"):
        case = made_up_case(
            response="" if outcome != "refusal" else "No.", outcome=outcome, marks=()
        )
        text = render_report([made_up_measurement("schwartz")], [case])
        assert f'<span class="outcome {outcome}">{outcome}</span>' in text


def test_a_megabyte_is_cut_with_a_note():
    response = "long " * 200_000
    marks = (
        Mark("Power", 0.9, 1.0, 0.9, 999_000, 999_500),
        Mark("Tradition", 0.9, 1.0, 0.9, 5_000, 999_999),
    )
    text = render_report(
        [made_up_measurement("schwartz")], [made_up_case(response=response, marks=marks)]
    )
    page = Page(text)
    assert "the first 6,000 of 1,000,000 characters" in page.text()
    assert "evidence beyond the part shown" in page.text()
    assert "<bdi>Tradition</bdi>: supports" in marks_of(text)
    assert len(text) < 400_000


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_change_no_tag(text):
    tame, hostile = Page(hostile_report("harmless words!")), Page(hostile_report(text))
    kept = [e for e in shape(hostile) if e[0] != "wbr" and e[0] != "tspan"]
    assert kept == [e for e in shape(tame) if e[0] != "wbr" and e[0] != "tspan"]
    for _, attributes in hostile.elements:
        assert not any(name.startswith("on") for name in attributes)


texts = st.text(
    st.one_of(st.sampled_from("<>\"'&/=`{}%#;:-!\x00\u2028\u202e\ud800"), st.characters()),
    min_size=3,
    max_size=60,
).filter(lambda t: t.strip() != "")


@given(texts)
@settings(max_examples=40, deadline=None)
def test_no_text_whatever_changes_a_tag(text):
    page = Page(hostile_report(text))
    page_tags = {tag for tag, _ in page.elements}
    assert page_tags <= {tag for tag, _ in Page(hostile_report("harmless words!")).elements} | {
        "wbr"
    }
    names = {name for _, attributes in page.elements for name in attributes}
    assert names <= {
        name
        for _, attributes in Page(hostile_report("harmless words!")).elements
        for name in attributes
    }
    json.loads(page.script(data=True))


def test_acting_characters_are_made_visible():
    text = hostile_report(HOSTILE[-1])
    text.encode("utf-8")
    shown = Page(text).text()
    for sign in "\x00\x1b\u202e\u2066\ud800\ufffe":
        assert sign not in text
    for sign in ("␀", "␛", "⟦U+202E⟧", "\ufffd"):
        assert sign in shown


def test_embedded_data_is_the_documented_json():
    measurements = [made_up_measurement(s, notes=("</script><!-- \u2028 ü",)) for s in SYSTEMS]
    text = render_report(measurements, [])
    data = Page(text).script(data=True)
    assert "<" not in data
    assert data.isascii()
    found = json.loads(data)["measurements"]
    for m, back in zip(measurements, found, strict=True):
        assert back["rows"] == json.loads(json.dumps([r.json() for r in m.rows]))
        assert back["manifest"] == m.manifest
        assert (back["id"], back["created"]) == (m.id, m.created.isoformat())


def test_numbers_json_cannot_say_are_null():
    text = render_report([made_up_measurement("safety", spread=float("nan"))], [])
    data = json.loads(Page(text).script(data=True), parse_constant=pytest.fail)
    assert data["measurements"][0]["manifest"]["spread"] is None


def test_manifests_are_shown_once_where_they_agree():
    measurements = [
        made_up_measurement(s, prompts={"own": f"hash-{s}", "common": "cafe"}) for s in SYSTEMS
    ]
    making = render_report(measurements, []).split('id="making"')[1].split("<script")[0]
    assert making.count("cafe") == 1
    assert all(making.count(f"hash-{s}") == 1 for s in SYSTEMS)


def test_nothing_is_loaded_from_anywhere():
    text = report()
    page = Page(text)
    policy = next(a["content"] for a in page.tags("meta") if a.get("http-equiv"))
    own = base64.b64encode(hashlib.sha256(page.script(data=False).encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{own}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "url(" not in text
    assert "@import" not in text
    assert all(a["href"].startswith("#") for _, a in page.elements if "href" in a)
    assert not any("src" in a for _, a in page.elements)
    assert {"link", "img", "iframe", "object", "embed", "form", "base"}.isdisjoint(
        t for t, _ in page.elements
    )


def test_ids_are_unique_and_every_reference_resolves():
    page = Page(report())
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    wanted = {a["href"][1:] for _, a in page.elements if "href" in a}
    wanted |= {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert wanted <= set(ids)


def test_size_of_a_full_report():
    text = report(per_respondent=5)
    assert text.count('<details class="case"') == 100
    assert len(text.encode()) < 1_500_000


def test_it_is_the_same_every_time():
    assert report() == report()


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_aa_in_light_and_dark():
    style = render_report([], []).split("<style>")[1].split("</style>")[0]
    light = dict(re.findall(r"--([\w-]+): (#\w{6})", style.split("@media")[0]))
    dark = dict(
        re.findall(
            r"--([\w-]+): (#\w{6})", style.split("prefers-color-scheme: dark")[1].split("@media")[0]
        )
    )
    assert light.keys() == dark.keys()
    for colours in (light, dark):
        for ground in ("paper", "card", "shade"):
            for text in ("ink", "muted", "accent"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for side in ("for", "against", "open", "both"):
            assert contrast(colours["ink"], colours[side]) >= 4.5, side
            assert contrast(colours[f"{side}-line"], colours["card"]) >= 4.5, side
        for side in ("against", "open"):  # badges of outcomes
            assert contrast(colours[f"{side}-line"], colours[side]) >= 4.5, side
        for series in range(8):
            assert contrast(colours[f"s{series}"], colours["paper"]) >= 3, series


def browse(tmp_path, page: str, *options: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    assert CHROMIUM is not None
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-background-networking "
        "--disable-dev-shm-usage --enable-logging=stderr --virtual-time-budget=4000 --dump-dom"
    )
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *flags.split(), profile, *options, path.as_uri()]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, encoding="utf-8"
    )


@NEEDS_CHROMIUM
@pytest.mark.parametrize("hostile", [False, True])
def test_the_browser_finds_nothing_to_complain_of(tmp_path, hostile):
    text = "".join(HOSTILE) + "W" * 400
    done = browse(tmp_path, hostile_report(text) if hostile else report())
    assert "CONSOLE" not in done.stderr
    assert re.search(r'<output aria-live="polite">(\d+) of \1 cases</output>', done.stdout)


@NEEDS_CHROMIUM
@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("hostile", [False, True])
def test_the_page_is_never_wider_than_the_screen(tmp_path, width, hostile):
    text = "".join(HOSTILE) + "W" * 400
    page = hostile_report(text) if hostile else report()
    opened = page.replace("<details", "<details open")
    harness = f"""<!doctype html><body><p id="is"></p>
    <iframe style="width:{width}px;height:800px" srcdoc="{html.escape(opened)}"></iframe>
    <script>onload = () => {{
      const root = document.querySelector("iframe").contentDocument.documentElement;
      const is = `width ${{root.scrollWidth}} of ${{root.clientWidth}}`;
      document.querySelector("#is").textContent = is;
    }}</script>"""
    found = re.search(
        r"width (\d+) of (\d+)", browse(tmp_path, harness, "--window-size=1600,1000").stdout
    )
    assert found is not None
    assert int(found[1]) <= int(found[2])
    assert width - 20 <= int(found[2]) <= width


def test_a_demonstration_is_marked_with_its_reason():
    reason = "No better than the length of a text."
    page = Page(render_report([corrected_measurement("safety", "failed", reason, 30)], []))
    badges = [a["class"] for a in page.tags("span") if "demonstration" in a.get("class", "")]
    assert badges == ["badge demonstration"]
    assert f"Demonstration. {reason}" in page.text()
    for status in ("passed", "unmeasured"):
        page = Page(render_report([corrected_measurement("safety", status, reason, 30)], []))
        assert reason in page.text() and "emonstration" not in page.text()


@pytest.mark.parametrize("system", ["schwartz", "safety"])
def test_shares_stand_raw_and_corrected(system):
    page = Page(render_report([corrected_measurement(system, "passed", "Good.", 30)], []))
    text = re.sub(r"\s", "", page.text(inside="tbody"))
    dimensions = len(builtin_system(system).names)
    assert text.count("4030–50") == text.count("3025–35") == dimensions
    assert "share corrected for the judge's errors" in page.text()
    page = Page(render_report([corrected_measurement(system, "passed", "Good.", None)], []))
    assert page.text().count("not corrected") == dimensions
    assert "Corrected for" not in Page(render_report([made_up_measurement(system)], [])).text()
