"""Makes of an authored text what a recogniser makes of it: unpunctuated, unaccented, letters and words lost."""

import random
import re
import unicodedata

_PUNCTUATION = re.compile(r"[^\w\s\[\]']")
_VOWELS = "aeiou"
_FILLERS = {
    "es": ("eh", "este", "pues", "bueno", "mire", "o sea", "a ver", "es que"),
    "pt": ("é", "então", "olha", "assim", "tipo", "bom", "ah", "é que"),
    "en": ("uh", "um", "well", "so", "look", "you know", "okay", "I mean"),
}
_CONFUSIONS = {
    "es": (("v", "b"), ("b", "v"), ("z", "s"), ("c", "s"), ("ll", "y"), ("h", ""), ("qu", "k"), ("s", "")),
    "pt": (("ç", "s"), ("ss", "s"), ("lh", "li"), ("ão", "am"), ("z", "s"), ("ei", "e"), ("ou", "o"), ("r", "")),
    "en": (("th", "d"), ("ing", "in"), ("ck", "k"), ("ee", "i"), ("gh", ""), ("ou", "o"), ("er", "a"), ("t", "d")),
}


def unpunctuated(text: str) -> str:
    """Lower case and without signs, accents kept."""
    return " ".join(_PUNCTUATION.sub(" ", text.lower()).split())


def unaccented(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", unpunctuated(text))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def misheard(text: str, language: str, chance: random.Random, rate: float = 0.12) -> str:
    """About `rate` of the words garbled, one word in twenty lost or doubled, at times a filler at the start."""
    out: list[str] = []
    for word in unpunctuated(text).split():
        draw = chance.random()
        if draw < 0.03 and len(word) < 5:
            continue
        out.append(_garbled(word, language, chance) if draw < 0.03 + rate and not word.startswith("[") else word)
        if draw > 0.98:
            out.append(word)
    if chance.random() < 0.2:
        out.insert(0, chance.choice(_FILLERS[language]))
    return " ".join(out) or text


def varied(text: str, language: str, chance: random.Random) -> str:
    """A text as it may be met: mostly as written, at times without signs or accents, or misheard."""
    draw = chance.random()
    if draw < 0.55:
        return text
    if draw < 0.68:
        return unpunctuated(text) or text
    if draw < 0.78:
        return unaccented(text) or text
    return misheard(text, language, chance)


def _garbled(word: str, language: str, chance: random.Random) -> str:
    fitting = [pair for pair in _CONFUSIONS[language] if pair[0] in word]
    if fitting and chance.random() < 0.6:
        return word.replace(*chance.choice(fitting), 1) or word
    if len(word) < 4:
        return word
    at = chance.randrange(1, len(word) - 1)
    if word[at] in _VOWELS and chance.random() < 0.5:
        return word[:at] + chance.choice(_VOWELS) + word[at + 1 :]
    return word[:at] + word[at + 1 :]
