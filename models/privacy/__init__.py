"""Private data in what is said: digits withheld until judged, and what they were."""

from models.privacy.assembler import DigitGuard, Judged, SpokenTurn, TurnText
from models.privacy.entities import Entity
from models.privacy.masking import Mask

__all__ = ["DigitGuard", "Entity", "Judged", "Mask", "SpokenTurn", "TurnText"]
