"""What recognition may make of a sentence, in ways that no training has seen.

The turn encoder, the wide part and the knowledge search learn from texts that `models.training.noise` has garbled:
letters lost or taken for others, words lost or doubled, fillers, no signs. Whoever is judged on more of that shows how
well the noise was learnt. Here a long word becomes another word of the language, the one that is written most like it;
is written as two; or changes its gender.
"""

import random
import re
from collections.abc import Callable, Iterable
from functools import partial

from rapidfuzz import process
from rapidfuzz.distance import OSA

from benchmarks.rules import gender, long_words, parted

ONE_IN = 8
"""Words, of which one is misheard; of a shorter text one as well, where a word is long enough."""
FARTHEST = 3
"""Letters in which the other word may differ."""
_GENDERS = ("es", "pt")


class Mishearing:
    """Garbles a text in the same way whenever it is asked."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        """Of a language and a text each: what is heard for a word is one of theirs."""
        words: dict[str, set[str]] = {}
        for language, text in texts:
            words.setdefault(language, set()).update(long_words(text))
        self._words = {language: sorted(found) for language, found in words.items()}
        self._nearest: dict[tuple[str, str], str] = {}

    def of(self, text: str, language: str) -> str:
        dice, another = random.Random(text), partial(self._another, language)
        ways: tuple[Callable[[str, random.Random], str], ...] = (another, parted, another)
        if language in _GENDERS:
            ways = (another, parted, gender)
        for _ in range(max(1, len(text.split()) // ONE_IN)):
            heard = dice.choice(ways)(text, dice)
            text = heard if heard != text else parted(text, dice)
        return text

    def _another(self, language: str, text: str, dice: random.Random) -> str:
        if not (words := long_words(text)):
            return text
        word = dice.choice(words)
        return re.sub(rf"(?<!\[)\b{word}\b", self._like(word, language), text, count=1)

    def _like(self, word: str, language: str) -> str:
        """The other word that is written most like this one; itself where none is near."""
        if (language, word) not in self._nearest:
            found = process.extract(
                word, self._words.get(language, []), scorer=OSA.distance, score_cutoff=FARTHEST, limit=2
            )
            others = [other for other, _, _ in found if other != word]
            self._nearest[language, word] = others[0] if others else word
        return self._nearest[language, word]
