"""Texts without what recognition and hasty typing lose."""

import unicodedata


def fold(text: str) -> str:
    """Lower case without accents; masks such as `[card]` stay as they are. `ñ` and `ç` lose their marks as well."""
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))
