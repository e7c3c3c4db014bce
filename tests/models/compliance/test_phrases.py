"""The phrase language, folding and mending."""

import time
from pathlib import Path

import pytest
import yaml

from models.compliance import check_rules, explain
from models.compliance.mending import Mender, sound
from models.compliance.phrases import Phrase, PhraseError
from models.compliance.rules import RULES
from models.compliance.text import CAPITAL, Folded, Token


def found(source: str, text: str, words: dict[str, str] | None = None, *, wide: bool = False) -> list[str]:
    folded = Folded(text)
    spans = Phrase(source, words or {}, frozenset({"the"}), wide=wide).spans(folded)
    return [text[slice(*folded.span(*span))] for span in spans]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("no me llame/llamen mas", "Ya no me Llamen MÁS, gracias.", ["no me Llamen MÁS"]),
        ("dont call", "Don’t call", ["Don’t call"]),
        ("call .. again", "call me here right now again", []),
        ("call ..6 again", "call me here right now again", ["call me here right now again"]),
        ("call .. again", "Call me. Again!", []),
        ("(take off | remove) me", "take off me, remove me", ["take off me", "remove me"]),
        ("please? stop", "stop. Please stop", ["stop", "Please stop"]),
        ("record* line", "a recorded line", ["recorded line"]),
        ("llamada grabada", "llamadas grabados", ["llamadas grabados"]),
        ("mas !tarde", "mas tarde, mas nunca", ["mas"]),
        ("<!el/mi pago", "El pago. Mi pago, yo pago, papel pago", ["pago", "pago"]),
        ("(yo)? <!el (lo)? pago", "Yo pago, yo lo pago, el pago, pago", ["Yo pago", "yo lo pago", "pago"]),
        ("this is <name>", "This is Ana. This is great. This is the end.", ["This is Ana"]),
        ("this is <name>", "this is ana", ["this is ana"]),
        ("this is <name>", "This is [person].", ["This is [person]"]),
        ("number <digits>", "number [number], number five, number five two", ["number [number]", "number five two"]),
        ("<start> and you <end>", "Sand you. And you! And you know", ["And you"]),
        ("{X} now", "go now", ["go now"]),
        ("no call", "No, call again. So no, call me.", ["no, call"]),
        ("nao me ligue", "Não, me ligue. Não me ligue.", ["Não me ligue"]),
        ("<start> call", "No, no, call, call", ["call"]),
        ("posso ajudá-lo", "Posso ajudá-lo em algo?", ["Posso ajudá-lo"]),
        ("do-not-call/lista list*", "The do not call listing", ["do not call listing"]),
        ("e\u2011mail", "E-mail, email", ["E-mail"]),
        ("<!pre-paid plan", "A prepaid plan, a pre-paid plan", ["plan"]),
        ("<!e-mail plan", "The plan, the E-mail plan", ["plan"]),
    ],
)
def test_phrase(source: str, text: str, expected: list[str]) -> None:
    assert found(source, text, {"X": "go | stop", "DIGIT": "five|two"}) == expected


def test_guard_takes_in_its_tail() -> None:
    assert found("not ..4", "not at all like that at least", wide=True) == ["not at all like that"]


@pytest.mark.parametrize(
    "source",
    [
        "(a",
        "a)",
        "{NONE}",
        "<what>",
        "a // b",
        "<!a//b c",
        "{LOOP}",
        "a ..5000000000 b",
        "a-",
        "hola?",
        "(a | ) b?",
        "..3",
    ],
)
def test_bad_phrase_says_so(source: str) -> None:
    with pytest.raises(PhraseError):
        Phrase(source, {"LOOP": "{LOOP}"})


def test_abbreviations_do_not_end_a_sentence() -> None:
    assert found("mr <name>", "Mr. Brooks", {}) == ["Mr. Brooks"]


MEND = Mender(
    frozenset({"recorded", "protocolo", "grabada", "gravada", "llamada", "tarjeta", "por", "portal", "confirme"}),
    frozenset({"recorder", "grabara", "grava", "tal"}),
    ["gravada"],
    ["cinco"],
)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("recordid", "recorded"),
        ("recorder", "recorder"),
        ("la yamada fue grabara", "la llamada fue grabara"),
        ("su targeta", "su tarjeta"),
        ("o protocoro", "o protocolo"),
        ("sera grava da aqui", "sera gravada aqui"),
        ("su tarje ta", "su tarjeta"),
        ("por tal", "por tal"),
        ("card", "card"),
        ("soy Confirma de", "soy Confirma de"),
        ("no no sera sera gravada", "no sera gravada"),
        ("cinco cinco", "cinco cinco"),
    ],
)
def test_misheard_word_is_put_right_and_real_words_and_names_are_left(heard: str, meant: str) -> None:
    line = Folded(heard, MEND).line.replace(CAPITAL, "").strip()
    assert line == Folded(meant).line.replace(CAPITAL, "").strip()


def test_word_cut_in_two_is_quoted_whole() -> None:
    text = "sera grava da aqui"
    folded = Folded(text, MEND)
    at = folded.line.index("gravada")
    assert text[slice(*folded.span(at, at + len("gravada")))] == "grava da"


@pytest.mark.parametrize(
    ("one", "other"), [("grabada", "gravada"), ("llamada", "yamada"), ("hacer", "aser"), ("cuota", "quota")]
)
def test_words_that_sound_alike(one: str, other: str) -> None:
    assert sound(one) == sound(other)


def test_letters_that_changed_places_are_one_mistake() -> None:
    assert Mender(["protocolo"])([Token("protcoolo", 0, 9, False)])[0].word == "protocolo"


@pytest.mark.parametrize("word", ["no ", "por favor ", "a ", "la llamada ", "card number ", "you ", "para "])
def test_long_repetitive_speech_takes_no_long_time(word: str) -> None:
    """No phrase may backtrack without bound: all of them on a text far longer than an utterance."""
    text = word * (2_000 // len(word))
    started = time.process_time()
    explain(text)
    assert time.process_time() - started < 5


def test_explain_names_act_and_phrase() -> None:
    (act, hit), *_ = explain("Esta llamada está siendo grabada.")
    assert act == "recording_notice"
    assert hit.by


def test_bad_rule_files_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("rules: [{id: X}]")
    (tmp_path / "b.yaml").write_text("rules: [")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    good = yaml.safe_load((RULES / "pci.yaml").read_text("utf-8"))
    rule = good["rules"][0] | {
        "checks": [{"kind": "says", "leg": "agent", "act": "no_such", "outcome": "event", "action": ""}]
    }
    rule |= {"title": {"en": "x"}, "source": "nowhere", "valid_from": "2001-01-02", "valid_until": "2001-01-01"}
    (tmp_path / "d.yaml").write_text(yaml.safe_dump({"rules": [rule]}))
    problems = check_rules([tmp_path])
    assert [line.partition(":")[0] for line in problems[:3]] == ["a.yaml", "b.yaml", "c.yaml"]
    told = "\n".join(problems)
    for what in ("title is missing in es, pt", "source is no web address", "no act no_such", "is not after valid_from"):
        assert what in told
