"""Who is the agent: ingest.md's algorithm, its overrides and its symmetries."""

from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control.roles import decide_roles, member_of
from engine.control.trunks import RoleOverride
from engine.ports.intake import Participant, RoleDecision, Routing

CUSTOMER, AGENT = "+573001112233@pstn.example", "1001@pbx.example"


def routing(direction: Literal["inbound", "outbound"] = "inbound", members: dict[str, str] | None = None) -> Routing:
    return Routing(
        "org",
        "campaign",
        "care",
        direction,
        "es",
        "CO",
        "",
        (),
        "",
        {"1001@pbx.example": "u1", "1002": "u2"} if members is None else members,
        {"u1": "Luis"},
    )


def two(first: str, second: str, sides: tuple[str, str] = ("", "")) -> list[Participant]:
    return [
        Participant("a", 0, first, side=sides[0]),  # type: ignore[arg-type]
        Participant("b", 1, second, side=sides[1]),  # type: ignore[arg-type]
    ]


def roles(decisions: Sequence[RoleDecision]) -> list[str]:
    return [decision.role for decision in decisions]


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_member_decides_wherever_the_line_stands(direction: Literal["inbound", "outbound"]) -> None:
    decided = decide_roles(two(CUSTOMER, AGENT), routing(direction))
    assert roles(decided) == ["customer", "agent"]
    assert roles(decide_roles(two(AGENT, CUSTOMER), routing(direction))) == ["agent", "customer"]
    assert [(d.rule, d.user_id) for d in decided] == [("member", ""), ("member", "u1")]
    assert decided[1].confidence > decided[0].confidence > 0.9


def test_one_known_leg_gives_the_other_its_complement() -> None:
    assert roles(decide_roles(two(AGENT, ""), routing())) == ["agent", "customer"]
    assert roles(decide_roles(two("", AGENT), routing("outbound"))) == ["customer", "agent"]


@pytest.mark.parametrize(
    ("aor", "user"),
    [
        ("sip:1001@PBX.example", "u1"),
        ("1001@192.0.2.9", "u1"),  # a border controller's host
        ("1002@any.example", "u2"),
        ("1002", "u2"),
        ("sip:+1002@any.example", "u2"),
        ("", ""),
        ("10020@any.example", ""),
    ],
)
def test_members_match_by_address_or_extension(aor: str, user: str) -> None:
    assert member_of(aor, routing().members) == user


def test_a_user_part_that_two_members_share_matches_nobody() -> None:
    members = {"ana@sales.example": "u1", "ana@care.example": "u2"}
    assert member_of("ana@192.0.2.9", members) == ""
    assert member_of("ana@care.example", members) == "u2"


@pytest.mark.parametrize(
    ("direction", "expected"), [("inbound", ["agent", "customer"]), ("outbound", ["customer", "agent"])]
)
def test_vendor_direction_beats_position(direction: Literal["inbound", "outbound"], expected: list[str]) -> None:
    decided = decide_roles(two(CUSTOMER, "9@x", ("called", "caller")), routing(direction, {}))
    assert roles(decided) == expected
    assert {d.rule for d in decided} == {"vendor_direction"}
    assert roles(decide_roles(two("", "", ("", "caller")), routing(direction, {}))) == expected


def test_two_callers_leave_it_to_the_position() -> None:
    decided = decide_roles(two("", "", ("caller", "caller")), routing())
    assert [(d.role, d.rule) for d in decided] == [("customer", "position"), ("agent", "position")]


def test_position_depends_on_the_direction() -> None:
    assert roles(decide_roles(two("", ""), routing("inbound"))) == ["customer", "agent"]
    assert roles(decide_roles(two("", ""), routing("outbound"))) == ["agent", "customer"]


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_only_leg_of_a_plain_call_is_the_far_party(direction: Literal["inbound", "outbound"]) -> None:
    (decided,) = decide_roles([Participant("0", 0, CUSTOMER)], routing(direction))
    assert (decided.role, decided.rule) == ("customer", "position")
    (member,) = decide_roles([Participant("0", 0, AGENT)], routing(direction))
    assert (member.role, member.user_id) == ("agent", "u1")


@pytest.mark.parametrize(
    ("direction", "override", "role"),
    [
        ("inbound", None, "agent"),
        ("outbound", None, "customer"),
        ("inbound", "first_is_agent", "customer"),
        ("outbound", "first_is_customer", "agent"),
    ],
)
def test_a_second_line_that_is_alone_is_not_the_first(
    direction: Literal["inbound", "outbound"], override: RoleOverride | None, role: str
) -> None:
    """The first has a codec that nobody here knows, or is refused from now on."""
    (decided,) = decide_roles([Participant("b", 1)], routing(direction, {}), override)
    assert (decided.role, decided.rule) == (role, "override" if override else "position")


def test_internal_call_between_members_goes_by_position_and_keeps_the_agents_desk() -> None:
    decided = decide_roles(two("1002@x", AGENT), routing())
    assert [(d.role, d.rule, d.user_id) for d in decided] == [
        ("customer", "position", ""),
        ("agent", "position", "u1"),
    ]


@pytest.mark.parametrize(
    ("override", "expected"),
    [("first_is_agent", ["agent", "customer"]), ("first_is_customer", ["customer", "agent"])],
)
def test_override_of_the_trunk_beats_everything(override: RoleOverride, expected: list[str]) -> None:
    for participants in (two(CUSTOMER, AGENT), two(AGENT, CUSTOMER), two("", "")):
        decided = decide_roles(participants, routing(), override)
        assert roles(decided) == expected
        assert {(d.rule, d.confidence) for d in decided} == {("override", 1.0)}


def test_mixed_stream_stays_mixed_and_still_finds_the_desk() -> None:
    everybody = [
        Participant("1", 0, CUSTOMER, mixed=True),
        Participant("1", 0, AGENT, mixed=True),
    ]
    assert decide_roles(everybody, routing(), "first_is_agent") == [RoleDecision("1", "mixed", "mixed", 1.0, "u1")]


def test_third_line_of_a_conference_is_no_agent_unless_a_member() -> None:
    three = [*two(CUSTOMER, AGENT), Participant("c", 2, "consultant@x")]
    assert roles(decide_roles(three, routing())) == ["customer", "agent", "customer"]
    three[2] = Participant("c", 2, "1002@x")
    assert roles(decide_roles(three, routing())) == ["customer", "agent", "agent"]


def test_late_metadata_corrects_what_the_position_said() -> None:
    before = decide_roles(two("", ""), routing())
    after = decide_roles(two(AGENT, CUSTOMER), routing())
    assert roles(before) == ["customer", "agent"]
    assert roles(after) == ["agent", "customer"]
    assert after[0].confidence > before[0].confidence


people = st.sampled_from([CUSTOMER, AGENT, "", "1002@x", "anonymous@anonymous.invalid", "9@x"])
sides = st.sampled_from(["", "caller", "called"])


@given(people, people, sides, sides, st.sampled_from(["inbound", "outbound"]))
def test_two_streams_always_get_both_roles(
    first: str, second: str, side1: str, side2: str, direction: Literal["inbound", "outbound"]
) -> None:
    decided = decide_roles(two(first, second, (side1, side2)), routing(direction))
    assert sorted(roles(decided)) == ["agent", "customer"]
    assert all(0 < d.confidence <= 1 for d in decided)
    assert all(not d.user_id or d.role == "agent" for d in decided)


@given(people, people, sides, sides, st.sampled_from(["inbound", "outbound"]))
def test_swapped_lines_keep_people_unless_only_position_tells(
    first: str, second: str, side1: str, side2: str, direction: Literal["inbound", "outbound"]
) -> None:
    straight = decide_roles(two(first, second, (side1, side2)), routing(direction))
    swapped = decide_roles(two(second, first, (side2, side1)), routing(direction))
    if straight[0].rule == "position":
        assert roles(straight) == roles(swapped)
    else:
        assert roles(straight) == roles(swapped)[::-1]


@given(st.permutations([Participant("a", 0), Participant("b", 1, AGENT), Participant("c", 2)]))
def test_order_of_the_list_does_not_matter(shuffled: list[Participant]) -> None:
    assert [d.stream for d in decide_roles(shuffled, routing())] == ["a", "b", "c"]
    assert roles(decide_roles(shuffled, routing())) == ["customer", "agent", "customer"]
