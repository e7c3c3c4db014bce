"""The two places of a bridged call: who has each, how that side has turned, and the roads of sound between them."""

from collections.abc import Callable
from typing import Literal

from media.bridge.party import Direction, Party
from media.rtp import RtpPacket

Slot = Literal[0, 1]
"""0 is who called, 1 who was called; whoever takes over has the place of the one before."""


class Seats:
    def __init__(self, caller: Party, talk: Callable[[Slot, RtpPacket], None]) -> None:
        """`talk` is given each packet of a side's sound, after the other side has been."""
        self.parties: list[Party | None] = [caller, None]
        """By slot; None: nobody there yet, or gone."""
        self._talk = talk
        self.turned: list[Direction] = ["sendrecv", "sendrecv"]
        """As each side has turned by itself."""

    @property
    def held(self) -> bool:
        """Neither side's speech reaches the other."""
        return any(direction in ("inactive", "sendonly") for direction in self.turned)

    def of(self, party: Party) -> Slot | None:
        return 0 if party is self.parties[0] else 1 if party is self.parties[1] else None

    def of_person(self, person: Party) -> Slot | None:
        """The place of the party that is the same person's, by address: on another call it is another leg."""
        names = ["" if party is None else party.aor for party in self.parties]
        if person.aor not in names:  # one leg knows the address as dialled, another as registered
            names, wanted = [name.partition("@")[0] for name in names], person.aor.partition("@")[0]
        else:
            wanted = person.aor
        return 0 if names[0] == wanted else 1 if names[1] == wanted else None

    def turn(self, slot: Slot, direction: Direction) -> None:
        """That side holds, or takes up again; the other is told."""
        self.turned[slot] = direction
        other = self.parties[1 - slot]
        if other is not None:
            other.turn(direction)

    def seat(self, slot: Slot, party: Party, turned: Direction = "sendrecv") -> None:
        """Gives a place of a standing call to somebody else, who has turned so and may come from a call that was on
        hold: each is told how the other has turned."""
        self.parties[slot], self.turned[slot] = party, turned
        other = self.parties[1 - slot]
        self.connect()
        if other is not None:
            other.turn(turned)
        party.turn(self.turned[1 - slot])

    def connect(self, rung: tuple[Slot, Party] | None = None) -> None:
        """Each hears the other; in an empty place is whoever is being rung for it."""
        ends = list(self.parties)
        if rung is not None and ends[rung[0]] is None:
            ends[rung[0]] = rung[1]
        if ends[0] is not None and ends[1] is not None:
            ends[0].voice = self._road(0, ends[1])
            ends[1].voice = self._road(1, ends[0])

    def _road(self, slot: Slot, to: Party) -> Callable[[RtpPacket], None]:
        play, talk = to.play, self._talk

        def voice(packet: RtpPacket) -> None:
            play(packet)
            talk(slot, packet)

        return voice
