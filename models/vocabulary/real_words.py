"""Words that are words of their own in Spanish, Portuguese or English: no name is put in their place lightly."""

import gzip
import re
from functools import cache
from pathlib import Path
from typing import Final

from models.privacy.lexicon import NUMBER_WORDS, fold

_DATA = Path(__file__).with_name("data")
"""A file a language, folded words, one a line: those of telephone service with all their forms, and what is common
besides; `!` follows the commonest. Chosen from the dictionaries of simplemma (MIT) by our own training sentences and by
the vocabulary of the Universal Sentence Encoder (Apache-2.0)."""
_ENCLITIC: Final = re.compile(r"(.{3,}?)(?:me|te|se|le|les|lo|la|los|las|nos)(?:lo|la|los|las|le|les|se)?")


def is_real(word: str, language: str) -> bool:
    """Any letter case, accents or none; a Spanish verb with pronouns behind it is one word."""
    plain = fold(word)
    real = real_words(language)
    if plain in real or plain in NUMBER_WORDS or len(plain) < 2:
        return True
    stem = _ENCLITIC.fullmatch(plain) if language == "es" else None
    return stem is not None and stem[1] in real


def is_common(word: str, language: str) -> bool:
    """Whether it is heard so often that it may stand beside any other word."""
    return len(word) < 3 or real_words(language).get(fold(word), False)


@cache
def real_words(language: str) -> dict[str, bool]:
    """Folded → whether it is common. Read at first use: 30,000 words, about 10 ms."""
    lines = gzip.decompress((_DATA / f"real_words.{language}.txt.gz").read_bytes()).decode("ascii").split()
    return {line.rstrip("!"): line.endswith("!") for line in lines}
