"""People's names, where somebody introduces them or answers the question for one."""
# ruff: noqa: E501
# A pattern reads best with its alternatives in one row.

import re
from collections.abc import Iterable
from typing import Final

from models.privacy.lexicon import fold, word_set
from models.privacy.written import Found

_TITLE = r"(?:(?:el |la |o |a |al |com |con )?(?:se[nñ]or(?:a|ita)?|sr\.?|sra\.?|srta\.?|don|do[nñ]a|dona|seu|mr\.?|mrs\.?|ms\.?|miss|dr\.?|dra\.?|doctor|doctora)\s+|(?:el|la|o|a)\s+)?"
_WORD_OF_A_NAME = r"[A-ZÁÉÍÓÚÂÊÔÃÕÇÑ][\w'’-]+"
_MORE = rf"(?:\s+(?:da |do |del |de |de la |de los |de las |dos |das )?{_WORD_OF_A_NAME})"
_NAME = rf"({_WORD_OF_A_NAME}{_MORE}{{0,3}})"
_KIN = r"(?:(?:de |do |da |of )?(?:mi|su|tu|minha|meu|seu|sua|my|his|her|your)\s+(?:\w+(?:'s)?\s+){1,2}?)?"
_LEAD = (
    r"(?:(?:le|les|te) (?:habla|saluda|atiende)|hablas? con|habla|me llamo|mi nombre es|soy|hablo con|con quien hablo es|my name is|my name's|this is|i am|i'm|speaking with"
    r"|speak (?:with|to)|am i speaking (?:with|to)|is this|meu nome [eé]|eu sou|sou|falo com|falar com|aqui [eé]|quem (?:est[aá] )?fala(?:ndo)? [eé]|falando com|aqu[ií] habla|me chamo"
    r"|se encuentra|est[aá] por ah[ií]|busco a|se trata de|titular es|titular [eé]|it's under|it is under)"
)
_HOLDER = r"(?:a nombre de|en nombre de|em nome de|(?:n?o) nome d[eoa]|in the name of|under the name(?: of)?|under)"
_WHOSE = r"in (?:my|his|her|our) (?:\w+ )?\w+'s name,?"
_PERSON = re.compile(rf"\b(?:(?i:{_LEAD})|(?i:{_HOLDER})\s+(?i:{_KIN})|(?i:{_WHOSE})),?\s+(?i:{_TITLE}){_NAME}")
_HOLDER_OF = re.compile(rf"\b(?i:{_HOLDER})\s+(?:mi|su|tu|minha|meu|seu|sua|my)\s+\w+,?\s+{_NAME}")
_ASKED_FOR = re.compile(
    rf"(?:^|[.?!¿]\s*)(?i:is|o|a|el|la)\s+(?i:{_TITLE}){_NAME}\s+(?i:available|there|home|in|se encuentra|est[aá]|se encontra)\b"
)
_MET = re.compile(rf"(?:^|[.!?¿]\s*)(?i:hablo con|con|com)\s+(?i:{_TITLE})({_WORD_OF_A_NAME}{_MORE}{{1,3}})\s*\?")
"""By the whole name: "¿Con Pedro Ramírez?"."""
_SPEAKING = re.compile(rf"(?:^|[,.!?]\s*){_NAME},?\s+(?i:speaking)(?=\s*(?:[,.!?]|$))")
_ANSWER = re.compile(
    rf"^\s*(?:(?i:s[ií]|sim|yes|yeah|sure|claro|of course|uh|um|eh|ah|hola|hi|bueno)[,.]?\s+)*(?i:con|com|a|es|[eé]|de|it's|it is|that's|is|under|it's under|aqui [eé]|est[aá] a nombre de|est[aá] em nome de)?\s*(?i:{_TITLE}){_NAME}(?=\s*(?:[,.?!]|$))"
)
_SPELT_SMALL = re.compile(r"^\s*([^\W\d_]{2,}(?:\s[^\W\d_]{2,}){1,3})\s*\.?\s*$")
_NOT_A_NAME: Final = word_set(
    """
    si no usted el la los las un una yo not sorry calling from about great sure she he it that o a um uma muito
    your you titular cliente yes yeah claro nao sim ok okay hola ola hi hello gracias obrigado obrigada thanks thank
    perfecto perfeito correcto correto correct exacto exato right what que como why por quien quem who cuando quando
    when donde onde where nadie ninguem nobody este esta esto isso this mismo misma mesmo mesma ya ja now ahora agora
    espere espera wait momento perdon desculpa desculpe disculpe bueno bom bien bem good fine entonces entao so the
    my mi meu minha me le te se lo
    monday tuesday wednesday thursday friday saturday sunday january february march july september october november
    december english spanish portuguese generally strictly honestly frankly roughly broadly technically relatively
    legally personally financially banco bank central atendimento suporte soporte support servicio ventas vendas sales
    customer billing technical equipo equipe area departamento department empresa tarjeta cartao card visa mastercard
    vivo plan internet hogar nequi daviplata mercado american diners google apple samsung amazon prime disney netflix
    movistar claro tigo paypal picpay pagseguro rappi western still properly loosely briefly
    """
)

_ADVERB: Final = re.compile(r"\w{7,}ly")
"""Longer than "Kimberly": "realistically speaking"."""

_WORD = re.compile(r"[^\W\d_]+")
_PARTICLES: Final = word_set("da do dos das del de la las los")
_LEAST_LETTERS: Final = 3
"""Of a part of a name that stands for its bearer."""


def persons(text: str, *, answer: bool = False) -> list[Found]:
    """Names that their bearer or the agent introduces; `answer`: a name was asked for, so a turn that is one counts. An
    entity only; names are not masked."""
    found: dict[int, Found] = {}
    patterns = [(_PERSON, 0.8), (_HOLDER_OF, 0.8), (_ASKED_FOR, 0.7), (_MET, 0.7), (_SPEAKING, 0.8)]
    patterns += [(_ANSWER, 0.75)] if answer else []
    for pattern, score in patterns:
        for match in pattern.finditer(text):
            first = fold(match[1].split()[0])
            if first not in _NOT_A_NAME and not _ADVERB.fullmatch(first):
                found.setdefault(match.start(1), Found(match.start(1), match.end(1), "person", score, match[1]))
    small = _SPELT_SMALL.match(text) if answer and not found and text.islower() else None
    if small and not any(fold(word) in _NOT_A_NAME for word in small[1].split()):
        found[small.start(1)] = Found(small.start(1), small.end(1), "person", 0.6, small[1])
    return list(found.values())


def without_known(text: str, names: Iterable[str]) -> str:
    """With `[person]` for these people wherever they are named: by the whole name however it is written, or by a part
    of it that is written as a name is."""
    whole = {tuple(fold(word) for word in _WORD.findall(name)) for name in names} - {()}
    parts = {word for name in whole for word in name if len(word) >= _LEAST_LETTERS and word not in _PARTICLES}
    lengths = sorted({len(name) for name in whole if len(name) > 1}, reverse=True)
    words = list(_WORD.finditer(text))
    folded = tuple(fold(word.group()) for word in words)
    kept, last, at = [], 0, 0
    while at < len(words):
        length = next((length for length in lengths if folded[at : at + length] in whole), 0)
        if not length and folded[at] in parts and words[at].group()[0].isupper():
            length = 1
        if length:
            kept += [text[last : words[at].start()], "[person]"]
            last = words[at + length - 1].end()
        at += length or 1
    return "".join([*kept, text[last:]])
