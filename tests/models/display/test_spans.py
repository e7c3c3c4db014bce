"""The way between what was spoken and what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.display import to_display, to_text
from models.display.spans import Rewrite, compose

TEXT = "Debe cincuenta mil pesos desde el quince de marzo."
SHOWN = compose(TEXT, [Rewrite(5, 24, "$50.000"), Rewrite(34, 49, "15 de marzo")])


def test_stretches_are_written_otherwise_and_remembered() -> None:
    assert SHOWN.text == "Debe $50.000 desde el 15 de marzo."
    assert [TEXT[a:b] for a, b, _, _ in SHOWN.spans] == ["cincuenta mil pesos", "quince de marzo"]
    assert [SHOWN.text[c:d] for _, _, c, d in SHOWN.spans] == ["$50.000", "15 de marzo"]


@pytest.mark.parametrize(
    ("spoken", "read"),
    [
        ("Debe", "Debe"),
        ("cincuenta mil pesos", "$50.000"),
        ("mil", "$50.000"),
        ("desde el", "desde el"),
        ("pesos desde el quince", "$50.000 desde el 15 de marzo"),
        (TEXT, SHOWN.text),
    ],
)
def test_evidence_stands_where_its_words_are_read(spoken: str, read: str) -> None:
    start = TEXT.index(spoken)
    first, last = to_display(SHOWN.spans, start, start + len(spoken))
    assert SHOWN.text[first:last] == read


def test_of_two_that_overlap_the_first_holds() -> None:
    assert compose("uno dos tres", [Rewrite(4, 12, "23"), Rewrite(0, 7, "12")]).text == "12 tres"


@st.composite
def rewritten(draw: st.DrawFn) -> tuple[str, list[Rewrite]]:
    text = draw(st.text("ab ", max_size=30))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if a < b]
    return text, [Rewrite(a, b, draw(st.text("0123", max_size=4))) for a, b in spans]


@given(rewritten(), st.data())
def test_a_span_comes_back_whole(given_text: tuple[str, list[Rewrite]], data: st.DataObject) -> None:
    text, rewrites = given_text
    shown = compose(text, rewrites)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first, last = to_display(shown.spans, start, end)
    assert 0 <= first <= last <= len(shown.text) or start == end
    back = to_text(shown.spans, first, last)
    inside = any(a < start < b or a < end < b for a, b, _, _ in shown.spans)
    empty = any(c == d for _, _, c, d in shown.spans)
    if start < end and not empty:
        assert back[0] <= start
        assert end <= back[1]
        assert inside or back == (start, end)
