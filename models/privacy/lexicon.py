"""The words that callers use for digits and numbers in Spanish, Portuguese and English, folded (see `fold`).

A word that is a number in one language and an everyday word in another (`dos`, `once`, `doce`, `ten`, `um`) carries the
languages in which it counts; all the others count whatever the recogniser took the language to be.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["unit", "teen", "tens", "hundreds", "hundred", "thousand", "million", "times", "plural", "silent"]
"""`unit` 0…9 · `teen` a closed two-digit word (10…19, veintiuno…) · `tens` 20…90 · `hundreds` cien, doscientos ·
`hundred` "hundred", which multiplies · `times` double, triple · `plural` "ceros" after a count: dos ceros = 00
· `silent` "um" outside Portuguese: no digit, but hidden with the digits beside it, since the language may be wrong."""


class NumberWord(NamedTuple):
    kind: Kind
    value: int
    languages: str = "es pt en"
    weak: bool = False
    foreign: bool = False
    """Counted although the words around it speak another language."""
    """An article or interjection in ordinary speech: a digit only beside other digits."""


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """Lower case without accents: recognisers drop and add them."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in parts if not unicodedata.combining(c))


def word_set(words: str) -> frozenset[str]:
    """The words of a text, parted by white space."""
    return frozenset(words.split())


def _table() -> dict[str, NumberWord]:
    table: dict[str, NumberWord] = {}

    def add(kind: Kind, words: str, *, languages: str = "es pt en", weak: bool = False) -> None:
        for entry in words.split():
            word, value = entry.split(":")
            table[word] = NumberWord(kind, int(value), languages, weak)

    add("unit", "cero:0 dos:2", languages="es")
    add("unit", "cero:0 tres:3 cuatro:4 cinco:5 seis:6 siete:7 ocho:8 nueve:9")
    add("unit", "zero:0 dois:2 duas:2 quatro:4 sete:7 oito:8 nove:9")
    add("unit", "two:2 three:3 four:4 five:5 six:6 seven:7 eight:8 nine:9 nought:0 niner:9")
    # What recognisers write for digits that they half heard.
    add(
        "unit",
        "sero:0 zerro:0 sinco:5 cinko:5 sinko:5 zinco:5 cuatr:4 kuatro:4 cuadro:4 quatru:4 tress:3 treis:3 trez:3",
    )
    add("unit", "seiz:6 ceis:6 seys:6 ciete:7 siet:7 sieta:7 setti:7 sette:7 ocio:8 oxo:8 oitu:8 nuebe:9 nuev:9 novi:9")
    add("unit", "doz:2 doiz:2 dous:2 thre:3 fiv:5 sevin:7 nin:9 zeero:0")
    add("unit", "uno:1 una:1 un:1", weak=True)
    add("unit", "um:1 uma:1", languages="pt", weak=True)
    add("unit", "one:1", weak=True)
    add("unit", "meia:6", languages="pt", weak=True)
    add("unit", "oh:0", languages="en", weak=True)
    add("teen", "diez:10 trece:13 catorce:14 quince:15 dieciseis:16 diecisiete:17 dieciocho:18 diecinueve:19")
    add("teen", "once:11 doce:12", languages="es")
    add("teen", "veintiuno:21 veintiun:21 veintiuna:21 veintidos:22 veintitres:23 veinticuatro:24 veinticinco:25")
    add("teen", "veintiseis:26 veintisiete:27 veintiocho:28 veintinueve:29")
    add("teen", "dez:10 onze:11 doze:12 treze:13 catorze:14 quatorze:14 quinze:15 dezesseis:16 dezasseis:16")
    add("teen", "dezessete:17 dezassete:17 dezoito:18 dezenove:19 dezanove:19")
    add("teen", "ten:10", languages="en")
    add(
        "teen", "eleven:11 twelve:12 thirteen:13 fourteen:14 fifteen:15 sixteen:16 seventeen:17 eighteen:18 nineteen:19"
    )
    add("tens", "veinte:20 treinta:30 cuarenta:40 cincuenta:50 sesenta:60 setenta:70 ochenta:80 noventa:90")
    add("tens", "vinte:20 trinta:30 quarenta:40 cinquenta:50 sessenta:60 oitenta:80 sincuenta:50 sesssenta:60")
    add("tens", "twenty:20 thirty:30 forty:40 fourty:40 fifty:50 sixty:60 seventy:70 eighty:80 ninety:90")
    add("hundreds", "cien:100 ciento:100 cem:100 cento:100")
    for stem, value in (
        ("dosc", 2), ("tresc", 3), ("cuatroc", 4), ("seisc", 6), ("setec", 7), ("ochoc", 8), ("novec", 9),
    ):  # fmt: skip
        add("hundreds", f"{stem}ientos:{value}00 {stem}ientas:{value}00")
    for stem, value in (
        ("doc", 2), ("dos", 2), ("trec", 3), ("tres", 3), ("cuatros", 4), ("cincoc", 5), ("cincos", 5), ("seic", 6),
        ("seis", 6), ("sietec", 7), ("setes", 7), ("sietes", 7), ("ochos", 8), ("nuevec", 9), ("noves", 9),
        ("nueves", 9), ("ninec", 9),
    ):  # fmt: skip
        add("hundreds", f"{stem}ientos:{value}00 {stem}ientas:{value}00")  # as callers and recognisers have them
    add("hundreds", "quinientos:500 quinientas:500 duzentos:200 duzentas:200 trezentos:300 trezentas:300")
    add("hundreds", "quatrocentos:400 quatrocentas:400 quinhentos:500 quinhentas:500 seiscentos:600 seiscentas:600")
    add("hundreds", "setecentos:700 setecentas:700 oitocentos:800 oitocentas:800 novecentos:900 novecentas:900")
    add("hundreds", "kinientos:500 quinentos:500 cincocentos:500 quinhento:500 duzento:200 trezento:300 setecento:700")
    add("hundreds", "quatrocento:400 seiscento:600 oitocento:800 novecento:900 novesentos:900 novessentos:900")
    add("hundreds", "setessentos:700 oitossentos:800 seissentos:600 quatrossentos:400")
    add("hundred", "hundred:100 hundreds:100 cientos:100 cientas:100 centos:100")
    add("thousand", "mil:1000", languages="es pt")
    add("thousand", "thousand:1000")
    add("million", "millon:1000000 millones:1000000 milhao:1000000 milhoes:1000000 million:1000000 millions:1000000")
    add("million", "billion:1000000000 bilhao:1000000000 bilhoes:1000000000")
    add("times", "doble:2 double:2 duplo:2 dupla:2 dobro:2 triple:3 triplo:3 tripla:3 treble:3 cuadruple:4 quadruple:4")
    add("plural", "ceros:0 doses:2 treses:3 cuatros:4 cincos:5 seises:6 sietes:7 ochos:8 nueves:9")
    add("plural", "zeros:0 zeroes:0 quatros:4 setes:7 oitos:8 noves:9")
    add("plural", "twos:2 threes:3 fours:4 fives:5 sixes:6 sevens:7 eights:8 nines:9")
    return table


NUMBER_WORDS = _table()


def glued(word: str) -> tuple[str, ...]:
    """The number words that a folded word is run together from ("doismeia", "oitum", "fortyfive"), or none.

    Recognisers write fast digits as one word, and drop the vowel that two share.
    """
    if word in NUMBER_WORDS or not 4 <= len(word) <= _LONGEST_GLUED:
        return ()
    return _split(word, word)


@lru_cache(maxsize=8192)
def _split(word: str, whole: str) -> tuple[str, ...]:
    """Longest number word first; `whole` keeps a word from being its own only part."""
    for size in range(min(len(word), _LONGEST_PART), 1, -1):
        for part in _parts(word, size):
            if size == len(word):
                return (part,) if word != whole else ()
            if rest := _split(word[size:], whole):
                return (part, *rest)
    return ()


def _parts(word: str, size: int) -> Iterator[str]:
    """Number words that the first letters stand for: as they are, or less the vowel that the next one begins with."""
    if word[:size] in _GLUED:
        yield word[:size]
    if word[size : size + 1] in tuple("aeiou"):
        yield from (word[:size] + vowel for vowel in "oea" if size >= 3 and word[:size] + vowel in _GLUED)


_LONGEST_GLUED = 60
_GLUED = frozenset(
    word
    for word, number in NUMBER_WORDS.items()
    if number.kind in ("unit", "teen", "tens", "plural") and word not in ("un", "una", "oh", "ten", "once", "doze")
)
_LONGEST_PART = max(map(len, _GLUED))

HOMOPHONES = {"for": 4, "fore": 4, "to": 2, "too": 2, "ate": 8, "won": 1, "tree": 3, "free": 3, "nein": 9, "o": 0}
"""Counted only inside a run that is known to be a number: "from two to four" is small talk elsewhere."""

DOUBLED_ZERO = frozenset({"or", "oar", "o", "ou", "all"})
"""What recognisers write for "oh" after "double"."""

A_MOMENT = word_set(
    """
    moment momento momentito second sec segundo segundito segundinho minute minuto minutito minutinho pouquinho
    poquito poco pouco instante tantito rato ratito ratico
    """
)
"""Behind "one" and "un" what somebody asks for who looks for his card."""

JOINERS = frozenset({"y", "e", "and", "i"})
"""Between tens and units, and between hundreds and the rest."""

FILLERS = word_set(
    """
    eh ehh ehm em emm uh uhh um umm uhm er erm hmm hm mm mmm mhm ah ahh aa este esto espera espere esperame espereme
    pera momento momentito segundito ver aver pues bueno o sea luego despues entonces seguido seguida sigue siguen
    ay uy huy ups oops ha ham hum hein ne entao bom tipo depois ai aguarda perai calma then next followed wait hold
    hang okay ok well so like let see dash hyphen guion guiones traco hifen barra slash espacio espaco space pausa
    vem viene vienen comes punto ponto coma virgula comma finalmente finally
    """
)
"""Said while a number is being read: they neither end a run nor belong to it."""

ARTICLES = frozenset({"el", "o", "the"})
"""Before each digit of a number that is read as a list: "el cuatro, el ocho, el dos"."""

FILLER_PAIRS = frozenset(
    {
        ("a", "ver"), ("un", "momento"), ("un", "segundo"), ("um", "momento"), ("um", "segundo"), ("uma", "pausa"),
        ("a", "second"), ("deixa", "eu"), ("eu", "ver"),
        ("let", "me"), ("me", "see"), ("o", "sea"), ("hold", "on"), ("hang", "on"), ("you", "know"), ("followed", "by"),
        ("seguido", "de"), ("seguido", "por"), ("y", "luego"), ("y", "despues"), ("e", "depois"), ("and", "then"),
        ("vamos", "a"), ("so", "um"), ("so", "uh"), ("y", "al"), ("al", "final"), ("no", "final"), ("e", "no"),
    }
)  # fmt: skip
"""Two words that are a filler only together."""

CORRECTIONS = word_set(
    """
    no perdon perdona perdone disculpa disculpe digo corrijo corrige mejor dicho mentira equivoque equivoco quise
    decir nao desculpa desculpe perdao alias quer dizer errei corrigindo digo sorry mean i pardon correction
    actually rather scratch that oops excuse me not its is it es son era eu me que lo la el
    """
)
"""Words of a correction in the middle of a number ("no, perdón, cuatro"; "sorry, I mean four")."""

TURNING_WORDS = word_set(
    "perdon perdona disculpa digo desculpa perdao alias dizer sorry mean corrijo correction oops errei"
)
"""Where a turn ends or begins with one of these, what comes next replaces what came before."""

CORRECTION_MARKS = word_set(
    """
    perdon perdona perdone disculpa disculpe digo corrijo no nao desculpa desculpe perdao alias errei sorry mean
    correction actually rather scratch oops mentira equivoque dizer dicho pardon
    """
)
"""At least one of these makes a stretch of `CORRECTIONS` a correction."""

LETTER_NAMES = dict(
    pair.split(":")
    for pair in word_set(
        """
        be:B ce:C de:D efe:F ge:G hache:H jota:J ka:K ele:L eme:M ene:N pe:P cu:Q ere:R erre:R ese:S te:T ve:V uve:V
        equis:X zeta:Z ze:Z ye:Y
        """
    )
)
"""How letters are spelled in Spanish, for tax numbers that have some."""
