"""Card payments as people say them and as recognition writes them: dialogues from a grammar of its own.

Nothing here knows what the engine listens for: number words, groupings, corrections and questions are written apart
from it, in `spoken/*.yaml`. The same seed gives the same dialogue.
"""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from benchmarks.tellers import Teller, phrases
from engine.facts import Leg

COUNTRIES = {"es": ("CO", "MX", "AR", "ES", "CL", "PE"), "pt": ("BR",), "en": ("US",)}
Kind = Literal["card", "cvv", "card_expiry"]
_TOKEN = re.compile(r"\d|[^\W\d_]+")
_GLUE = frozenset(["y", "e", "and", "ciento", "cento", "doble", "double", "duplo", "triple", "triplo", "treble"])
"""Words of a number that tell no digit by themselves."""
_PAUSES_MS = (300, 300, 700, 700, 1_500, 3_000, 6_000, 20_000)
"""Somebody looks for a card, or for spectacles."""
FRESH = 1_000_000
"""Payments, and values of `benchmarks.entities`, from this number on are what figures are told of: nothing was mended
by them. Whoever mends something by one of them moves it on, behind the last that was looked at."""


class Part(NamedTuple):
    text: str
    kind: Kind | None = None
    """What is read in it; None: it may be seen by everybody."""


class Line(NamedTuple):
    """One final."""

    leg: Leg
    parts: tuple[Part, ...]
    pause_ms: int = 400
    """Silence before it."""

    @property
    def text(self) -> str:
        joined = " ".join(part.text for part in self.parts if part.text)
        return re.sub(r"\s+([,.?!])", r"\1", joined)

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset(part.kind for part in self.parts if part.kind)

    def words(self) -> Iterator[tuple[int, int, bool]]:
        """Code points of each word of `text`, and whether it tells a digit of what is private."""
        text, at = self.text, 0
        for part in self.parts:
            for word in part.text.split():
                start = text.index(word, at)
                at = start + len(word)
                yield start, at, bool(part.kind and tokens(word))

    def leaked(self, shown: str) -> int:
        """Digits and number words of what is private that can be read in `shown`, beyond those that stand in the rest
        of the line."""
        private = Counter[str]()
        public = Counter[str]()
        for part in self.parts:
            (private if part.kind else public).update(tokens(part.text))
        return readable(private, public, shown)


class Payment(NamedTuple):
    language: str
    country: str
    card: str
    cvv: str
    expiry: str
    """Month and year, two digits each."""
    lines: tuple[Line, ...]


def tokens(text: str) -> list[str]:
    """Digits one by one and words, folded; without what is part of no digit."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return [one for one in _TOKEN.findall(plain) if one not in _GLUE]


def readable(private: Counter[str], public: Counter[str], shown: str) -> int:
    """Tokens of what is private that stand in `shown` beyond those of the rest; a mask tells nothing."""
    seen = Counter(tokens(re.sub(r"\[\w+\]", " ", shown)))
    return sum(max(0, min(seen[one] - public[one], count)) for one, count in private.items())


def payments(language: str, count: int, first: int = 0, *, aloud: bool = False) -> Iterator[Payment]:
    """So many payments of a language, from number `first` on."""
    for number in range(first, first + count):
        yield payment(language, number, aloud=aloud)


def payment(language: str, number: int, *, aloud: bool = False) -> Payment:
    """`aloud`: as it is said, to be read by a voice; else as recognition writes it."""
    dice = random.Random(f"{language} {number}")
    caller = _Caller(language, dice, aloud=aloud)
    card, cvv = _card(dice), "".join(dice.choice("0123456789") for _ in range(3))
    cvv = cvv + dice.choice("0123456789") if card.startswith("3") else cvv
    expiry = f"{dice.randrange(1, 13):02}{dice.randrange(27, 34)}"
    lines = tuple(line._replace(pause_ms=dice.choice(_PAUSES_MS)) for line in caller.payment(card, expiry, cvv))
    return Payment(language, dice.choice(COUNTRIES[language]), card, cvv, expiry, lines)


def _card(dice: random.Random) -> str:
    start, length = dice.choice([("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6362", 16)])
    body = start + "".join(dice.choice("0123456789") for _ in range(length - 1 - len(start)))
    if dice.random() < 0.2:  # numbers that repeat themselves are what doubles and hundreds are said for
        at = dice.randrange(len(start), length - 4)
        body = body[:at] + body[at] * 3 + body[at + 3 :]
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in body[-1::-2])
    return body + str(-(sum(doubled) + sum(map(int, body[-2::-2]))) % 10)


class _Caller:
    """Tells one payment."""

    def __init__(self, language: str, dice: random.Random, *, aloud: bool) -> None:
        self._words = phrases(f"payments_{language}")
        self._dice = dice
        self._aloud = aloud
        noise = dice.choice([0.0, 0.0, 0.03, 0.08])
        self._say = Teller(language, dice, 0.0 if aloud else noise, aloud=aloud)
        self._cased = dice.random() < 0.8

    def payment(self, card: str, expiry: str, cvv: str) -> Iterator[Line]:
        dice = self._dice
        for leg, text in dice.sample(self._words["before"], dice.choice([0, 1, 2])):
            yield Line(leg, (Part(text),))
        asked = dice.random() < 0.8
        yield self._plain("agent", "ask") if asked else self._plain("customer", "unasked")
        extras = dice.choice(["asked", "asked", "asked", "none", "in one"])
        yield from self._card(card, self._all_in_one(expiry, cvv) if extras == "in one" else ())
        if extras == "asked":
            if dice.random() < 0.8:
                yield self._plain("agent", "expiry_ask")
                yield self._line("customer", "expiry_open", "card_expiry", self._expiry(expiry))
            yield self._plain("agent", "cvv_ask")
            yield self._line("customer", "cvv_open", "cvv", self._say.digits(cvv))
            if dice.random() < 0.2:
                yield Line("agent", self._filled(self._pick("read_back"), "cvv", self._say.digits(cvv)))
                yield self._plain("customer", "agrees")
        if dice.random() < 0.2:
            yield Line("agent", self._filled(self._pick("ending"), "card", self._say.digits(card[-4:])))
        for leg, text in dice.sample(self._words["after"], 2):
            yield Line(leg, (Part(text),))

    # ─── a card ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _card(self, card: str, more: Sequence[Part]) -> Iterator[Line]:
        dice = self._dice
        groups = self._groups(card)
        yield from self._reading(groups, more)
        if dice.random() < 0.15:
            yield self._plain("agent", "again")
            yield Line("customer", (Part(self._say.spoken(groups[-1]), "card"),))
        if dice.random() < 0.35:
            yield from self._read_back(self._groups(card))

    def _reading(self, groups: Sequence[str], more: Sequence[Part]) -> Iterator[Line]:
        dice = self._dice
        finals = dice.choice([1, 1, 2, 3, len(groups), len(groups)])
        opening = self._pick("open")
        for at, chunk in enumerate(_shared(groups, finals)):
            parts = [Part(opening)] if at == 0 and opening else []
            for group in chunk:
                parts += self._group(group)
            last = at == finals - 1
            if last:
                parts += more
            yield self._final("customer", parts)
            if not last and dice.random() < 0.5:
                yield self._plain("agent", "go_on")
            elif not last and dice.random() < 0.08:
                yield self._plain(dice.choice(["agent", "customer"]), "aside")

    def _group(self, group: str) -> Iterator[Part]:
        dice = self._dice
        if between := self._pick("between") if dice.random() < 0.15 else "":
            yield Part(between + dice.choice(["", ",", "..."]))
        if dice.random() < 0.08:  # said wrong, and put right
            wrong = group[:-1] + str((int(group[-1]) + dice.randrange(1, 10)) % 10)
            said = dice.choice([wrong, wrong[-2:], wrong[-1:]])
            yield Part(self._say.spoken(said) + dice.choice(["", ","]), "card")
            yield Part(self._pick("sorry") + dice.choice(["", ","]))
        yield Part(self._say.spoken(group) + dice.choice(["", "", ",", ".", ",", " -"]), "card")

    def _read_back(self, groups: Sequence[str]) -> Iterator[Line]:
        dice = self._dice
        if dice.random() < 0.5:
            whole = ", ".join(self._say.spoken(group) for group in groups)
            yield Line("agent", self._filled(self._pick("read_back"), "card", whole))
            if dice.random() < 0.2:
                yield Line("customer", self._filled(self._pick("wrong"), "card", self._say.spoken(groups[-1])))
            yield self._plain("customer", "agrees")
            return
        for group in groups:
            yield Line("agent", (Part(self._say.spoken(group) + dice.choice(["", ".", "?"]), "card"),))
            if dice.random() < 0.6:
                yield self._plain("customer", "agrees")

    def _groups(self, card: str) -> list[str]:
        sizes = {15: [[4, 6, 5], [3] * 5, [5, 5, 5]]}.get(
            len(card), [[4] * 4, [4] * 4, [4] * 4, [3] * 5 + [1], [2] * 8]
        )
        found, at = [], 0
        for size in self._dice.choice(sizes):
            found.append(card[at : at + size])
            at += size
        return found

    def _all_in_one(self, expiry: str, cvv: str) -> tuple[Part, ...]:
        number = {"{e}": Part(self._expiry(expiry), "card_expiry"), "{c}": Part(self._say.digits(cvv), "cvv")}
        pieces = re.split(r"(\{[ec]\})", self._pick("all_in_one"))
        return tuple(number.get(piece) or Part(piece.strip()) for piece in pieces if piece.strip())

    def _expiry(self, expiry: str) -> str:
        month, year = expiry[:2], expiry[2:]
        say = self._say
        ways = [say.pairs(expiry), say.digits(expiry), f"{month}/{year}", f"{say.pair(month)}, {say.pair(year)}"]
        return self._dice.choice([way for way in ways if not (self._aloud and "/" in way)])

    # ─── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _pick(self, what: str) -> str:
        return str(self._dice.choice(self._words[what]))

    def _plain(self, leg: Leg, what: str) -> Line:
        return Line(leg, (Part(self._pick(what)),))

    def _line(self, leg: Leg, opening: str, kind: Kind, text: str) -> Line:
        return self._final(leg, [Part(self._pick(opening)), Part(text, kind)])

    def _final(self, leg: Leg, parts: Sequence[Part]) -> Line:
        """As a recogniser writes a final: a capital at the start and a stop at the end, or neither."""
        kept = [part for part in parts if part.text]
        if not self._cased:
            return Line(leg, tuple(part._replace(text=part.text.lower()) for part in kept))
        first, last = kept[0], kept[-1]
        kept[0] = first._replace(text=first.text[0].upper() + first.text[1:])
        last = kept[-1]
        kept[-1] = last._replace(text=last.text.rstrip(",-. ") + self._dice.choice([".", "", "..."]))
        return Line(leg, tuple(kept))

    def _filled(self, text: str, kind: Kind, number: str) -> tuple[Part, ...]:
        before, _, after = text.partition("{n}")
        return tuple(part for part in (Part(before.strip()), Part(number, kind), Part(after.strip())) if part.text)


def _shared(groups: Sequence[str], finals: int) -> Iterator[Sequence[str]]:
    """The groups in so many finals, in order, each with one at least."""
    finals = min(finals, len(groups))
    size, more = divmod(len(groups), finals)
    at = 0
    for number in range(finals):
        end = at + size + (number < more)
        yield groups[at:end]
        at = end
