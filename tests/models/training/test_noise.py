"""What training does to texts."""

import random

from models.training.noise import misheard, unaccented, unpunctuated


def test_noise_is_what_a_recogniser_does() -> None:
    chance = random.Random(5)
    assert unpunctuated("¿Cómo, está [card]?") == "cómo está [card]"
    assert unaccented("¿Cómo está, señor?") == "como esta senor"
    heard = {misheard("mi tarjeta es [card] y no funciona nada", "es", chance) for _ in range(50)}
    assert len(heard) > 5
    assert all("[card]" in text for text in heard)
