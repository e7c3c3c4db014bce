"""What people type and models write, as it may be stored: the law of digits holds for them too."""

import secrets
from typing import Final

from models.privacy import DigitGuard, SpokenTurn

LONGEST_ANSWER: Final = 4_000
"""Characters; who writes more was asked for a summary and gives something else."""


def masked_answer(answer: object, language: str, country: str) -> str:
    """What a language model wrote, which may hold anything that a caller talked it into. Raises `ValueError` when it is
    no text of a fit length."""
    if not isinstance(answer, str) or len(answer) > LONGEST_ANSWER:
        raise ValueError("no summary")
    return mask_typed("".join(c for c in answer if c.isprintable() or c == "\n"), language, country)


def mask_typed(text: str, language: str, country: str) -> str:
    """Implements `engine.ports.desk.Mask`: cards, codes and identities are masked by type, other numbers stay."""
    if not text.strip():
        return text.strip()
    guard = DigitGuard(country or "US", secrets.token_bytes(32))
    said = SpokenTurn(
        turn=0, stream="typed", leg="agent", text=text.strip(), start_ms=0, end_ms=0, language=language or "en"
    )
    masked = guard.hear(said).texts[0].text
    if closing := guard.close():
        masked = next((one.text for one in closing.texts if one.turn == 0), masked)
    return masked
