"""What no phrase matches and the turn encoder hears: an act of a whole sentence."""

import datetime

import msgspec
import numpy as np

from engine.ports.reading import Reading, Scored, SpokenAct
from models.compliance import CallContext, Judge, JudgedTurn, load_detectors, load_rules
from models.compliance.history import ALERT_SCORE, History

TEXT = "Mire, le agradezco mucho. Hágame el favor y olvídese de que yo existo. Que esté bien."
SENTENCE = "Hágame el favor y olvídese de que yo existo."


def reading(*acts: SpokenAct) -> Reading:
    return Reading(np.zeros(512, np.float32), Scored("neutral", 1.0), (), acts, 1.0)


def test_the_sentence_that_was_heard_is_the_proof() -> None:
    detectors = load_detectors()
    folded = detectors.fold(TEXT)
    assert detectors["opt_out"].find(folded) is None
    hit = detectors["opt_out"].find(folded, reading(SpokenAct("opt_out", 0.96, part=2)))
    assert hit is not None
    assert (TEXT[hit.start : hit.end], hit.score) == (SENTENCE, 0.96)
    assert detectors["threat"].find(folded, reading(SpokenAct("opt_out", 0.96, part=2))) is None


def test_behind_the_words_of_the_final_before() -> None:
    detectors = load_detectors()
    lead = "Bueno sí. "
    hit = detectors["opt_out"].find(detectors.fold(lead + TEXT), reading(SpokenAct("opt_out", 0.9)), len(lead))
    assert hit is not None
    assert (hit.start, hit.end) == (len(lead), len(lead + TEXT))


def test_a_part_that_is_not_there_any_more_is_the_whole() -> None:
    detectors = load_detectors()
    hit = detectors["opt_out"].find(detectors.fold("Corto."), reading(SpokenAct("opt_out", 0.9, part=3)))
    assert hit is not None
    assert (hit.start, hit.end) == (0, 6)


def test_a_phrase_goes_before_what_is_heard() -> None:
    detectors = load_detectors()
    text = "Por favor no me llamen más."
    hit = detectors["opt_out"].find(detectors.fold(text), reading(SpokenAct("opt_out", 0.5)))
    assert hit is not None
    assert hit.score > 0.9
    assert hit.end <= len(text)


def test_no_alert_on_a_phrase_that_is_ruled_out() -> None:
    context = CallContext("CO", "", "collections", "outbound", "es", datetime.date(2026, 11, 28))
    turn = JudgedTurn(1, "1", "customer", "Por favor no me llamen más.", 10_000, 14_000, "es", reading())
    sure = msgspec.structs.replace(reading(), unlikely=frozenset({"opt_out"}))
    for heard, alerts in ((turn, 1), (msgspec.structs.replace(turn, reading=sure), 0)):
        verdicts = Judge(load_rules(), context).hear(heard)
        assert sum(verdict.action == "dnc.requested" for verdict in verdicts) == alerts


def test_no_alert_on_what_the_encoder_is_not_sure_of() -> None:
    context = CallContext("CO", "", "collections", "outbound", "es", datetime.date(2026, 11, 28))
    for score, alerts in ((ALERT_SCORE - 0.01, 0), (ALERT_SCORE, 1)):
        heard = reading(SpokenAct("opt_out", score, part=2))
        verdicts = Judge(load_rules(), context).hear(JudgedTurn(1, "1", "customer", TEXT, 0, 4_000, "es", heard))
        assert sum(verdict.action == "dnc.requested" for verdict in verdicts) == alerts


def test_a_duty_is_done_by_a_phrase_alone() -> None:
    context = CallContext("CO", "", "collections", "outbound", "es", datetime.date(2026, 11, 28))
    sure = msgspec.structs.replace(reading(), unlikely=frozenset({"recording_notice"}))
    turn = JudgedTurn(1, "1", "agent", "Buenas tardes, esta llamada está siendo grabada.", 0, 4_000, "es", sure)
    verdicts = Judge(load_rules(), context).hear(turn)
    assert "satisfied" in [verdict.outcome for verdict in verdicts if verdict.rule == "CO-REC-NOTICE"]


def test_an_alert_rests_on_it_once() -> None:
    context = CallContext("CO", "", "collections", "outbound", "es", datetime.date(2026, 11, 28))
    judge = Judge(load_rules(), context)
    heard = reading(SpokenAct("opt_out", 0.96, part=2))
    first = judge.hear(JudgedTurn(1, "1", "customer", TEXT, 10_000, 14_000, "es", heard))
    (alert,) = [verdict for verdict in first if verdict.action == "dnc.requested"]
    assert (alert.quote, alert.score) == (SENTENCE, 0.96)
    again = judge.hear(JudgedTurn(2, "1", "customer", "Eso.", 14_500, 15_000, "es", reading(SpokenAct("opt_out", 0.9))))
    assert [verdict for verdict in again if verdict.action == "dnc.requested"] == []


def test_a_guess_that_is_no_alert_breaks_no_rule_either() -> None:
    context = CallContext("MX", "", "sales", "outbound", "es", datetime.date(2026, 11, 28))
    for score, broken in ((ALERT_SCORE - 0.05, []), (ALERT_SCORE + 0.05, ["MX-REPEP-SALE"])):
        judge = Judge(load_rules(), context)
        judge.hear(JudgedTurn(1, "1", "customer", TEXT, 1_000, 4_000, "es", reading(SpokenAct("opt_out", score))))
        asked = judge.hear(JudgedTurn(2, "2", "agent", "¿Me da el número de su tarjeta?", 5_000, 7_000, "es"))
        assert [verdict.rule for verdict in asked if verdict.outcome == "violation"] == broken


def test_what_the_encoder_rules_out_sends_no_debtor_away() -> None:
    """A denial, by whatever phrase, speaks against the agent who goes on to name the debt."""
    context = CallContext("US", "TX", "collections", "outbound", "en", datetime.date(2026, 11, 28))
    rules = [rule for rule in load_rules() if rule.id == "US-FDCPA-3RDPARTY"]
    ruled_out = msgspec.structs.replace(reading(), unlikely=frozenset({"denies_person"}))
    guessed = reading(SpokenAct("denies_person", ALERT_SCORE - 0.01))
    sure = reading(SpokenAct("denies_person", ALERT_SCORE))
    denial, other = "You have the wrong number.", "Hm, that is odd."
    for text, read, broken in ((denial, None, 1), (denial, ruled_out, 0), (other, guessed, 0), (other, sure, 1)):
        judge = Judge(rules, context)
        judge.hear(JudgedTurn(1, "1", "agent", "Is this Jane Roe?", 1_000, 2_000, "en"))
        judge.hear(JudgedTurn(2, "2", "customer", "Yes, speaking.", 3_000, 4_000, "en"))
        judge.hear(JudgedTurn(3, "2", "customer", text, 9_000, 10_000, "en", read))
        told = judge.hear(JudgedTurn(4, "1", "agent", "Your account is past due.", 11_000, 12_000, "en"))
        assert len(told) == broken


def test_a_duty_is_broken_by_no_guess() -> None:
    """What must not come first, and what calls for a duty, is held against the agent as an alert is."""
    context = CallContext("US", "TX", "collections", "outbound", "en", datetime.date(2026, 11, 28))
    rules = [rule for rule in load_rules() if rule.id == "US-FDCPA-MIRANDA"]
    for score, broken in ((ALERT_SCORE - 0.01, []), (ALERT_SCORE, ["violation"])):
        heard = reading(SpokenAct("debt_detail", score))
        verdicts = Judge(rules, context).hear(
            JudgedTurn(1, "1", "agent", "It is about all that.", 0, 2_000, "en", heard)
        )
        assert [verdict.outcome for verdict in verdicts] == broken

    context = msgspec.structs.replace(context, campaign="sales")
    rules = [rule for rule in load_rules() if rule.id == "US-TSR-PRIZE"]
    for score, broken in ((ALERT_SCORE - 0.01, []), (ALERT_SCORE, ["violation"])):
        judge = Judge(rules, context)
        heard = reading(SpokenAct("prize_offered", score))
        judge.hear(JudgedTurn(1, "1", "agent", "Something nice is waiting.", 0, 2_000, "en", heard))
        judge.hear(JudgedTurn(2, "2", "customer", "Really?", 3_000, 4_000, "en"))
        judge.hear(JudgedTurn(3, "1", "agent", "Just give me your address.", 5_000, 7_000, "en"))
        assert [verdict.outcome for verdict in judge.end(9_000)] == broken


def test_a_history_keeps_no_vectors() -> None:
    read = msgspec.structs.replace(reading(SpokenAct("opt_out", 0.9)), views=np.zeros((2, 512), np.float32))
    kept = History(load_detectors()).add(JudgedTurn(1, "1", "customer", TEXT, 0, 4_000, "es", read)).turn.reading
    assert kept is not None
    assert (kept.vector.size, kept.views, kept.acts) == (0, None, read.acts)
