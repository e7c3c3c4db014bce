"""A recording's silences follow the masks of the text."""

import pytest

from engine.facts import Leg
from engine.ports.hearing import HeardWord
from models.privacy import DigitGuard
from pipelines.digit_hold import DigitHold
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.turn import Turn, Turns
from pipelines.utterance import Utterance
from pipelines.withheld import Withheld
from pipelines.word_times import placed


class Talk:
    """Turns of 4 s each through the law of digits, as a conversation hands them on."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._guard = DigitGuard("CO", b"key")
        self._digits = DigitHold(self._guard, Ledger("call-1", lambda: 0.0), Roster(), self._turns)
        self._count = 0

    def say(self, leg: Leg, text: str, words: tuple[HeardWord, ...] = ()) -> Withheld:
        self._count += 1
        start_ms = self._count * 5_000
        timed = placed(words, start_ms)
        said = Utterance(
            stream=leg, leg=leg, start_ms=start_ms, end_ms=start_ms + 4_000, text=text, words=timed, language="es"
        )
        judged = self._digits.hear(said, self._count)
        shown = judged.texts[0]
        self._turns.remember(Turn(said, self._count, shown.text, shown.masks, 0.0))
        self._digits.settle_texts(judged.texts[1:])
        return self._digits.withheld()

    def lose(self, leg: Leg, start_ms: int) -> Withheld:
        self._digits.unjudged(leg, start_ms, start_ms + 4_000)
        return self._digits.withheld()

    def end(self) -> Withheld:
        if judged := self._guard.close():
            self._digits.settle_texts(judged.texts)
        return self._digits.withheld()


def test_a_card_over_several_turns_is_held_from_its_first_digit_and_cut_whole() -> None:
    talk = Talk()
    assert talk.say("agent", "Buenos días, ¿en qué le ayudo?") == Withheld(None, ())
    assert talk.say("customer", "Cuatro cinco tres nueve, uno cuatro ocho ocho") == Withheld(10_000, ())
    after = talk.say("customer", "cero tres cuatro tres, seis cuatro seis siete")
    assert after.held_from_ms is None
    assert sorted(after.cuts) == [(9_700, 14_300), (14_700, 19_300)]
    assert talk.say("agent", "Muchas gracias, ya quedó registrado su pago") == Withheld(None, ())


def test_of_a_turn_whose_words_have_times_only_the_digits_are_cut() -> None:
    digits = "cuatro cinco tres nueve uno cuatro ocho ocho cero tres cuatro tres seis cuatro seis siete"
    text = f"Claro que sí, es la {digits} y ya"
    words, at = [], 0
    for number, word in enumerate(text.split()):
        start = text.index(word, at)
        at = start + len(word)
        words.append(HeardWord(start, at, number * 150, (number + 1) * 150))
    talk = Talk()
    cuts = [*talk.say("customer", text, tuple(words)).cuts, *talk.end().cuts]
    assert cuts == [(5_000 + 5 * 150 - 350, 5_000 + 21 * 150 + 350)]


def test_a_harmless_number_is_held_until_it_is_judged_and_then_kept() -> None:
    talk = Talk()
    said = [
        talk.say("customer", "Vivo en el apartamento tres cero dos"),
        talk.say("agent", "Perfecto, muchas gracias por el dato"),
    ]
    assert not any(one.cuts for one in said)
    assert said[-1].held_from_ms is None


def test_a_turn_that_nobody_judged_is_silence_and_what_fails_after_judgement_is_not() -> None:
    talk = Talk()
    assert talk.lose("customer", 100) == Withheld(None, ((0, 4_400),))
    talk.say("agent", "Buenos días, ¿en qué le ayudo?")
    assert talk.lose("agent", 5_000) == Withheld(None, ())
    assert talk.lose("customer", 10_000) == Withheld(None, ((9_700, 14_300),))


def test_what_stays_unexplained_is_silence_as_it_is_a_mask_in_the_text() -> None:
    talk = Talk()
    held = talk.say("customer", "cuatro cinco tres nueve, uno cuatro ocho ocho, cero tres")
    assert (held.held_from_ms, held.cuts) == (5_000, ())
    assert talk.end().cuts == ((4_700, 9_300),)


@pytest.mark.parametrize(
    ("leg", "heard_ms", "cuts"),
    [("customer", 2_000, ((6_700, 9_300),)), ("customer", 3_500, ()), ("agent", 2_000, ())],
)
def test_speech_behind_an_offer_of_a_card_in_which_nothing_was_heard_is_silence(
    leg: Leg, heard_ms: int, cuts: tuple[tuple[int, int], ...]
) -> None:
    text = "apunte la tarjeta que se la voy diciendo, es"
    assert Talk().say(leg, text, (HeardWord(0, len(text), 0, heard_ms),)) == Withheld(None, cuts)
