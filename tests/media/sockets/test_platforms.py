"""The whole of it as the composition root opens it, and what pipelines see of a session."""

import ipaddress

import pytest

from engine.control.peers import Peer
from engine.control.roles import decide_roles
from engine.errors import StartupError
from engine.ports.intake import FactReader, IngestSession, Participant
from media.ports import PortRange
from media.rtp_plane import RtpPlane
from media.sockets.platforms import Platforms
from tests.media.sockets.clients import Twilio
from tests.media.sockets.site import FakeIntake, bank
from tests.media.sockets.test_interop import ROUTING


async def test_peers_are_served_and_left_together() -> None:
    intake = FakeIntake()
    peers = [Twilio.peer(), Peer("edge", "rtpengine", url="127.0.0.1:9"), Peer("pbx", "audiosocket", port=0)]
    async with RtpPlane("127.0.0.1", PortRange(32_000, 32_099), bank=bank()) as rtp:
        platforms = Platforms("127.0.0.1", 0, peers, intake, rtp)
        await platforms.open()
        client = Twilio(("127.0.0.1", platforms.server.port))
        await client.connect()
        await client.begin()
        session: IngestSession = await intake.session()
        assert isinstance(session, FactReader)
        assert platforms.server.tcp_port("pbx") > 0
        await platforms.close()
        assert await client.ended_by_server()
        assert getattr((await intake.over())[-1], "reason", "") == "shutdown"


async def test_a_busy_port_names_the_setting() -> None:
    async with RtpPlane("127.0.0.1", PortRange(32_100, 32_199), bank=bank()) as rtp:
        first = Platforms("127.0.0.1", 0, [Twilio.peer()], FakeIntake(), rtp)
        await first.open()
        second = Platforms("127.0.0.1", first.server.port, [Twilio.peer()], FakeIntake(), rtp)
        with pytest.raises(StartupError, match="SOCKETS_PORT"):
            await second.open()
        await first.close()


def test_what_the_protocol_says_goes_before_members_and_position() -> None:
    people = (Participant("external", 0, "1001", role="customer"), Participant("internal", 1, role="agent"))
    routing = ROUTING
    decided = decide_roles(people, routing)
    assert [(one.role, one.rule) for one in decided] == [("customer", "protocol"), ("agent", "protocol")]
    half = (people[0], Participant("other", 1))
    assert {one.rule for one in decide_roles(half, routing)} == {"position"}


def test_an_address_must_be_one_to_be_allowed() -> None:
    peer = Peer("p", "audiosocket", networks=(ipaddress.ip_network("10.0.0.0/8"),))
    assert peer.allows("::ffff:10.1.1.1")
    assert not peer.allows("not an address")
    assert Peer("p", "telnyx").allows("::1")
    assert not Peer("p", "telnyx").allows("192.0.2.1")
