"""Private data that callers give: how much of it is found, in which place, and how much else is taken for it.

    python -m benchmarks.entities [es pt en] [--each N] [--first N] [--misses]

Values come with check digits that hold, in sentences of `spoken/private_*.yaml`, said and written in the ways of
`benchmarks.tellers`. A value counts as found when an entity of its type overlaps it; `leaked` are digits of it, said or
written, that can still be read in the end (names, months and streets stay readable). Sentences under `none` have
numbers and nothing private. Cards, their codes and dates are in `benchmarks.cards`.

Values are numbered. Mend by the first ones; the cells take those from `FRESH` on, which nothing was mended by. The
sentences, names and streets around and in them are the same, and those under `none` are all there are.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table
from stdnum.ar import cuit
from stdnum.br import cnpj, cpf
from stdnum.cl import rut
from stdnum.es import dni, nie
from stdnum.mx import curp, rfc

from benchmarks.payments import FRESH, readable, tokens
from benchmarks.rules import interval
from benchmarks.tellers import LANGUAGES, Teller, number_words, phrases
from models.privacy import DigitGuard, Entity, SpokenTurn

COUNTRIES = {"es": ("CO", "MX", "AR", "ES", "CL", "PE"), "pt": ("BR",), "en": ("US",)}
EACH = 120
"""Values a type and language."""
READABLE = frozenset({"PERSON"})
Note = Callable[[str], object]


class Given(NamedTuple):
    """A value in what its owner says, after what was asked."""

    kind: str
    country: str
    asked: str
    text: str
    start: int
    end: int


class Count(msgspec.Struct):
    found: int = 0
    wanted: int = 0
    false: int = 0
    """Found where there is none, or where something else is."""
    leaked: int = 0


def measure(language: str, each: int = EACH, note: Note = lambda _: None, first: int = 0) -> dict[str, Count]:
    counts: dict[str, Count] = {}
    for given in [*values(language, each, first), *_nothing(language)]:
        entities, shown = _heard(given, language)
        right = [one for one in entities if one.entity_type == given.kind and _overlap(one, given)]
        if given.kind:
            count = counts.setdefault(given.kind, Count())
            count.found += bool(right)
            count.wanted += 1
            leaked = 0 if given.kind in READABLE else leaks(given, language, shown)
            count.leaked += leaked
            if leaked or not right:
                what = [(one.entity_type, given.text[one.start : one.end]) for one in entities]
                note(f"{'leaked' if right else 'missed'} {given.kind} {given.country}: {given.asked} | {given.text} → "
                     f"{shown} {what}")  # fmt: skip
        for one in entities:
            if one not in right:
                counts.setdefault(one.entity_type, Count()).false += 1
                note(f"false {one.entity_type}: {given.asked} | {given.text} [{given.text[one.start : one.end]}]")
    return dict(sorted(counts.items()))


def _heard(given: Given, language: str) -> tuple[list[Entity], str]:
    """Entities of the value's turn, and its text in the end."""
    guard = DigitGuard(given.country, b"a key")
    turns = [("agent", given.asked), ("customer", given.text)] if given.asked else [("customer", given.text)]
    entities: list[Entity] = []
    shown: dict[int, str] = {}
    judged = None
    for number, (leg, text) in enumerate(turns):
        turn = SpokenTurn(number, leg, leg, text, number * 5_000, number * 5_000 + 4_000, language)  # type: ignore[arg-type]
        judged = guard.hear(turn)
        entities += judged.entities
        shown |= {one.turn: one.text for one in judged.texts}
    if judged := guard.close():
        entities += judged.entities
        shown |= {one.turn: one.text for one in judged.texts}
    last = len(turns) - 1
    return [one for one in entities if one.turn == last], shown[last]


def _overlap(entity: Entity, given: Given) -> bool:
    return entity.start < given.end and given.start < entity.end


def leaks(given: Given, language: str, shown: str) -> int:
    """Digits of the value that can still be read, written or said; of a document also its letters."""
    value = tokens(given.text[given.start : given.end])
    rest = given.text[: given.start] + " " + given.text[given.end :]
    if given.kind not in _ALL_DIGITS:
        said = tokens(" ".join(number_words(language))) if given.kind in _WITH_WORDS else []
        value = [one for one in value if one.isdigit() or one in said]
    return readable(Counter(value), Counter(tokens(rest)), shown)


_ALL_DIGITS = frozenset(
    {"PHONE", "CPF", "CNPJ", "CUIT", "RUT", "DNI_NIE", "CEDULA_CO", "SSN", "BANK_ACCOUNT", "CURP", "RFC_MX"}
)
"""Every word of these tells something."""
_WITH_WORDS = frozenset({"DATE_OF_BIRTH", "EMAIL"})
"""A month, a name or a house in these is no digit; a street of an address may be called by a number, and is read."""


# ─── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def values(language: str, each: int, first: int = 0) -> Iterator[Given]:
    for kind, sentences in phrases(f"private_{language}").items():
        if kind == "none":
            continue
        for number in range(first, first + each):
            dice = random.Random(f"{language} {kind} {number}")
            country = sentences.get("country") or dice.choice(COUNTRIES[language])
            value = _Values(language, country, dice).said(kind)
            asked = dice.choice(sentences["ask"]) if dice.random() < 0.6 else ""
            before, _, after = dice.choice(sentences["answer"] if asked else sentences["tell"]).partition("{v}")
            value = value if before else value[:1].upper() + value[1:]
            yield Given(kind, country, asked, before + value + after, len(before), len(before) + len(value))


def _nothing(language: str) -> Iterator[Given]:
    for text in phrases(f"private_{language}")["none"]:
        for country in COUNTRIES[language]:
            yield Given("", country, "", text, 0, 0)


class _Values:
    """Values of one country, as they are said."""

    def __init__(self, language: str, country: str, dice: random.Random) -> None:
        self._dice = dice
        self._language = language
        self._country = country
        self._words = phrases(f"numbers_{language}")
        self._people = phrases("people")[language]
        self._say = Teller(language, dice, dice.choice([0.0, 0.0, 0.04]))

    def said(self, kind: str) -> str:
        value: str = getattr(self, f"_{kind.lower()}")()
        return value

    def _number(self, count: int, first: str = "") -> str:
        return first + "".join(self._dice.choice("0123456789") for _ in range(count - len(first)))

    def _grouped(self, digits: str, *sizes: int) -> str:
        """Said in groups of these sizes, or written."""
        groups, at = [], 0
        for size in sizes:
            groups.append(digits[at : at + size])
            at += size
        if self._dice.random() < 0.25:
            return self._dice.choice([" ", "-", ""]).join(groups)
        return self._dice.choice([" ", ", "]).join(self._say.spoken(group) for group in groups if group)

    def _phone(self) -> str:
        plans = {
            "CO": ("31", 10, (3, 3, 4)), "MX": ("55", 10, (2, 4, 4)), "AR": ("11", 10, (2, 4, 4)),
            "ES": ("6", 9, (3, 3, 3)), "CL": ("9", 9, (1, 4, 4)), "PE": ("9", 9, (3, 3, 3)),
            "BR": ("119", 11, (2, 5, 4)), "US": (self._dice.choice(["415", "305", "212"]), 10, (3, 3, 4)),
        }  # fmt: skip
        first, count, sizes = plans[self._country]
        first += self._dice.choice("23456789")
        return self._grouped(self._number(count, first), *sizes)

    def _email(self) -> str:
        first, *_, last = tokens(self._dice.choice(self._people["names"]))
        house = self._dice.choice(self._people["mail"])
        sign = self._dice.choice([".", "_", "", "."])
        digits = self._dice.choice(["", self._number(2), str(self._dice.randrange(1960, 2005))])
        if self._dice.random() < 0.3:
            return f"{first}{sign}{last}{digits}@{house}"
        said = [first, self._sign(sign), last, self._say.digits(digits) if digits else "", self._sign("@")]
        name, *ends = house.split(".")
        return " ".join(part for part in [*said, name, *(f"{self._sign('.')} {end}" for end in ends)] if part)

    def _sign(self, sign: str) -> str:
        return str(self._words["signs"][sign]) if sign else ""

    def _person(self) -> str:
        return str(self._dice.choice(self._people["names"]))

    def _address(self) -> str:
        return str(self._dice.choice(self._people["streets"]))

    def _cpf(self) -> str:
        digits = self._number(9)
        digits += cpf._calc_check_digits(digits)
        return cpf.format(digits) if self._dice.random() < 0.2 else self._grouped(digits, 3, 3, 3, 2)

    def _cnpj(self) -> str:
        digits = self._number(8) + "0001"
        digits += cnpj.calc_check_digits(digits)
        return cnpj.format(digits) if self._dice.random() < 0.2 else self._grouped(digits, 2, 3, 3, 4, 2)

    def _cuit(self) -> str:
        digits = self._dice.choice(["20", "27", "23", "30"]) + self._number(8)
        digits += cuit.calc_check_digit(digits)
        return cuit.format(digits) if self._dice.random() < 0.2 else self._grouped(digits, 2, 4, 4, 1)

    def _rut(self) -> str:
        digits = self._number(8, self._dice.choice("12"))
        check = rut.calc_check_digit(digits)
        if self._dice.random() < 0.3:
            return f"{int(digits):,}".replace(",", ".") + f"-{check}"
        tail = {"K": "ka"}.get(check) or self._say.digits(check)
        return f"{self._whole(digits)} guion {tail}"

    def _dni_nie(self) -> str:
        if self._dice.random() < 0.3:
            number = self._dice.choice("XYZ") + self._number(7)
            return self._spelled(number + nie.calc_check_digit(number))
        digits = self._number(8)
        return self._spelled(digits + dni.calc_check_digit(digits))

    def _cedula_co(self) -> str:
        digits = self._number(self._dice.choice([8, 10]), self._dice.choice(["10", "52", "79"]))
        if self._dice.random() < 0.2:
            return f"{int(digits):,}".replace(",", ".")
        return self._whole(digits) if len(digits) == 8 else self._grouped(digits, 1, 3, 3, 3)

    def _ssn(self) -> str:
        digits = self._dice.choice(["212", "536", "449"]) + str(self._dice.randrange(10, 99)) + self._number(4, "1")
        return self._grouped(digits, 3, 2, 4)

    def _birthday(self) -> str:
        return f"{self._dice.randrange(45, 100):02}{self._dice.randrange(1, 13):02}{self._dice.randrange(1, 29):02}"

    def _curp(self) -> str:
        letters = "".join(self._dice.choice("BCDFGLMPRST") + self._dice.choice("AEIOU") for _ in range(2))
        body = (
            letters + self._birthday() + self._dice.choice("HM") + self._dice.choice(["DF", "JC", "NL"]) + "RNZ" + "0"
        )
        return self._spelled(body + curp.calc_check_digit(body))

    def _rfc_mx(self) -> str:
        letters = "".join(self._dice.choice("BCDFGLMPRST") + self._dice.choice("AEIOU") for _ in range(2))
        body = letters + self._birthday() + self._dice.choice("ABC") + self._dice.choice("123")
        return self._spelled(body + rfc.calc_check_digit(body))

    def _bank_account(self) -> str:
        if self._country in ("MX", "AR"):
            return self._grouped(self._number(18 if self._country == "MX" else 22), 3, 3, 4, 4, 4, 4)
        return self._grouped(self._number(self._dice.choice([9, 10, 11])), 3, 3, 3, 2)

    def _date_of_birth(self) -> str:
        day, month, year = (self._dice.randrange(1, 29), self._dice.randrange(1, 13), self._dice.randrange(1945, 2004))
        name = self._words["months"][month - 1]
        if self._dice.random() < 0.2:
            return f"{month}/{day:02}/{year}" if self._language == "en" else f"{day:02}/{month:02}/{year}"
        short = self._say.pair(str(year)[2:])
        if self._language == "en":
            ordinal = self._words["ordinals"][day - 1]
            long = f"{self._dice.choice(['nineteen ', '']) if year < 2000 else 'two thousand and '}"
            said = self._words["units"][year - 2000] if year >= 2000 else short
            ways = [f"{name} {ordinal} {long}{said}", f"the {ordinal} of {name} {year}", f"{name} {day}, {year}"]
            return self._dice.choice(ways)
        said_day = self._say.pair(f"{day:02}") if day > 9 else self._words["units"][day]
        spoken = f"mil novecientos {short}" if self._language == "es" else f"mil novecentos e {short}"
        if year >= 2000:
            spoken = f"dos mil {self._words['units'][year - 2000]}" if year > 2000 else "dos mil"
            spoken = spoken if self._language == "es" else f"dois mil e {self._words['units'][max(year - 2000, 1)]}"
        return self._dice.choice([f"{said_day} de {name} de {spoken}", f"{day} de {name} de {year}"])

    # ─── ways to say it ──────────────────────────────────────────────────────────────────────────────────────────────

    def _spelled(self, code: str) -> str:
        """Letters by their names and digits one by one or in pairs; or as it is written."""
        if self._dice.random() < 0.4:
            return code
        letters = self._words["letters"]
        return " ".join(letters[one] if one.isalpha() else self._say.digits(one) for one in code)

    def _whole(self, digits: str) -> str:
        """Eight digits as people say a Spanish number: "doce millones trescientos…"."""
        millions, thousands, rest = digits[:-6], digits[-6:-3], digits[-3:]
        head = self._say.pair(millions) if len(millions) == 2 else self._words["units"][int(millions)]
        if "0" in (thousands[0], rest[0]) or self._dice.random() < 0.4:
            return self._grouped(digits, len(millions), 3, 3)
        return f"{head} millones {self._say.hundreds(thousands)} mil {self._say.hundreds(rest)}"


# ─── what is run ─────────────────────────────────────────────────────────────────────────────────────────────────────


def cell(language: str) -> dict[str, Any]:
    """One language's figures, for `python -m benchmarks`."""
    counts = measure(language, first=FRESH)
    return {"first": FRESH} | {kind: msgspec.to_builtins(count) for kind, count in counts.items()}


CELLS = {f"accuracy.entities.{language}": partial(cell, language) for language in LANGUAGES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", default=LANGUAGES)
    parser.add_argument("--each", type=int, default=EACH, help="values a type and language")
    parser.add_argument("--first", type=int, default=0, help=f"number of the first; from {FRESH} on they are fresh")
    parser.add_argument("--misses", action="store_true", help="print what was missed, false or leaked")
    arguments = parser.parse_args()
    note: Note = (lambda line: print(line, file=sys.stderr)) if arguments.misses else lambda _: None
    for language in arguments.languages:
        _print(language, measure(language, arguments.each, note, arguments.first))


def _print(language: str, counts: dict[str, Count]) -> None:
    table = Table(title=f"Entities in {language}")
    for name in ("", "recall (95 %)", "of", "precision", "leaked"):
        table.add_column(name, justify="right" if name else "left")
    for kind, count in counts.items():
        low, high = interval(count.found, count.wanted)
        recall = f"{count.found / max(count.wanted, 1):.3f} ({low:.2f}–{high:.2f})"
        precision = f"{count.found / max(count.found + count.false, 1):.3f}"
        table.add_row(kind, recall, str(count.wanted), precision, str(count.leaked))
    Console().print(table)


if __name__ == "__main__":
    main()
