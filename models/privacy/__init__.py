"""Private data in what is said: digits withheld until judged, and what they were."""

from models.privacy.assembler import DigitGuard, Judged, SpokenTurn, TurnText
from models.privacy.entities import Entity
from models.privacy.masking import Mask
from models.privacy.readable import may_be_kept

__all__ = ["DigitGuard", "Entity", "Judged", "Mask", "SpokenTurn", "TurnText", "may_be_kept"]
