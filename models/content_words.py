"""Which words of a text say something, and which are alike but for their endings. Of folded words."""

from collections.abc import Iterable
from typing import Final

from models.privacy.lexicon import word_set

FUNCTION_WORDS: Final = word_set(
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


def says_something(word: str) -> bool:
    return len(word) > 2 and word not in FUNCTION_WORDS


def among(word: str, others: Iterable[str]) -> bool:
    """The same but for its ending: `pagar` and `pague`, `cuota` and `cuotas`."""
    return any(_alike(word, other) for other in others)


def _alike(word: str, other: str) -> bool:
    least = max(3, -(-min(len(word), len(other)) * 3 // 5))
    return word[:least] == other[:least]
