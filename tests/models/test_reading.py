"""How a turn of several sentences is put to the heads."""

import numpy as np
import pytest

from models.reading import parts_of, rest_of, spans_of, united


def test_a_turn_is_read_whole_and_by_sentence() -> None:
    assert parts_of("Sí, claro que quiero.") == ["Sí, claro que quiero."]
    text = "Sigue en rojo y parpadea. Es la cuarta vez este mes. Voy a cancelar el servicio."
    assert parts_of(text) == [text, "Sigue en rojo y parpadea.", "Es la cuarta vez este mes.", text[-27:]]
    assert parts_of("No. Deje de llamarme, por favor.") == ["No. Deje de llamarme, por favor."]
    run_on = "It has been down three times this month, it is a disgrace really, so I am going to leave you."
    assert parts_of(run_on)[1:] == [
        "It has been down three times this month,",
        "it is a disgrace really,",
        "so I am going to leave you.",
    ]
    assert len(parts_of("Una frase de cuatro. " * 40)) <= 7
    assert parts_of("") == [""]


def test_the_whole_says_most_and_what_stands_out_in_it_the_rest() -> None:
    parts = ["So no. I will not pay that again.", "So no.", "I will not pay that again."]
    chances = np.asarray([[0.2, 0.1], [0.9, 0.0], [0.1, 0.3]])
    assert united(chances, "multilabel", parts) == pytest.approx([0.7 * 0.2 + 0.3 * 0.9, 0.7 * 0.1 + 0.3 * 0.3])
    by_words = (2 * 0.9 + 6 * 0.1) / 8
    assert united(chances, "multiclass", parts)[0] == pytest.approx(0.75 * 0.2 + 0.25 * by_words)
    assert united(chances[:1], "multiclass", parts[:1]).tolist() == [0.2, 0.1]


def test_spans_say_where_a_sentence_stands() -> None:
    text = "  Buenas tardes, señora Ruiz. Esta llamada se graba;  ¿me confirma su nombre?  "
    spans = spans_of(text)
    assert spans[0] == (0, len(text))
    assert [text[start:end] for start, end in spans[1:]] == [
        "Buenas tardes, señora Ruiz.",
        "Esta llamada se graba",
        "¿me confirma su nombre?",
    ]


def test_what_no_part_reads_is_the_rest_of_a_long_text() -> None:
    assert rest_of("") == rest_of("No. Deje de llamarme, por favor.") == []
    told = [f"Esta es la frase {number}." for number in range(9)]
    text = " ".join(told)
    assert parts_of(text) == [text, *told[:6]]
    assert rest_of(text) == told[6:]


@pytest.mark.parametrize("words", [50, 51, 60, 90, 91, 130, 3_000])
def test_all_of_a_sentence_that_runs_on_is_read(words: int) -> None:
    said = [f"w{number}" for number in range(words)]
    pieces = [piece.split() for piece in rest_of(" ".join(said))]
    assert [word for at, piece in enumerate(pieces) for word in piece[10 if at else 0 :]] == (
        said if words > 50 else []
    )
    assert all(len(piece) <= 50 for piece in pieces)
