"""The three demo scripts, as they stand and with everything that can go wrong about who is who."""

import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.facts import Leg
from models.compliance import CallContext, EntityRef, Judge, JudgedTurn, Verdict, default_direction, load_rules

DATA = Path(__file__).parents[2] / "data" / "compliance"
NAMES = ("demo_en_sales", "demo_es_cobranza", "demo_pt_sac")
RULES = load_rules()
RIGHT: dict[str, Leg] = {"agent": "agent", "customer": "customer"}
# What the privacy stage makes of the digits before they are judged.
WITHHELD = {
    ("demo_en_sales", 0): ("eight hundred, five five five, zero one nine nine", "[number]"),
    ("demo_es_cobranza", 10): (
        "Cuatro cinco tres nueve, uno cuatro ocho ocho, cero tres cuatro tres, seis cuatro seis siete",
        "[number]",
    ),
    ("demo_pt_sac", 3): ("Cinco dois nove, nove oito dois, dois quatro sete, vinte e cinco", "[number]"),
    ("demo_pt_sac", 12): ("dois zero dois seis, um um, três quatro cinco", "[number]"),
}


def call(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = msgspec.json.decode((DATA / f"{name}.json").read_bytes())
    return loaded


def judge_of(script: dict[str, Any]) -> Judge:
    context = CallContext(
        country=script["country"],
        region=script["region"] or "",
        campaign=script["campaign"],
        direction=default_direction(script["campaign"]),
        language=script["language"],
        day=datetime.date(2026, 11, 24),
    )
    return Judge(RULES, context)


def turns_of(name: str, swapped: bool = False, leg: Leg | None = None) -> list[JudgedTurn]:
    turns: list[JudgedTurn] = []
    for turn in call(name)["turns"]:
        stream: Leg = turn["leg"]
        if swapped:
            stream = "agent" if stream == "customer" else "customer"
        text: str = turn["text"]
        offsets: tuple[tuple[int, int], ...] = ()
        if digits := WITHHELD.get((name, turn["turn"])):
            at = text.index(digits[0])
            text = text.replace(*digits)
            offsets = ((at, at), (at + len(digits[1]), at + len(digits[0])))
        turns.append(
            JudgedTurn(
                turn["turn"], turn["leg"], leg or stream, text, turn["start_ms"], turn["end_ms"], offsets=offsets
            )
        )
    return turns


def play(judge: Judge, turns: list[JudgedTurn]) -> list[Verdict]:
    """With the clock ticking all along, as in a live call."""
    said: list[Verdict] = []
    now = 0
    for turn in sorted(turns, key=lambda turn: turn.end_ms):
        for at in range(now, turn.end_ms, 250):
            said += judge.tick(at)
        now = turn.end_ms
        said += judge.hear(turn)
    return said + judge.end(now + 1_000)


def found(said: list[Verdict]) -> set[tuple[str, str, int]]:
    return {(verdict.rule, verdict.outcome, verdict.turn) for verdict in said}


@pytest.mark.parametrize("name", NAMES)
def test_script_gets_what_it_expects_and_nothing_beyond(name: str) -> None:
    script = call(name)
    judge = judge_of(script)
    turns = turns_of(name)
    said = play(judge, turns)
    for turn in turns:
        if "[number]" in turn.text and name == "demo_es_cobranza":
            card = msgspec.structs.replace(
                turn, text="[card].", entities=(EntityRef("CARD", 0, 94, "6467"),), offsets=((0, 0), (6, 94))
            )
            said += judge.settle(card)
            assert judge.settle(card) == []

    expected = {(alert["rule"], alert["outcome"], alert["turn"]) for alert in script["expect"]["alerts"]}
    satisfied = {(duty["rule"], "satisfied", duty["turn"]) for duty in script["expect"]["satisfied"]}
    allowed = {alert["rule"] for alert in script["expect"]["allowed"]}
    assert expected | satisfied <= found(said)
    assert {entry for entry in found(said) - expected - satisfied if entry[0] not in allowed} == set()
    assert len({verdict.key for verdict in said}) == len(said)


@pytest.mark.parametrize("name", NAMES)
def test_evidence_quotes_the_spoken_words(name: str) -> None:
    spoken = {turn["turn"]: turn["text"] for turn in call(name)["turns"]}
    for verdict in play(judge_of(call(name)), turns_of(name)):
        words = spoken[verdict.turn][verdict.start : verdict.end]
        assert verdict.quote
        assert words == verdict.quote or "[number]" in verdict.quote
        assert verdict.title
        assert verdict.source.startswith("http")
        turn = next(turn for turn in turns_of(name) if turn.turn == verdict.turn)
        assert turn.start_ms <= verdict.start_ms <= verdict.end_ms <= turn.end_ms


@pytest.mark.parametrize("name", NAMES)
def test_swapped_roles_alert_nobody_for_the_other_ones_words(name: str) -> None:
    script = call(name)
    said = play(judge_of(script), turns_of(name, swapped=True))
    expected = {(alert["rule"], alert["turn"]) for alert in script["expect"]["alerts"] if alert["rule"] != "PCI-PAN"}
    assert expected & {(verdict.rule, verdict.turn) for verdict in said} == set()
    assert {verdict.rule for verdict in said if verdict.outcome == "satisfied"} == set()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("leg", ["unknown", "mixed"])
def test_unknown_and_mixed_say_undecided_once_a_rule(name: str, leg: Leg) -> None:
    script = call(name)
    said = play(judge_of(script), turns_of(name, leg=leg))
    rules = [verdict.rule for verdict in said]
    assert {verdict.outcome for verdict in said} == {"undecided"}
    assert len(set(rules)) == len(rules)
    named = {alert["rule"] for side in ("alerts", "satisfied") for alert in script["expect"][side]} - {"PCI-PAN"}
    assert named <= set(rules)


@pytest.mark.parametrize("name", NAMES)
def test_roles_that_come_late_settle_everything(name: str) -> None:
    script = call(name)
    judge = judge_of(script)
    standing: dict[str, Verdict] = {}
    for turn in turns_of(name, leg="unknown"):
        for verdict in judge.hear(turn):
            standing[verdict.key] = verdict
    fresh, withdrawn = judge.roles_changed(RIGHT, 110_000)
    for key in withdrawn:
        del standing[key]
    standing |= {verdict.key: verdict for verdict in fresh}
    expected = {(alert["rule"], alert["outcome"], alert["turn"]) for alert in script["expect"]["alerts"]}
    satisfied = {(duty["rule"], "satisfied", duty["turn"]) for duty in script["expect"]["satisfied"]}
    expected = {entry for entry in expected if entry[0] != "PCI-PAN"}
    allowed = {alert["rule"] for alert in script["expect"]["allowed"]}
    assert expected | satisfied <= found(list(standing.values()))
    assert {e for e in found(list(standing.values())) - expected - satisfied if e[0] not in allowed} == set()


@pytest.mark.parametrize("name", NAMES)
def test_wrong_roles_put_right_withdraw_what_no_longer_holds(name: str) -> None:
    script = call(name)
    judge = judge_of(script)
    standing = {verdict.key: verdict for verdict in play(judge, turns_of(name, swapped=True))}
    fresh, withdrawn = judge.roles_changed(RIGHT, 110_000)
    for key in withdrawn:
        del standing[key]
    standing |= {verdict.key: verdict for verdict in fresh}
    right = judge_of(script)
    assert {key for key in standing if not key.endswith("violation")} == {
        verdict.key for verdict in play(right, turns_of(name)) if not verdict.key.endswith("violation")
    }


# What Whisper base made of the decisive turns (the digits then withheld).
HEARD_BY_WHISPER = {
    (
        "demo_en_sales",
        0,
    ): "Good morning, this is Daniel Brooks calling from Bright Path Energy on a recorded line. You can "
    "reach us at [number]. Am I speaking with Mrs. Carl?",
    ("demo_en_sales", 8): "Honestly, it sounds too expensive and do not like being pressured.",
    (
        "demo_es_cobranza",
        0,
    ): "Buenas tardes le habla, Andrea Rojas del Banco Horizonte. Esta llamada está siendo grabada.",
    (
        "demo_es_cobranza",
        4,
    ): "Gracias, le llamo por la cuota de su tarjeta, que venció el 5 de noviembre. ¿Por qué no ha pagado?",
    (
        "demo_es_cobranza",
        5,
    ): "Mire perdí, mi empleo hace dos meses y nadie en el banco me quiere ayudar. Estoy cansado de "
    "que me llaman todos los días.",
    (
        "demo_pt_sac",
        0,
    ): "Pua, tás de obrigada, poligar para conecta fibra meu nome é Marina. Esta ligação será gravada.",
    ("demo_pt_sac", 12): "Eu que agradeço o número do seu protocolo é [number]. Tenham bom dia!",
}


@pytest.mark.parametrize("name", NAMES)
def test_misheard_words_change_nothing(name: str) -> None:
    script = call(name)
    turns = [
        msgspec.structs.replace(turn, text=HEARD_BY_WHISPER.get((name, turn.turn), turn.text), offsets=())
        for turn in turns_of(name)
    ]
    said = {entry for entry in found(play(judge_of(script), turns)) if entry[0] not in ("PCI-PAUSE", "PCI-PAN")}
    expected = {(alert["rule"], alert["outcome"], alert["turn"]) for alert in script["expect"]["alerts"]}
    satisfied = {(duty["rule"], "satisfied", duty["turn"]) for duty in script["expect"]["satisfied"]}
    assert said == {entry for entry in expected | satisfied if entry[0] != "PCI-PAN"}
