"""A few of the payments and values that `benchmarks.cards` and `benchmarks.entities` have by the thousand."""

import pytest

from benchmarks import cards, entities
from benchmarks.payments import Line, Part, payment
from benchmarks.tellers import LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_a_card_is_left_to_read(language: str) -> None:
    notes: list[object] = []
    tally = cards.measure(language, 12, notes.append)
    assert tally.private_digits > 200
    assert [name for name in tally.__struct_fields__ if name.startswith("leaked") and getattr(tally, name)] == [], notes
    assert all(found == wanted for found, wanted in tally.entities.values()), tally.entities
    assert tally.masked_in_vain == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_of_every_type_are_found_and_hidden(language: str) -> None:
    notes: list[object] = []
    counts = entities.measure(language, 6, notes.append)
    assert {kind: count for kind, count in counts.items() if count.found < count.wanted or count.false} == {}, notes


def test_what_leaks_is_counted() -> None:
    line = Line("customer", (Part("Anote,"), Part("cuatro cinco doble tres", "card"), Part("en tres cuotas")))
    assert line.leaked("Anote, [card] en tres cuotas") == 0
    assert line.leaked("Anote, [number] cinco doble tres en tres cuotas") == 2
    assert line.leaked(line.text) == 3


def test_the_same_number_gives_the_same_payment() -> None:
    assert payment("pt", 7) == payment("pt", 7)
    assert payment("pt", 7) != payment("pt", 8)
