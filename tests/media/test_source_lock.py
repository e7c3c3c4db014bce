from media.jitter import Arrived
from media.rtp import RtpPacket
from media.source_lock import GONE_MS, MAX_NEWCOMERS, STRANGER_PACKETS, Address, SourceLock

PEER: Address = ("192.0.2.1", 4000)
OTHER: Address = ("192.0.2.9", 5000)


class Source:
    def __init__(self, ssrc: int, address: Address, sequence: int = 100) -> None:
        self.ssrc, self.address, self.sequence = ssrc, address, sequence

    def send(self, lock: SourceLock, now_ms: float) -> list[int]:
        packet = RtpPacket(0, self.sequence & 0xFFFF, self.sequence * 160, self.ssrc, b"x")
        self.sequence += 1
        return [arrived.packet.sequence for arrived in lock.accept(packet, self.address, now_ms)]


def locked(address: Address = PEER, offered: Address | None = PEER) -> tuple[SourceLock, Source]:
    lock, source = SourceLock(offered), Source(1, address)
    assert source.send(lock, 0) == []
    assert source.send(lock, 20) == [100, 101]
    return lock, source


def test_two_packets_in_sequence_make_a_source_and_none_is_lost() -> None:
    lock, _ = locked()
    assert lock.source == (PEER, 1)


def test_random_packets_make_none() -> None:
    lock = SourceLock(None)
    for at in range(100):
        packet = RtpPacket(0, (at * 7919) & 0xFFFF, 0, at, b"x")
        assert lock.accept(packet, OTHER, at) == []
    assert lock.source is None
    assert lock.dropped == 100 - MAX_NEWCOMERS


def test_a_wild_sequence_makes_none() -> None:
    lock, stranger = SourceLock(None), Source(1, OTHER)
    for at in range(5):
        stranger.sequence += 1000
        assert stranger.send(lock, at) == []


def test_strangers_are_not_heard_while_the_offered_source_speaks() -> None:
    lock, source = locked()
    stranger = Source(2, OTHER)
    for at in range(2, 200):
        assert len(source.send(lock, at * 20)) == 1
        assert stranger.send(lock, at * 20) == []


def test_a_new_ssrc_from_the_same_address_takes_over_without_loss() -> None:
    lock, _ = locked()
    new = Source(2, PEER, 7)
    assert new.send(lock, 100) == []
    assert new.send(lock, 120) == []
    assert new.send(lock, 140) == [7, 8, 9]
    assert lock.source == (PEER, 2)


def test_the_port_before_us_bleeds_and_the_offered_source_wins() -> None:
    lock, bleed = locked(OTHER)
    ours = Source(2, PEER)
    bleed.send(lock, 40)
    ours.send(lock, 45)
    assert ours.send(lock, 65) == [100, 101]
    assert bleed.send(lock, 70) == []
    assert lock.source == (PEER, 2)


def test_a_stranger_needs_fifty_packets_and_does_not_flap() -> None:
    lock, bleed = locked(OTHER, offered=None)
    ours = Source(2, PEER)
    heard: list[int] = []
    for at in range(STRANGER_PACKETS):
        assert heard == []
        bleed.send(lock, 40 + at * 20)
        heard = ours.send(lock, 45 + at * 20)
    assert heard == [100 + STRANGER_PACKETS - 1]
    for at in range(2 * STRANGER_PACKETS):
        assert bleed.send(lock, 1100 + at * 20) == []
        assert len(ours.send(lock, 1105 + at * 20)) == 1


def test_a_peer_that_moved_behind_nat_is_found_again() -> None:
    lock, _ = locked()
    moved = Source(1, OTHER)
    heard: list[int] = []
    for at in range(STRANGER_PACKETS):
        heard = moved.send(lock, GONE_MS + 100 + at * 20)
    assert len(heard) == STRANGER_PACKETS


def test_signalling_unlocks() -> None:
    lock, source = locked()
    lock.unlock(OTHER)
    assert len(source.send(lock, 40)) == 1
    new = Source(2, OTHER)
    new.send(lock, 50)
    assert new.send(lock, 70) == [100, 101]


def test_what_signalling_unlocked_ends_once_the_source_was_heard_for_a_second() -> None:
    lock, source = locked()
    lock.unlock(OTHER)
    lock.unlock(PEER)
    for at in range(STRANGER_PACKETS):
        source.send(lock, 40 + at * 20)
    stranger = Source(2, OTHER)
    for at in range(STRANGER_PACKETS, 4 * STRANGER_PACKETS):
        assert len(source.send(lock, 40 + at * 20)) == 1
        assert stranger.send(lock, 41 + at * 20) == []
    assert lock.source == (PEER, 1)


def test_signalling_that_names_the_same_address_unlocks_nothing_but_for_other_keys() -> None:
    lock, source = locked()
    lock.unlock(PEER)
    stranger = Source(2, OTHER)
    for at in range(3):
        assert stranger.send(lock, 21 + at) == []
    lock.unlock(PEER, anew=True)
    assert stranger.send(lock, 30) == []
    assert len(stranger.send(lock, 50)) == 2
    assert source.send(lock, 60) == []


def test_kept_packets_are_bounded() -> None:
    lock, source = locked()
    stranger = Source(2, OTHER)
    for at in range(500):
        source.send(lock, 40 + at)
        stranger.send(lock, 40 + at)
    assert lock.dropped >= 400
    assert lock.accept(RtpPacket(0, 0, 0, 3, b"x"), OTHER, 600) == []
    assert isinstance(Arrived(RtpPacket(0, 0, 0, 3, b"x"), 0.0), Arrived)
