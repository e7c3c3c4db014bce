"""A few of the payments and values that `benchmarks.cards` and `benchmarks.entities` have by the thousand."""

import pytest

from benchmarks import cards, entities
from benchmarks.payments import FRESH, Line, Part, payment
from benchmarks.tellers import LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_a_card_is_left_to_read(language: str) -> None:
    notes: list[object] = []
    tally = cards.measure(language, 12, notes.append)
    assert tally.private_digits > 200
    leaked = {name for name in tally.__struct_fields__ if name.startswith("leaked") and getattr(tally, name)}
    assert leaked <= {"leaked_in_drafts"}, notes
    assert tally.leaked_in_drafts <= 2, notes  # first digits of a last four: nothing stands beside them yet
    assert all(found == wanted for found, wanted in tally.entities.values()), tally.entities
    assert tally.masked_in_vain == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_of_every_type_are_found_and_hidden(language: str) -> None:
    notes: list[object] = []
    counts = entities.measure(language, 6, notes.append)
    leaked = {kind: count.leaked for kind, count in counts.items() if count.leaked}
    wrong = {kind for kind, count in counts.items() if count.found < count.wanted or count.false}
    assert wrong == set(), notes
    assert leaked == {}, notes


@pytest.mark.parametrize(
    ("language", "kind", "said", "value", "shown", "leaked"),
    [
        ("es", "DNI_NIE", "Mi DNI es {}.", "cinco tres uno seis siete dos ocho nueve ele", "", 9),
        ("es", "DNI_NIE", "Mi DNI es {}.", "cinco tres uno seis siete dos ocho nueve ele", "Mi DNI es [dni] ele.", 1),
        ("es", "DNI_NIE", "Mi DNI es {}.", "53167289L", "Mi DNI es [dni].", 0),
        ("es", "DATE_OF_BIRTH", "Nací el {}.", "doce de marzo de mil novecientos setenta", "", 3),
        ("es", "DATE_OF_BIRTH", "Los dos nacimos el {}.", "dos de mayo de 1970", "Los dos nacimos el [dob].", 0),
        ("pt", "DATE_OF_BIRTH", "Nasci em {}.", "doze de março de mil novecentos e setenta", "", 3),
        ("en", "DATE_OF_BIRTH", "I was born {}.", "March twelfth nineteen seventy", "I was born [dob] seventy.", 1),
        ("en", "EMAIL", "It's {}.", "tom dot kowalski one nine seven zero at gmail dot com", "", 4),
        ("pt", "ADDRESS", "Moro na {}.", "rua Sete de Setembro 93", "", 2),
    ],
)
def test_a_digit_that_is_said_leaks_as_one_that_is_written(
    language: str, kind: str, said: str, value: str, shown: str, leaked: int
) -> None:
    text, start = said.format(value), said.index("{}")
    given = entities.Given(kind, "", "", text, start, start + len(value))
    assert entities.leaks(given, language, shown or text) == leaked


def test_what_leaks_is_counted() -> None:
    line = Line("customer", (Part("Anote,"), Part("cuatro cinco doble tres", "card"), Part("en tres cuotas")))
    assert line.leaked("Anote, [card] en tres cuotas") == 0
    assert line.leaked("Anote, [number] cinco doble tres en tres cuotas") == 2
    assert line.leaked(line.text) == 3


def test_the_same_number_gives_the_same_payment() -> None:
    assert payment("pt", 7) == payment("pt", 7)
    assert payment("pt", 7) != payment("pt", 8)


def test_a_cell_is_of_values_that_nothing_was_mended_by(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(language: str, each: int, first: int) -> list[entities.Given]:
        asked.append((language, each, first))
        return list(values(language, 1, first))

    asked: list[tuple[str, int, int]] = []
    values = entities.values
    monkeypatch.setattr(entities, "values", made)
    figures = entities.cell("en")
    assert asked == [("en", entities.EACH, FRESH)]
    assert (figures["first"], figures["PHONE"]["wanted"]) == (FRESH, 1)
    looked_at = {given.text for given in values("en", entities.EACH) if given.kind == "PHONE"}
    assert looked_at.isdisjoint(given.text for given in values("en", 5, FRESH))
