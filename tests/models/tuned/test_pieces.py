"""Texts are cut into the pieces of the Latin script."""

from models.tuned.pieces import END, START, UNKNOWN, cut, cutter, kept
from tests.models.tuned.tiny import PIECES, source


def test_only_the_latin_script_is_kept() -> None:
    ids = kept(source())
    assert ids[:4] == [0, 1, 2, 3]
    assert [PIECES[id] for id in range(len(PIECES)) if id not in ids] == ["▁при", "вет"]


def test_a_text_stands_between_its_marks() -> None:
    given = source()
    ids = kept(given)
    tokenizer = cutter(given, ids)
    assert cut(tokenizer, "", 16) == [START, END]
    cut_ids = cut(tokenizer, "no  llamen mas", 16)
    assert [PIECES[ids[id]] for id in cut_ids] == ["<s>", "▁no", "▁llamen", "▁mas", "</s>"]
    assert cut(tokenizer, "no llamen mas", 4) == [START, *cut_ids[1:3], END]
    assert UNKNOWN in cut(tokenizer, "привет", 16)
