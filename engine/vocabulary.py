"""The words that a campaign wants heard right: names, products, competitors, acronyms."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import msgspec

from engine.errors import Invalid

MOST_TERMS: Final = 300
LONGEST_TERM: Final = 60
MOST_WORDS: Final = 4
MOST_FORMS: Final = 8
"""Of "sounds like" a term."""
_WORDS = re.compile(r"[^\W\d_]+(?:['’.&-][^\W\d_]+)*\.?(?: (?:& )?[^\W\d_]+(?:['’.&-][^\W\d_]+)*\.?)*")


class Term(msgspec.Struct, frozen=True):
    """One name as it is to be written, and how else recognition may spell what it sounds like."""

    text: str
    sounds_like: tuple[str, ...] = ()


def check_terms(terms: Sequence[Term]) -> None:
    """Raises `Invalid` that names the term. Digits are never written by a vocabulary, so none may hold any."""
    if len(terms) > MOST_TERMS:
        raise Invalid(f"vocabulary: {len(terms)} terms, at most {MOST_TERMS}")
    names: dict[str, str] = {}
    for term in terms:
        _check_words("a term", term.text)
        if len(term.sounds_like) > MOST_FORMS:
            raise Invalid(f"vocabulary: {term.text!r} has {len(term.sounds_like)} forms, at most {MOST_FORMS}")
        for form in term.sounds_like:
            _check_words(f"what {term.text!r} sounds like", form)
        for form in (term.text, *term.sounds_like):
            if names.setdefault(_plain(form), term.text) != term.text:
                raise Invalid(f"vocabulary: {form!r} is there twice")


def _check_words(what: str, words: str) -> None:
    if not 2 <= len(words) <= LONGEST_TERM or not _WORDS.fullmatch(words) or len(words.split()) > MOST_WORDS:
        raise Invalid(
            f"vocabulary: {what} is one to {MOST_WORDS} words of letters, {LONGEST_TERM} at most, not {words[:80]!r}"
        )


def _plain(words: str) -> str:
    parts = unicodedata.normalize("NFD", words.casefold())
    return "".join(letter for letter in parts if letter.isalnum())
