"""Who is at the other end of an upgrade request: signatures and tokens of the platforms. Pure; time is an argument."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlsplit

import msgspec

from engine.control.peers import Peer

CLOCK_SKEW_S = 3
LONGEST_AGE_S = 10
SHORTEST_NONCE = 22
MAX_HEADER = 4096


class Upgrade(msgspec.Struct, frozen=True):
    """An HTTP request that wants to become a WebSocket."""

    target: str
    """Path and query as they came."""
    headers: Mapping[str, str]
    """Names in lower case; of repeated ones the first."""
    host: str
    """Address of the peer."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str:
        return self.headers.get(name, "")[:MAX_HEADER]

    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2][:MAX_HEADER], max_num_fields=64))


def is_authentic(peer: Peer, request: Upgrade, now_s: float) -> bool:
    """Whether the request proves what the peer's protocol can prove. `now_s` is UNIX time. Never raises."""
    if not peer.secret:
        return True
    try:
        match peer.protocol:
            case "twilio":
                return _is_twilios(peer, request)
            case "plivo":
                return _is_plivos(peer, request)
            case "audiohook":
                return is_signed(request, peer.key, base64.b64decode(peer.secret, validate=True), now_s)
            case _:
                return _has_token(peer, request)
    except ValueError:  # what cannot be read proves nothing
        return False


def _same(one: str | bytes, other: str | bytes) -> bool:
    sides = [side.encode("utf-8", "replace") if isinstance(side, str) else side for side in (one, other)]
    return hmac.compare_digest(*sides)


def _any_same(candidates: Iterable[str], given: str) -> bool:
    """Compares with all, so that the time taken tells nothing."""
    return sum(_same(candidate, given) for candidate in list(candidates)) > 0


def _urls(peer: Peer, request: Upgrade, schemes: tuple[str, ...]) -> list[str]:
    """The addresses by which the platform may have called us."""
    if peer.url:
        parts = urlsplit(peer.url)
        base = f"{parts.netloc}{parts.path.rstrip('/')}"
        paths = [base, f"{base}/"] if parts.path.rstrip("/") else [f"{base}{request.target}"]
        return [f"{scheme}://{path}" for scheme in schemes for path in paths]
    hosts = {request.header("host"), request.header("host").removesuffix(":443")}
    return [f"{scheme}://{host}{request.target}" for scheme in schemes for host in sorted(hosts)]


def _is_twilios(peer: Peer, request: Upgrade) -> bool:
    """base64(HMAC-SHA1(auth token, the URL as configured)); an upgrade has no form parameters."""
    key = peer.secret.encode()
    candidates = [
        base64.b64encode(hmac.new(key, url.encode(), hashlib.sha1).digest()).decode()
        for url in _urls(peer, request, ("wss", "https", "ws", "http"))
    ]
    return _any_same(candidates, request.header("x-twilio-signature"))


def _is_plivos(peer: Peer, request: Upgrade) -> bool:
    """Plivo's V3: HMAC-SHA256 of the URL, its query sorted, a dot and the nonce; the header may hold several."""
    nonce = request.header("x-plivo-signature-v3-nonce")
    given = [item.strip() for item in request.header("x-plivo-signature-v3").split(",")][:8]
    key = peer.secret.encode()
    candidates = []
    for url in _urls(peer, request, ("wss", "https", "ws", "http")):
        base, _, query = url.partition("?")
        if query:
            pairs = sorted(parse_qsl(query, keep_blank_values=True, max_num_fields=64))
            base = f"{base}?{'&'.join(f'{name}={value}' for name, value in pairs)}"
        signed = hmac.new(key, f"{base}.{nonce}".encode(), hashlib.sha256).digest()
        candidates.append(base64.b64encode(signed).decode())
    return bool(nonce) and sum(_any_same(candidates, one) for one in given) > 0


def _has_token(peer: Peer, request: Upgrade) -> bool:
    """`Authorization: Bearer SECRET`, or Basic with `key` as the user, or for those without headers `?token=`."""
    kind, _, given = request.header("authorization").partition(" ")
    if kind.lower() == "bearer":
        return _same(given.strip(), peer.secret)
    if kind.lower() == "basic":
        try:
            pair = base64.b64decode(given.strip(), validate=True)
        except binascii.Error:
            return False
        return _same(pair, f"{peer.key or peer.name}:{peer.secret}")
    return _same(request.query().get("token", ""), peer.secret)


# ─── AudioHook: HTTP message signatures (draft-ietf-httpbis-message-signatures) ──────────────────────────────────────

REQUIRED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
_INPUT = re.compile(
    r'(?P<label>[a-z0-9_*-]{1,32})=(?P<params>\((?P<names>(?:"[a-z0-9@-]{1,64}" ?){1,16})\)(?P<rest>;.+))'
)
_PARAMETER = re.compile(r';(?P<name>[a-z]{1,16})=(?:"(?P<text>[^"\\]{0,256})"|(?P<number>\d{1,12}))')


def is_signed(request: Upgrade, key_id: str, secret: bytes, now_s: float) -> bool:
    """Whether the request carries a valid signature over all that AudioHook demands, made a moment ago."""
    found = _INPUT.fullmatch(request.header("signature-input"))
    if found is None:
        return False
    names = re.findall(r'"([a-z0-9@-]+)"', found["names"])
    parameters, rest = {}, 0
    for item in _PARAMETER.finditer(found["rest"]):
        if item.start() != rest:
            return False
        parameters[item["name"]] = item["text"] if item["number"] is None else item["number"]
        rest = item.end()
    if rest != len(found["rest"]) or not _is_fresh(parameters, now_s):
        return False
    covered = {"@authority" if name == "host" else name for name in names}
    if not set(REQUIRED) <= covered or parameters.get("alg") != "hmac-sha256":
        return False
    if not (_same(parameters.get("keyid") or "", key_id) and _same(request.header("x-api-key"), key_id)):
        return False
    return _same(sign(request, names, found["params"], secret), _signature(request.header("signature"), found["label"]))


def _is_fresh(parameters: Mapping[str, str | None], now_s: float) -> bool:
    created, expires, nonce = (parameters.get(name) or "" for name in ("created", "expires", "nonce"))
    if not created.isdecimal() or (expires and not expires.isdecimal()) or len(nonce) < SHORTEST_NONCE:
        return False
    made = int(created)
    if made > now_s + CLOCK_SKEW_S or made + LONGEST_AGE_S < now_s - CLOCK_SKEW_S:
        return False
    return not expires or int(expires) >= now_s - CLOCK_SKEW_S


def sign(request: Upgrade, names: Iterable[str], params: str, secret: bytes) -> bytes:
    """HMAC-SHA256 of the signature base. Raises `ValueError` for a covered header that is missing."""
    lines = [f'"{name}": {_component(request, name)}' for name in names]
    base = "\n".join([*lines, f'"@signature-params": {params}'])
    return hmac.new(secret, base.encode(), hashlib.sha256).digest()


def _component(request: Upgrade, name: str) -> str:
    if name == "@request-target":
        return request.target
    if name == "@authority":
        return request.header("host").lower()
    if name not in request.headers:
        raise ValueError("a covered header is missing")
    return request.header(name).strip()


def _signature(header: str, label: str) -> bytes:
    for item in header.split(","):
        name, _, value = item.strip().partition("=")
        if name == label and value.startswith(":") and value.endswith(":") and len(value) > 2:
            return base64.b64decode(value[1:-1], validate=True)
    return b""
