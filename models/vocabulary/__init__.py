"""A campaign's own words, put right where recognition spelt them as they sounded."""

from models.vocabulary.corrector import NO_VOCABULARY, Corrected, Corrector, corrector_of

__all__ = ["NO_VOCABULARY", "Corrected", "Corrector", "corrector_of"]
