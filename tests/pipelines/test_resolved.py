"""Only who says that things work again and nothing else needs nothing; a complaint says it as well."""

import pytest

from pipelines.resolved import resolved

COMPLAINTS = [
    "My internet is down. It worked yesterday.",
    "It worked fine this morning, now the light is red.",
    "The light is red again, it's back.",
    "Tell me how that works.",
    "Explain how this works with my roof.",
    "They said it's fixed, the screen is blank.",
    "They told me that everything works and the line drops every night.",
    "It worked for an hour.",
    "It's working on and off.",
    "I spent all day trying to get it working.",
    "It's back on my bill.",
    "Let me know when it's fixed.",
    "I heard it's fixed for the whole term.",
    "It works now, cancel the technician's visit.",
    "It works now and I got charged for the visit.",
    "That works for me, let's do it.",
    "Everything worked until it didn't.",
    "Me dijeron que ya quedó solucionado y sigo sin internet.",
    "Ya volvió el problema de la luz roja.",
    "Ya se quedó sin señal otra vez.",
    "La luz ya está prendida en rojo.",
    "Ya funciona más o menos, se corta.",
    "Según ustedes ya quedó arreglado.",
    "Su compañera me aseguró ayer que ya estaba, que ya quedó.",
    "Ya volvió el mismo error.",
    "Ya arreglen esto de una vez, por favor.",
    "Ya solucionen mi problema.",
    "Ya quedó lo del internet, me cobraron dos veces este mes.",
    "Ya funciona y me llegó la factura doble.",
    "Avíseme cuando ya funcione, o si ya quedó.",
    "Ya me sirve, mándeme el contrato nuevo.",
    "Por fin me conectaron con alguien, llevo tres días así.",
    "Ya quedó peor.",
    "Ya funcionaba y se dañó.",
    "Ya nada funciona.",
    "Falaram que já foi resolvido e continuo sem internet.",
    "Agora voltou o mesmo erro.",
    "Já voltou o problema.",
    "Agora voltou a cair.",
    "O rapaz já me ligou cinco vezes hoje.",
    "Nada deu certo até agora.",
    "Quase deu certo.",
    "Disseram ontem que já está funcionando.",
    "Consta que já foi resolvido, a tela está preta.",
    "Já funciona, veio cobrança em dobro.",
    "Já voltou o sinal, mas a televisão não liga.",
    "Agora resolveu cobrar a visita.",
    "Me avise se já foi resolvido.",
]
RESOLVED = [
    "ya funciona, gracias",
    "Ya funciona, muchas gracias por la ayuda, señorita.",
    "Ah ya, ahora sí prendió.",
    "Ahora sí ya funciona.",
    "ya quedó, qué maravilla",
    "¡Ya volvió!",
    "Ya volvió la señal, Dios lo bendiga.",
    "¡Ya prendió, ya tengo señal!",
    "Ya me lo arreglaron, muchas gracias.",
    "Eso era, ya prende.",
    "Ya funciona sin problemas.",
    "Ya funciona más rápido, gracias, Andrea.",
    "ya quedó solucionado el problema, nada más, gracias",
    "Volvió a funcionar.",
    "Agora funcionou, muito obrigada!",
    "ah tá, agora ligou",
    "deu certo, que maravilha",
    "Olha, a luz ficou verde. Voltou a funcionar!",
    "já está funcionando, obrigado",
    "Era isso, já ligou.",
    "Já voltou o sinal, graças a Deus.",
    "Ainda bem que agora funcionou.",
    "Meu problema já foi resolvido, obrigada.",
    "okay, it works now",
    "it works now, thank you so much",
    "It worked! Thanks.",
    "oh there we go, it's back on",
    "that did it, wonderful",
    "It's all sorted.",
    "It’s working now, thanks for your help.",
    "The light is green, it's working.",
    "Everything works again without a problem.",
]


TOLD = [
    "reinicié el módem como me dijo y ya funciona",
    "Se había ido la luz, ya volvió.",
    "Esperé los dos minutos, ya prendió la luz verde y ya tengo internet.",
    "Reiniciei o modem como você falou, agora funcionou.",
    "Desliguei da tomada, esperei e voltou a funcionar, obrigado.",
    "I restarted the modem like you said and it works now.",
    "I unplugged it, waited a bit, it's working now. Thank you!",
]


@pytest.mark.parametrize("text", COMPLAINTS)
@pytest.mark.parametrize("wanting", [False, True])
def test_who_says_more_than_that_it_works_may_need_help(text: str, wanting: bool) -> None:
    assert not resolved(text, wanting=wanting)
    assert not resolved(text.lower(), wanting=wanting)


@pytest.mark.parametrize("text", RESOLVED)
@pytest.mark.parametrize("wanting", [False, True])
def test_who_only_says_that_it_works_needs_none(text: str, wanting: bool) -> None:
    assert resolved(text, wanting=wanting)
    assert resolved(text.upper(), wanting=wanting)


@pytest.mark.parametrize("text", TOLD)
def test_what_led_to_it_may_be_told_by_who_wants_nothing(text: str) -> None:
    assert resolved(text, wanting=False)
    assert not resolved(text, wanting=True)


@pytest.mark.parametrize("text", ["", "…", "gracias", "thank you", "sí, en verde", "it's green"])
def test_what_says_nothing_of_it_resolves_nothing(text: str) -> None:
    assert not resolved(text, wanting=False)


def test_a_long_text_is_judged_at_once() -> None:
    assert not resolved("ya " * 20_000, wanting=False)
    assert not resolved("it's" * 20_000 + " back", wanting=False)
