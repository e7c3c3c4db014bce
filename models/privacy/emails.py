"""E-mail addresses, written ("ana@x.com") and spelled ("ana punto pérez arroba gmail punto com"). Pure."""
# ruff: noqa: E501
# A pattern reads best with its alternatives in one row.

import re
from typing import Final

from models.privacy.cues import folded
from models.privacy.lexicon import JOINERS, LETTER_NAMES, NUMBER_WORDS, word_set
from models.privacy.numbers import lex
from models.privacy.written import Found

_SPOKEN_DOT = r"(?:punto|dot|ponto)"
_DOT = r"(?:punto|dot|ponto|point|\.)"
_UNDERSCORE = r"(?:guion (?:bajo|abajo|al piso)|barra baja|raya (?:al piso|abajo|baja)|traco (?:embaixo|baixo)|underscore|underline|sublinhado)"
_LOW_SIGN = rf"(?:{_UNDERSCORE}|guion medio|guion|hyphen|hifen)"
_SIGN = rf"(?:{_LOW_SIGN}|dash|traco|mas|plus)"
_TOP = r"(?:com|net|org|edu|gov|gob|info|io|co|mx|br|ar|cl|pe|es|us|uk|pt|ve|ec|uy|biz|dev|app|me)"
_MAIL_WORD = r"(?:[^\W_][\w'’-]{0,63})"
_GAP = r"[\s,]{1,4}"
_MAYBE_GAP = r"[\s,]{0,4}"

_WRITTEN = re.compile(
    rf"(?:[\w-]{{1,40}}\s(?:{_SPOKEN_DOT}|{_LOW_SIGN})\s){{0,4}}[\w.+-]{{1,64}}"
    r"(?:\s?@\s?[\w-]{1,63}(?:\s?\.\s?[\w-]{2,63}){1,4}|@[\w-]{2,63})",
    re.I,
)
"""The ending may be lost: "ana_lopez85@hotmail"."""
_PROVIDER = re.compile(
    r"(?:g[ -]?mail|ge mail|hot[ -]?mail|out[ -]?look|yahoo|i[ -]?cloud|live|msn|bol|uol|terra|proton(?:mail)?|aol|comcast|ymail|prodigy)\b"
)
_EVERYDAY_PROVIDERS: Final = word_set("live terra bol")
_AT = re.compile(
    r"(?<![\w'’])(?:(?P<sure>arroba|arrova|at sign)(?=[\s,.:])[\s,.:]{1,4}|at[\s,]{1,4})"
    rf"|(?:(?<=[\s,])|^)(?P<sign>@)(?:[\s,]{{1,4}}|(?={_PROVIDER.pattern}))"
)
_DOMAIN = re.compile(
    rf"{_MAIL_WORD}(?:{_GAP}{_MAIL_WORD})?(?:{_MAYBE_GAP}{_DOT}{_MAYBE_GAP}{_MAIL_WORD}){{0,2}}?{_MAYBE_GAP}{_DOT}{_MAYBE_GAP}{_TOP}\b"
    rf"(?:{_MAYBE_GAP}{_DOT}{_MAYBE_GAP}{_TOP}\b)*"
)
_OTHER_ENDING = re.compile(
    rf"{_MAIL_WORD}(?:{_GAP}{_MAIL_WORD})?(?:(?:(?P<spoken>{_GAP}{_SPOKEN_DOT}{_GAP})|(?<=\w)\.)[^\W\d_]{{2,24}}\b){{1,4}}"
)
"""Any word is one behind a spoken dot: "arroba empresa punto tech"."""
_ANY_WORD = re.compile(_MAIL_WORD)
_ENDS_A_SENTENCE = re.compile(r"^at\b[^.]*\.\s+(?!(?:com|net|org|edu|gov|gob)\b)")
"""And begins another: "I'm at home. Me too."."""
_NAMED = re.compile(r"\b(?:e-?mails?|correos?|mails?|(?:endereco|direccion) (?:eletronico|electronica))\b")
_HANDLES = re.compile(r"\b(?:instagram|insta|twitter|facebook|tik ?tok|telegram|redes|arrobas)\b")
"""Names of firms have an "arroba" there too."""
_ASIDE = re.compile(
    r"\b(?:(?:todo|tudo|all)(?: (?:va|es|en|em|in|esta|e))? (?:junto|pegado|pegadito|seguido|corrido|minusculas?|minusculo|lower ?case|one word|together)"
    r"|(?:en|em|in|con) (?:letras? )?(?:minusculas?|lower ?case)|lower ?case|(?:as )?one word|(?:sin|sem) espacos?|(?:sin) espacios?|no spaces)\b"
)
"""How the name is written, and no part of it."""
_EXAMPLE = re.compile(r"\b(?P<letter>[a-z]+),? (?:as in|for|de|como) (?P<word>[a-z]{2,})\b")
_WORDS_OF_ONE: Final = "aeiouy"
"""Letters that are words: told by an example only behind other letters."""
_LOCAL_TOKEN = re.compile(rf"{_SIGN}\b|{_DOT}(?!\w)|\.|{_MAIL_WORD}")
_LOCAL_STOP: Final = word_set(
    """
    es e is mi my meu correo email mail electronico eletronico the it its a to en on y and al ao me lo escribame
    escribeme send envie mande para for address direccion endereco anote anota apunte apunta que con com sure yes si
    sim claro okay ok reach us contact llega llego o el la
    """
)
_CONTRACTION = re.compile(
    r"(?:it|that|this|here|name|i|he|she|we|you|they|mail|email|address|what|there)['’](?:s|m|re|ll|d|ve)"
)
_NO_NAME: Final = _LOCAL_STOP | word_set(
    """
    i i'm am be been was were are you he she we they not no nao em in of de del da do un una um uma or with por favor please gracias
    obrigado thanks thank work works working worked live lives look looking looks account accounts be stay staying
    start starts starting arrive meet call me him her them here there aqui right now just signed sign log logged
    """
)
"""No name is said with these right before "at": nothing but an ending makes an address of it."""
_NO_DOMAIN: Final = word_set(
    """
    home work noon night midnight the least all this that these those my your our his her their first last once any a
    an what which some hand present times lunch time school any most best risk stake store es e y o u el la los las lo
    un una um uma os as no nao si sim de del do da en em con com que se por para and or is was are it and gracias mi
    su tu meu seu minha sua one two three four five six seven eight nine ten eleven twelve
    """
)
_ONES_OWN: Final = word_set("my our")
"""Before the name of one's firm: "at my company dot ai"."""
_STOPS_A_PART: Final = _LOCAL_STOP | word_set("de del do da no nao este ese esse nuestro our")
NAME_ALONE: Final = 0.5
"""Score of a name whose "arroba" has not come."""
_MAX_LOCAL = 16
_MAX_BARE = 4
"""So many words that nothing joins are the name before "arroba" where nobody asked for an address."""
_WINDOW = 160


def emails(text: str, *, asked: bool = False) -> list[Found]:
    """Addresses and, where an "arroba", a provider, or talk of an address says so, parts of them: without the ending,
    without the name, or the name alone. A part has no value. `asked`: an address was asked for."""
    said = folded(text)
    plain = _without_examples(_ASIDE.sub(lambda match: " " * len(match[0]), said))
    named = asked or _NAMED.search(plain) is not None
    found = [_written(match) for match in _WRITTEN.finditer(text)]
    handles = not named and _HANDLES.search(plain) is not None
    last = 0
    for at in _AT.finditer(plain):
        if at.start() < last or _is_in(found, at.start(), at.end()):
            continue
        end, whole = _domain(plain, at, named=named, handles=handles)
        if not end:
            continue
        clear = _is_sure(at) or _PROVIDER.match(plain, at.end()) is not None
        aside = _ASIDE.search(said, max(0, at.start() - _WINDOW), at.start()) is not None
        bare = _MAX_LOCAL if named else _MAX_BARE if aside or (clear and not handles) else 0
        local = _local_part(plain, at.start(), bare)
        if local is None and not (clear or named):
            continue
        start = at.start() if local is None else local
        value = ""
        if whole and local is not None:
            value = f"{_written_form(plain[local : at.start()])}@{_written_form(plain[at.end() : end])}"
        found.append(Found(start, end, "email", 0.95 if value else 0.6, value))
        last = end
    if named:
        found += [one for one in _names(text, plain) if not _is_in(found, one.start, one.end)]
    return found


def _without_examples(plain: str) -> str:
    """Of the same length, with a capital alone where a word tells which letter is meant: "ge de gato", "b as in boy"."""
    last = -1
    for match in _EXAMPLE.finditer(plain):
        letter = match["letter"] if len(match["letter"]) == 1 else LETTER_NAMES.get(match["letter"], "").lower()
        if not letter or not match["word"].startswith(letter):
            continue
        spelled = last >= 0 and not plain[last : match.start()].strip(" ,")
        if letter in _WORDS_OF_ONE and not (spelled or _is_letter(_last_word(plain, match.start()))):
            continue
        last = match.end()
        plain = plain[: match.start()] + letter.upper().ljust(last - match.start()) + plain[last:]
    return plain


def _written(match: re.Match[str]) -> Found:
    value = re.sub(rf"\s(?:{_SPOKEN_DOT})\s", ".", match.group(), flags=re.I)
    whole = "." in match[0].rpartition("@")[2]
    return Found(match.start(), match.end(), "email", 0.99 if whole else 0.6, re.sub(r"\s", "", value) if whole else "")


def _is_sure(at: re.Match[str]) -> bool:
    """No everyday word, as "at" is."""
    return bool(at["sure"] or at["sign"])


def _is_in(found: list[Found], start: int, end: int) -> bool:
    return any(one.start < end and start < one.end for one in found)


def _domain(plain: str, at: re.Match[str], *, named: bool, handles: bool) -> tuple[int, bool]:
    """Where what stands behind "arroba" ends, or zero where it is none, and whether it is whole."""
    sure = _is_sure(at)
    ended = _DOMAIN.match(plain, at.end())
    if ended and (sure or not _ENDS_A_SENTENCE.search(plain[at.start() : ended.end()])):
        return ended.end(), True
    word = _ANY_WORD.match(plain, at.end())
    if word is None:
        return 0, False
    before = _last_word(plain, at.start())
    no_name = not sure and (before in _NO_NAME or _CONTRACTION.fullmatch(before) is not None)
    other = _OTHER_ENDING.match(plain, at.end())
    begins = sure or word[0] not in _NO_DOMAIN or (other is not None and word[0] in _ONES_OWN)
    if other and begins and not _is_number(word[0]) and (other["spoken"] or not no_name):
        return other.end(), True
    provider = _PROVIDER.match(plain, at.end())
    if provider and (sure or named or not (no_name or provider[0] in _EVERYDAY_PROVIDERS)):
        return provider.end(), False
    no_domain = word[0] in _NO_DOMAIN or handles or "." in at[0] or (not sure and _is_number(word[0]))
    return (0, False) if no_domain or no_name or not (sure or named) else (word.end(), False)


def _is_number(word: str) -> bool:
    return word.isdigit() or word in NUMBER_WORDS


def _last_word(plain: str, end: int) -> str:
    words = re.findall(r"[\w'’]+", plain[max(0, end - 64) : end])
    return words[-1] if words else ""


_PART = re.compile(
    rf"(?<![\w.'’-])([^\W_]\w{{0,40}})(?:{_GAP}(?:{_SPOKEN_DOT}|{_LOW_SIGN}){_GAP}[^\W_]\w{{0,40}}\b|[._][^\W\d]\w{{1,40}}\b){{1,6}}"
)
_NUMBER = rf"(?:\d{{1,4}}|{'|'.join(NUMBER_WORDS)})"
_NUMBERS_AT_ITS_END = re.compile(rf"(?<=\w)(?:{_GAP}(?:[ye]\s)?{_NUMBER}\b){{1,4}}")
_SENTENCE_WITHIN = re.compile(r"\.[^\W\d_]")
_A_SITE = re.compile(rf"^w+\b|(?:{_DOT})\s*{_TOP}$")
_GLUE = re.compile(rf"{_DOT}|{_SIGN}")
_LETTERS: Final = frozenset(LETTER_NAMES) | word_set("aga esse dablio xis ypsilon ipsilon uve doble")
_EVERYDAY_LETTERS: Final = word_set("a e o y de te ve ele ese esse que ca be se")
"""Letters and their names that are words as well: letters among others only."""


def _names(text: str, plain: str) -> list[Found]:
    """Names that go on in another turn: "mi correo es ana punto lópez"."""
    found = []
    for match in _PART.finditer(plain):
        words = re.findall(r"\w+", match[0])
        next_sentence = any(one[0][1].isupper() for one in _SENTENCE_WITHIN.finditer(text, match.start(), match.end()))
        if _is_number(words[0]) or _STOPS_A_PART.intersection(words) or _A_SITE.search(match[0]) or next_sentence:
            continue
        number = _NUMBERS_AT_ITS_END.match(plain, match.end()) if _is_number(words[-1]) else None
        found.append(Found(match.start(), number.end() if number else match.end(), "email", NAME_ALONE))
    return found


def _is_letter(word: str) -> bool:
    return len(word) == 1 or word in _LETTERS


def _local_part(plain: str, end: int, bare: int) -> int | None:
    """Where the name before "arroba" begins: words that dots and signs join, spelled letters and digits. `bare`: so many
    words belong to it that nothing joins, back to a word of ordinary talk."""
    tokens = [(m.group(), m.start()) for m in _LOCAL_TOKEN.finditer(plain, max(0, end - _WINDOW), end)][-_MAX_LOCAL:]
    start: int | None = None
    joined = True
    number_after = letter_after = False
    for place in range(len(tokens) - 1, -1, -1):
        word, at = tokens[place]
        before = tokens[place - 1][0] if place else ""
        glue = _GLUE.fullmatch(word) is not None
        number = word.isdigit() or word in NUMBER_WORDS
        letter = _is_letter(word)
        if letter and word in _EVERYDAY_LETTERS and start is not None:
            spelled = _is_letter(before) and (before not in _LOCAL_STOP or len(before) > 1)
            letter = letter_after and (spelled or not before or before in _COPULAS)
        if number_after and word in JOINERS:
            joined = True
            continue
        if not (glue or joined or number or letter):
            if bare <= 0:
                break
            bare -= 1
        if (word in _LOCAL_STOP or _CONTRACTION.fullmatch(word)) and not letter and not (joined and start is None):
            break
        start = at if not glue or start is not None else start
        joined, number_after, letter_after = glue or number or letter, number, letter
    while start is not None and start > 0 and plain[start - 1].isalnum():
        start -= 1
    return start


_COPULAS: Final = word_set("es is e it's its seria")
_SPELLED_DIGITS: Final = {
    word: str(digit)
    for digit, words in enumerate(
        ("cero zero", "uno um one", "dos dois two", "tres three", "cuatro quatro four", "cinco five", "seis six meia",
         "siete sete seven", "ocho oito eight", "nueve nove nine")
    )
    for word in words.split()
}  # fmt: skip
_SIGNS: Final = {
    "guion medio": "-", "guion": "-", "hyphen": "-", "dash": "-", "traco": "-", "hifen": "-", "mas": "+", "plus": "+",
}  # fmt: skip


def _written_form(spelled: str) -> str:
    for run in reversed(lex(spelled, "es").runs):
        for group in reversed(run.groups):
            spelled = spelled[: group.start] + group.digits + spelled[group.end :]
    words = []
    for match in _LOCAL_TOKEN.finditer(spelled):
        word = match.group()
        sign = "." if re.fullmatch(_DOT, word) else "_" if re.fullmatch(_UNDERSCORE, word) else ""
        words.append(sign or _SIGNS.get(word, _SPELLED_DIGITS.get(word, word)))
    return "".join(words).lower()
