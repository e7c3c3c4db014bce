"""The pass with which an agent's browser comes to the bridge: what the bridge must know of the agent, signed by the
engine, so that the bridge needs no database and takes calls while the engine restarts.

A pass is `claims.mac`, both base64url without padding: JSON, and its HMAC-SHA256 (RFC 2104).
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.errors import Conflict, Forbidden, StartupError
from engine.key_file import key_from, make_key_file, read_key_file
from engine.store.campaigns import Campaign
from engine.store.people import User

LASTS_S = 600.0
"""The console fetches another after half of it; a phone whose pass is over takes no new call."""
MAX_LENGTH = 16_384
"""Of a pass, in characters: some 750 numbers."""
SETTING = "BRIDGE_KEY"


class PhonePass(msgspec.Struct, frozen=True):
    organisation_id: str
    user_id: str
    name: str
    aor: str
    """Address of record without scheme."""
    extension: str
    """Empty when the agent has none."""
    numbers: tuple[str, ...]
    """Dialled numbers of the agent's active campaigns, as configured."""
    campaign: str
    """Id of the agent's campaign, when it is one; for the number that outbound calls show."""
    expires_at: float
    """UNIX seconds."""


def phone_aor(user: User) -> str:
    """An agent's first address of record; one who has none is `login@desk`."""
    return user.aors[0] if user.aors else desk_aor(user)


def desk_aor(user: User) -> str:
    """The address that a login stands for; nobody else's, also while its user has others."""
    return f"{user.login}@desk"


def issue(user: User, campaigns: Iterable[Campaign], now: float) -> PhonePass:
    """For an active user; `campaigns` are the organisation's."""
    mine = [campaign for campaign in campaigns if campaign.active and user.id in campaign.members]
    return PhonePass(
        organisation_id=user.organisation_id,
        user_id=user.id,
        name=user.name,
        aor=phone_aor(user),
        extension=user.extensions[0] if user.extensions else "",
        numbers=tuple(dict.fromkeys(number for campaign in mine for number in campaign.numbers)),
        campaign=mine[0].id if len(mine) == 1 else "",
        expires_at=now + LASTS_S,
    )


def sign(claims: PhonePass, key: bytes) -> str:
    """What `verify` takes. Raises `Conflict` when the claims are more than a pass holds."""
    body = _text(msgspec.json.encode(claims))
    text = f"{body}.{_text(_mac(body, key))}"
    if len(text) > MAX_LENGTH:
        raise Conflict("the agent's campaigns have too many numbers for a phone's pass")
    return text


def verify(text: str, key: bytes, now: float) -> PhonePass:
    """Raises `Forbidden` for a pass that is not ours, was altered, or is over."""
    body, _, mac = text.partition(".")
    try:
        # as it is written: read as bytes, some letters more or less would be the same
        if len(text) > MAX_LENGTH or not hmac.compare_digest(mac.encode(), _text(_mac(body, key)).encode()):
            raise Forbidden("the pass is not valid")
        claims = msgspec.json.decode(_bytes(body), type=PhonePass)
    except (ValueError, binascii.Error):
        raise Forbidden("the pass is not valid") from None
    if claims.expires_at <= now:
        raise Forbidden("the pass is over")
    return claims


def bridge_key_file(data_dir: Path) -> Path:
    """Where the key is that no setting names."""
    return data_dir / "bridge.key"


def bridge_key(setting: str, data_dir: Path) -> bytes:
    """The key of `BRIDGE_KEY`; its default file is made when it is not there. Raises `StartupError`."""
    scheme, _, rest = setting.partition(":")
    match scheme:
        case "":
            path = bridge_key_file(data_dir)
            if not path.exists():
                make_key_file(path, SETTING)
            return read_key_file(path, SETTING)
        case "file":
            return read_key_file(Path(rest.removeprefix("//")).expanduser(), SETTING)
        case "env":
            if rest not in os.environ:
                raise StartupError(f"{SETTING}: the environment has no variable {rest}")
            return key_from(os.environ[rest].encode(), SETTING)
        case _:
            raise StartupError(f"{SETTING}: expected file:PATH or env:NAME")


def _mac(body: str, key: bytes) -> bytes:
    return hmac.new(key, b"welcomedly phone pass " + body.encode(), hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
