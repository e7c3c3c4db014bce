"""Whether words that a phrase finds are denied where they stand: "no le voy a pagar", "I don't think I'll pay". Pure.

As in `models.grounding` a denial reaches over the words that say nothing themselves and one that does, and no further
than its clause. The text's own marks part clauses: "No, le pago el viernes" is a promise, "No le pago el viernes" none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from models.compliance.phrases import Phrase
from models.compliance.text import Folded, fold
from models.content_words import says_something
from models.grounding import DENIALS
from models.privacy.lexicon import word_set

_REACH = 1
"""Words that say something between a denial and what it denies: "no creo que le pague"."""
_MARK = re.compile(r"[;:!?…¿¡()\"“”«»\n—–]|[.,](?!\d)")
_WORD = re.compile(r"[^\W\d_]+(?:['’´`][^\W\d_]+)*")
_NOUGHT = word_set("nada nothing")
_WITHOUT = word_set("sin sem without")
"""What they deny stands right behind them: "sin costo le envío uno"."""
_CONTRACTED = word_set(
    "aint arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt mustnt neednt shouldnt wasnt werent wont wouldnt"
)
_DENYING = DENIALS | _NOUGHT | _CONTRACTED
_HARMLESS = frozenset(
    (
        "no más", "nada más", "no sólo", "no solo", "no solamente", "no obstante", "cómo no", "não só",
        "não somente", "não apenas", "not only", "not just",
    )
)  # fmt: skip
"""As written: two words that deny nothing together."""
_LIGHT = word_set(
    """
    dar decir decirle digo estoy estaba iba quiero quisiera siquiera todavia aun voy
    ainda dizer estou irei queria quero tenho vou
    even going gonna really say saying want whether why yet
    """
)
"""Words between that say as little as those of `models.content_words`."""
_NEW_CLAUSE = word_set(
    """
    pero y e sino entonces porque aunque mientras sí señor señora señorita pues bueno hoy ahora ahorita dale listo
    então porém embora enquanto sim senhor senhora moço moça bom bem hoje agora
    but and so because however though yes sir ma'am ma’am today now okay ok then
    """
)
"""As written, accents and all: what stands behind one is said anew, mark or no mark."""
_CONDITIONS = word_set("if si se cuando quando when unless")
"""As written: what stands behind one is no word of what is promised, "si no le llega le envío otro"."""
_CALMING = re.compile(
    r"preocup|problem|worr|apur|afan|cuidado|lio$|drama|importa|matter|mind$|dud|duvid|doubt|esquent|olvid|esquec|forget"
    r"|tranquil|falta$|bronca|inconvenien|cost[eos]?s?$|custo|charge|cargo|pasa$|llamen?$|cuelgu|liguem?$|deslig|hang$|fall[oa]$|falh|qued[oe]$"
)
"""What one tells people not to have or to do, beside what one promises: "no se preocupe que le pago"."""
_BEHIND = re.compile(
    r"(?:(?:e )?nada(?! mai?s)|nothing(?! but| less| more)|nunca|jamas|jamais|never|none|ningun[oa]?|nenhuma?"
    r"|(?:coisa|porra|droga) nenhuma|ni (?:loc[oa]|muert[oa]|un[oa]?|medio)|nem (?:mort[oa]|louc[oa]|uma?|a pau)"
    r"|(?:\w+ ){0,3}nao$)(?!\w)"
)
"""Right behind: "vou pagar nada", "voy a pagar ni un peso", "vou pagar isso não"."""


_OTHERWISE = word_set(
    """
    hasta antes sino sólo solo solamente si mejor prefiero
    até só apenas se melhor prefiro
    until till before only if unless better rather prefer instead later sooner
    """
)
"""As written: what stands behind one is what holds beside what is denied, "not until Friday", or whether that holds."""
_AWAITING = {
    "es": re.compile(r"\b(?:una vez|cuando|apenas|si|en cuanto|tan pronto|hasta que|despu[eé]s (?:de )?que)\b"),
    "pt": re.compile(r"\b(?:assim que|quando|se|caso|logo que|uma vez que|at[eé] que|depois que)\b"),
    "en": re.compile(r"\b(?:once|when|if|as soon as|until|unless)\b"),
}
"""By language, as written: what stands behind one in its clause has not come yet."""
_AT_MOST = frozenset(("más de", "más que", "mais de", "mais que", "more than"))
"""As written, right before an amount: who can pay no more than it can pay it."""
_BEHIND_VALUE = 4
"""Words between a value and what denies it behind it: "hoy la verdad no puedo"."""


def meant(phrases: Iterable[Phrase], text: Folded, language: str = "") -> Iterator[tuple[int, int]]:
    """Where the phrases are found in `text.line` and not denied. A phrase that is a denial itself ("no puedo pagar") is
    meant as it stands. `language` is what is spoken there: a Portuguese "no" denies nothing."""
    for phrase in phrases:
        for start, end in phrase.spans(text):
            if not _denied(text, *text.span(start, end), phrase.literals, language[:2]):
                yield start, end


def stands(text: str, start: int, end: int, language: str = "") -> bool:
    """Whether a day or an amount at `text[start:end]` is said to hold: "no puedo pagar hoy" and "hoje eu não consigo"
    say that of none. A denial reaches further to these than to other words: over all of its clause."""
    before = _clause_before(text, start)
    mark = _MARK.search(text, end)
    behind = _words(text[end : mark.start() if mark else len(text)])
    if mark and mark.group() == "?" and before and _denies(before, 0, language[:2]):
        return True  # "can't I pay on Friday?" would like to
    return not (_denied_before(before, language[:2]) or _denied_behind(behind, language[:2]))


def awaited(text: Folded, start: int, end: int, language: str = "") -> bool:
    """Whether what a phrase finds at `text.line[start:end]` is to come first: "una vez su pago sea recibido"."""
    awaiting = _AWAITING.get(language[:2])
    before = " ".join(_clause_before(text.text, text.span(start, end)[0]))
    return awaiting is not None and awaiting.search(before) is not None


def _denied_before(words: Sequence[str], language: str) -> bool:
    if " ".join(words[-2:]) in _AT_MOST:
        return False
    for at in reversed(range(len(words))):
        if _ends_denial(words, at, language):
            return False
        if _denies(words, at, language) and fold(words[at]) not in _WITHOUT:
            return True
    return False


def _denied_behind(words: Sequence[str], language: str) -> bool:
    for at in range(min(len(words), _BEHIND_VALUE + 1)):
        if _denies(words, at, language) and fold(words[at]) not in _WITHOUT:
            denied = words[at + 1 : at + 4]
            return not (denied and _ends_denial(denied, 0, language)) and not any(map(_is_calming, denied))
        if _ends_denial(words, at, language):
            return False
    return False


def _ends_denial(words: Sequence[str], at: int, language: str) -> bool:
    return _says_it_anew(words, at, language) or words[at] in _OTHERWISE or _is_calming(words[at])


def _is_calming(word: str) -> bool:
    return _CALMING.match(fold(word)) is not None


def _denied(text: Folded, start: int, end: int, own: set[str], language: str) -> bool:
    before, within = _clause_before(text.text, start), _words(text.text[start:end])
    mark = _MARK.search(text.text, end)
    denials = {fold(within[at]) for at in range(len(within)) if _denies(within, at, language)} - _WITHOUT
    if denials & own:
        return False
    if mark and mark.group() == "?" and before and _denies(before, 0, language):
        return False  # "¿no le puedo ayudar en algo más?" wants to
    behind = " ".join(map(fold, _words(text.text[end : mark.start() if mark else len(text.text)])))
    return bool(denials) or _reaches_over(before, language) or _BEHIND.match(behind) is not None


def _clause_before(text: str, at: int) -> list[str]:
    """Words between the last mark and this place."""
    return _words(text[max((mark.end() for mark in _MARK.finditer(text, 0, at)), default=0) : at])


def _words(text: str) -> list[str]:
    return [match.group().casefold() for match in _WORD.finditer(text)]


def _denies(words: Sequence[str], at: int, language: str) -> bool:
    word = fold(words[at])
    if word not in _DENYING or (word == "no" and language == "pt"):
        return False
    return not {" ".join(words[max(0, at - 1) : at + 1]), " ".join(words[at : at + 2])} & _HARMLESS


def _reaches_over(words: Sequence[str], language: str) -> bool:
    """Whether one of the words denies what stands behind the last of them."""
    between = 0
    for at in reversed(range(len(words))):
        word = fold(words[at])
        if _denies(words, at, language):
            if word in _NOUGHT and any(_denies(words, one, language) for one in range(at)):
                continue  # "no pasa nada": the first denies for both
            return not (between and (word in _WITHOUT or _CONDITIONS & set(words[max(0, at - 3) : at])))
        if _says_it_anew(words, at, language) or _is_calming(word):
            return False
        between += says_something(word) and word not in _LIGHT
        if between > _REACH:
            return False
    return False


def _says_it_anew(words: Sequence[str], at: int, language: str) -> bool:
    if words[at] == "so" and at and _denies(words, at - 1, language):
        return False  # "I'm not so sure I'll pay"
    return words[at] in _NEW_CLAUSE or (words[at] == "mas" and language == "pt")
