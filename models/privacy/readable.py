"""Which judged values may be kept, sealed, for those who may read them again. Pure."""

from typing import Final

from stdnum.br import cnpj

from models.privacy.checks import is_card
from models.privacy.entities import Entity

_CODE: Final = 4
"""At most so many digits may be a card's verification value, by whatever name…"""
_MISHEARD: Final = 13
"""…and from so many on, a card's number of which recognition lost some."""


def may_be_kept(entity: Entity, *, near_card: bool) -> bool:
    """Whether its value may, as far as its digits tell; whether its type may is `engine.tokens`' to say. `near_card`: a
    card was spoken of in the call. Then what may be of one is not kept, whatever it was judged to be."""
    digits = "".join(char for char in entity.value if char.isdigit())
    if not entity.value or is_card(digits):
        return False
    bare = len(digits) == len(entity.value)
    may_be_a_card = bare and (len(digits) <= _CODE or len(digits) >= _MISHEARD) and not cnpj.is_valid(digits)
    return not (near_card and may_be_a_card)
