"""What people type, as it may be stored: the law of digits holds for keyboards too."""

import secrets

from models.privacy import DigitGuard, SpokenTurn


def mask_typed(text: str, language: str, country: str) -> str:
    """Implements `engine.ports.Mask`: cards, codes and identities are masked by type, other numbers stay."""
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
