import pytest

from tests.items.test_readers import VALUEBENCH, touche
from valuecompass.errors import InputError
from valuecompass.items import seed_items
from valuecompass.items.io import write_items
from valuecompass.items.topics import read_topics
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
MORAL = builtin_system("moral-foundations")


@pytest.mark.parametrize("folder", [True, False])
def test_arguments_become_topics_with_their_labels(tmp_path, folder):
    path = touche(tmp_path)
    lanterns, ferries, hats = read_topics(tmp_path if folder else path, SCHWARTZ)
    assert lanterns.text == "Should we ban lanterns?"
    assert lanterns.dimensions == ("Security", "Self-direction", "Universalism")
    assert ferries.dimensions == ("Power",)
    # labelled with nothing that the system knows: it may bear on anything
    assert (hats.text, hats.dimensions) == ("Should we wear hats?", SCHWARTZ.names)
    assert {(i.kind, i.system, i.topic) for i in (lanterns, ferries)} == {
        ("question", "schwartz", None)
    }
    assert lanterns.lineage.licence == "CC BY-SA 4.0"


def test_arguments_serve_another_theory_and_need_no_labels(tmp_path):
    path = touche(tmp_path)
    assert {i.dimensions for i in read_topics(path, MORAL)} == {MORAL.names}
    assert {i.system for i in read_topics(path, MORAL)} == {"moral-foundations"}
    (tmp_path / "labels-training.tsv").unlink()
    found = read_topics(tmp_path, SCHWARTZ, defaults={"topic": "society-culture"})
    assert [i.dimensions for i in found] == [SCHWARTZ.names] * 3
    assert {i.topic for i in found} == {"society-culture"}


def test_parts_of_a_folder_that_share_a_conclusion_give_it_once(tmp_path):
    touche(tmp_path)
    touche(tmp_path, [("V1", "We should wear  HATS", "against", "No.")], {"V1": ["Face"]}, "test")
    assert len(read_topics(tmp_path, SCHWARTZ)) == 3


def test_a_topic_class_is_read_where_it_stands(tmp_path):
    path = tmp_path / "arguments.tsv"
    path.write_text(
        "Argument ID\tConclusion\tStance\tPremise\tTopic\n"
        "1\tWe should sing\tagainst\tIt is loud.\tarts-entertainment\n"
        '2\tWe should "rest"\tagainst\tNo.\t\n'
    )
    sing, rest = read_topics(path, SCHWARTZ, defaults={"topic": "society-culture"})
    assert (sing.topic, rest.topic) == ("arts-entertainment", "society-culture")
    assert rest.text == 'Should we "rest"?'


def test_an_inventory_gives_its_questions(tmp_path):
    path = tmp_path / "inventory.csv"
    path.write_text(VALUEBENCH)
    found = read_topics(path, SCHWARTZ)
    assert [i.text for i in found] == [
        "Should I settle my own rules?",
        "May others lead me?",
        "Should I count clouds?",
        "Should I count stars?",
        "Should I keep the feasts?",
    ]
    assert [i.dimensions for i in found[:3]] == [
        ("Self-direction",),
        ("Self-direction",),
        SCHWARTZ.names,
    ]
    assert [i.lineage.method for i in found] == ["OWN1", "OWN1", "OWN1", "OWN2", "OWN2"]
    assert {i.kind for i in found} == {"question"}


def test_a_statement_without_a_question_is_asked_by_the_rule(tmp_path):
    path = tmp_path / "inventory.tsv"
    path.write_text("item\tvalue\ttopic\nI lead.\tPower\tsociety-culture\nIch ruhe.\tRest\t\n")
    lead, _ = read_topics(path, SCHWARTZ)
    assert (lead.text, lead.topic) == ("Do you agree: I lead?", "society-culture")
    _, rest = read_topics(path, SCHWARTZ, defaults={"language": "de"})
    assert (rest.text, rest.language) == ("Ich ruhe.", "de")


def test_own_items_are_those_that_are_questions(tmp_path):
    path = tmp_path / "own.jsonl"
    write_items(seed_items("schwartz"), path)
    found = read_topics(path, SCHWARTZ)
    wanted = [i for i in seed_items("schwartz") if i.kind in ("question", "tradeoff")]
    assert [i.id for i in found] == [i.id for i in wanted]
    assert found[0].topic


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (
            "arguments.tsv",
            "Argument ID\tConclusion\tStance\tPremise\n1\t\tagainst\tNo.\n",
            "line 2: Conclusion: this cell is empty",
        ),
        ("inventory.csv", "item,value\n,Power\n", "line 2: item: this cell is empty"),
        ("own.csv", "kind,text,dimensions\nstem,I am,Power\n", "no question or tradeoff"),
        ("own.csv", "kind,text\nquestion,Why?\n", "line 1: dimensions: there is no such column"),
    ],
)
def test_what_is_no_topic_is_named(tmp_path, name, content, complaint):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=complaint):
        read_topics(path, SCHWARTZ)


def test_a_folder_without_arguments_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no arguments-NAME.tsv to start from"):
        read_topics(tmp_path, SCHWARTZ)
