"""Cuts texts into the encoder's pieces. Of its vocabulary we keep what the Latin script needs: half of the memory."""

import hashlib
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from models.tuned.source import Source

START, PAD, END, UNKNOWN = range(4)
_SPECIAL = 4
_SPACE = "▁"
_SYMBOLS = 0x2100
"""From here on a character that is no letter is none that a transcript holds."""
_opening = threading.Lock()
_opened: dict[bytes, Tokenizer] = {}
"""By the hash of their file."""


def kept(source: Source) -> list[int]:
    """Ids of the pieces that we keep, in order: a piece's place in the list is its new id."""
    return [id for id, piece in enumerate(source.pieces) if id < _SPECIAL or all(map(_latin, piece))]


def cutter(source: Source, ids: Sequence[int]) -> Tokenizer:
    """What texts are cut with: unigram pieces (Kudo 2018, arXiv:1804.10959) of normalised text, a space before it."""
    tokenizer = Tokenizer(models.Unigram([(source.pieces[id], source.scores[id]) for id in ids], unk_id=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    return tokenizer


def open_cutter(path: Path) -> Tokenizer:
    """From the file of an installed encoder. Encoders whose files say the same share one, which takes 100 MB. Not to be
    changed by who has it."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).digest()
    with _opening:
        if digest not in _opened:
            _opened[digest] = Tokenizer.from_buffer(data)
        return _opened[digest]


def cut(tokenizer: Tokenizer, text: str, most: int) -> list[int]:
    """Ids of a text between the marks of start and end, at most so many."""
    return [START, *tokenizer.encode(text, add_special_tokens=False).ids[: most - 2], END]


def _latin(character: str) -> bool:
    if character == _SPACE:
        return True
    if not character.isalpha():
        return ord(character) < _SYMBOLS
    return "LATIN" in unicodedata.name(character, "")
