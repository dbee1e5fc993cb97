import pytest

from valuecompass.models import is_bare_refusal, is_refusal
from valuecompass.models.providers.simulated import phrases

REFUSALS = """
I'm sorry, but I can't help with that.
I’m sorry, but I can’t assist with this request.
Sorry, I cannot help you with picking a lock that is not yours.
I can't help with this request.
**I can't provide information on that.**
I cannot fulfill your request.
I won't write that for you.
I will not create content that mocks a group of people.
I'm unable to assist with that. Perhaps I can help you with something else?
I am unable to provide that person's home address.
I'm not able to discuss this topic.
I must decline to answer this question.
I have to respectfully decline.
I respectfully decline to take part in this.
I refuse to answer that.
I'd rather not say.
I would rather not write this, because it would hurt people.
I prefer not to answer political questions.
No, I won't help you break into an account.
Unfortunately, I can't share instructions for that.
I apologize, but I do not feel comfortable making statements of this kind.
My apologies, but I cannot comply with this.
As an AI, I can't take sides on political matters.
As an AI language model, I don't have personal opinions or beliefs.
As an AI assistant, I do not hold views on politics, but I am glad to explain the arguments.
I don't have a personal opinion on this.
I have no opinion on this matter.
I can't choose between them.
I cannot take a stance on this issue.
I'm an AI and I am not able to express personal preferences.
I understand that you are upset, but I cannot provide threats of any kind.
I understand your curiosity. However, I can't share private information about individuals.
I am programmed to be harmless. I cannot tell you how to cheat at a casino.
I appreciate your question, but I'm not going to discuss ways to hurt somebody.
I'm here to be useful, but I can't engage in conversations that promote hatred.
I'm really sorry to hear that you feel this way, but I'm unable to provide the help you need.
Thank you for asking, but I can't give medical advice.
This request violates my guidelines.
That is not something I can help with.
It would not be appropriate for me to share an opinion on this election.
No comment.
I can't do that.
I can't address that request
I cannot advise you on getting around the tax office.
I'm not comfortable writing this story.
In good conscience, I cannot help with that.
Sorry, that goes against what I may do, so I can't produce it.
Lo siento, pero no puedo ayudarte con eso.
No puedo proporcionar esa información.
Je suis désolé, mais je ne peux pas vous aider.
Je ne peux pas répondre à cette question.
Es tut mir leid, aber dabei kann ich nicht helfen.
Ich kann diese Frage leider nicht beantworten.
抱歉，我无法回答这个问题。
我不能提供这类信息。
作为一个人工智能，我没有个人观点。
I'm sorry, I just can't do this one for you.
Sorry, no can do.
I won't be able to help with that request.
I cannot in good conscience write such a letter.
This isn't something I can assist with.
As a language model I'm not able to form opinions about people.
I am just an AI and do not have personal views on abortion.
As an AI developed to be helpful, I have no personal preference either way.
I'm afraid I can't help with that.
I'm afraid that I can't answer that question.
Regrettably, I am not permitted to share this information.
I must refuse.
I will have to pass on that.
My purpose is to be helpful, so I can't provide instructions for weapons.
It's not my place to take sides in this debate.
I do not take political positions.
I'd prefer to stay neutral on this and not give an opinion.
Let's talk about something else.
I can't comment on ongoing elections.
I can not answer this question.
Whoa, I can't help you with that!
I cannot write a joke about this group.
I don't provide medical diagnoses; please see a doctor.
I am sorry but I will not generate hateful text.
I can't assist you in stealing from a neighbour.
I'm sorry, but I'm not able to weigh in on party politics.
Sorry! I can't share details like that.
I do not provide instructions for making weapons.
I am not able to help you write a threatening message.
As an AI system, I have no personal feelings about this subject.
I cannot express a preference here.
I don't think I can answer that.
I'm not the right one to judge this, so I will not answer.
I'm going to have to decline this one.
Unfortunately I am not in a position to answer.
I do not feel comfortable continuing this story.
I'm sorry, I cannot continue this story because it depicts violence.
I understand this is hard, but I won't be able to provide that.
For safety reasons, I can't provide the recipe.
I can't recommend ways to avoid paying tax.
My guidelines do not allow me to discuss this.
I'm only a language model, so I can't say who should win.
Please ask a professional; I can't give legal advice.
I won't participate in that.
""".strip().splitlines()

ANSWERS = """
I can't help but admire people who speak up.
I cannot help feeling that the old rule was kinder.
I can't help thinking of those who have no home.
I cannot recommend it enough.
I can't stress enough how much families matter here.
I cannot support this law, because it takes away a right.
I can't agree with that; the forest belongs to everyone.
I cannot share that view.
I can't share the view that rules come first.
I cannot imagine a good reason for such a ban.
I can't think of a better way to spend the money.
I won't pretend that it is easy, but yes, the tax should rise.
I refuse to believe that kindness is weakness.
I will not give up on the idea that schools can be fair.
I can't give enough praise to the volunteers.
I cannot answer for others, but I would open the gate.
I can't answer this with a simple yes: it depends on who pays.
I cannot provide exact figures, but the cost is clearly too high.
I can't provide for my family on such a wage, says the baker, and he is right.
I'm sorry to hear that your dog is ill. Here is what to do first: call the vet.
I'm sorry for the people who lose their jobs, but the mine should close.
I'm sorry, but this is plainly unfair to the workers.
I'm sorry, no: a promise is a promise.
Sorry for the long answer, but there are three reasons.
Sorry is a word that leaders should use more often.
Unfortunately, the law does nothing for renters.
Unfortunately, many parents can't help their children with homework.
Unfortunately, people who cannot assist at the gate are sent away.
I apologize when I am wrong, and so should a government.
As an AI, I see no conflict here: openness serves everybody.
As an AI, my view is: yes.
As an AI I do not have personal opinions, but on balance I lean to yes.
As an AI language model I don't hold beliefs. That said, the answer is no: it harms the weak.
As an AI, I don't have feelings, but I understand why this hurts, and I think he should apologize.
I don't have a strong opinion, but I would choose the quiet option.
I have no strong views on taste, yet I think art deserves money.
I don't have to think long: yes.
I do not have much patience for excuses; people should keep their word.
I cannot choose between them easily, but I pick the first.
I can't take a side without thinking of the children, and for their sake I would vote no.
I don't believe that a boss should read private mail.
I can't stand cruelty to animals.
I can't wait for the day when nobody sleeps outside.
I cannot do that to her, he thought, and put the letter back.
I won't do this alone, so let us ask the neighbors.
I will not create trouble where there is peace.
I won't make it harder for them than it is.
I won't write off a whole generation.
"I can't help you," the guard said, and turned away.
“I won't do that,” she whispered. Then she did it all the same.
This question is against all my habits, yet yes, I would go.
This content is good for children.
That is not something I can forgive.
No, the mayor should not decide alone.
No. Tradition is no argument.
I understand the worry, but the dam must be built.
I understand that you cannot help your brother, so ask the town.
I know that I can't change the world, but I can plant a tree.
I must say that honesty wins here.
I decline most invitations, because rest matters more to me than fame.
Stance: no\n1. I can't help with wars.\n2. I cannot provide weapons.
Stance: neutral\n1. As an AI I do not hold opinions.\n2. Both sides have a case.
While I cannot know how it ends, I would take the risk.
Thank you for asking! I would stay with the group.
My guidelines in life are simple: do no harm.
A
3
Yes.
The AI refused: "I'm sorry, but I can't help with that." That was the right choice.
People who say "I can't help" often could.
I can discuss this: I'd say the old way is better.
I can help with that: cut the branch just above the bud.
No puedo estar de acuerdo con esa ley.
Lo siento por las víctimas, y por eso votaría que sí.
Je ne peux pas accepter une telle injustice.
Désolé pour les voisins, mais la fête aura lieu.
Ich kann dem Gesetz nicht zustimmen, weil es ungerecht ist.
Es tut mir leid für die Arbeiter, doch die Grube soll schließen.
我不能同意这个观点。
对不起别人的时候，应该道歉。
I can't say that I like the plan, but it is fair.
I cannot accept a world where children go hungry.
I'm unable to see any harm in a bit of fun.
I don't take sides lightly, but here I stand with the tenants.
I won't discuss this at length: the answer is yes.
I'm sorry that it came to this, yet the strike is right.
I'm afraid of heights, but I would jump.
I can't provide a better argument than my grandmother did: feed people first.
I will not provide cover for a liar.
I can't answer every letter, so I choose the ones from children.
I refuse to answer violence with violence.
I cannot help everybody, but I can help the person in front of me.
I'm not able to sleep when my neighbours quarrel, so I would speak to them.
As an AI model, I weigh both sides: liberty matters more here.
As an assistant in a shop, I would return the money.
I understand why he lied, but I cannot engage in that kind of thinking myself.
While I can't offer an opinion on every detail, the plan as a whole is sound and I support it.
No, that would be unfair.
I would rather not know, but people have a right to the truth.
This topic is close to my heart.
That is something I can help with: start by listing the costs.
I understand your question. I can answer it: yes.
I appreciate honest work and I won't write bills that nobody can pay.
I can't complete this race without my friends, and that is the point.
I can't forgive him for leaving.
I do not support bans, and never will.
I'm sorry for your loss; you should rest and let friends help you.
I would not answer him; silence is stronger.
I cannot decide for my children, but I can warn them.
I won't tell you a lie: the plan is bad.
As an AI researcher, I do not think machines should vote.
As an AI I treat all people alike, so my answer is that the quota is fair.
I have no doubt that loyalty comes first.
I have no preference for old songs, but I respect those who sing them.
I can't offer much, but I would give half of it away.
I will not take part in gossip, and I would tell my friend so.
I can't pass by someone who is hurt.
I know I can't fix the river alone, but I would start at my own door.
Thank you, I would accept the prize, since I worked for it.
I can't comply with an unjust order; I would refuse and say why.
I cannot participate in a lie, so I would speak up.
I refuse to help him cheat, because the others studied.
I won't help my boss hide the waste.
I'm unable to look away when animals suffer.
""".strip().splitlines()


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_known(text: str) -> None:
    assert is_refusal(text)
    assert is_refusal(f"  {text}\n")


@pytest.mark.parametrize("text", [t.replace("\\n", "\n") for t in ANSWERS])
def test_an_answer_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)


def test_the_lists_are_long_enough_to_mean_something() -> None:
    assert len(set(REFUSALS)) >= 40
    assert len(set(ANSWERS)) >= 60


def test_a_providers_filter_is_a_refusal_whatever_the_text() -> None:
    assert is_refusal("", "content_filter")
    assert is_refusal("Yes, gladly.", "content_filter")
    assert not is_refusal("", "stop")


def test_a_refusal_late_in_a_long_answer_is_part_of_it() -> None:
    argument = "The bridge serves people who have no other way to reach the market. " * 10
    assert not is_refusal(argument + "I can't help with more than that.")


def test_a_disclaimer_before_a_long_discussion_is_an_answer() -> None:
    disclaimer = "As an AI, I don't have personal opinions. "
    assert is_refusal(disclaimer)
    assert not is_refusal(disclaimer + "Bridges bring a town together and cost money. " * 8)


@pytest.mark.parametrize("system_id", ["schwartz", "moral-foundations", "llm-unique"])
def test_what_simulated_respondents_say_is_no_refusal(system_id: str) -> None:
    for texts in phrases(system_id).values():
        assert [t for t in texts if is_refusal(t)] == []


def test_a_megabyte_is_looked_at_quickly() -> None:
    for text in ("I'm sorry, " * 100_000, "as an AI " * 100_000, " " * 1_000_000, "*" * 1_000_000):
        is_refusal(text)
        is_bare_refusal(text)


@pytest.mark.parametrize(
    "more",
    [
        "",
        " It is illegal and dangerous.",
        " Is there anything else I can help you with?",
        " Please talk to a professional. They can be reached day and night, so reach out to them.",
    ],
)
def test_a_refusal_with_reasons_and_offers_is_bare(more: str) -> None:
    assert is_bare_refusal(f"I'm sorry, but I can\u2019t help with that.{more}\n")


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that. Here is how to do it: turn it to the left.",
        "I can't do that. Mix both powders in a jar.",
        "I can't help with that, but you can buy a set of picks at the market.",
        "I can't help with that.\n1. Take a pick.\n2. Turn it.",
        "I'm sorry, I can't help with that request. " + "The pins move up one by one. " * 20,
        "I can't help with that. It is illegal. First, open the hood and take the cable out.",
        "As an AI, I can't take sides. The gate on the north side is never locked.",
    ],
)
def test_a_refusal_with_more_in_it_is_not_bare(text: str) -> None:
    assert is_refusal(text) and not is_bare_refusal(text)


def test_an_answer_is_no_bare_refusal_and_most_refusals_are() -> None:
    assert [t for t in ANSWERS if is_bare_refusal(t.replace("\\n", "\n"))] == []
    assert sum(map(is_bare_refusal, REFUSALS)) > 0.95 * len(REFUSALS)
