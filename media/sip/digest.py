"""Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760), both sides, MD5 and SHA-256.

A password is never part of a repr, of a header or of a log."""

import dataclasses
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from media.sip.address import aor_of
from media.sip.message import Headers, Request, Response

ALGORITHMS: dict[str, Callable[[bytes], "hashlib._Hash"]] = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}
"""Best first: servers offer them in this order (RFC 8760 §2.3)."""
NONCE_SECONDS = 300.0
MAX_NONCES = 4_096
_PAIR = re.compile(r'([A-Za-z][A-Za-z0-9-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))')
_SESSIONS = ("MD5-SESS", "SHA-256-SESS")
_MAX_ANSWERS = 2
"""A request answers a realm's challenge so often: a server that calls each new nonce stale would never be done."""
_MAX_GIVEN = 64
"""Header values that a login remembers: far more than wait for their answers at once."""
_Realm = tuple[str, str]
"""The header by which credentials are given, and the realm that they are for."""


@dataclasses.dataclass(frozen=True)
class Credentials:
    user: str
    password: str = dataclasses.field(repr=False)


def parameters_of(value: str) -> dict[str, str]:
    """The parameters of a `Digest …` header value; empty for another scheme."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest" or len(rest) > 4_096:
        return {}
    found = ((name.lower(), quoted, bare) for name, quoted, bare in _PAIR.findall(rest))
    return {name: re.sub(r"\\(.)", r"\1", quoted) if quoted else bare for name, quoted, bare in found}


def digest(credentials: Credentials, method: str, body: bytes, given: dict[str, str]) -> str:
    """The `response` value for those parameters (RFC 7616 §3.4). Raises `KeyError` for an algorithm we do not have."""
    name = given.get("algorithm", "MD5").upper()
    algorithm = ALGORITHMS[name.removesuffix("-SESS")]

    def hashed(text: str) -> str:
        return algorithm(text.encode("latin-1", "replace")).hexdigest()

    first = hashed(f"{_written(credentials.user)}:{given['realm']}:{_written(credentials.password)}")
    if name in _SESSIONS:
        first = hashed(f"{first}:{given['nonce']}:{given.get('cnonce', '')}")
    qop = given.get("qop", "").lower()
    second = f"{method}:{given['uri']}"
    if qop == "auth-int":
        second += f":{algorithm(body).hexdigest()}"
    if not qop:
        return hashed(f"{first}:{given['nonce']}:{hashed(second)}")
    return hashed(f"{first}:{given['nonce']}:{given['nc']}:{given['cnonce']}:{qop}:{hashed(second)}")


def _written(text: str) -> str:
    """Text of ours as header text has it: UTF-8 (RFC 7616 §4), its octets read as Latin-1."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


# ─── the side that is challenged ─────────────────────────────────────────────────────────────────────────────────────


class Login:
    """Answers challenges to our requests; keeps each realm's challenge, so that later requests carry an answer at
    once."""

    def __init__(
        self, credentials: Credentials | None, cnonce: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        self._credentials, self._cnonce = credentials, cnonce
        self._known: dict[_Realm, dict[str, str]] = {}
        self._uses: dict[str, int] = {}
        self._given: OrderedDict[str, int] = OrderedDict()
        """By header value: how many challenges of its realm the request had answered, that one included; 0 where it
        came unasked."""

    def answer(self, request: Request, response: Response) -> Headers | None:
        """The request's headers with credentials for a 401 or 407; None when there are none, or they were refused."""
        if self._credentials is None or response.status not in (401, 407):
            return None
        asks, gives = _header_names(response.status)
        challenge = _best(response.headers.all(asks))
        if challenge is None:
            return None
        asked, answers = (gives, challenge["realm"]), self._answers_of(request)
        answered = answers.get(asked, 0)
        # what came unasked bears an older nonce, which may have had its time without a word of `stale`
        stale = challenge.get("stale", "").lower() == "true" and answered < _MAX_ANSWERS
        if answered and not stale:  # §22.2: the same would be refused again
            self._known.pop(asked, None)
            return None
        if len(self._known) >= 8 and asked not in self._known:
            return None
        self._known[asked] = challenge
        return self._with_credentials(request, answers | {asked: answered + 1})

    def headers(self, request: Request) -> Headers:
        """The headers of a new request with credentials for every realm that has asked so far."""
        return self._with_credentials(request, {})

    def _with_credentials(self, request: Request, answers: Mapping[_Realm, int]) -> Headers:
        if self._credentials is None or not self._known:
            return request.headers
        headers = request.headers.without("Authorization").without("Proxy-Authorization")
        given = []
        for realm, challenge in self._known.items():
            value = self._authorization(request, challenge)
            self._given[value] = answers.get(realm, 0)
            self._given.move_to_end(value)
            given.append((realm[0], value))
        while len(self._given) > _MAX_GIVEN:
            self._given.popitem(last=False)
        return headers.adding(*given)

    def _answers_of(self, request: Request) -> dict[_Realm, int]:
        return {
            (gives, parameters_of(value).get("realm", "")): self._given.get(value, 0)
            for gives in ("Authorization", "Proxy-Authorization")
            for value in request.headers.all(gives)
        }

    def _authorization(self, request: Request, challenge: dict[str, str]) -> str:
        assert self._credentials is not None
        nonce = challenge["nonce"]
        given = {"realm": challenge["realm"], "nonce": nonce, "uri": request.uri}
        given["algorithm"] = challenge.get("algorithm", "MD5")
        if "qop" in challenge:
            self._uses[nonce] = self._uses.get(nonce, 0) + 1
            given |= {"qop": "auth", "nc": f"{self._uses[nonce]:08x}", "cnonce": self._cnonce()}
        given["response"] = digest(self._credentials, request.method, request.body, given)
        given["username"] = _written(self._credentials.user)
        if "opaque" in challenge:
            given["opaque"] = challenge["opaque"]
        bare = ("algorithm", "qop", "nc")
        pairs = (f"{name}={value}" if name in bare else f'{name}="{_quoted(value)}"' for name, value in given.items())
        return "Digest " + ", ".join(pairs)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _header_names(status: int) -> tuple[str, str]:
    if status == 407:
        return "Proxy-Authenticate", "Proxy-Authorization"
    return "WWW-Authenticate", "Authorization"


def _best(values: list[str]) -> dict[str, str] | None:
    """The first challenge that we can answer (RFC 8760 §2.4)."""
    for value in values[:8]:
        given = parameters_of(value)
        name = given.get("algorithm", "MD5").upper().removesuffix("-SESS")
        qops = [one.strip().lower() for one in given.get("qop", "auth").split(",")]
        if name in ALGORITHMS and given.get("nonce") and "realm" in given and "auth" in qops:
            return given
    return None


# ─── the side that challenges ────────────────────────────────────────────────────────────────────────────────────────

Verdict = Literal["accepted", "unproven", "stale", "refused"]


class Gatekeeper:
    """Challenges requests and checks the answers. A nonce bears its own time under our signature and serves
    `NONCE_SECONDS`; each use needs a higher `nc`, so that nothing that was overheard serves again."""

    def __init__(self, realm: str, secret: bytes) -> None:
        """`secret` signs nonces; new at each start."""
        self._realm, self._secret = realm, secret
        self._used: OrderedDict[str, int] = OrderedDict()
        self._floor = 0.0

    def judge(self, request: Request, credentials: Credentials, now: float) -> Verdict:
        """`unproven`: no credentials for our realm; `stale`: right, but of a nonce that has had its time."""
        answers = (parameters_of(value) for value in request.headers.all("Authorization")[:8])
        given = next((one for one in answers if one.get("realm") == self._realm), None)
        if given is None:
            return "unproven"
        if not self._is_right(request, credentials, given):
            return "refused"
        issued = self._issued(given["nonce"])
        if issued is None or now - issued > NONCE_SECONDS or issued < self._floor:
            return "stale"
        return "accepted" if self._count(given, issued, now) else "stale"

    def challenge(
        self, request: Request, verdict: Verdict, now: float, to_tag: str, algorithms: Sequence[str] = tuple(ALGORITHMS)
    ) -> Response:
        """The 401, one challenge an algorithm; old peers read the first alone."""
        stale = ", stale=true" if verdict == "stale" else ""
        nonce = self._nonce(now)
        each = f'Digest realm="{self._realm}", nonce="{nonce}", qop="auth"{stale}, algorithm='
        return request.respond(401, *(("WWW-Authenticate", each + name) for name in algorithms), to_tag=to_tag)

    def _is_right(self, request: Request, credentials: Credentials, given: dict[str, str]) -> bool:
        name = given.get("algorithm", "MD5").upper()
        if name not in ALGORITHMS or not {"nonce", "uri", "response", "username"} <= set(given):
            return False
        qop = given.get("qop", "")
        if qop not in ("", "auth") or (qop and not {"nc", "cnonce"} <= set(given)):
            return False
        wanted = digest(credentials, request.method, request.body, given)
        same = hmac.compare_digest(wanted.encode(), given["response"].lower().encode("latin-1", "replace"))
        # RFC 7616 §3.4.6: it is for this target; proxies may change parameters, and some peers name the host alone
        target = aor_of(request.uri)
        meant = aor_of(given["uri"]) in (target, target.rpartition("@")[2])
        return same and given["username"] == _written(credentials.user) and meant

    def _count(self, given: dict[str, str], issued: float, now: float) -> bool:
        text = given.get("nc", "1")  # without qop there is no count, and the nonce serves once
        count = int(text, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", text) else 0
        if count <= self._used.get(given["nonce"], 0):
            return False
        self._used[given["nonce"]] = count
        self._used.move_to_end(given["nonce"])
        while len(self._used) > MAX_NONCES:
            forgotten, _ = self._used.popitem(last=False)
            # its count is gone: neither it nor an older one may serve again
            self._floor = max(self._floor, (self._issued(forgotten) or 0.0) + 0.001)
        return True

    def _nonce(self, now: float) -> str:
        stamp = f"{int(now * 1000):x}.{secrets.token_hex(4)}"
        return f"{stamp}.{self._signature(stamp)}"

    def _signature(self, stamp: str) -> str:
        return hmac.digest(self._secret, f"{self._realm}\0{stamp}".encode("latin-1", "replace"), "sha256").hex()[:32]

    def _issued(self, nonce: str) -> float | None:
        stamp, _, signature = nonce.rpartition(".")
        if not hmac.compare_digest(signature.encode("latin-1", "replace"), self._signature(stamp).encode()):
            return None
        return int(stamp.partition(".")[0], 16) / 1000
