"""Private data with a shape of its own: alphanumeric identifiers, written and spelled."""
# ruff: noqa: E501
# A pattern reads best with its alternatives in one row.

import re
from typing import NamedTuple

from stdnum.cl import rut
from stdnum.es import dni, nie
from stdnum.mx import curp, rfc

from models.privacy.cardinals import Group
from models.privacy.lexicon import LETTER_NAMES
from models.privacy.numbers import Lexed, Run


class Found(NamedTuple):
    start: int
    end: int
    label: str
    """A mask label, or empty for a span that is known to be harmless."""
    score: float
    value: str = ""


# ─── identifiers with letters ────────────────────────────────────────────────────────────────────────────────────────

_CURP = re.compile(r"\b[A-Z]{4}[\s-]?\d{6}[\s-]?[HMX][A-Z]{5}[\s-]?[A-Z0-9]\d\b", re.I)
_RFC = re.compile(r"\b[A-ZÑ&]{3,4}[\s-]?\d{6}[\s-]?[A-Z0-9]{3}\b", re.I)
_MERE_WORDS = re.compile(r"[a-zñ]+\s\d{6}\s[a-zñ]{3}", re.I)
"""Around six digits: "visa 453914 una"."""
_NIE = re.compile(r"\b[XYZ][\s-]?\d{7}[\s-]?[A-Z]\b", re.I)
_DNI = re.compile(r"\b\d{2}\.?\d{3}\.?\d{3}[\s-]?[A-Z]\b", re.I)
_RUT = re.compile(r"(?<![\d.\-])\d{1,2}\.?\d{3}\.?\d{3}\s?-\s?[\dkK]\b")
_RUT_OF_K = re.compile(r"(?<![\d.\-])\d{1,2}\.?\d{3}\.?\d{3}K\b", re.I)
"""Where its digits agree; a "k" behind others may be a thousand."""
_CUIT = re.compile(r"\b(?:20|2[34567]|30|33|34)\s?-\s?\d{8}\s?-\s?\d\b")
_SSN = re.compile(r"\b\d{3}-\d{2}-\d{4}\b")
_CPF = re.compile(r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b")
_CNPJ = re.compile(r"\b\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}\b")


def _has_a_date(value: str) -> bool:
    """Whether the digits of an RFC are a day of the calendar, which those of other numbers between words seldom are."""
    return 1 <= int(value[-7:-5]) <= 12 and 1 <= int(value[-5:-3]) <= 31


def identifiers(text: str) -> list[Found]:
    """CURP, RFC, NIE, DNI, RUT, SSN, CPF and CNPJ where they are written in their own form."""
    found: list[Found] = []
    for pattern, label, check in (
        (_CURP, "curp", None), (_CUIT, "cuit", None), (_NIE, "dni", nie.is_valid),
        (_DNI, "dni", dni.is_valid), (_RUT, "rut", None), (_SSN, "ssn", None), (_CPF, "cpf", None), (_CNPJ, "cnpj", None),
        (_RUT_OF_K, "rut", rut.is_valid), (_RFC, "rfc", _has_a_date),
    ):  # fmt: skip
        for match in pattern.finditer(text):
            if any(one.start < match.end() and match.start() < one.end for one in found):
                continue
            if label == "rfc" and _MERE_WORDS.fullmatch(match.group()):
                continue
            value = re.sub(r"[\s.\-/]", "", match.group()).upper()
            if check is None or check(value):
                found.append(Found(match.start(), match.end(), label, 0.97, value))
    return found


# ─── identifiers spelled letter by letter ────────────────────────────────────────────────────────────────────────────

_CONNECTIVES = ("A", "E", "I", "O", "U", "Y")
"""Letters that are words: no part of a code at its edge, and none of the letters that make one."""
_FEWEST_LETTERS = 3
_FEWEST_DIGITS = 4
_LONGEST_CODE = 18
"""A CURP's length."""
_EXAMPLE_OF = ("de", "como", "for")

_SpelledPart = tuple[str, int, int]
"""What was said, from which token, to which one."""


def spelled_identifiers(lexed: Lexed, *, near_card: bool = False) -> list[Found]:
    """CURP and RFC read letter by letter: "ge o de e cinco seis uno dos tres uno ge erre ocho". `near_card`: only those
    that are whole, since digits of a card are told from each other with letters too: "quatro e cinco e três"."""
    groups = {group.first: group for run in lexed.runs for group in run.groups}
    found: list[Found] = []
    at = 0
    while at < len(lexed.tokens):
        first, parts = at, list[_SpelledPart]()
        while (part := _spelled_part(lexed, groups, at)) is not None:
            after = _past_example(lexed, *part)
            parts.append((part[0], at, after))
            at = after
        parts = _without_words(parts)
        code = "".join(said for said, _, _ in parts)
        digits = sum(character.isdigit() for character in code)
        letters = sum(character.isalpha() and character not in _CONNECTIVES for character in code)
        if digits >= _FEWEST_DIGITS and (_is_whole(code) or (letters >= _FEWEST_LETTERS and not near_card)):
            label, score = _spelled_kind(code)
            start, end = lexed.tokens[parts[0][1]].start, lexed.tokens[parts[-1][2] - 1].end
            found.append(Found(start, end, label, score, code))
        at = max(at, first + 1)
    return found


def _without_words(parts: list[_SpelledPart]) -> list[_SpelledPart]:
    """Less the connectives at its edges that do not make it whole. In time that grows with its length alone."""
    size, stop, first = sum(len(said) for said, _, _ in parts), len(parts), 0
    while stop and parts[stop - 1][0] in _CONNECTIVES:
        if size <= _LONGEST_CODE and _is_whole("".join(said for said, _, _ in parts[:stop])):
            break
        stop, size = stop - 1, size - 1
    while stop - first > 1 and parts[first][0] in _CONNECTIVES and parts[first + 1][0].isdigit():
        first += 1
    return parts[first:stop]


def _is_whole(code: str) -> bool:
    return len(code) <= _LONGEST_CODE and bool(curp.is_valid(code) or rfc.is_valid(code))


def _spelled_part(lexed: Lexed, groups: dict[int, Group], at: int) -> tuple[str, int] | None:
    """The letter or digits at a token, and where the next part begins."""
    if at >= len(lexed.tokens):
        return None
    word, group = lexed.tokens[at].word, groups.get(at)
    following = lexed.tokens[at + 1].word if at + 1 < len(lexed.tokens) else ""
    if word in ("doble", "double") and following in ("u", "ve", "uve"):
        return "W", at + 2
    if group is not None:
        return group.digits, group.last + 1
    number = lexed.tokens[at].number
    if number is not None and number.kind == "unit":  # "a uno a": an article elsewhere
        return str(number.value), at + 1
    if len(word) == 1 and word.isalpha():
        return word.upper(), at + 1
    return (LETTER_NAMES[word], at + 1) if word in LETTER_NAMES else None


def _past_example(lexed: Lexed, said: str, at: int) -> int:
    """Behind the word that tells which letter was meant: "G de gato", "B as in boy"."""
    words = [token.word for token in lexed.tokens[at : at + 3]]
    lead = 2 if words[:2] == ["as", "in"] else 1 if words[:1] and words[0] in _EXAMPLE_OF else 0
    if not lead or len(words) <= lead or lexed.tokens[at + lead].numeric:
        return at
    example = words[lead]
    is_one = said.isalpha() and len(example) > 1 and example not in LETTER_NAMES and example.startswith(said.lower())
    return at + lead + 1 if is_one else at


def _spelled_kind(code: str) -> tuple[str, float]:
    if curp.is_valid(code):
        return "curp", 0.97
    if rfc.is_valid(code):
        return "rfc", 0.95
    return ("curp", 0.6) if len(code) > 13 else ("rfc", 0.6)


# ─── the letters of a Spanish identity document ──────────────────────────────────────────────────────────────────────

_LEADS = {"equis": "X", "x": "X", "ye": "Y", "griega": "Y", "y": "Y", "zeta": "Z", "ze": "Z", "z": "Z"}
"""Letters that a foreigner's number begins with."""
_ALSO_WORDS = frozenset(["a", "e", "o", "u", "y", "de", "te", "ve", "ese"])
_THE_LETTER = ("con", "la", "y", "letra")
_BESIDE = re.compile(r"[\s,\-]*")
_STOPS = re.compile(r"\W*(?:[.,;?!…]|$)")
_DIGITS_OF_A_NIE = 7


def with_letters(lexed: Lexed, run: Run, *, awaited: bool) -> tuple[int, int]:
    """From where to where a run of digits stands with the letters that are said as part of a DNI or NIE: "equis uno
    dos… ele". They agree with its digits, or, where such a number is `awaited`, something stops behind them."""
    text, tokens, digits = lexed.text, lexed.tokens, run.digits
    before = [token for token in tokens if token.end <= run.start][-2:]
    at = next((at for at, token in enumerate(tokens) if token.start >= run.end), len(tokens))
    end, words = run.end, [token.word for token in tokens[at : at + len(_THE_LETTER)]]
    if "letra" in words and set(words[: words.index("letra")]).issubset(_THE_LETTER):
        at += words.index("letra") + 1
        end = tokens[at - 1].end
    last = _spelled_part(lexed, {}, at)
    if last is None or not last[0].isalpha() or not _BESIDE.fullmatch(text, end, tokens[at].start):
        return run.start, run.end
    end = tokens[_past_example(lexed, *last) - 1].end
    stops = _STOPS.match(text, end) is not None
    beside = bool(before) and _BESIDE.fullmatch(text, before[-1].end, run.start) is not None
    lead = _LEADS.get(before[-1].word, "") if beside and len(digits) == _DIGITS_OF_A_NIE else ""
    agrees = dni.is_valid(digits + last[0]) or nie.is_valid(lead + digits + last[0])
    if not ((agrees and tokens[at].word not in _ALSO_WORDS) or (stops and (agrees or awaited))):
        return run.start, run.end
    first = before[0 if before[-1].word == "griega" else -1].start if lead else run.start
    return first, end
