"""Where one sentence ends and the next begins, in text as it is heard or typed."""

import pytest

from models.review.sentences import sentences


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Le voy a devolver 150.000 pesos. Gracias.", ["Le voy a devolver 150.000 pesos.", "Gracias."]),
        ("Se lo envío al Sr. Gómez el lunes.", ["Se lo envío al Sr. Gómez el lunes."]),
        ("Vou pagar R$ 1.500,50 à Sra. Souza. Na sexta.", ["Vou pagar R$ 1.500,50 à Sra. Souza.", "Na sexta."]),
        ("I'll send it to Dr. Smith. Is that fine? Yes", ["I'll send it to Dr. Smith.", "Is that fine?", "Yes"]),
        ("Escríbame a ana@banco.com.co. Gracias.", ["Escríbame a ana@banco.com.co.", "Gracias."]),
        ("¿Y entonces...? Le pago; sí.", ["¿Y entonces...?", "Le pago;", "sí."]),
        ("…bueno, sí... no", ["bueno, sí...", "no"]),
        ("Ya. . ¿?", ["Ya."]),
        ("...", []),
        ("", []),
    ],
)
def test_a_sentence_ends_at_its_mark_and_not_at_every_dot(text: str, found: list[str]) -> None:
    assert sentences(text) == found
