"""The desks that are there: which window of which agent rings, and the calls that each has.

One window of an agent rings: the newest. The one before keeps the call that it has, and nothing more. All of it happens
in one event loop.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec
import structlog
from uuid_utils import uuid7

from engine.control.phone_pass import PhonePass
from engine.control.routing import alike, normal
from engine.errors import Overloaded
from media.bridge import phone_messages as say
from media.bridge.browser_party import DIALLED, GRACE_S, BrowserParty
from media.bridge.party import Exchange, Invitation
from media.webrtc.ports import LegPorts

log = structlog.get_logger(__name__)

MAX_PHONES = 2_000
MAX_CALLS = 2
"""One, and another to ask somebody before an attended transfer."""


class Patience(msgspec.Struct, frozen=True):
    """How long calls wait for a browser, in seconds."""

    grace_s: float = GRACE_S
    reconnect_s: float = 30.0
    """How long the calls of a window outlive its socket."""


PATIENCE = Patience()


class Window(Protocol):
    """The socket of a phone, as the phone sees it (`media.bridge.phone_socket`)."""

    def tell(self, message: say.ToBrowser) -> None:
        """Queued; never waits."""

    def close(self, code: int, reason: str) -> None: ...


class BrowserPhone:
    """Implements `media.bridge.party.Phone`."""

    def __init__(
        self, claims: PhonePass, ports: LegPorts, patience: Patience, gone: Callable[["BrowserPhone"], None]
    ) -> None:
        self.claims = claims
        self.away = False
        self.replaced = False
        """Another window rings; this one ends with its call."""
        self.calls: dict[str, BrowserParty] = {}
        self.idle_since = time.monotonic()
        self._ports, self._patience, self._gone = ports, patience, gone
        self._window: Window | None = None
        self._detached: asyncio.TimerHandle | None = None

    @property
    def aor(self) -> str:
        return self.claims.aor

    @property
    def organisation(self) -> str:
        return self.claims.organisation_id

    @property
    def extension(self) -> str:
        return self.claims.extension

    @property
    def numbers(self) -> tuple[str, ...]:
        return self.claims.numbers

    @property
    def busy(self) -> bool:
        over = self.claims.expires_at <= time.time()
        return bool(self.calls) or self.away or self.replaced or self._window is None or over

    def party(self) -> BrowserParty:
        party = BrowserParty(
            *(self.aor, self.claims.name, self.organisation, self._ports),
            tell=lambda message: self._tell(party, message),
            over=self._ended,
            grace_s=self._patience.grace_s,
        )
        return party

    # ─── the window ──────────────────────────────────────────────────────────────────────────────────────────────────

    def attach(self, window: Window) -> None:
        """The window's socket, or another one of the same window."""
        before, self._window = self._window, window
        if before is not None:
            before.close(say.REPLACED, "the same window came again")
        if self._detached is not None:
            self._detached.cancel()
            self._detached = None

    def detach(self, window: Window) -> None:
        """The socket is gone; its calls wait for another one."""
        if window is not self._window:
            return
        self._window = None
        if self.calls:
            loop = asyncio.get_running_loop()
            self._detached = loop.call_later(self._patience.reconnect_s, self.hang_up)
        else:
            self._gone(self)

    def replace(self) -> None:
        """Another window of the agent has come."""
        self.replaced = True
        if self._window is not None and self.calls:
            self._window.tell(say.Replaced())
        self._leave_when_idle()

    def hang_up(self, reason: str = "peer_vanished") -> None:
        """Ends every call."""
        for party in list(self.calls.values()):
            party.hung_up(reason)

    def standing(self) -> tuple[say.CallState, ...]:
        states = (party.standing() for party in self.calls.values())
        return tuple(state for state in states if state is not None)

    def dial(self, exchange: Exchange, to: str, ref: str) -> None:
        """Calls out; the browser is told `dialling` before all else of the call. Raises `ValueError` when nothing can
        be dialled so, `Overloaded`."""
        if len(self.calls) >= MAX_CALLS:
            raise Overloaded(f"a phone has {MAX_CALLS} calls at most")
        party = self.party()
        invitation = Invitation(str(uuid7()), self.aor, self.claims.name, to, DIALLED)
        party.dialled(invitation)
        self.calls[invitation.call_id] = party
        self._tell(party, say.Dialling(ref, invitation.call_id))
        try:
            exchange.dial(party, invitation)
        except ValueError:
            self.calls.pop(invitation.call_id, None)
            raise

    # ─── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, party: BrowserParty, message: say.ToBrowser) -> None:
        if isinstance(message, say.Incoming):
            self.calls[message.call] = party
        if self._window is not None:
            self._window.tell(message)

    def _ended(self, call_id: str) -> None:
        if self.calls.pop(call_id, None) is not None and not self.calls:
            self.idle_since = time.monotonic()
            self._leave_when_idle()

    def _leave_when_idle(self) -> None:
        if self.calls:
            return
        if self.replaced and self._window is not None:
            self._window.close(say.REPLACED, "another window rings now")
        if self._window is None:
            self._gone(self)


class BrowserPhones:
    """Implements `media.bridge.party.Phones`."""

    def __init__(self, ports: LegPorts, patience: Patience = PATIENCE) -> None:
        self._ports, self._patience = ports, patience
        self._phones: dict[tuple[str, str, str], BrowserPhone] = {}
        """By organisation, AOR and window."""

    def __len__(self) -> int:
        return len(self._phones)

    def register(self, claims: PhonePass, window: str, *, away: bool) -> BrowserPhone:
        """The phone of that window, which rings from now on instead of the agent's others. Raises `Overloaded`."""
        key = (claims.organisation_id, claims.aor, window)
        phone = self._phones.get(key)
        if phone is None:
            if len(self._phones) >= MAX_PHONES:
                raise Overloaded(f"{MAX_PHONES} phones are there")
            phone = self._phones[key] = BrowserPhone(claims, self._ports, self._patience, self._forget)
        phone.claims, phone.away, phone.replaced = claims, away, False
        for other_key, other in list(self._phones.items()):
            if other_key[:2] == key[:2] and other is not phone:
                other.replace()
        log.info("phone.there", user=claims.user_id, phones=len(self._phones))
        return phone

    def close(self) -> None:
        """Ends every call, for the bridge's own end."""
        for phone in list(self._phones.values()):
            phone.hang_up("shutdown")

    def named(self, address: str, organisation: str = "") -> BrowserPhone | None:
        wanted = address.strip().lower().removeprefix("sips:").removeprefix("sip:").removeprefix("tel:")
        wanted = wanted.partition(";")[0]
        user = wanted.partition("@")[0]
        there = [phone for phone in self._of(organisation) if not phone.replaced]
        of_aor = [phone for phone in there if phone.aor.lower() == wanted]
        if len(of_aor) == 1:
            return of_aor[0]
        of_extension = [phone for phone in there if phone.extension and phone.extension == user]
        of_user_part = [phone for phone in there if phone.aor.lower().partition("@")[0] == user]
        asked = (*of_aor, *of_extension, *of_user_part, *self._for(normal(address), there))
        if len({phone.organisation for phone in asked}) > 1:
            return None
        return next((found[0] for found in (of_extension, of_user_part) if len(found) == 1), None)

    def for_number(self, number: str, organisation: str = "") -> list[BrowserPhone]:
        dialled = normal(number)
        found = self._for(dialled, self._of(organisation))
        exact = [phone for phone in found if any(normal(own) == dialled for own in phone.numbers)]
        organisations = {phone.organisation for phone in exact or found}
        if len(organisations) > 1:
            return []
        ours = [phone for phone in found if phone.organisation in organisations]
        return sorted(ours, key=lambda phone: phone.idle_since)

    def _of(self, organisation: str) -> list[BrowserPhone]:
        """Of that organisation, or where it is empty of all."""
        return [phone for phone in self._phones.values() if organisation in ("", phone.organisation)]

    def _for(self, dialled: str, phones: Iterable[BrowserPhone]) -> list[BrowserPhone]:
        """Those whose campaigns have a number like that."""
        return [phone for phone in phones if any(alike(normal(own), dialled) for own in phone.numbers)]

    def _forget(self, phone: BrowserPhone) -> None:
        for key, known in list(self._phones.items()):
            if known is phone:
                del self._phones[key]
