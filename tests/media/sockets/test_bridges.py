"""Who talks with whom, after any order of what Asterisk tells of its bridges."""

import pytest

from media.sockets.bridges import Bridges

NAMES = {"half-1": "Local/1001@agents-0000002a;1", "half-2": "Local/1001@agents-0000002a;2"}
NAMES |= {"other-1": "Local/1002@agents-0000002b;1", "other-2": "Local/1002@agents-0000002b;2"}


def bridge(name: str, channels: str, kind: str = "mixing") -> dict[str, object]:
    return {"id": name, "bridge_type": kind, "channels": channels.split()}


def entered(found: Bridges, name: str, *channels: str) -> None:
    """One after the other."""
    for count, channel in enumerate(channels, 1):
        found.entered(bridge(name, " ".join(channels[:count])), {"id": channel, "name": NAMES.get(channel, "PJSIP/x")})


@pytest.mark.parametrize(
    ("bridges", "partners"),
    [
        ([], ""),
        (["customer"], ""),
        (["customer agent"], "agent"),
        (["agent customer second"], "agent second"),
        (["customer agent", "others talking"], "agent"),
        (["customer half-1", "half-2 agent"], "half-1 half-2 agent"),
        (["agent half-2", "half-1 customer"], "half-1 half-2 agent"),
        (["customer half-1", "half-2 other-1", "other-2 agent"], "half-1 half-2 other-1 other-2 agent"),
        (["customer half-1", "other-2 agent"], "half-1"),
    ],
)
def test_who_hears_a_channel(bridges: list[str], partners: str) -> None:
    found = Bridges()
    for number, channels in enumerate(bridges):
        entered(found, str(number), *channels.split())
    assert found.partners("customer") == set(partners.split())


@pytest.mark.parametrize(
    ("bridges", "partners"),
    [
        (["customer half-1", "half-2 agent"], "half-1 half-2 agent"),
        (["customer half-1", "half-2 other-1", "other-2 agent"], "half-1 half-2 other-1 other-2 agent"),
        (["customer half-1"], "half-1"),  # nobody has answered
    ],
)
def test_local_channels_that_were_there_before_are_known_by_their_names(bridges: list[str], partners: str) -> None:
    channels = [{"id": one, "name": NAMES.get(one, "PJSIP/x")} for one in ("customer", "agent", *NAMES)]
    found = Bridges([bridge(str(number), names) for number, names in enumerate(bridges)], channels)
    assert found.partners("customer") == set(partners.split())


def test_who_left_hears_nobody() -> None:
    found = Bridges([bridge("b", "customer agent")])
    found.left(bridge("b", "customer"), {"id": "agent"})
    assert not found.partners("customer")
    assert not found.partners("agent")
    found.left(bridge("b", ""), {"id": "customer"})
    entered(found, "c", "customer", "second")
    assert found.partners("customer") == {"second"}


def test_who_is_parked_hears_nobody() -> None:
    waiting = bridge("b", "customer another", "holding")
    found = Bridges([waiting])
    assert not found.entered(waiting, {"id": "another"})
    assert not found.partners("customer")


@pytest.mark.parametrize("answer", [None, {}, [None], [{}], [{"id": "b", "channels": [7, None]}], {"message": "401"}])
def test_an_answer_that_is_none_tells_of_nobody(answer: object) -> None:
    assert not Bridges(answer).partners("customer")
