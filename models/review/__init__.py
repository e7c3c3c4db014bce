"""What becomes of a call once it is said: how it was talked, how it is scored, what is left to do.

Everything here is pure and rests on words and times alone. How somebody felt is never read out of how they spoke: Art.
5(1)(f) of the EU's AI Act forbids that of people at work.
"""

from models.review.forms import Form, bundled_forms, form_for, own_first, read_form
from models.review.scoring import Scorer
from models.review.talk import Span, Talk, measure
from models.review.wrap_up import Composer, WrapUp

__all__ = [
    "Composer",
    "Form",
    "Scorer",
    "Span",
    "Talk",
    "WrapUp",
    "bundled_forms",
    "form_for",
    "measure",
    "own_first",
    "read_form",
]
