"""Streets and the houses in them, where the words beside a number say so. Pure; offsets are code points."""
# ruff: noqa: E501
# A pattern reads best with its alternatives in one row.

import re

from models.privacy.lexicon import word_set

_NO_NAME = "|".join(
    sorted(
        word_set(
            """
            on in at to of for by near from off up down along past behind with and or but so if when then before after
            the a an this that these those my your our his her their its i we you he she they it is are was were am pm
            can could will would should must may not just usually always per each every any some no
            """
        )
    )
)
_STREET_BEHIND = re.compile(
    rf"(?:\s(?!(?i:{_NO_NAME})\b)[\w'’.]+){{1,3}}\s(?i:street|avenue|boulevard)\b"
    r"|(?:\s(?:[A-Z][\w'’.]*|\d+(?:st|nd|rd|th))){1,3}"
    r"\s(?:Road|Drive|Lane|Court|Way|Place|Terrace|Circle|Parkway|Highway|Trail|St|Ave|Rd|Dr(?!\.? [A-Z])|Blvd|Ln|Pl|Pkwy|Hwy|Ct|Cir)\b"
)
_LIVES_AT = re.compile(r"\b(?i:(?:liv|resid)(?:e|es|ed|ing) at) $")
_REACH = 16
"""Code points."""


def is_house_number(text: str, start: int, end: int) -> bool:
    """Whether the name of a street stands right behind a number, or "live at" before it: "12 Oak Street"."""
    lives_at = _LIVES_AT.search(text, max(0, start - _REACH), start)
    return lives_at is not None or _STREET_BEHIND.match(text, end) is not None
