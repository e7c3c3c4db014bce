"""How a country writes amounts."""

from typing import Final

_COMMA_GROUPS: Final = frozenset(["MX", "PE", "GT", "HN", "SV", "NI", "PA", "DO", "PR", "US"])
"""Spanish-speaking countries that write 1,000.50; the others write 1.000,50."""
_PESO: Final = frozenset(["AR", "CL", "CO", "CU", "DO", "MX", "PH", "UY"])
_DOLLAR: Final = frozenset(["US", "EC", "SV", "PA", "PR"])
_OWN: Final = {
    "sol": ("PE", "S/ "),
    "quetzal": ("GT", "Q"),
    "colon": ("CR", "₡"),
    "boliviano": ("BO", "Bs "),
    "guarani": ("PY", "₲ "),
    "pound": ("GB", "£"),
}


def separators(language: str, country: str) -> tuple[str, str]:
    """Of thousands and of decimals."""
    comma = language == "en" or (language == "es" and country in _COMMA_GROUPS)
    return (",", ".") if comma else (".", ",")


def grouped(value: int, language: str, country: str) -> str:
    """With a sign between thousands."""
    return f"{value:,}".replace(",", separators(language, country)[0])


def money(number: str, currency: str, language: str, country: str) -> str:
    """An amount with its sign; empty where the currency has none here: then it keeps its word."""
    match currency:
        case "peso":
            return f"${number}" if country in _PESO else ""
        case "dollar":
            sign = "$" if country in _DOLLAR or language == "en" else "US$"
            return f"{sign} {number}" if language == "pt" else f"{sign}{number}"
        case "euro":
            return f"€{number}" if language == "en" else f"{number} €"
        case "real":
            return f"R$ {number}" if language == "pt" else f"R${number}"
        case other:
            home, sign = _OWN[other]
            return f"{sign}{number}" if country == home else ""


def percent(number: str, language: str) -> str:
    return f"{number} %" if language == "es" else f"{number}%"
