"""Words beside a number that say what it counts, or when."""

from models.privacy.lexicon import word_set

UNITS = word_set(
    """
    dia dias day days semana semanas week weeks mes meses month months ano anos year years hora horas hour hours hr
    hrs minuto minutos minute minutes min mins segundo segundos second seconds secs noche noches noite noites night
    nights quincena quincenas trimestre trimestres quarter quarters siglo am pm oclock decada decadas peso
    pesos dolar dolares dollar dollars cent cents centavo centavos buck bucks euro euros real reais sol soles libra
    libras pound pounds usd cop mxn brl clp ars eur pen uf percent porciento million millones millon milhao milhoes
    billion mangos lucas palos grand contos pila cuota cuotas parcela parcelas prestacao prestacoes prestacion
    mensualidad mensualidades mensalidade mensalidades installment installments instalment instalments payment
    payments pago pagos pagamento pagamentos abono abonos vez veces vezes times persona personas pessoa pessoas
    people person users usuario usuarios cliente clientes customers linea lineas line lines linha linhas canal
    canales canais channels mega megas megabyte megabytes megabits mb mbps gb kb tb giga gigas gig gigs gigabytes
    gbps punto puntos point points pontos metro metros meter meters feet foot km kilometro kilometros quilometros
    miles mile kilo kilos kg quilos gramos watts watt kw kwh kilowatts kilowatt volts grado grados graus degrees
    unidad unidades unit units producto productos produto produtos products item items itens articulos factura
    facturas fatura faturas invoices bills boletos llamada llamadas ligacao ligacoes calls chamadas mensaje mensajes
    mensagens messages correos emails hijos kids filhos children cuadra cuadras blocks quadras pulgadas inches
    polegadas litros liters galones gallons habitaciones rooms quartos pisos andares floors aparelhos equipos
    devices dispositivos televisores tvs asientos seats licencias licenses licencas empleados employees funcionarios
    oportunidades intentos attempts tentativas opciones opcoes options paginas pages tiendas lojas stores sucursales
    branches panels paneles paineis piezas pieces cajas boxes caixas habiles uteis dobles letras digitos digits
    numeros numbers algarismos por
    """
)
MONEY = word_set(
    """
    peso pesos dolar dolares dollar dollars cent cents centavo centavos buck bucks euro euros real reais soles libra
    libras pound pounds usd cop mxn brl clp ars eur uf million millones millon milhao milhoes billion mangos lucas
    palos pila mega megas megabytes megabits mb mbps gb
    """
)
"""Units of a number that stays one however long it is, while another is read aloud."""
NAMES_OF_PARTS = word_set("punto point ponto numero number digito digit letra letter")
"""Between the groups of a number that is read aloud: "cuarenta y cinco punto"."""
POINTS = word_set("puntos points pontos")
_NO_SINGULAR = word_set(
    "am pm hr min oclock percent porciento por people feet kids children km kg kw kwh kilowatt kb tb gbps pila giga gig"
)
SINGULAR = frozenset(word for word in UNITS if not word.endswith("s") or word == "mes") - MONEY - _NO_SINGULAR
"""Behind more than one they count nothing: "712 mes 10 año 27"."""
FEWEST_POINTS, MOST_POINTS = 4, 6
"""Digits of a number of points that are gained; a part of an identity has fewer."""
OF_DIGITS = word_set("digitos digits numeros numbers algarismos letras")
MOST_DIGITS = 20
TERMS = word_set(
    """
    old contract plan term warranty lease commitment agreement deal period promotion promo package subscription limit
    trial notice guarantee delivery window grace wait delay drive walk call hold
    """
)
"""Behind "month" and "year" they make a duration: "a twelve month contract"."""
BETWEEN = word_set(
    """
    business working work calendar more full whole short extra additional different straight consecutive monthly
    equal easy free long of de do da mas mais primeros ultimos proximos primeiros outros otros otras outras other
    square small solar active fixed bonus total sencillas iguales fijas fixas mensuales corridos seguidos seguidas
    seguidos leve comodas suaves new nuevos
    """
)
TO = word_set("a al to o u or ou y e and hasta ate")
LAST = word_set("ultimos ultimas primeros primeras siguientes last first next final primeiros seguintes otros outros")
PER = frozenset({"por", "per", "al", "a", "each", "cada", "ao", "off", "of", "de"})
PER_UNITS = word_set(
    """
    ciento cento cent month mes mensuales year ano piece week semana dia day hour hora mensais mensal monthly cada
    """
)
WEEKDAYS = word_set(
    """
    lunes martes miercoles jueves viernes sabado domingo segunda terca quarta quinta sexta feira monday tuesday
    wednesday thursday friday saturday sunday
    """
)
DAYPARTS = word_set(
    """
    tarde manana noche madrugada manha noite morning afternoon evening night mediodia
    """
)
AT = word_set(
    """
    las los la as das pelas at until till around about before after ate by desde hasta entre from between antes
    despues apos since
    """
)
YEAR_AFTER = word_set(
    """
    en in em desde since del de do year ano years anos until hasta ate para by before after for
    from entre between
    """
)
COUNTED = word_set("cosas things")
WISHES = word_set("desculpas gracias disculpas perdones thanks maravillas abrazos saludos besos beijos perdoes")
"""Said by the hundred or the thousand; behind any other number they thank for it: "712, gracias"."""
TIMES = word_set("veces vezes times")
SINCE = frozenset({"desde", "since"})
NOT_A_NOUN = word_set(
    """
    gracias pues entonces antes despues menos depois thanks yes this plus minus las los nos les vos ustedes does
    pois mas mais as is us was has his its was because unas unos ellos eles elas quizas jamas ademas porque tras
    tres atras alias perdones dos seis es
    """
)
AFTER_AN_ANSWER = WISHES | POINTS | OF_DIGITS | word_set("detras nomas adios senores senoras")
"""No things that are counted either where nearly nothing but a number is said: "712, nomás"."""

NUMBERED = word_set(
    """
    vuelo puerta asiento terminal error modelo habitacion mesa piso nivel fila sala plan canal ruta bus tren anden
    pasillo pagina version ventanilla sucursal talla modulo voo portao assento poltrona erro andar fileira plano onibus
    trem plataforma versao etapa loja tamanho corredor flight gate seat model room table floor row channel route train
    platform page step aisle store size bay
    """
)
"""Things that have a short number of their own, by which nobody is known. None that a group of digits may be called."""
