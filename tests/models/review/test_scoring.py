"""A form's items on a call: live, at the end, and with roles that come late."""

from typing import Any

import numpy as np
import pytest

from engine.facts import CallEvent, Evidence, Insight, Leg, Outcome
from engine.ports.reading import Reading, Scored, SpokenAct
from engine.quality import QualityItem
from models.compliance import JudgedTurn, load_detectors
from models.compliance.history import ALERT_SCORE
from models.review.forms import read_form
from models.review.scoring import MARKS_KEPT, Scorer
from models.review.talk import Span, Talk, measure

DETECTORS = load_detectors()
LEGS: dict[str, Leg] = {"a": "agent", "c": "customer"}


def scorer(*items: str, rules: frozenset[str] = frozenset(), timed: bool = True, opening: bool = True) -> Scorer:
    lines = "\n".join(f"  - {{id: i{number}, title: {{en: I}}, {item}}}" for number, item in enumerate(items))
    form = read_form(f"id: f\ntitle: {{en: F}}\nitems:\n{lines}\n")
    return Scorer(form, DETECTORS, rules, "en", timed=timed, opening=opening)


def say(scorer: Scorer, turn: int, stream: str, text: str, at_s: float = 1) -> None:
    start = round(at_s * 1000)
    judged = JudgedTurn(turn, stream, LEGS.get(stream, "unknown"), text, start, start + 2_000, "en")
    scorer.hear(judged, DETECTORS.fold(text))


def alert(seq: int, rule: str, outcome: Outcome, severity: Any = "critical") -> Insight:
    proof = Evidence(turn=seq, leg="agent", quote="words", start=0, end=5)
    return Insight(
        call_id="x", seq=seq, kind="compliance", turn=seq, rule=rule, outcome=outcome, severity=severity,
        evidence=(proof,),
    )  # fmt: skip


def answers(scorer: Scorer, now_s: float = 5, talk: Talk | None = None) -> list[QualityItem]:
    return list(scorer.score(lambda stream: LEGS.get(stream, "unknown"), round(now_s * 1000), talk).items)


def ended(*spans: Span, until_ms: int = 60_000) -> Talk:
    return measure(spans, LEGS, (), until_ms)


NOTICE = "check: {kind: act, leg: agent, acts: [recording_notice], within_s: 30}"


def test_an_act_is_done_when_it_is_said_in_time_with_its_words() -> None:
    one = scorer(NOTICE)
    assert answers(one)[0].answer == "open"
    say(one, 1, "a", "Good morning, this call is being recorded.")
    (item,) = answers(one)
    assert item.answer == "yes"
    assert item.evidence[0].quote == "call is being recorded"
    assert (item.evidence[0].turn, item.evidence[0].leg) == (1, "agent")


def test_an_act_that_comes_late_or_from_the_other_side_is_not_done() -> None:
    one = scorer(NOTICE)
    say(one, 1, "a", "Good morning.")
    say(one, 2, "c", "Is this call recorded? I know this call is being recorded.", 5)
    assert answers(one, 10)[0].answer == "open"
    say(one, 3, "a", "This call is being recorded.", 50)
    assert answers(one, 52)[0].answer == "no"


def test_what_one_side_says_often_crowds_nothing_of_the_other_out() -> None:
    one = scorer('check: {kind: phrase, leg: agent, phrases: {en: ["thank you"]}}')
    for turn in range(MARKS_KEPT + 1):
        say(one, turn, "c", "Thank you.", turn)
    say(one, MARKS_KEPT + 1, "a", "Thank you for your time.", MARKS_KEPT + 1)
    (item,) = answers(one, talk=ended())
    assert (item.answer, [proof.turn for proof in item.evidence]) == ("yes", [MARKS_KEPT + 1])


def test_a_word_that_no_rule_knows_is_heard_as_it_was_said() -> None:
    one = scorer('check: {kind: phrase, leg: agent, phrases: {en: ["glad that works"]}}')
    assert "works" not in DETECTORS.fold("Glad that works.").line
    say(one, 1, "a", "I am glad that works.")
    (item,) = answers(one)
    assert (item.answer, item.evidence[0].quote) == ("yes", "glad that works")


def test_roles_that_come_late_count() -> None:
    one = scorer(NOTICE)
    say(one, 1, "late", "This call is being recorded.")
    assert answers(one)[0].answer == "open"
    found = one.score(lambda stream: "agent", 5_000).items[0]
    assert (found.answer, found.evidence[0].leg) == ("yes", "agent")


@pytest.mark.parametrize("check", [NOTICE, 'check: {kind: phrase, leg: agent, phrases: {en: ["good morning"]}}'])
def test_an_agent_who_was_never_heard_left_nothing_undone(check: str) -> None:
    one = scorer(check)
    assert answers(one, 90, ended())[0].answer == "open"
    say(one, 1, "c", "Hello? I cannot hear you.")
    assert answers(one, 90)[0].answer == "open"
    assert answers(one, 90, ended())[0].answer == "open"
    say(one, 2, "mixed", "One moment, please.")
    assert answers(one, 90, ended())[0].answer == "no"


def test_what_must_not_be_said_holds_at_the_end() -> None:
    one = scorer('check: {kind: phrase, leg: agent, phrases: {en: ["calm down"]}, absent: true}, auto_fail: true')
    assert answers(one)[0].answer == "open"
    say(one, 1, "c", "Hello? I cannot hear you.")
    assert answers(one, talk=ended())[0].answer == "open"
    say(one, 2, "a", "Good morning.")
    assert answers(one, talk=ended())[0].answer == "yes"
    say(one, 3, "a", "You have to calm down, sir.")
    (item,) = answers(one)
    assert (item.answer, item.evidence[0].quote) == ("no", "calm down")


@pytest.mark.parametrize(
    ("text", "score", "unlikely", "answers_"),
    [
        ("Pay today or you will face the consequences.", 0.0, False, ["no", "yes"]),
        ("Pay today or you will face the consequences.", 0.0, True, ["yes", "yes"]),
        ("Something will befall you, mark my words.", ALERT_SCORE, False, ["no", "yes"]),
        ("Something will befall you, mark my words.", ALERT_SCORE - 0.01, False, ["yes", "yes"]),
    ],
)
def test_an_act_is_held_against_somebody_as_the_rules_do(
    text: str, score: float, unlikely: bool, answers_: list[str]
) -> None:
    one = scorer(
        "check: {kind: act, leg: agent, acts: [threat], absent: true}",
        "check: {kind: act, leg: agent, acts: [threat]}",
    )
    acts = (SpokenAct("threat", score),) if score else ()
    ruled_out = frozenset({"threat"}) if unlikely else frozenset[str]()
    reading = Reading(np.zeros(512, np.float32), Scored("neutral", 1.0), (), acts, 1.0, ruled_out)
    one.hear(JudgedTurn(1, "a", "agent", text, 1_000, 3_000, "en", reading), DETECTORS.fold(text))
    assert [item.answer for item in answers(one, talk=ended())] == answers_


def test_rules_count_where_they_are_in_force() -> None:
    item = "check: {kind: rule, rules: [CO-2300-WHY]}"
    assert answers(scorer(item))[0].answer == "n_a"
    kept = scorer(item, rules=frozenset({"CO-2300-WHY"}))
    assert answers(kept)[0].answer == "open"
    assert answers(kept, talk=ended())[0].answer == "open"
    say(kept, 1, "a", "Good morning.")
    assert answers(kept, talk=ended())[0].answer == "yes"
    kept.saw(alert(7, "CO-2300-WHY", "violation"))
    (broken,) = answers(kept)
    assert (broken.answer, broken.evidence[0].turn) == ("no", 7)
    kept.saw(CallEvent(call_id="x", seq=8, name="withdrawn", data={"of": [7], "reason": "role_changed"}))
    assert answers(kept, talk=ended())[0].answer == "yes"


def test_a_duty_is_done_when_it_is_satisfied_and_undecided_is_a_person_s() -> None:
    rules = frozenset({"CO-REC-NOTICE"})
    done = scorer("check: {kind: rule, rules: [CO-REC-NOTICE]}", rules=rules)
    done.saw(alert(3, "CO-REC-NOTICE", "satisfied"))
    assert answers(done)[0].answer == "yes"
    unsure = scorer("check: {kind: rule, rules: [CO-REC-NOTICE]}", rules=rules)
    unsure.saw(alert(3, "CO-REC-NOTICE", "undecided"))
    assert answers(unsure, talk=ended())[0].answer == "open"


def test_a_violation_of_the_asked_severity_spoils_the_call() -> None:
    one = scorer("check: {kind: no_violation, severity: critical}", "check: {kind: no_violation, severity: warning}")
    assert [item.answer for item in answers(one, talk=ended())] == ["open", "open"]
    say(one, 1, "a", "Good morning.")
    one.saw(alert(1, "X", "violation", "warning"))
    assert [item.answer for item in answers(one, talk=ended())] == ["yes", "no"]


def test_an_item_that_only_counts_when_something_came_up() -> None:
    item = 'when: [opt_out], check: {kind: phrase, leg: agent, phrases: {en: ["remove your number"]}}'
    quiet = scorer(item)
    say(quiet, 1, "a", "I will remove your number.")
    assert answers(quiet, talk=ended())[0].answer == "n_a"
    asked = scorer(item)
    say(asked, 1, "c", "Please stop calling me and take my number off your list.")
    say(asked, 2, "a", "One moment, please.")
    assert answers(asked, talk=ended())[0].answer == "no"
    say(asked, 3, "a", "I will remove your number right away.")
    assert answers(asked, talk=ended())[0].answer == "yes"


def test_what_rules_ask_of_the_customer_does_not_come_up_in_an_agent_s_words() -> None:
    item = 'when: [opt_out], check: {kind: phrase, leg: agent, phrases: {en: ["remove your number"]}}'
    told = scorer(item)
    say(told, 1, "a", "You may opt out at any time.")
    assert answers(told, talk=ended())[0].answer == "n_a"
    late = scorer(item)
    say(late, 1, "late", "Please stop calling me and take my number off your list.")
    say(late, 2, "a", "One moment, please.")
    whose: dict[str, Leg] = {"late": "customer", "a": "agent"}
    assert late.score(whose.__getitem__, 5_000, ended()).items[0].answer == "no"
    assert late.score(lambda stream: "agent", 5_000, ended()).items[0].answer == "n_a"


def test_an_act_that_models_rule_out_does_not_come_up() -> None:
    one = scorer('when: [opt_out], check: {kind: phrase, leg: agent, phrases: {en: ["remove your number"]}}')
    reading = Reading(np.zeros(512, np.float32), Scored("neutral", 1.0), (), (), 1.0, frozenset({"opt_out"}))
    text = "Please stop calling me."
    one.hear(JudgedTurn(1, "c", "customer", text, 1_000, 3_000, "en", reading), DETECTORS.fold(text))
    assert answers(one, talk=ended())[0].answer == "n_a"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("I can't remove your number.", "no"),
        ("I will remove your number.", "yes"),
        ("Don't worry, I will remove your number.", "yes"),
    ],
)
def test_a_phrase_that_is_denied_is_not_said(text: str, answer: str) -> None:
    one = scorer('check: {kind: phrase, leg: agent, phrases: {en: ["remove your number"]}}')
    say(one, 1, "a", text)
    assert answers(one, talk=ended())[0].answer == answer


def test_an_intent_makes_an_item_count_too() -> None:
    one = scorer('when: [complaint], check: {kind: phrase, leg: agent, phrases: {en: ["sorry"]}}')
    say(one, 1, "a", "Good morning.")
    one.saw(Insight(call_id="x", seq=1, kind="intent", turn=1, value="complaint", score=0.9))
    assert answers(one, talk=ended())[0].answer == "no"


@pytest.mark.parametrize(
    ("bounds", "answer"), [("at_most: 0.5", "no"), ("at_most: 0.9", "yes"), ("at_least: 0.8", "no")]
)
def test_a_figure_within_bounds(bounds: str, answer: str) -> None:
    one = scorer(f"check: {{kind: metric, metric: agent_share, {bounds}}}")
    assert answers(one)[0].answer == "open"
    talk = ended(Span(1, "a", 0, 15_000, 30), Span(2, "c", 15_000, 20_000, 10))
    (item,) = answers(one, talk=talk)
    assert (item.answer, item.note) == (answer, "agent_share 0.75")


def test_a_figure_that_there_is_not_does_not_count() -> None:
    one = scorer("check: {kind: metric, metric: agent_words_per_minute, at_most: 200}")
    assert answers(one, talk=ended())[0].answer == "n_a"


@pytest.mark.parametrize(
    ("streams", "answer"), [("ac", "yes"), ("xy", "yes"), ("a", "n_a"), ("m", "n_a"), ("x", "n_a")]
)
def test_who_talks_over_whom_is_not_known_of_one_side_alone(streams: str, answer: str) -> None:
    one = scorer("check: {kind: metric, metric: talk_over_ms, at_most: 1000}")
    spans = [Span(turn, stream, turn * 5_000, turn * 5_000 + 4_000, 9) for turn, stream in enumerate(streams)]
    legs: dict[str, Leg] = {**LEGS, "m": "mixed"}
    assert answers(one, talk=measure(spans, legs, (), 60_000))[0].answer == answer


def test_the_customer_s_mood_at_the_end_and_what_a_person_must_say() -> None:
    one = scorer("check: {kind: customer_mood, ends: [neutral, positive]}", "check: {kind: person}")
    one.saw(Insight(call_id="x", seq=1, kind="mood", turn=1, value="negative"))
    mood, person = answers(one, talk=ended())
    assert (mood.answer, person.answer, person.auto) == ("no", "open", False)


def test_a_mood_that_was_another_s_counts_for_nothing() -> None:
    one = scorer("check: {kind: customer_mood, ends: [neutral, positive]}")
    for seq, mood in ((1, "neutral"), (2, "negative")):
        one.saw(Insight(call_id="x", seq=seq, kind="mood", turn=seq, value=mood))
    one.saw(CallEvent(call_id="x", seq=3, name="withdrawn", data={"of": [2], "reason": "role_changed"}))
    assert answers(one, talk=ended())[0].answer == "yes"
    one.saw(CallEvent(call_id="x", seq=4, name="withdrawn", data={"of": [1], "reason": "role_changed"}))
    assert answers(one, talk=ended())[0].answer == "n_a"


def test_an_intent_that_was_another_s_words_makes_no_item_count() -> None:
    one = scorer('when: [complaint], check: {kind: phrase, leg: agent, phrases: {en: ["sorry"]}}')
    say(one, 1, "a", "Good morning.")
    one.saw(Insight(call_id="x", seq=1, kind="intent", turn=1, value="complaint", score=0.9))
    one.saw(CallEvent(call_id="x", seq=2, name="withdrawn", data={"of": [1], "reason": "role_changed"}))
    assert answers(one, talk=ended())[0].answer == "n_a"


def test_without_times_there_are_no_figures_and_nothing_was_late() -> None:
    checks = (
        NOTICE,
        NOTICE.replace("within_s: 30", "within_s: 0"),
        "check: {kind: metric, metric: hold_ms, at_most: 9}",
    )
    one = scorer(*checks, timed=False)
    say(one, 1, "a", "Good morning.")
    assert [item.answer for item in answers(one, 90)] == ["open", "open", "open"]
    assert [item.answer for item in answers(one, talk=ended())] == ["no", "no", "n_a"]
    say(one, 2, "a", "This call is being recorded.", 50)
    late, said, held = answers(one, talk=ended())
    assert [late.answer, said.answer, held.answer] == ["open", "yes", "n_a"]
    assert late.evidence == said.evidence


def test_what_may_have_been_said_before_a_call_was_taken_up_is_a_persons_to_say() -> None:
    farewell = 'check: {kind: phrase, leg: agent, phrases: {en: ["goodbye"]}}'
    insult = 'check: {kind: phrase, leg: agent, phrases: {en: ["you idiot"]}, absent: true}'
    one = scorer(NOTICE, farewell, insult, opening=False)
    say(one, 1, "a", "As I said, your bill is due.")
    assert [item.answer for item in answers(one, 90)] == ["open", "open", "open"]
    assert [item.answer for item in answers(one, talk=ended())] == ["open", "open", "yes"]
    say(one, 2, "a", "Goodbye, you idiot.", 50)
    assert [item.answer for item in answers(one, talk=ended())] == ["open", "yes", "no"]


@pytest.mark.parametrize(("opening", "answer"), [(True, "yes"), (False, "open")])
def test_of_a_call_that_was_taken_up_a_duty_that_nothing_is_told_of_is_no_merit(opening: bool, answer: str) -> None:
    one = scorer("check: {kind: rule, rules: [BR-SAC-PROTOCOL]}", rules=frozenset({"BR-SAC-PROTOCOL"}), opening=opening)
    say(one, 1, "a", "Good morning.")
    assert [item.answer for item in answers(one, talk=ended())] == [answer]


@pytest.mark.parametrize(
    ("stream", "lost_s", "answers_"),
    [
        ("a", 20, ["open", "open", "open"]),
        ("a", 40, ["no", "open", "open"]),
        ("unknown", 20, ["open", "open", "open"]),
        ("c", 20, ["no", "no", "yes"]),
    ],
)
def test_what_may_be_among_lost_words_was_neither_said_nor_left_unsaid(
    stream: str, lost_s: int, answers_: list[str]
) -> None:
    absent = 'check: {kind: phrase, leg: agent, phrases: {en: ["calm down"]}, absent: true}'
    one = scorer(NOTICE, NOTICE.replace("within_s: 30", "within_s: 0"), absent)
    say(one, 1, "a", "Good morning.")
    one.lost(stream, lost_s * 1000)
    assert [item.answer for item in answers(one, 90, ended())] == answers_
    say(one, 2, "a", "You have to calm down, sir.", 50)
    assert answers(one, 90, ended())[2].answer == "no"


def test_an_alert_that_a_supervisor_called_wrong_spoils_nothing_and_an_agent_s_word_is_not_enough() -> None:
    checks = ("check: {kind: no_violation}", "check: {kind: rule, rules: [CO-2300-WHY]}")
    one = scorer(*checks, rules=frozenset({"CO-2300-WHY"}))
    say(one, 1, "a", "Good morning.")
    one.saw(alert(7, "CO-2300-WHY", "violation"))
    found = []
    for seq, role, verdict in ((8, "agent", "wrong"), (9, "supervisor", "wrong"), (10, "admin", "right")):
        data = {"of": 7, "verdict": verdict, "role": role}
        one.saw(CallEvent(call_id="x", seq=seq, name="alert.judged", data=data))
        found.append([item.answer for item in answers(one, talk=ended())])
    assert found == [["no", "no"], ["yes", "yes"], ["no", "no"]]


@pytest.mark.parametrize(
    ("stream", "leg", "answer"), [("c", "customer", "no"), ("c", "mixed", "open"), ("m", "customer", "open")]
)
def test_a_mood_of_two_people_on_one_stream_is_not_the_customer_s(stream: str, leg: Leg, answer: str) -> None:
    one = scorer("check: {kind: customer_mood, ends: [neutral, positive]}")
    one.saw(Insight(call_id="x", seq=1, kind="mood", turn=1, value="negative", stream=stream, leg=leg))
    legs: dict[str, Leg] = {"c": "customer", "m": "mixed"}
    assert one.score(lambda known: legs[known], 60_000, ended()).items[0].answer == answer
