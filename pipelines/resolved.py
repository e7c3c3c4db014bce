"""Whether a customer only says that what was wrong is right again, in the three languages. Pure.

Strict on purpose: "they told me that it was fixed" is the most typical beginning of a second complaint.
"""

import re
from typing import Final

from models.folding import fold
from models.privacy.lexicon import word_set

_IT_BACK = (
    r" (?:(?:la|el|o|a|mi|meu|minha|todo el|toda la|todo o|toda a) )?(?:senal|sinal|internet|luz|linea|linha|servicio"
    r"|servico|tono|tom|imagen|imagem|tele\w*|tv|som|sonido|wi-?fi|conexion|conexao|energia|agua|rede?)\b"
)
"""What comes back when things work again; problems come back as well."""
_END = r"(?=\W*$)"
_WORKS = re.compile(
    r"\b(?:ya|ahora si|por fin)(?: (?:me|se|le|nos|lo|la|esta|estan|todo))* (?:"
    r"(?:funciona|funcionan|funciono|funcionaron|funcionando|prende|prendio|sirve|sirvio|quedo|carga|navega|conecta)\b"
    r"|prendid[oa]s?\b|(?:arregl|solucion|conect)(?:o|aron|ad[oa]s?)\b|(?:resolvio|resolvieron)\b|resuelt[oa]s?\b"
    rf"|(?:volvio|regreso)(?: a funcionar|{_IT_BACK}|{_END})|(?:tengo|hay){_IT_BACK}{_END}|vuela\b)"
    r"|\bquedo (?:listo|solucionad|arreglad|resuelt)"
    r"|\b(?:agora|ja)(?: (?:me|se|sim|esta|ta|foi))* (?:"
    r"(?:funciona|funcionam|funcionou|funcionando|resolvid[oa]s?|conecta|conectou|conectad[oa])\b"
    rf"|(?:consert|arrum)(?:aram|ou|ad[oa]s?)\b|resolveu\b(?! \w+r\b)|(?<!me )ligou(?: sozinh[oa]| tudo|{_END})"
    rf"|voltou(?: a funcionar|{_IT_BACK}|{_END})|(?:tenho|tem|estou com|to com){_IT_BACK}{_END})"
    r"|\b(?:volvio|voltou) a funcionar\b|\bdeu certo\b"
    r"|\b(?:it|that|this|everything)(?: all| just)? (?:worked|did it|did the trick)"
    rf"(?: now| perfectly| great| like a| this time| thank|{_END})"
    rf"|\b(?:it|everything)(?: all)?(?: now| finally)? works(?: fine| great| perfectly| well| thank|{_END})"
    rf"|\bworks (?:now|again)\b|\bworks fine(?: now| thank|{_END})"
    r"|\b(?:it|that|this|everything)(?:'s| is| has been| seems)(?: all)?(?: now| finally)?(?: all)? (?:working|sorted"
    r"|fixed(?! (?:for|rate|price|fee|at|cost|term|until))|back (?:on|up|online)(?! (?:my|the|our|a)\b))\b"
    rf"|\bit's back(?: now|{_END})"
)
_MORE_WORDS: Final = word_set(
    """
    pero aunque mas tampoco nunca nadie ni sin sigo sigue siguen seguimos todavia aun anoche antes veces casi solo
    apenas rojo roja rojos rojas mal peor lento lenta lentos lentas muerto muerta mudo muda segun

    porem nao ninguem nem sem vezes quase vermelho vermelha vermelhos vermelhas pior morto morta

    no not never but though however until except nor nothing nobody none need want without still before earlier times
    sometimes almost barely only worse slow slower slowly dead down apparently keep keeps how
    """
)
_MORE = re.compile(
    r"\?|\b(?:"
    # a denial, a contrast, a wish, a condition
    r"\w+n't|(?:ningun|nenhum)\w*|(?<!de )nada(?! mais)|sin embargo|so que|(?:quer|quis|necesit|precis)\w+"
    r"|wonder(?:ed|ing)?|otra cosa|outra coisa|(?:(?<=\w )(?<!ahora )si|cuando) (?:ya|por fin)"
    r"|(?:se|quando) (?:ja|agora)|(?:if|when|whether|once|unless|sure) (?:it|that|this|everything)"
    # what others said, what was once
    r"|(?:dij\w+|dice|dicen|diz|dizem|diss\w+|falou|falaram|falam|(?:asegur|garant|promet|jur)\w+)(?: \w+){0,3} que"
    r"|(?:said|says?|told (?:me|us)|claim\w*|thought|promis\w+|swore)(?: that)? (?:it|that|this|everything)"
    r"|(?:supuest|supost|suppos)\w+|(?<!desde )(?:ayer|ontem)|(?<!since )yesterday|used to"
    r"|(?:this|esta|hoje de) (?:morning|manana|manha)|last (?:night|week|month|time)|(?:semana|mes) pass?ad[oa]"
    # that it goes on, that it half works, that it is as it was
    r"|contin\w+|ainda(?! bem)|mais ou? menos|more or less|(?:sort|kind) of|a medias|(?:a|por) ratos"
    r"|on and off|off and on|now and then|quedo igual|(?:el|la|lo|o|a) m[ie]sm[oa]|the same|(?:apagad|bloquead)[oa]s?"
    r"|(?:light|is|'s|goes|went|turned|in|blinking|flashing|solid) red|red (?:light|led|again)"
    r"|(?:con|com|with)(?: (?:un|um|el|o|an?|the))? (?:err|problem|fall|falh|issue)\w*"
    r")\b"
)
"""With `_MORE_WORDS`: that there is more to it."""
_WITHOUT_A_FAULT = re.compile(r"\b(?:sin|sem|without)(?: (?:ningun|nenhum|any|a))? (?:problem|fall|falh|cort|issue)\w*")
_CLAUSE = re.compile(r"[.,;:!¡…\n]+|\s(?:y|e|and|so(?! much))\s")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_GLAD = re.compile(r"\b(?:gracias|agrade[zc]\w+|obrigad\w+|valeu|thanks?|appreciate|maravil[lh]a|verde|green)\b")
_IDLE: Final = word_set(
    """
    ah ahora aja alegria alivio ay bendiga bendito bien bueno buenisimo claro de dicha dios eh era eso esta excelente
    exacto fin genial joven la le listo lo mais mil mio mira mire muy nada oh oiga ok okay oye perfecto por pues que sea
    senor senora senorita si todo uf uy vale ver ya

    a abencoe agora aqui beleza bem boa bom certo deus e eba entao foi gracas isso ja legal moca moco mesmo nossa o olha
    otima otimo perfeito pois pronto sim so ta te tudo

    all alright awesome bless cool fine finally go god good great hey is it it's just look ma'am my nice now oh perfect
    right see set sir sure that that's there then up was way we well wonderful wow yeah yep yes you
    """
)
"""Words of which no need is made."""


def resolved(text: str, *, wanting: bool) -> bool:
    """Whether the turn says that things work again, and nothing else. Who is `wanting` something, as the text models
    read it, says so in every clause that says anything; of others what led to it may be told before."""
    # "más" is more of it, "mas" is but
    said = _WITHOUT_A_FAULT.sub("", fold(text.lower().replace("más", "mais")))
    if _MORE.search(said) or not _MORE_WORDS.isdisjoint(_WORD.findall(said)):
        return False
    works = [_WORKS.search(one) is not None for one in _CLAUSE.split(said) if not _says_nothing(one)]
    return bool(works) and works[-1] and (all(works) or not wanting)


def _says_nothing(clause: str) -> bool:
    if _WORKS.search(clause):
        return False
    words = _WORD.findall(clause)
    return len(words) < 2 or _GLAD.search(clause) is not None or _IDLE.issuperset(words)
