"""Private data in what is said: digits withheld until judged, and what they were."""

from models.privacy.assembler import DigitGuard
from models.privacy.entities import Entity
from models.privacy.masking import Mask
from models.privacy.readable import may_be_kept
from models.privacy.turns import Judged, SpokenTurn, TurnText

__all__ = ["DigitGuard", "Entity", "Judged", "Mask", "SpokenTurn", "TurnText", "may_be_kept"]
