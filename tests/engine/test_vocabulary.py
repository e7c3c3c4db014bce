"""What a vocabulary may hold."""

import pytest

from engine.errors import Invalid
from engine.vocabulary import MOST_FORMS, MOST_TERMS, Term, check_terms


def test_names_of_every_kind_are_taken() -> None:
    names = ["Finarca", "CrediÁgil", "Bright Path Energy", "O'Neill & Sons", "S.A.", "Auto-Plus", "Procon", "AT&T"]
    check_terms([*(Term(name) for name in names), Term("SIMIT", ("si mit", "cimí"))])


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ([Term("")], "a term is one to 4 words"),
        ([Term("x")], "a term is one to 4 words"),
        ([Term("Plan 500")], "not 'Plan 500'"),
        ([Term("uno dos tres cuatro cinco")], "a term is one to 4 words"),
        ([Term("a" * 61)], "60 at most"),
        ([Term("Finarca\nx")], "a term is one to 4 words"),
        ([Term("<b>Finarca</b>")], "a term is one to 4 words"),
        ([Term("Finarca", ("fin 4rca",))], "what 'Finarca' sounds like"),
        ([Term("Finarca", tuple(f"forma {chr(97 + at)}" for at in range(MOST_FORMS + 1)))], "at most 8"),
        ([Term("Finarca"), Term("finarca")], "there twice"),
        ([Term("Finarca", ("Solventa",)), Term("Solventa")], "there twice"),
        ([Term("termo" + chr(97 + at % 26) + chr(97 + at // 26)) for at in range(MOST_TERMS + 1)], "at most 300"),
    ],
)
def test_what_is_no_name_is_refused_by_name(terms: list[Term], why: str) -> None:
    with pytest.raises(Invalid, match=r"vocabulary") as refused:
        check_terms(terms)
    assert why in str(refused.value)
