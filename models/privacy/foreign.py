"""Number words of the languages that are nearest to ours, folded: a leg may turn out to speak one of them.

They count in turns of their own language alone; numbers in further languages are masked where they are written in
digits, which is how the recogniser is let write them there, and whole turns while a number is being asked for or read.
"""

from collections.abc import Mapping

from models.privacy.lexicon import Kind, NumberWord

_WORDS: dict[str, dict[Kind, str]] = {
    "fr": {
        "unit": "zero:0 un:1 une:1 deux:2 trois:3 quatre:4 cinq:5 six:6 sept:7 huit:8 neuf:9",
        "teen": "dix:10 onze:11 douze:12 treize:13 quatorze:14 quinze:15 seize:16",
        "tens": "vingt:20 vingts:20 trente:30 quarante:40 cinquante:50 soixante:60 septante:70 huitante:80 nonante:90",
        "hundred": "cent:100 cents:100",
        "thousand": "mille:1000",
    },
    "it": {
        "unit": "zero:0 uno:1 un:1 una:1 due:2 tre:3 quattro:4 cinque:5 sei:6 sette:7 otto:8 nove:9",
        "teen": "dieci:10 undici:11 dodici:12 tredici:13 quattordici:14 quindici:15 sedici:16 diciassette:17"
        " diciotto:18 diciannove:19",
        "tens": "venti:20 trenta:30 quaranta:40 cinquanta:50 sessanta:60 settanta:70 ottanta:80 novanta:90",
        "hundred": "cento:100",
        "thousand": "mille:1000 mila:1000",
    },
    "de": {
        "unit": "null:0 eins:1 ein:1 eine:1 zwei:2 zwo:2 drei:3 vier:4 funf:5 sechs:6 sieben:7 acht:8 neun:9",
        "teen": "zehn:10 elf:11 zwolf:12 dreizehn:13 vierzehn:14 funfzehn:15 sechzehn:16 siebzehn:17 achtzehn:18"
        " neunzehn:19",
        "tens": "zwanzig:20 dreissig:30 dreißig:30 vierzig:40 funfzig:50 sechzig:60 siebzig:70 achtzig:80 neunzig:90",
        "hundred": "hundert:100",
        "thousand": "tausend:1000",
    },
    "ca": {
        "unit": "zero:0 u:1 un:1 una:1 dos:2 dues:2 tres:3 quatre:4 cinc:5 sis:6 set:7 vuit:8 nou:9",
        "teen": "deu:10 onze:11 dotze:12 tretze:13 catorze:14 quinze:15 setze:16 disset:17 divuit:18 dinou:19",
        "tens": "vint:20 trenta:30 quaranta:40 cinquanta:50 seixanta:60 setanta:70 vuitanta:80 noranta:90",
        "hundred": "cent:100 cents:100",
        "thousand": "mil:1000",
    },
    "gl": {
        "unit": "cero:0 un:1 unha:1 dous:2 duas:2 tres:3 catro:4 cinco:5 seis:6 sete:7 oito:8 nove:9",
        "teen": "dez:10 once:11 doce:12 trece:13 catorce:14 quince:15 dezaseis:16 dezasete:17 dezaoito:18 dezanove:19",
        "tens": "vinte:20 trinta:30 corenta:40 cincuenta:50 sesenta:60 setenta:70 oitenta:80 noventa:90",
        "hundred": "cen:100 cento:100",
        "thousand": "mil:1000",
    },
}
_ONE = 1


def _table(language: str) -> dict[str, NumberWord]:
    return {
        word: NumberWord(kind, int(value), language, weak=kind == "unit" and int(value) == _ONE)
        for kind, entries in _WORDS[language].items()
        for word, value in (entry.split(":") for entry in entries.split())
    }


FOREIGN_NUMBERS: Mapping[str, Mapping[str, NumberWord]] = {language: _table(language) for language in _WORDS}
KNOWN = frozenset({"es", "pt", "en", *FOREIGN_NUMBERS})
"""Languages whose spoken numbers are masked as such."""
