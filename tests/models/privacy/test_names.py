"""Whom people introduce, and capitals that are nobody's name."""

import pytest

from models.privacy.names import persons


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Buenas tardes, le saluda Andrea Torres, de su banco.", ["Andrea Torres"]),
        ("Hola, te atiende Laura, ¿en qué te ayudo?", ["Laura"]),
        ("Usted habla con Andrea.", ["Andrea"]),
        ("¿Con Pedro Ramírez?", ["Pedro Ramírez"]),
        ("Buenas tardes. ¿Con la señora Luz Marina Ospina?", ["Luz Marina Ospina"]),
        ("Quem está falando é o Wellington Barros.", ["Wellington Barros"]),
        ("Você está falando com a Camila, em que posso ajudar?", ["Camila"]),
        ("Thanks for calling Bright Solar, Sarah Johnson speaking.", ["Sarah Johnson"]),
        ("Emily speaking, how can I help?", ["Emily"]),
        ("Kimberly speaking.", ["Kimberly"]),
        ("Is this Pedro?", ["Pedro"]),
        ("This is April Jones.", ["April Jones"]),
    ],
)
def test_who_is_introduced_is_known(text: str, names: list[str]) -> None:
    assert [found.value for found in persons(text)] == names


@pytest.mark.parametrize(
    "text",
    [
        "Is this Friday okay for the installation?",
        "Is this Saturday good for the technician?",
        "Is this March bill the last one?",
        "Generally speaking, it works.",
        "Legally speaking, no.",
        "Realistically speaking, it takes a week.",
        "Comparatively speaking, it is cheap.",
        "I'm on hold. Still speaking.",
        "Spanish speaking, please.",
        "Is anybody there who is Spanish speaking?",
        "¿Con Visa?",
        "¿Con Tarjeta Éxito?",
        "¿Con Bancolombia?",
        "¿Con Plan Familiar?",
        "¿Con Mercado Pago?",
        "¿Con American Express?",
        "¿Con Google Pay?",
        "¿Con Movistar Total?",
        "Com Apple Pay?",
        "Usted habla con Soporte Técnico.",
        "Le atiende el Banco Andino.",
        "Você está falando com a Central de Atendimento.",
        "¿Con quién hablo?",
    ],
)
def test_days_firms_and_ways_of_speaking_are_nobody(text: str) -> None:
    assert persons(text) == []
