"""What the words around a number say of it: "¿me dicta el número de la tarjeta?", "meu CPF é", "reach us at"."""
# ruff: noqa: E501
# A pattern reads best with its alternatives in one row.

import re
import unicodedata
from typing import Final, NamedTuple

from engine.facts import Leg
from models.privacy.lexicon import word_set
from models.privacy.streets import before_house_numbers


class Cue(NamedTuple):
    kind: str
    """card cvv card_expiry cpf cnpj curp rfc cuit rut dni cedula ssn dob phone email address account person
    secret digits serial reference"""
    start: int
    end: int


_CARD_NAME = r"(?:tarjeta|[st]?ca?r[gj]eta|ta[a-z]?[cgjqxy]u?i?eta|plastico|cartao|card|credit card|debit card|visa|mast[a-z]{1,4} ?car[a-z]{1,4}|amex)"
_NUMBERS = (
    r"(?:numeros?|numeracion|digitos|numeracao|algarismos|cifras|datos|dados|numbers?|digits|details?|info(?:rmation)?)"
)

_NO_STREET = "".join(
    rf"(?<!\b{word} )"
    for word in sorted(
        word_set(
            "i we you they people to can could will would ll d t not just usually always or and the a in google hard"
        )
    )
)
"""Before "drive" and "court" they make a verb or another thing of it."""
_NOT_ASKED_FOR = "".join(
    rf"(?<!\b{word} )"
    for word in sorted(
        word_set(
            "ha han he has hemos haya hayan habia habian habias hubiera haber habiendo fue ter tenho tinha tinham havia"
            " haviam foi fosse sido"
        )
    )
)
"""Behind them "pedido" is what was asked for, and no order: "ya me habían pedido el número"."""
_NOT_IN = "".join(rf"(?<!\bin {word})" for word in ("", "my ", "your ", "this ", "that ", "the ", "any ", "which "))
"""Before "case" it is no case that has a number: "in that case"."""
_BANK = r"(?:ban(?!da\b)\w+|davivienda|bbva|santander|nequi|daviplata|scotiabank|hsbc|itau|bradesco|nubank|caixa\w*|interbank|galicia|macro|brubank|azteca|inbursa|av villas|colpatria|bcp|uala|mercado pago|pichincha|sabadell|chase|citi\w*|wells fargo|capital one)(?: \w+){0,3}?"
_CODE_SENT = (
    r"(?:codigo|clave)(?: que)? (?:(?:le|te|lhe|me|se|nos|ya|ja|acaba de|va a|vai|usted|voce|o senhor|a senhora|eu|el sistema|o sistema) ){0,3}(?:(?:lleg|mand|envi|recib|receb|cheg)\w+|(?:aparece|sale) (?:en|na|no))"
    r"|(?:lleg|cheg|envi|mand)\w+(?: \w+){0,5}? (?:un|um|el|o) codigo(?! (?:de|postal|promo\w*)\b)"
    r"|(?:send|sent|text|texted|texting)(?: \w+){0,3}? (?:a|the) code"
    r"|code (?:that )?(?:(?:you|we|i|just|ve|have|should|was|were|be|been|to) ){0,4}(?:sent|texted|emailed|messaged|received|receive|got|get)"
)
_SAYS_THEM = (
    r"(?:dict\w*|dig[ao]\w*|dime|dame\w*|deme\w*|dar|darme|decir\w*|dice|leer\w*|lea\w*|pas[ae]\w*|pasar\w*|regal\w*|rep[ie]t\w*"
    r"|tell (?:me|us)|give (?:me|us)|read|get|have|go ahead with|passar|fal(?:a|e|ar)|diz|diga|dizer|dit[ae]r?|ler|leia|inform[ae]r?|cuales son|quais sao|what (?:are|re))"
)

_KINDS: Final[dict[str, str]] = {
    "cvv": r"\b(?:cvv2?|cvc2?|c[. ]?v[. ]?[vc]|(?:c[. ]?v[. ]?b|c[. ]?[cb][. ]?v|c[. ]?b[. ]?b)\b|ce ve ve|ce ve ce|ce ce ve|ce be be|(?:codigo|clave|numeros?|digitos) de (?:seguridad|seguranca|verificacao do cartao|verificacion de la tarjeta)"
    r"|(?<!\bsocial )security (?:code|number|digits)|(?:codigo|clave) de (?:tres|3) (?:digitos|numeros|cifras|algarismos)|(?:three|3)[- ](?:digits?|numbers?) (?:security )?(?:code|number)|(?:tres|3|three) (?:digitos|digits|numeros|numbers|ultimos) (?:de atras|del reverso|que (?:estan|aparecen) (?:atras|al reverso)|on the back|atras|do verso|no verso|de tras)"
    r"|(?:numeros?|numbers?|digitos|digits|codigo|code)(?: \w+){0,4}? (?:(?:on|at) the (?:back|reverse)|by the signature|(?:de |al? |del |no |do |pel[ao] )?(?:atras|detras|reverso|verso)))",
    "card_expiry": r"\b(?:(?:(?<=^)|(?<=[.?!¿]\s)|(?<=[.?!¿])|(?<=\by )|(?<=\be a )|(?<=\by el ))(?:vencimiento|vencimento|validade|expiration)(?=\s*(?:\?|$))|(?:fecha|mes|ano) de (?:vencimiento|caducidad|expiracion)|vencimiento de la tarjeta|cuando (?:vence|caduca|expira)"
    r"|(?:caducidad|vigencia)(?: de (?:la|su|tu) tarjeta|,? por favor| es| dice|\s*[?.]|$)|(?<!dia )(?<!dia, )mes y (?:el )?ano(?! de (?:(?:su|tu) )?nacimiento| (?:en )?que naci)|month and (?:the )?year(?! (?:of (?:your )?birth|(?:that |when )?you were born))|(?<!dia )(?<!dia, )mes e (?:o )?ano(?! de (?:seu )?nascimento| (?:em )?que (?:\w+ ){0,2}nasc)|quando (?:vence|expira)|vence quando"
    r"|data de (?:validade|vencimento do cartao|vencimento|expiracao)|validade(?: do cartao)?|expir(?:y|ation|es|e|ing)\b|exp date|(?:valid|good)[- ](?:thru|through|until))",
    "cpf": r"\b(?:c\.?p\.?f\.?|ce pe efe|cepeefe|cadastro de pessoa)\b",
    "cnpj": r"\b(?:cnpj|c\.n\.p\.j|cene pe jota)\b",
    "curp": r"\b(?:curp|clave unica de registro)\b",
    "rfc": r"\b(?:r\.?f\.?c|erre efe ce|registro federal de contribuyentes?)\b",
    "cuit": r"\b(?:cuit|cuil)\b",
    "rut": r"\b(?:rut|r\.u\.t|rol unico)\b",
    "dni": r"\b(?:d\.?n\.?i|n\.?i\.?e|documento nacional|de ene i|numero de identidad|numero de extranjero)\b",
    "cedula": r"\b(?:cedula(?: de ciudadania| de identidad)?|cc numero)\b",
    "document": r"\b(?:(?:numero|nro) de(?: su| tu)? (?:documento|identificacion)|documento de identidad|(?:su|tu|mi|seu|meu) documento|numero do documento|identificacion|(?:sua|minha) identificacao|(?:el|o) documento(?=\s*(?:[?,.]|es\b|e\b|por favor\b|$)))\b",
    "ssn": r"\b(?:s\.?s\.?n|social security(?: number)?|(?:your|my|full|the) social(?: security(?: number)?)?|last four of (?:your|my) social)\b",
    "dob": r"\b(?:soy del(?= (?:(?:ano )?\w+ de |\d))|(?:o )?dia (?:em )?que (?:voce |o senhor |a senhora )?nasceu|nasci(?: no dia| dia)?|nacio usted|naciste|data que nasceu|fechas? de (?:su |tu )?nacimiento|dia (?:en que|que) nacio|cuando (?:nacio|naciste|cumple)|dia de (?:su )?nacimiento|naci (?:el|en)\b|nacido (?:el|en)"
    r"|date of birth|birth ?(?:date|day)|d\.?o\.?b\b|when (?:were you|you were|was (?:he|she)) born|i was born|born on"
    r"|data (?:do |de )?(?:seu )?nascimento|quando (?:voce |o senhor |a senhora )?nasceu|dia do nascimento|eu nasci|nasci em|nascido em|nascida em|(?:dia,? )?mes y (?:el )?ano (?:de (?:su |tu )?nacimiento|(?:en )?que naci\w*)|(?:dia,? )?mes e (?:o )?ano (?:de (?:seu )?nascimento|(?:em )?que (?:\w+ ){0,2}nasceu)|dia,? mes (?:y|e) (?:el |o )?ano(?! de (?:vencim|expir|caduc|valid))|ano de (?:su |tu |seu )?(?:nacimiento|nascimento)"
    r"|(?:cuando|que (?:dia|ano|mes|fecha)) (?:\w+ ){0,2}?(?:nacio|naciste|cumple(?:s|anos)?)\b|cumple (?:usted )?anos|(?:fecha|dia) de (?:su |tu |mi )?cumpleanos|(?:su|tu|mi) cumpleanos"
    r"|(?:quando|que (?:dia|ano|mes)) (?:\w+ ){0,3}?(?:nasceu|faz aniversario)\b|data (?:de |do )?(?:seu |meu )?aniversario|(?:seu|meu) aniversario"
    r"|(?:month|day|year) of (?:your )?birth|(?:you were|were you|was (?:he|she)) born)",
    "email": r"\b(?:direccion de (?:correo|e-?mail)|endereco (?:eletronico|de e-?mail)|e-?mail(?: address)?|correo(?: electronico)?|mail)\b",
    "phone": r"\b(?:telefono|celular|movil|whats ?app|wasap|telefone|fone|numero (?:de|para|do|da) (?:contacto|contato|llamar(?:le|lo|la|te|nos)?|ligar|retorno)"
    r"|phone(?: number)?|cell ?phone|cell(?: number)?|mobile(?: number)?|callback number|call ?back number|(?:call|reach|contact|text|ring|phone|dial) (?:us|me|him|her|them|you|our|my|the|back)(?: \w+){0,3}? (?:at|on)"
    r"|call back at|best number|number to (?:call|reach)|home number|work number|toll[- ]free|llam(?:ar|e|en|arnos|enos|eme|ame|adme)(?: \w+){0,2}? al|marc(?:ar|a|ue|ando) (?:al|el)|comunic\w+ (?:al|con nosotros al)|contact\w+ al"
    r"|lig(?:ar|ue|a|ando)(?: \w+){0,2}? (?:para|no)|numero (?:e|es)(?: o)?(?= ?0800)|(?:nuestro|our|nosso) (?:numero|number) (?:es|is|e)|extension|ramal|linea gratuita)\b",
    "address": r"\b(?:calle|carrera|avenida|diagonal|transversal|alameda|jiron|pasaje|rodovia|travessa|rua|estrada|(?:codigo|cep) postal|cep|zip(?: code)?|postal code|domicilio|direccion|endereco"
    r"|(?:[a-z]+ ){0,2}(?:street|avenue|boulevard|" + _NO_STREET + r"(?:road|drive|lane|court))|(?:home|mailing|billing|street|your|my) address|apartamento|apartment|apto|depto|departamento numero|suite|torre|manzana|quadra(?= \d))\b",
    "account": r"\b(?:(?:a que|en que|cual|la|su|mi|tu|que) cuenta (?:bancaria|donde|a la que|le (?:transfer|deposit|hacemos|hago)\w*|transfer\w*|deposit\w*|para (?:el|la) (?:reembolso|devolucion|deposito|transferencia)|es(?= )(?! de\b))|(?:em|na|para) (?:que|qual) conta(?: bancaria)?|a conta (?:e(?= )(?! de\b)|para o (?:estorno|reembolso))|(?:which|what) (?:bank )?account|(?:the )?account (?:is|number)|(?:numero|numeros) (?:de|da|do) (?:la |su |sua |tu |mi |minha )?(?:cuenta|conta)|cuenta (?:bancaria|corriente|de ahorros?|clabe|numero|es(?! de\b))|cuenta de (?:banco|cheques)|cuenta (?:de|del|en|en el|con) " + _BANK + r",? (?:es(?! de\b)|numero)"
    r"|clabe|c\.?b\.?u|iban|conta (?:corrente|poupanca|bancaria|numero|e(?! de\b))|agencia e conta|agencia(?=:? \d{4}\b)|conta(?=:? \d(?:[\d.]{2,}-[\dx]\b|\d{5}))|dados bancarios|datos bancarios|bank(?:ing)? (?:details|info(?:rmation)?)|account (?:number|is)|bank account|checking account|savings account|routing(?: number)?)\b",
    "person": r"\b(?:con quien (?:tengo|hablo|me comunico|estoy hablando)|quien (?:me )?(?:habla|llama)|(?:su|tu|el) nombre(?: completo)?(?= *(?:\?|,|por|$))|nombre (?:completo|y apellidos?)|a nombre de quien"
    r"|who (?:am i|do i have|is this|m i) ?(?:speaking|talking|on|calling)?|(?:your|a|the) (?:full |first and last |first |last )?name(?= *(?:\?|,|please|on the|$))|whose name"
    r"|com quem (?:eu )?(?:falo|estou falando)|quem (?:esta )?(?:fala|falando)|(?:o )?seu nome(?: completo)?(?= *(?:\?|,|por|$))|nome (?:completo|do titular)|em nome de quem|no nome de quem)",
    "secret": r"\b(?:pin|nip|otp|contrasena|clave(?: dinamica| secreta| de acceso)?|senha|password|passcode|token|codigo (?:de )?(?:verificacion|verificacao|confirmacion por sms|acceso|acesso)"
    r"|codigo (?:secreto|personal|pessoal)|(?:secret|personal|private) code|codigo (?:del|por|no|do) (?:sms|mensaje|whatsapp|mensagem|texto)|codigo de (?:cuatro|seis|quatro|4|6) (?:digitos|numeros|cifras|algarismos)"
    r"|verification code|one[- ]time (?:code|password)|access code|(?:four|six|4|6)[- ](?:digits?|numbers?) (?:code|pin)|" + _CODE_SENT + r")\b",
    "serial": r"\b(?:i\.?m\.?e\.?i|iccid|(?:numero|nro) de serie|(?:numero )?serial(?: number)?|codigo de barras|bar ?code|linha digitavel)\b",
    "digits": r"\b(?:" + _SAYS_THEM + r"(?: \w+){0,3}? (?:los|os|the) (?:numeros?|numeritos|digitos|numbers|digits|algarismos)(?=\s*(?:[?.,!;]|$|por favor|please|when|cuando|quando|de nuevo|otra vez|again|de uno|one by))"
    r"|(?:primer|segundo|tercer|cuarto|quinto|siguiente|proximo|ultimo|primeiro|terceiro|quarto|first|second|third|fourth|next|last) (?:grupo|bloque|bloco|group|block)(?: de (?:cuatro|quatro|4|numeros|digitos)| of (?:four|4|numbers|digits))?)\b",
    "reference": r"\b(?:protocolos?|tickets?|folio|radicado|radicacion|(?:numero|codigo) de (?:caso|reclamo|orden|pedido|seguimiento|referencia|reporte|solicitud|gestion|atencion|confirmacion|guia|contrato|reserva|factura|poliza|rastreamento|rastreio|ordem|solicitacao|atendimento|chamado)"
    r"|" + _NOT_ASKED_FOR + r"pedido(?: numero)?|orden (?:numero|de servicio)|ordem de servico|(?:do|seu|este) chamado|o chamado(?= (?:e|numero|\d))|chamado numero|case (?:number|id)|" + _NOT_IN + r"case(?: is|(?= \d))|order (?:number|is|id)|reference(?: number)?|confirmation (?:number|code)|tracking(?: number)?|quote(?: number)?|caso (?:numero|nro)|(?<!\ben )(?:de mi|su|tu|el|de) caso es(?! que\b)|cotizacion(?: numero)?|orcamento numero|report number|ticket number|invoice number|booking(?: number)?"
    r"|numero de atendimento|incident(?: number)?|ordernumber|reclamo numero|rastreio|contrato numero|factura numero|fatura numero|ley|lei|articulo|resolucion)\b",
}  # fmt: skip

_CARD = (
    rf"\b(?:{_NUMBERS}(?: \w+){{0,5}}? {_CARD_NAME}|{_CARD_NAME}(?: \w+){{0,8}}? {_NUMBERS}"
    rf"|{_CARD_NAME}(?:\W+\w+){{0,8}}?\W+(?:the|el|los|o|os|as) {_NUMBERS}(?=\s*(?:[?.,]|$|please|when|por favor|cuando|quando))"
    rf"|{_CARD_NAME}(?: \w+){{0,4}}? (?:es la|es el|e o|is|termina|terminad[ao]|ending|ends?(?= (?:in|with)\b)|final|number|numero)"
    r"|(?:d[ei]{1,2}[zsxc][a-z ]{0,4}s[ei]{1,2}s|16|sixteen|quince|15|fifteen)[- ](?:digitos|numeros|digits?|numbers?|algarismos)"
    r"|long number|(?:numeros?|digitos|numbers?|digits|number)(?: \w+){0,3}? (?:on the front|del frente|da frente|de enfrente|de adelante|al frente|en el frente)"
    rf"|(?:dict|lea|leer|leia|ler|read|recite)\w*(?: \w+){{0,4}}? {_CARD_NAME}"
    rf"|{_CARD_NAME}(?: \w+){{0,3}}? (?:digito por digito|digit by digit|completa|numero a numero))"
)

_PATTERN = re.compile(
    "|".join([f"(?P<cvv>{_KINDS['cvv']})", f"(?P<card>{_CARD})"]
             + [f"(?P<{kind}>{body})" for kind, body in _KINDS.items() if kind != "cvv"])
)  # fmt: skip

_ASKS = re.compile(
    r"[?¿]|\b(?:dict\w*|dig(?:a|ame\w*|anos|ale)|dime|deme|denos|regal\w+|indi(?:ca|que)\w*|confirm\w*|facilit\w*|proporcion\w*|brind\w*|lea|leame|pas(?:e|ame|eme|a|ar)"
    r"|compart\w*|necesit\w+|permit\w+|cual|puede|puedes|podria|podrias|me da|suministr\w*|ingres\w+|repit\w+|repet\w+|vuelva|deletre\w+|solicit\w+|anot\w+|teng\w+ a la mano|tome nota|requier\w+|leer"
    r"|can|could|may|give|tell|read|need|whats|what|please|go ahead|provide|share|let me have|grab|take|repeat|like to have"
    r"|pode|poderia|passa\w*|passe|inform\w+|diz|ditar|dite|dita|qual|quais|precis\w+|fal[ae]\w*|me ve|leia|ler|forne\w+|por favor|favor|vamos)\b"
)
_NEGATED = re.compile(
    r"\b(?:no (?:necesit\w+|me (?:de|diga|dicte)|comparta|de|dicte|diga|le (?:pedi\w+|solicit\w+))|nunca|jamas|never|do(?:n t| not|n't)|no need|without|sin (?:dar|decir|dictar)"
    r"|nao (?:precis\w+|me (?:passe|diga|fale)|passe|compartilhe|informe)|ya (?:tengo|qued\w+|registr\w+|recib\w+)|already|ja (?:tenho|registr\w+|recebi))\b"
)

_GIVES = re.compile(
    r"\b(?:(?:le|les|te|lhe|ya|ja|eu) (?:envio|enviamos|enviare\w*|mand(?:o|amos|are\w*)|compart(?:o|imos|ire\w*))"
    r"|(?:voy a|vamos a|vou|vamos|puedo|posso)(?: (?:le|les|te|lhe))? (?:enviar|mandar|compartir|compartilhar)(?:les?|te)?"
    r"|(?:i|we)(?:.ll| will| can|.m going to|.re going to)?(?: just)? (?:send|e-?mail|text)(?: you)?"
    r"|here are|aqui (?:estan|estao|van|tiene|le dejo)|seguem)"
    r" (?:el|los|o|os|the|our|nuestros|nossos) $"
)
"""Right before what the firm gives of its own: "le envío los datos bancarios"."""

_BESIDE_A_CARD = re.compile(
    r"\b(?:(?:[bv]en[cs][eo]|vencimiento|vencimento|caduca|expira|expires?|exp|fecha|[dvb][ei]cha|validade|valido|valid|good)(?: (?:el|en|em|a|es|e|in|on|until|through|ate))?(?=,? )"
    r"|(?P<cvv>codigo|clave|atras|reverso|verso|code|back|cvv|cvc)(?: (?:es|e|is|dice|esta|says|de seguridad|de seguranca))?(?=,? ))"
)
"""Words too common to name a number anywhere else."""

_SAID_OF_A_CARD = re.compile(
    r"^\W*(?:(?:y|e|and|el|o|the|ahora|agora|now|deme|dime|me da|por ultimo)\W+){0,3}(?:(?P<cvv>[cs]e ?[bv]e ?[bvm]er?|voce ve)|ve[mn] ?se quando)\W*$"
)
"""All of a turn beside a card, as recognition writes "¿el ce ve ve?" and "vence quando?"."""
_THE_THREE = re.compile(r"\b(?:los|os|the) (?:tres|three|3) (?:digitos|dijitos|numeros|digits|numbers|algarismos)\b")
"""Beside a card they are its code, wherever they stand: "los tres dígitos que están agredezos"."""
_ENDS_WITH_ITS_DATE = re.compile(r"\b(?:[bv]en[cs]e|vencimiento|vencimento|caduca|validade|expires)\W*$")
"""The end of a turn beside a card whose date the next one begins with."""

_FOLDS = {
    ord(c): unicodedata.normalize("NFD", c.lower())[0]
    for c in map(chr, range(0x41, 0x250))
    if unicodedata.normalize("NFD", c.lower())[0] != c
}


_MISHEARD_CARD = re.compile(r"\bca(?:re?)?t(?:on|om|an|am|al|au)\b")
"""As recognition writes "cartão"."""


def folded(text: str) -> str:
    """Lower case without accents, code point for code point; a card that was misheard is one."""
    return _MISHEARD_CARD.sub(lambda found: "cartao".ljust(len(found[0])), text.translate(_FOLDS))


def cues(text: str, *, near_card: bool = False) -> list[Cue]:
    """In order of appearance. `near_card`: a card is on the table, so what ends is most likely that."""
    plain = folded(text)
    found = [Cue(match.lastgroup or "", match.start(), match.end()) for match in _PATTERN.finditer(plain)]
    found += [Cue("address", start, end) for start, end in before_house_numbers(text)]
    if near_card and not found and (match := _SAID_OF_A_CARD.search(plain)):
        found.append(Cue("cvv" if match["cvv"] else "card_expiry", match.start(), match.end()))
    if near_card and (match := _THE_THREE.search(plain)) and all(cue.kind != "cvv" for cue in found):
        found.append(Cue("cvv", match.start(), match.end()))
    if near_card and (match := _ENDS_WITH_ITS_DATE.search(plain)):
        found.append(Cue("card_expiry", match.start(), match.end()))
    found.sort(key=lambda cue: cue.start)
    return [cue for cue in found if cue.kind != "card_expiry" or not _is_of_a_bill(plain, cue, near_card)]


def _is_of_a_bill(plain: str, cue: Cue, near_card: bool) -> bool:
    """Whether what is due or ends is a bill, an offer or a contract, by its own clause: "su factura vence el 10"."""
    if near_card:
        return _OF_A_BILL.match(plain, cue.end) is not None
    start = max(plain.rfind(sign, 0, cue.start) for sign in ",.?!;¿") + 1
    stop = _CLAUSE_END.search(plain, cue.end)
    clause = plain[start : stop.start() if stop else len(plain)]
    return _BILL.search(clause) is not None and _A_CARD.search(clause) is None


_CLAUSE_END = re.compile(r"[,.?!;]")
_A_CARD = re.compile(rf"\b{_CARD_NAME}s?\b")
_BILL_NAME = (
    r"(?:facturas?|faturas?|boletos?|cuotas?|parcelas?|ofertas?|promo\w*|plane?s?|plano|bills?|offers?|rates?|contratos?|contracts?|poli[zc]as?|apolice|policy|invoices?"
    r"|discounts?|descuentos?|desconto|subscription|suscripcion|assinatura|paquete|package|warranty|garantia|coupon|cupon|quote|cotizacion|proposta|propuesta)"
)
_BILL = re.compile(rf"\b{_BILL_NAME}\b")
_OF_A_BILL = re.compile(
    rf"\W*(?:de|del|da|do|of|for|on|la|el|a|o)(?: (?:la|el|su|tu|sua|seu|a|o|the|your|my|this|esta|este))? {_BILL_NAME}\b"
)


def beside_a_card(text: str) -> list[Cue]:
    """Names that the parts of a card are given when its number is read with them: "vence 08/27 y atrás dice 712"."""
    found = _BESIDE_A_CARD.finditer(folded(text))
    return [Cue("cvv" if match["cvv"] else "card_expiry", match.start(), match.end()) for match in found]


_SHORT_ASK = 6
"""An agent's turn of so few words that names a number asks for it: "su número de cédula"."""
_ASK_WITHOUT_VERB = 12
_ENDS_WITHIN = 25
"""…and so does one of so few that ends so soon after the name: "por último los tres dígitos que están al reverso"."""


_NO_CARD = r"(?! (?:de (?:identidad|circulacion|propiedad|presentacion|regalo|embarque|visita|vacina\w*|ponto)|profesional|sus)\b)"
_ASKS_FOR_CARD = re.compile(
    rf"\b(?:(?:me|nos) (?:das?|dar|compart(?:e|es|ir)|pas(?:a|as|ar)|regal(?:a|as|ar)|facilit(?:a|as|ar)|brind(?:a|as|ar)|proporcion(?:a|as|ar)|permit(?:e|es|ir)) (?:su|la|tu) {_CARD_NAME}\b{_NO_CARD}"
    rf"|(?:de|da|pase|pasa|comparta|comparti|regale|facilite|brinde|proporcione|permita|(?:d|pas|regal|facilit|brind|proporcion)ar|(?:compart|permit)ir)(?:me|nos) (?:su|la|tu) {_CARD_NAME}\b{_NO_CARD}"
    rf"|(?:con|em|no|com|para) (?:que|cual|qual) (?:de (?:sus|tus|las) )?(?:tarjetas?|cartao)\b"
    rf"|(?:me (?:passa|passar|da|dar|fala|falar|informa|informar|dita|ditar|diz)|pode (?:passar|informar|falar|ditar)|posso (?:pegar|anotar)) (?:o|os dados do) (?:seu |teu )?cartao\b{_NO_CARD}"
    r"|qual (?:e )?(?:o )?cartao (?:voce|o senhor|a senhora|vai|quer|deseja|prefere|sera|seria)\b"
    r"|(?:what|which) (?:credit |debit )?card (?:would|do|are|will|should|can|did)\b"
    r"|(?:(?:can|could|may) (?:i|we)|let me|let.s|(?:i|we).ll|(?:i|we) will|i.d like to|i need to) (?:just |please |go ahead and )?(?:take|have|get|grab) (?:that|your|the|a) (?:credit |debit |bank )?card(?=\s*(?:[?.,!;]|$|(?:now|please|from you|when|whenever|real quick|then|today|ready|for (?:the|this|your))\b))"
    r"|(?:have|got) (?:your|the|that|a) (?:credit |debit )?card (?:with you|handy|ready|in front of you|on you|nearby)\b)"
)
"""A request for the card itself: whoever hears it reads the number next."""


def asked(text: str, leg: Leg, found: list[Cue]) -> tuple[str, ...]:
    """The kinds of number that this turn makes one expect in the next turns.

    Whoever speaks: who is the agent may not be decided yet, or wrongly. A customer who only names a thing
    ("can I pay with another card number?") starts nothing.
    """
    plain = folded(text)
    if leg == "customer":
        told = [cue.kind for cue in found if _announces(plain, cue)]
        return tuple(dict.fromkeys([*told, "card"] if _OFFERS_CARD.search(plain) else told))
    card = _ASKS_FOR_CARD.search(plain)
    awaited = ["card"] if card and not _denied(plain, Cue("card", card.start(), card.end())) else []
    if not found:
        return tuple(awaited)
    words = len(plain.split())
    ends = words <= _ASK_WITHOUT_VERB and len(plain) - found[-1].end <= _ENDS_WITHIN
    asks = _ASKS.search(plain) is not None or words <= _SHORT_ASK or ends
    kinds = [cue.kind for cue in found if asks and _may_be_asked_for(plain, cue)]
    return tuple(dict.fromkeys([*kinds, *awaited]))


_ANNOUNCE = re.compile(
    r"\b(?:es|e|is|son|sao|are|le doy|te doy|anote|apunte|tome nota|vou passar|vou te passar|vou dizer|here s|here is|aqui esta|ahi va|la va|segue|sera|seria)\b|:"
)


_OFFERS_CARD = re.compile(
    rf"\b(?:(?:le|te|se|les) (?:doy|paso|dicto|leo|voy a (?:dar|dictar|pasar|leer))|(?:vou|quero|posso|deixa eu) (?:te |lhe |ja )?(?:passar|dar|ditar|ler|falar)|te passo|anot\w+|a nota|apunt\w+|tome nota de"
    rf"|(?:let me|i ll|ill|i will|can i|i can|i want to|i d like to|going to|gonna) (?:just )?(?:give|read)|(?:take|write|get)(?: down)?)(?: \w+){{0,5}}? {_CARD_NAME}\b"
    rf"|{_CARD_NAME}\b(?: \w+){{0,4}}?[,.;]?(?: y| e| and)? (?:(?:se|te) (?:la|lo) (?:dicto|leo|doy|paso|voy)|here (?:it comes|you go|goes)|(?:anota|pode anotar|vou falando|ahi va|la va))"
)
"""A caller who is about to read a card that nobody asked for."""


def _announces(plain: str, cue: Cue) -> bool:
    """ "mi tarjeta es…", "anote el número de mi tarjeta": the number comes next."""
    if cue.kind == "reference":
        return False
    return _ANNOUNCE.search(plain, cue.start) is not None or _ANNOUNCE.search(plain[: cue.start][-24:]) is not None


def _may_be_asked_for(plain: str, cue: Cue) -> bool:
    given = cue.kind == "account" and _GIVES.search(plain, 0, cue.start) is not None
    return cue.kind != "reference" and not given and not _denied(plain, cue)


def _denied(plain: str, cue: Cue) -> bool:
    clause = max(plain.rfind(sign, 0, cue.start) for sign in ".?!;") + 1
    return _NEGATED.search(plain, clause, cue.start) is not None


BACKCHANNEL = word_set(
    """
    si aja ok okay vale listo bien ya mhm mm hm uh huh uhum ahan isso sim claro certo ta perfecto perfeito perfect
    continue continua continu siga prosiga adelante digame diga pode falar falando escucho lo la le oigo ouvindo
    estou go ahead on yes yeah yep right sure got it correct correcto correto great good thanks gracias obrigado
    obrigada please por favor gracias um un momento uno segundo te sigo anoto anotando anotado apunto copio me y e
    and que mas what else next then alright all un eh entendi entendido exacto exato dale sale pues hold hang one
    second moment sec keep going i m here with you
    """
)
"""Words of a turn that only keeps the other one reading."""

ABOUT_THE_NUMBER = re.compile(
    r"\b(?:repit\w*|repet\w*|repeat|again|otra vez|de nuevo|novamente|ultimos|siguientes|primeros|seguintes|primeiros|last (?:four|three|digits)|first (?:four|six)"
    r"|next (?:four|three)|remaining|rest of|faltan?|digitos?|digits?|numeros?|numbers?|grupos?|groups?|bloques?|blocos?|missed|no (?:le )?(?:escuche|entendi|oi)|nao (?:ouvi|entendi)|didn t (?:catch|hear)|cuatro en cuatro|mas despacio|slower|devagar)\b"
)

ASKS_HOW_MANY = re.compile(r"\b(?:cuant[oa]s?|quant[oa]s?|how (?:many|much))\b[^.!?]*\?\W*$")
"""At a turn's end: what is answered next is a count or a price."""
