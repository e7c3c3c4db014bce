"""Whether what a language model wrote is borne by what it was given to rest on. Pure.

Strict on purpose: what fails is not shown and the source's own words stand, so a doubt costs nothing. It is what stands
between an agent's ear and a caller who talks the model into something: figures, prices, names, addresses, promises and
denials must be the source's own, and so must most of every sentence's words. It compares letters, so text and sources
must be in one language.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from models.display import write
from models.display.line import Line
from models.privacy.lexicon import fold, word_set

Flaw = Literal[
    "",
    "nothing",
    "too_long",
    "markup",
    "citation",
    "mask",
    "number",
    "address",
    "name",
    "promise",
    "denial",
    "unsupported",
]
"""Why a text does not hold; empty: it does."""

LONGEST: Final = 600
"""Characters of an answer: what an agent reads at a glance while somebody waits."""
LEAST_SUPPORT: Final = 0.6
"""Share of a sentence's content words that must be the sources'."""

_CITATION = re.compile(r"\s*\[(\d{1,2})\]")
_MASK = re.compile(r"\[[a-z_]+\]")
_MARKUP = re.compile(r"[<>{}\[\]`|\\#*_~]|^\s*(?:[-•]|\d+[.)])\s", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
_CLAUSE = re.compile(r"[.,;:!?…¿¡()\"“”«»\n]+")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_FIGURE = re.compile(r"\d[\d.,]*\d|\d")
_LONG_NUMBER = re.compile(r"\d(?:[\s().-]{0,2}\d){6,}")
_ADDRESS = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w.-]{1,253}\w|(?:https?://|www\.)[^\s<>\"]+"
    r"|(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,20}\.[a-z]{2,24}\b(?:/[^\s<>\"]*)?",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?<![\w*#])[*#]{1,2}\d[\d*#]*(?![\w*#])")
"""Dialled on a telephone: `*611#`."""
_SCHEME = re.compile(r"^https?://(?:www\.)?|^www\.")
_NEXT_WORD = re.compile(r"[ \t*_-]{0,8}(?:\n[ \t*_-]{0,8})?([^\W\d_]+)")
_UNIT_BEFORE = re.compile(r"(r\$|us\$|\$|€|£|₡|₲|s/)\s*$")
_UNIT_AFTER = re.compile(
    r"^[\s-]*(?:de )?(%|por ?ciento\b|por ?cento\b|percent\b|per cent\b|€|euros?\b|eur\b"
    r"|dolar(?:es)?\b|dollars?\b|usd\b|pesos?\b|mxn\b|cop\b|ars\b|clp\b"
    r"|reais\b|brl\b|sol(?:es)?\b|pen\b|£|pounds?\b|libras?\b|gbp\b"
    r"|segundos?\b|seconds?\b|seg\b|minut[oe]s?\b|min\b|hours?\b|horas?\b|h\b|dias?\b|days?\b"
    r"|semanas?\b|weeks?\b|mes(?:es)?\b|months?\b|anos?\b|years?\b)"
)
_UNITS: Final = {
    "%": ("%", "por", "per"),
    "eur": ("€", "eur"),
    "brl": ("r$", "rea", "brl"),
    "gbp": ("£", "pou", "lib", "gbp"),
    "pen": ("s/", "sol", "pen"),
    "$": ("$",),
    "usd": ("us$", "dol", "usd"),
    "peso": ("pes", "mxn", "cop", "ars", "clp"),
    "crc": ("₡",),
    "pyg": ("₲",),
    "s": ("seg", "sec"),
    "min": ("min",),
    "h": ("h",),
    "d": ("d",),
    "week": ("sem", "week"),
    "month": ("mes", "month"),
    "year": ("ano", "year"),
}
_SAME: Final = {"$": ("usd", "peso"), "usd": ("$",), "peso": ("$",)}
"""Whose dollars a sign means, the country says: it stands for either word."""
_COUNTED: Final = 3
"""Words behind a figure that may say what it counts: "seis cómodas cuotas"."""
_SCOPE: Final = 2
"""Content words behind a denial in a source that it denies; what an answer denies may be put in more words."""
_ANSWER_SCOPE: Final = 4
_SCOPE_ENDS: Final = word_set(
    "after before until if si when cuando quando hasta ate antes despues depois por para for with con com en em in "
    "on at mientras enquanto pero but mas y e and or o ou que that because porque"
)
DENIALS: Final = word_set(
    "no nao not never nunca jamas jamais ni nem cannot ningun ninguno ninguna nenhum nenhuma none nobody nadie ninguem "
    "tampoco tampouco neither nor without sin sem"
)
_PROMISES: Final = (
    *("grati", "gratu", "free", "complim", "reembols", "refund", "devol", "garant", "guarant", "compens", "descuent"),
    *("descont", "discount", "regal", "bonif", "condon", "perdon", "waive", "promet", "promis", "cancel"),
    *("siempre", "sempre", "always"),
)
"""Beginnings of words by which a firm binds itself: they must be the source's own."""
_FUNCTION_WORDS: Final = word_set(
    """
    a al algo ante aquel aquella asi aun aunque cada como con contra cual cuando cuanto de debe deben del desde donde
    dos el ella ellos en entre era eres es esa ese eso esta estan estar este esto estos fue ha haber hace hacer han
    hasta hay la las le les lo los mas me mi mientras mismo muy nada ni no nos nuestra nuestro o os otra otro para
    pero podemos poder por porque primero pueda puede pueden puedo que quien se sea segun ser si sido sin sobre solo
    son su sus tambien tan te tenemos tener tengo tiene tienen todavia todo tu un una uno unos usted ustedes vamos y
    ya yo

    ao aos aquela aquele as ate cada com como da das de dela dele deve do dos e ela ele eles em era essa esse esta
    estao estar este eu foi ha isso isto ja la lhe lhes mais mas me mesmo meu minha muito na nao nas nem no nos nosso
    num numa o onde os ou para pela pelo pode podem podemos por porque posso pra qual quando que quem sao se seja sem
    ser seu seus so sobre sua suas tambem te tem temos ter toda tudo um uma vai voce voces

    a about after all also an and any are as at be because been before but by can could do does doing for from get had
    has have he her here him his how if in into is it its just may me more most must my no not of on once one only or
    our out over own please she should so some such than that the their them then there these they this those through to
    too under until up us was we were what when where which while who will with would you your yours
    """
)


class Citations(NamedTuple):
    """A text, and what it says it rests on."""

    plain: str
    numbers: tuple[int, ...]


def citations(text: str) -> Citations:
    """`Puede pagar hoy [1].` → the same without the mark, and 1; numbers in the order in which they first come."""
    numbers = dict.fromkeys(int(match[1]) for match in _CITATION.finditer(text))
    return Citations(_CITATION.sub("", text).strip(), tuple(numbers))


def answer_flaw(text: str, passages: Sequence[str], language: str, asked: str = "") -> Flaw:
    """Of an answer that must cite `passages` by their numbers, from 1, and rest on those that it cites. A mask that it
    repeats must be in what was `asked`."""
    plain, numbers = citations(text)
    if flaw := _form(plain, LONGEST):
        return flaw
    if not numbers or not all(1 <= number <= len(passages) for number in numbers):
        return "citation"
    sources = [passages[number - 1] for number in numbers]
    return _unborne(plain, sources, language, asked) or _unsupported(plain, sources)


def summary_flaw(text: str, notes: Sequence[str], language: str, longest: int) -> Flaw:
    """Of a summary that reports `notes` in words of its own: figures, names and addresses must be theirs."""
    return _form(text, longest) or _unborne(text, notes, language, counts=False)


# ─── form ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _form(plain: str, longest: int) -> Flaw:
    if not _WORD.search(plain):
        return "nothing"
    if len(plain) > longest:
        return "too_long"
    unmasked = _MASK.sub("", plain)
    # addresses and codes have such signs of their own; that a source has them too is seen to below
    marks = _CODE.sub("x", _ADDRESS.sub("x", unmasked))
    return "markup" if _MARKUP.search(marks) or not unmasked.replace("\n", " ").isprintable() else ""


# ─── what must be the sources' own ───────────────────────────────────────────────────────────────────────────────────


def _unborne(plain: str, sources: Sequence[str], language: str, asked: str = "", *, counts: bool = True) -> Flaw:
    source = _unmarked("\n".join(sources))
    if not set(_MASK.findall(plain)) <= set(_MASK.findall(f"{source} {asked}")):
        return "mask"
    written, source_written = write(plain, language).text, write(source, language).text
    if not set(_addresses(f"{plain}\n{written}")) <= set(_addresses(f"{source}\n{source_written}")):
        return "address"
    if not set(_CODE.findall(plain)) <= set(_CODE.findall(source)):
        return "number"
    if not _figures_borne(plain, written, source, source_written, language, counts):
        return "number"
    known = {fold(word) for word in _words(source)}
    return "name" if any(fold(name) not in known for name in _names(plain)) else ""


def _unmarked(markdown: str) -> str:
    """Without what makes words bold, and the backslashes before signs that are no marks."""
    return re.sub(r"\\([\\*_])", r"\1", re.sub(r"(?<!\\)\*\*", "", markdown))


def _words(text: str) -> list[str]:
    return _WORD.findall(_MASK.sub(" ", text))


def _addresses(text: str) -> Iterator[str]:
    """Of pages and of mail, without what may stand before or behind them."""
    for match in _ADDRESS.finditer(text):
        yield _SCHEME.sub("", match.group().lower()).rstrip("/.,;:!?)")


class _Figure(NamedTuple):
    value: str
    """Digits, with a point before decimals; no zeros at their end."""
    unit: str
    """`%`, a currency or a stretch of time; empty for any other."""
    counted: tuple[str, ...]
    """What there are so many of: the words right behind it, folded; none behind a digit of a long number."""


def _figures_borne(plain: str, written: str, source: str, source_written: str, language: str, counts: bool) -> bool:
    """A percentage must be a percentage there, a price a price in the same money, two days two days, a long number
    the whole of one, and where that `counts` six payments six payments. Written and spelled ones are alike."""
    known = [*_figures(source), *_figures(source_written), *_spelled(source, language, articles=True)]
    claimed = {*_figures(plain), *_figures(written), *_spelled(plain, language)}
    if not all(any(_bears(one, figure, counts=counts) for one in known) for figure in claimed):
        return False
    long = {_digits(match.group()) for match in _LONG_NUMBER.finditer(source)}
    return all(_digits(match.group()) in long for match in _LONG_NUMBER.finditer(plain))


def _bears(known: _Figure, figure: _Figure, *, counts: bool) -> bool:
    if known.value != figure.value:
        return False
    if figure.unit or (counts and known.unit):
        return figure.unit == known.unit or figure.unit in _SAME.get(known.unit, ())
    return not (counts and figure.counted) or any(_among(word, known.counted) for word in figure.counted)


def _figures(text: str) -> Iterator[_Figure]:
    long = [match.span() for match in _LONG_NUMBER.finditer(text)]
    for match in _FIGURE.finditer(text):
        within = any(start <= match.start() < end for start, end in long)
        unit = _unit_at(text, match.start(), match.end())
        yield _Figure(_value(match.group()), unit, () if within else _counted_at(text, match.end()))


def _spelled(text: str, language: str, *, articles: bool = False) -> Iterator[_Figure]:
    """Numbers in words. "Una" and "one" are some with a unit behind them, as in "un mes"; others are if `articles`."""
    line = Line(text, language, "")
    for number in line.numbers.values():
        start, end = line.tokens[number.first].start, line.tokens[number.last].end
        unit = _unit_at(text, start, end)
        if articles or unit or not number.weak:
            yield _Figure(str(number.value), unit, _counted_at(text, end))


def _unit_at(text: str, start: int, end: int) -> str:
    before = _UNIT_BEFORE.search(text[max(0, start - 5) : start].lower())
    after = _UNIT_AFTER.search(fold(text[end : end + 16].replace("*", "")))
    return _unit(before[1] if before else after[1] if after else "")


def _counted_at(text: str, end: int) -> tuple[str, ...]:
    words: list[str] = []
    while len(words) < _COUNTED and (match := _NEXT_WORD.match(text, end)):
        word, end = fold(match[1]), match.end()
        if word in _FUNCTION_WORDS:
            break
        words.append(word)
    return tuple(words)


def _unit(sign: str) -> str:
    return next((unit for unit, starts in _UNITS.items() if sign and sign.startswith(starts)), "")


def _value(figure: str) -> str:
    """`1.234,50`, `1,234.50` → `1234.5`; groups of three are thousands."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+|\d{1,3}(?:,\d{3})+", figure):
        return re.sub(r"\D", "", figure)
    whole, _, decimals = figure.replace(",", ".").rpartition(".")
    if not whole:
        return figure
    return f"{_digits(whole)}.{decimals}".rstrip("0").rstrip(".")


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _names(plain: str) -> Iterator[str]:
    """Words with a capital that no sentence's beginning gave them."""
    text = _MASK.sub(lambda mask: "," * len(mask[0]), plain)
    for match in _WORD.finditer(text):
        before = text[: match.start()].rstrip(" \"'“«¿¡(")
        if match.group()[0].isupper() and before and before[-1] not in ".!?…:\n" and not _is_english_i(match.group()):
            yield match.group()


def _is_english_i(word: str) -> bool:
    return re.split("['’]", word)[0] == "I"


# ─── support ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _unsupported(plain: str, sources: Sequence[str]) -> Flaw:
    source = "\n".join(sources)
    source_words = _content(source)
    if any(_starts(_content(plain), promise) and not _starts(source_words, promise) for promise in _PROMISES):
        return "promise"
    for sentence in _SENTENCE.split(plain):
        words = _content(sentence)
        borne = sum(_among(word, source_words) for word in words)
        if not words or borne < LEAST_SUPPORT * len(words):
            return "unsupported"
    return "denial" if _turned(plain, source) else ""


def _starts(words: Iterable[str], start: str) -> bool:
    return any(word.startswith(start) for word in words)


def _turned(plain: str, source: str) -> bool:
    """Whether something is denied that the source does not deny, or said that the source only denies."""
    denials, said = _denied(plain, _ANSWER_SCOPE)
    source_denials, source_said = _denied(source, _SCOPE)
    denied = {word for scope in source_denials for word in scope}
    if any(not any(_among(word, denied) for word in scope) for scope in denials):
        return True
    return any(_among(word, denied) and not _among(word, source_said) for word in said)


def _denied(text: str, reach: int) -> tuple[list[list[str]], list[str]]:
    """The content words that each denial denies, and all the others."""
    scopes: list[list[str]] = []
    said: list[str] = []
    for clause in _CLAUSE.split(text):
        open_scope: list[str] | None = None
        for word in (fold(one) for one in _words(clause)):
            if word in DENIALS or word.endswith(("n't", "n’t")):
                open_scope = []
                scopes.append(open_scope)
            elif word in _SCOPE_ENDS:
                open_scope = None
            elif says_something(word):
                if open_scope is None or len(open_scope) >= reach:
                    said.append(word)
                else:
                    open_scope.append(word)
    return scopes, said


def _content(text: str) -> frozenset[str]:
    """Words that say something, folded."""
    return frozenset(word for word in map(fold, _words(text)) if says_something(word))


def says_something(word: str) -> bool:
    return len(word) > 2 and word not in _FUNCTION_WORDS


def _among(word: str, others: Iterable[str]) -> bool:
    """The same but for its ending: `pagar` and `pague`, `cuota` and `cuotas`."""
    return any(_alike(word, other) for other in others)


def _alike(word: str, other: str) -> bool:
    least = max(3, -(-min(len(word), len(other)) * 3 // 5))
    return word[:least] == other[:least]
