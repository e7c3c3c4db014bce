"""What the intake is told of a call that comes in."""

import datetime
import email.utils
import time

import uuid_utils

from engine.ports.intake import CallOffer
from media import siprec
from media.sip.address import aor_of, parse_address
from media.sip.agreement import Agreement
from media.sip.bodies import Body
from media.sip.message import Request


def call_offer(invite: Request, body: Body, agreement: Agreement, peer: str) -> CallOffer:
    """A new call's, as of now; `agreement` is open, and is introduced to the INVITE's sender."""
    from_aor, name = siprec.asserted_identity(invite.headers)
    dialled = aor_of(invite.uri)
    if "@" not in dialled and not invite.uri.lower().startswith("tel:"):  # a Request-URI of a host alone
        dialled = aor_of(parse_address(invite.headers.get("To")).uri)
    agreement.introduce(from_aor, name)
    return CallOffer(
        call_id=str(uuid_utils.uuid7()),
        protocol="siprec" if agreement.recording else "sip",
        peer=peer,
        from_aor=from_aor,
        to_aor=dialled,
        participants=agreement.participants,
        correlation=siprec.correlation(invite.headers, body.metadata),
        answered_at=time.time(),
        age_s=_age_s(invite, body),
    )


def _age_s(invite: Request, body: Body) -> float:
    """By one clock, the sender's: `Date` (RFC 3261 §20.17) against the metadata's times. That it may be wrong does not
    matter then."""
    began_at = body.metadata.began_at if body.metadata else 0.0
    date = invite.headers.get("Date")
    if not began_at or not date:
        return 0.0
    try:
        said = email.utils.parsedate_to_datetime(date)
        at = said if said.tzinfo else said.replace(tzinfo=datetime.UTC)
        return max(0.0, at.timestamp() - began_at)
    except (ValueError, OverflowError):
        return 0.0
