"""Texts are cut into the pieces of the Latin script."""

from pathlib import Path

from models.tuned.pieces import END, START, UNKNOWN, cut, cutter, kept, open_cutter
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


def test_encoders_whose_files_say_the_same_share_what_cuts(tmp_path: Path) -> None:
    given = source()
    cutter(given, kept(given)).save(str(tmp_path / "one.json"))
    (tmp_path / "two.json").write_bytes((tmp_path / "one.json").read_bytes())
    cutter(given, kept(given)[:-5]).save(str(tmp_path / "other.json"))
    one, two, other = (open_cutter(tmp_path / f"{name}.json") for name in ("one", "two", "other"))
    assert one is two
    assert one is not other
    assert cut(one, "no llamen mas", 16) == cut(cutter(given, kept(given)), "no llamen mas", 16)
