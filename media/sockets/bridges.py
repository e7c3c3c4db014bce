"""Who talks with whom in an Asterisk: its bridges, as its events tell of them."""

from collections.abc import Iterable

from media.sockets.fields import at, text


class Bridges:
    """Pure. Holds the newest that was told of each bridge in which channels hear one another."""

    def __init__(self, found: object = None, channels: Iterable[object] = ()) -> None:
        """`found` is what `GET /bridges` answered, `channels` what `GET /channels` named: events tell of nothing but
        changes."""
        self._members: dict[str, frozenset[str]] = {}
        self._locals: dict[str, str] = {}
        """Halves of Local channels that are in a bridge, with their names."""
        for bridge in found if isinstance(found, list) else ():
            self._take(bridge)
        talking = frozenset[str]().union(*self._members.values())
        for channel in channels:
            if text(channel, "id") in talking:
                self._note(channel)

    def entered(self, bridge: object, channel: object) -> frozenset[str]:
        """Returns all who are in it now."""
        self._note(channel)
        return self._take(bridge)

    def left(self, bridge: object, channel: object) -> None:
        self._locals.pop(text(channel, "id"), None)
        self._take(bridge)

    def partners(self, channel: str) -> set[str]:
        """Channels that hear this one and are heard by it, be it through Local channels: what one half of those (`…;1`)
        is told, the other half (`…;2`) says."""
        found: set[str] = set()
        new = {channel}
        while new:
            found |= new
            near = {one for members in self._members.values() if members & new for one in members}
            pairs = {self._locals[one][:-1] for one in new if one in self._locals}
            new = (near | {one for one, name in self._locals.items() if name[:-1] in pairs}) - found
        return found - {channel}

    def _note(self, channel: object) -> None:
        if (name := text(channel, "name")).startswith("Local/"):
            self._locals[text(channel, "id")] = name

    def _take(self, bridge: object) -> frozenset[str]:
        listed = at(bridge, "channels")
        members = frozenset(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else frozenset()
        if text(bridge, "bridge_type") == "holding":  # parked or waiting: they do not hear one another
            members = frozenset()
        self._members[text(bridge, "id")] = members
        if not members:
            del self._members[text(bridge, "id")]
        return members
