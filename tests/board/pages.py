"""Reports to look at, a hostile one among them, and a parser that sees what is in a page."""

from html.parser import HTMLParser

from tests.board.examples import SYSTEMS, made_up_cases, made_up_measurement
from valuecompass.board.page import render_report
from valuecompass.items import Item
from valuecompass.measure.measurement import Case, Mark, Measurement, Row, Score
from valuecompass.values import ValueSystem

VOID = {"meta", "wbr", "input"}
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
