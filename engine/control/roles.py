"""Who speaks on a stream: customer or agent. Pure; asked again whenever the participants change.

Order of trust: an override of the trunk → what the protocol itself says of its channels → a member of the campaign by
address or extension → the vendor's word on who called → the position of the stream. Where one of two streams is
decided, the other is its complement.
"""

from collections.abc import Mapping, Sequence

from engine.control.trunks import RoleOverride
from engine.facts import Leg
from engine.ports.intake import Participant, RoleDecision, Routing

CONFIDENCE = {
    "override": 1.0,
    "protocol": 0.99,
    "member": 0.98,
    "member_elsewhere": 0.95,
    "vendor_direction": 0.9,
    "position": 0.6,
}
"""`member_elsewhere`: the other stream's speaker is a member, so this one's is not the agent."""


def decide_roles(
    participants: Sequence[Participant], routing: Routing, override: RoleOverride | None = None
) -> list[RoleDecision]:
    """One decision a stream, in order of position. A mixed stream is `mixed`, with the member among its speakers."""
    streams = _by_stream(participants)
    mixed = [_mixed(group, routing.members) for group in streams if group[0].mixed]
    single = [group[0] for group in streams if not group[0].mixed]
    decided = _by_override(single, routing, override) or _by_protocol(single, routing)
    decided = decided or _by_member(single, routing.members)
    decided = decided or _by_vendor(single, routing) or _by_position(single, routing)
    order = {group[0].stream: index for index, group in enumerate(streams)}
    return sorted([*mixed, *decided], key=lambda decision: order[decision.stream])


def member_of(aor: str, members: Mapping[str, str]) -> str:
    """The user id of the member with that address, or with that extension; empty when nobody's.

    Numbers match with and without `+`. Border controllers rewrite hosts, so where the whole address fits nobody its
    user part does, if it is that of exactly one member."""
    address = aor.strip().lower().removeprefix("sips:").removeprefix("sip:").removeprefix("tel:")
    user = address.partition("@")[0]
    if not user:
        return ""
    bare = user.removeprefix("+")
    for candidate in (address, user, bare, f"+{bare}"):
        if candidate in members:
            return members[candidate]
    alike = {found for key, found in members.items() if key.partition("@")[0].removeprefix("+") == bare}
    return alike.pop() if len(alike) == 1 else ""


def _by_stream(participants: Sequence[Participant]) -> list[list[Participant]]:
    groups: dict[str, list[Participant]] = {}
    for participant in sorted(participants, key=lambda item: item.position):
        groups.setdefault(participant.stream, []).append(participant)
    return list(groups.values())


def _mixed(group: Sequence[Participant], members: Mapping[str, str]) -> RoleDecision:
    users = [user for user in (member_of(item.aor, members) for item in group) if user]
    return RoleDecision(group[0].stream, "mixed", "mixed", 1.0, users[0] if users else "")


def _by_override(single: Sequence[Participant], routing: Routing, override: RoleOverride | None) -> list[RoleDecision]:
    if override is None:
        return []
    first: Leg = "agent" if override == "first_is_agent" else "customer"
    return [
        _named(item, first if is_first else _other(first), "override", routing)
        for item, is_first in zip(single, _are_first(single), strict=True)
    ]


def _are_first(single: Sequence[Participant]) -> list[bool]:
    """One that is alone is the first only in the first place: the line before it cannot be heard, or not any more."""
    return [(item.position if len(single) == 1 else index) == 0 for index, item in enumerate(single)]


def _by_protocol(single: Sequence[Participant], routing: Routing) -> list[RoleDecision]:
    """Only when it speaks of every stream."""
    roles = [item.role for item in single]
    return [
        _named(item, role, "protocol", routing) for item, role in zip(single, roles, strict=True) if role and all(roles)
    ]


def _by_member(single: Sequence[Participant], members: Mapping[str, str]) -> list[RoleDecision]:
    """Every stream of a member is an agent's. Of streams that all are members' the algorithm cannot tell who asks for
    help; then the vendor's direction or the position must (an internal call)."""
    users = [member_of(item.aor, members) for item in single]
    if not any(users) or (all(users) and len(single) > 1):
        return []
    return [
        RoleDecision(item.stream, "agent", "member", CONFIDENCE["member"], user)
        if user
        else RoleDecision(item.stream, "customer", "member", CONFIDENCE["member_elsewhere"])
        for item, user in zip(single, users, strict=True)
    ]


def _by_vendor(single: Sequence[Participant], routing: Routing) -> list[RoleDecision]:
    sides = {item.side for item in single if item.side}
    if not sides or (len(sides) == 1 and sum(bool(item.side) for item in single) > 1):
        return []  # two callers: the data does not tell them apart
    caller: Leg = _caller_is(routing)
    decided = []
    for item in single:
        side = item.side or ("called" if "caller" in sides else "caller")
        role = caller if side == "caller" else _other(caller)
        decided.append(_named(item, role, "vendor_direction", routing))
    return decided


def _by_position(single: Sequence[Participant], routing: Routing) -> list[RoleDecision]:
    """The first stream is the caller. The only stream of a one-leg call is the far party: the customer."""
    caller: Leg = "customer" if [item.position for item in single] == [0] else _caller_is(routing)
    return [
        _named(item, caller if is_first else _other(caller), "position", routing)
        for item, is_first in zip(single, _are_first(single), strict=True)
    ]


def _named(item: Participant, role: Leg, rule: str, routing: Routing) -> RoleDecision:
    user = member_of(item.aor, routing.members) if role == "agent" else ""
    return RoleDecision(item.stream, role, rule, CONFIDENCE[rule], user)


def _caller_is(routing: Routing) -> Leg:
    return "customer" if routing.direction == "inbound" else "agent"


def _other(role: Leg) -> Leg:
    return "agent" if role == "customer" else "customer"
