"""Which judged values may be kept: nothing that may be a card's, whatever it was judged to be."""

import pytest

from models.privacy import Entity, may_be_kept


def found(entity_type: str, value: str) -> Entity:
    return Entity(1, entity_type, 0, 10, 0.9, value=value)


@pytest.mark.parametrize(
    ("entity_type", "value", "without", "near_card"),
    [
        ("PHONE", "3104567890", True, True),
        ("PHONE", "5511987654321", True, False),
        ("EMAIL", "ana99@example.com", True, True),
        ("CURP", "GOMC850314HDFRRL09", True, True),
        ("CPF", "52998224725", True, True),
        ("CNPJ", "11222333000181", True, True),
        ("ADDRESS", "947", True, False),
        ("SSN", "1876", True, False),
        ("BANK_ACCOUNT", "453914880343646", True, False),
        ("BANK_ACCOUNT", "4539148803436467", False, False),
        ("PHONE", "4539-1488-0343-6467", False, False),
        ("EMAIL", "", False, False),
    ],
)
def test_what_may_be_a_card_s_is_not_kept(entity_type: str, value: str, without: bool, near_card: bool) -> None:
    one = found(entity_type, value)
    assert may_be_kept(one, near_card=False) is without
    assert may_be_kept(one, near_card=True) is near_card
