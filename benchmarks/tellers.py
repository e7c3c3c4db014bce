"""Numbers as people say them and as recognition writes them, in three languages: words of their own, with no look at
what the engine knows."""

import random
from collections.abc import Callable
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import yaml

PHRASES = Path(__file__).parent / "spoken"
LANGUAGES = ("es", "pt", "en")


@lru_cache
def phrases(name: str) -> dict[str, Any]:
    """A file of `spoken/`."""
    words: dict[str, Any] = yaml.safe_load((PHRASES / f"{name}.yaml").read_text("utf-8"))
    return words


def number_words(language: str) -> list[str]:
    """All that tell a digit, as they are said and as recognition writes them; "mil" and "and" tell none."""
    words = phrases(f"numbers_{language}")
    lists = ("units", "teens", "twenties", "tens", "hundreds", "ordinals", "plural")
    said = chain.from_iterable(words.get(name, ()) for name in lists)
    heard = chain.from_iterable(words["heard_as"].values())
    also = (words[name] for name in ("six", "nought") if name in words)
    return [*said, *heard, *also]


class Teller:
    """Says numbers, each time in one way or another."""

    def __init__(self, language: str, dice: random.Random, noise: float, *, aloud: bool = False) -> None:
        """`noise`: share of number words that recognition gets wrong. `aloud`: never in figures, which a voice would
        read in its own way."""
        self._words = phrases(f"numbers_{language}")
        self._language = language
        self._dice = dice
        self._noise = noise
        self._aloud = aloud

    def spoken(self, group: str) -> str:
        ways: list[Callable[[str], str]] = [*[self.digits] * 4, *[self.doubled] * 2]
        if not self._aloud:
            ways.append(self._written)
        if len(group) % 2 == 0:
            ways += [self.pairs] * 2
        if len(group) == 3:
            ways.append(self.hundreds)
        if len(group) == 4 and group[0] != "0" and self._language != "en":
            ways.append(self._thousands)
        return self._dice.choice(ways)(group)

    def digits(self, group: str) -> str:
        return " ".join(self._heard(self.unit(digit)) for digit in group)

    def unit(self, digit: str) -> str:
        names: list[str] = self._words["units"]
        if digit == "6" and "six" in self._words and self._dice.random() < 0.6:
            return str(self._words["six"])
        if digit == "0" and "nought" in self._words and self._dice.random() < 0.5:
            return str(self._words["nought"])
        return names[int(digit)]

    def _heard(self, word: str) -> str:
        """As recognition writes it."""
        others = self._words["heard_as"].get(word)
        return self._dice.choice(others) if others and self._dice.random() < self._noise else word

    def doubled(self, group: str) -> str:
        words = []
        for digit, same in groupby(group):
            count = len(list(same))
            if count == 2 and self._dice.random() < 0.7:
                words.append(self._twice(digit))
            elif count == 3 and self._dice.random() < 0.5:
                words.append(f"{self._dice.choice(self._words['thrice'])} {self._words['units'][int(digit)]}")
            else:
                words += [self._heard(self.unit(digit)) for _ in range(count)]
        return " ".join(words)

    def _twice(self, digit: str) -> str:
        many = {"es": "dos", "pt": "dois", "en": "two"}[self._language]
        if self._dice.random() < 0.3:
            return f"{many} {self._words['plural'][int(digit)]}"
        return f"{self._words['twice'][0]} {self._words['units'][int(digit)]}"

    def _written(self, group: str) -> str:
        return self._dice.choice([group, " ".join(group), "-".join(group), f"{group[:2]} {group[2:]}".strip()])

    def pairs(self, group: str) -> str:
        return " ".join(self.pair(group[at : at + 2]) for at in range(0, len(group), 2))

    def pair(self, two: str) -> str:
        tens, unit = int(two[0]), int(two[1])
        if tens == 0:
            return f"{self.unit('0')} {self.unit(two[1])}"
        if tens == 1:
            return str(self._words["teens"][unit])
        if tens == 2 and "twenties" in self._words:
            return str(self._words["twenties"][unit])
        name = str(self._words["tens"][tens - 2])
        return name + str(self._words["and"]) + str(self._words["units"][unit]) if unit else name

    def hundreds(self, group: str) -> str:
        hundred, rest = int(group[0]), group[1:]
        if not hundred:
            return self.digits(group)
        if rest == "00":
            return str(self._words["hundreds"][hundred - 1])
        head = self._words["hundred_and"] if hundred == 1 else self._words["hundreds"][hundred - 1]
        glue = self._words.get("hundred_glue", " ") if hundred > 1 else " "
        tail = self.unit(rest[1]) if rest[0] == "0" else self.pair(rest)
        return f"{head}{glue}{tail}"

    def _thousands(self, group: str) -> str:
        head = "mil" if group[0] == "1" else f"{self._words['units'][int(group[0])]} mil"
        rest = group[1:]
        if rest == "000":
            return head
        if rest[0] != "0":
            return f"{head} {self.hundreds(rest)}"
        tail = self._words["units"][int(rest[2])] if rest[1] == "0" else self.pair(rest[1:])
        return f"{head} {tail}" if self._language == "es" else f"{head} e {tail}"
