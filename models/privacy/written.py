"""Private data with a shape of its own: e-mail addresses (also spelled) and alphanumeric identifiers."""
# ruff: noqa: E501
# A pattern reads best with its alternatives in one row.

import re
from typing import Final, NamedTuple

from stdnum.es import dni, nie
from stdnum.mx import curp, rfc

from models.privacy.cardinals import Group
from models.privacy.cues import folded
from models.privacy.lexicon import JOINERS, LETTER_NAMES, NUMBER_WORDS, word_set
from models.privacy.numbers import Lexed, lex


class Found(NamedTuple):
    start: int
    end: int
    label: str
    """A mask label, or empty for a span that is known to be harmless."""
    score: float
    value: str = ""


# ─── e-mail ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_WRITTEN_EMAIL = re.compile(r"[\w.+-]{1,64}\s?@\s?[\w-]{1,63}(?:\s?\.\s?[\w-]{2,63}){1,4}")
_DOT = r"(?:punto|dot|ponto|point|\.)"
_AT = r"(?:arroba|arrova|at sign|at)"
_SIGN = r"(?:guion bajo|guion medio|guion|underscore|underline|hyphen|dash|traco|sublinhado|hifen|mas|plus)"
_TOP = r"(?:com|net|org|edu|gov|gob|info|io|co|mx|br|ar|cl|pe|es|us|uk|pt|ve|ec|uy|biz|dev|app|me)"
_MAIL_WORD = r"(?:[a-z0-9ñ][a-z0-9ñ_-]*)"
_DOMAIN = (
    rf"{_MAIL_WORD}(?:[\s,]+{_MAIL_WORD})?(?:[\s,]*{_DOT}[\s,]*{_MAIL_WORD}){{0,2}}?[\s,]*{_DOT}[\s,]*{_TOP}"
    rf"(?:[\s,]*{_DOT}[\s,]*{_TOP})*\b"
)
_SPOKEN_DOMAIN = re.compile(rf"[\s,]+{_AT}[\s,]+({_DOMAIN})")
_ENDS_A_SENTENCE = re.compile(r"^[\s,]+at\b[^.]*\.\s+(?!(?:com|net|org|edu|gov|gob)\b)")
"""And begins another: "I'm at home. Me too."."""
_LOCAL_TOKEN = re.compile(rf"{_SIGN}|{_DOT}|{_MAIL_WORD}")
_LOCAL_STOP: Final = word_set(
    """
    es e is mi my meu correo email mail electronico eletronico the it its a to en on y and al ao me lo escribame
    escribeme send envie mande para for address direccion endereco anote que con com sure yes si sim claro okay ok
    reach us contact llega llego o el la
    """
)
_MAX_LOCAL = 16


def emails(text: str) -> list[Found]:
    """Written ("ana@x.com") and spelled ("ana punto pérez arroba gmail punto com")."""
    found = [
        Found(m.start(), m.end(), "email", 0.99, re.sub(r"\s", "", m.group())) for m in _WRITTEN_EMAIL.finditer(text)
    ]
    plain = folded(text)
    for match in _SPOKEN_DOMAIN.finditer(plain):
        if _ENDS_A_SENTENCE.search(match[0]):
            continue
        local = _local_part(plain, match.start())
        if local is not None:
            value = f"{_written_form(plain[local : match.start()])}@{_written_form(match[1])}"
            found.append(Found(local, match.end(), "email", 0.95, value))
    return found


_GLUE = re.compile(rf"{_DOT}|{_SIGN}")


def _local_part(plain: str, end: int) -> int | None:
    """Where the name before "arroba" begins: words that dots and signs join, spelled letters and digits."""
    tokens = [(m.group(), m.start()) for m in _LOCAL_TOKEN.finditer(plain, max(0, end - 160), end)]
    start: int | None = None
    joined = True
    number_after = False
    for word, at in reversed(tokens[-_MAX_LOCAL:]):
        glue = _GLUE.fullmatch(word) is not None
        number = word.isdigit() or word in NUMBER_WORDS
        if number_after and word in JOINERS:
            joined = True
            continue
        if not glue and not joined and not number and len(word) > 1:
            break
        if word in _LOCAL_STOP and not (joined and start is None):
            break
        start = at if not glue or start is not None else start
        joined, number_after = glue or number or len(word) == 1, number
    return start


_SPELLED_DIGITS: Final = {
    word: str(digit)
    for digit, words in enumerate(
        ("cero zero", "uno um one", "dos dois two", "tres three", "cuatro quatro four", "cinco five", "seis six meia",
         "siete sete seven", "ocho oito eight", "nueve nove nine")
    )
    for word in words.split()
}  # fmt: skip
_SIGNS: Final = {
    "guion bajo": "_", "underscore": "_", "underline": "_", "sublinhado": "_", "guion medio": "-", "guion": "-",
    "hyphen": "-", "dash": "-", "traco": "-", "hifen": "-", "mas": "+", "plus": "+",
}  # fmt: skip


def _written_form(spelled: str) -> str:
    for run in reversed(lex(spelled, "es").runs):
        for group in reversed(run.groups):
            spelled = spelled[: group.start] + group.digits + spelled[group.end :]
    words = []
    for match in _LOCAL_TOKEN.finditer(spelled):
        word = match.group()
        dot = re.fullmatch(_DOT, word) is not None
        words.append("." if dot else _SIGNS.get(word, _SPELLED_DIGITS.get(word, word)))
    return "".join(words)


# ─── identifiers with letters ────────────────────────────────────────────────────────────────────────────────────────

_CURP = re.compile(r"\b[A-Z]{4}[\s-]?\d{6}[\s-]?[HMX][A-Z]{5}[\s-]?[A-Z0-9]\d\b", re.I)
_RFC = re.compile(r"\b[A-ZÑ&]{3,4}[\s-]?\d{6}[\s-]?[A-Z0-9]{3}\b", re.I)
_MERE_WORDS = re.compile(r"[a-zñ]+\s\d{6}\s[a-zñ]{3}", re.I)
"""Around six digits: "visa 453914 una"."""
_NIE = re.compile(r"\b[XYZ][\s-]?\d{7}[\s-]?[A-Z]\b", re.I)
_DNI = re.compile(r"\b\d{2}\.?\d{3}\.?\d{3}[\s-]?[A-Z]\b", re.I)
_RUT = re.compile(r"(?<![\d.\-])\d{1,2}\.?\d{3}\.?\d{3}\s?-\s?[\dkK]\b")
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
        (_RFC, "rfc", _has_a_date),
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


def spelled_identifiers(lexed: Lexed, *, near_card: bool = False) -> list[Found]:
    """CURP and RFC read letter by letter: "ge o de e cinco seis uno dos tres uno ge erre ocho". `near_card`: only those
    that are whole, since digits of a card are told from each other with letters too: "quatro e cinco e três"."""
    groups = {group.first: group for run in lexed.runs for group in run.groups}
    found: list[Found] = []
    at = 0
    while at < len(lexed.tokens):
        first, parts = at, []
        while (part := _spelled_part(lexed, groups, at)) is not None:
            parts.append((part[0], at, part[1]))
            at = part[1]
        while parts and parts[-1][0] in _CONNECTIVES and not _is_whole(parts):
            parts.pop()
        while len(parts) > 1 and parts[0][0] in _CONNECTIVES and parts[1][0].isdigit():
            parts.pop(0)
        code = "".join(said for said, _, _ in parts)
        digits = sum(character.isdigit() for character in code)
        letters = sum(character.isalpha() and character not in _CONNECTIVES for character in code)
        if digits >= _FEWEST_DIGITS and (_is_whole(parts) or (letters >= _FEWEST_LETTERS and not near_card)):
            label, score = _spelled_kind(code)
            start, end = lexed.tokens[parts[0][1]].start, lexed.tokens[parts[-1][2] - 1].end
            found.append(Found(start, end, label, score, code))
        at = max(at, first + 1)
    return found


def _is_whole(parts: list[tuple[str, int, int]]) -> bool:
    code = "".join(said for said, _, _ in parts)
    return bool(curp.is_valid(code) or rfc.is_valid(code))


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


def _spelled_kind(code: str) -> tuple[str, float]:
    if curp.is_valid(code):
        return "curp", 0.97
    if rfc.is_valid(code):
        return "rfc", 0.95
    return ("curp", 0.6) if len(code) > 13 else ("rfc", 0.6)
