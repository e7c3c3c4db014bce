"""Private data that only their masks show, as a replayed transcript has them."""

import datetime

import pytest
from msgspec.structs import replace

from models.compliance import CallContext, load_rules
from models.compliance.history import borne
from models.compliance.judge import Judge
from models.compliance.states import load_states
from models.privacy.entities import MASK_OF, TYPE_OF
from pipelines.replay import masked_turns, parse_line

DAY = datetime.date(2026, 11, 24)
CALL = (
    b'{"id": "one", "language": "en", "country": "US", "campaign": "collections", "turns": ['
    b'{"leg": "agent", "text": "Your birth date and street name, please?"},'
    b'{"leg": "customer", "text": "May third fifty five, Walnut"},'
    b'{"leg": "agent", "text": "Thank you. Your account is past due."}]}'
)


def test_states_are_reached_by_what_privacy_finds() -> None:
    named = {step.entity for state in load_states().values() for step in (*state.reached, *state.lost) if step.entity}
    assert named <= set(TYPE_OF.values())


def test_a_date_of_birth_that_was_masked_says_who_is_on_the_line() -> None:
    turns = masked_turns(parse_line(CALL))
    assert turns[1].text == "[dob], Walnut"
    mark = borne(turns[1], "DATE_OF_BIRTH")
    assert mark is not None
    assert (mark.start, mark.end) == (0, len("[dob]"))
    judge = Judge(load_rules(), CallContext("US", "", "collections", "outbound", "en", DAY))
    broken = {verdict.rule for turn in turns for verdict in judge.hear(turn) if verdict.outcome == "violation"}
    assert "US-FDCPA-3RDPARTY" not in broken
    stranger = [turns[0], turns[2]]
    judge = Judge(load_rules(), CallContext("US", "", "collections", "outbound", "en", DAY))
    broken = {verdict.rule for turn in stranger for verdict in judge.hear(turn) if verdict.outcome == "violation"}
    assert "US-FDCPA-3RDPARTY" in broken


@pytest.mark.parametrize("entity", ["DNI_NIE", "CEDULA_CO", "BANK_ACCOUNT", "SSN"])
def test_each_mask_is_known(entity: str) -> None:
    turn = masked_turns(parse_line(CALL))[0]
    assert borne(replace(turn, text=f"es {MASK_OF[entity]}"), entity) is not None
    assert borne(turn, entity) is None
