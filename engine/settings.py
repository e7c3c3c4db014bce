"""Every setting of the engine: one environment variable each, in plain upper case (`http_port` is `HTTP_PORT`).

No `.env` file is read: what is not in the environment or on the command line has its default. The README's table is
made from the descriptions below and a test keeps the two alike.
"""

import ipaddress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from yarl import URL

from engine.errors import StartupError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(BaseSettings):
    """Read once, at start, by the composition root; everybody else is handed values."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", validate_default=True)

    # ─── the web ───
    http_host: str = Field(
        default="127.0.0.1", description="Address that the console, the API and the sockets listen on."
    )
    http_port: int = Field(default=8080, ge=0, le=65535, description="Their port; 0 takes a free one.")
    public_url: str = Field(
        default="",
        description="Address by which browsers reach the console behind a proxy, e.g. `https://desk.example`: its "
        "origin is accepted, and with `https` the cookie is for that host alone, which browsers keep to TLS (HSTS).",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks of the proxies before the console, separated by commas, e.g. `127.0.0.1`: "
        "from them X-Forwarded-For is believed. Wrong passwords are counted by client, and without it all who come "
        "through a proxy are one.",
    )
    session_hours: float = Field(default=12.0, gt=0, le=24 * 31, description="How long a log-in lasts at most.")
    session_idle_minutes: int = Field(
        default=15,
        ge=0,
        le=24 * 60,
        description="A log-in that nobody uses for so long ends before (PCI DSS 4.0.1 §8.2.8 asks for 15 at most). An "
        "open desk, wall or phone uses it all the time. With 0 none ends so.",
    )

    # ─── telephony ───
    sip_host: str = Field(
        default="127.0.0.1",
        description="Address that SIP listens on, over UDP and TCP, and RTP with it; `0.0.0.0` is all of IPv4, `::` "
        "all of IPv6 and no IPv4.",
    )
    sip_port: int = Field(default=5060, ge=0, le=65535, description="SIP's port; 0 takes a free one.")
    sip_trunks: str = Field(
        default="",
        description="Who may send calls: addresses or networks separated by commas, each perhaps with "
        "`=first_is_agent` or `=first_is_customer` where its order of streams is known; or the path of a `.toml` file "
        "of trunks. Empty is this machine alone.",
    )
    sip_tls_port: int = Field(
        default=5061, ge=0, le=65535, description="SIP's port over TLS, open when `SIP_TLS_CERT` is set."
    )
    sip_tls_cert: str = Field(default="", description="PEM file of our certificate (chain) for SIP over TLS and WSS.")
    sip_tls_key: str = Field(default="", description="PEM file of its key; empty: it stands in `SIP_TLS_CERT`.")
    sip_tls_client_ca: str = Field(
        default="", description="PEM file of the authority whose certificates peers must bear (mutual TLS)."
    )
    sip_tls_ca: str = Field(
        default="", description="PEM file of the authority of servers that we call; empty takes the system's."
    )
    sip_ws_port: int = Field(default=0, ge=0, le=65535, description="SIP's port over WebSocket; 0 opens none.")
    sip_wss_port: int = Field(
        default=0, ge=0, le=65535, description="SIP's port over secure WebSocket (`SIP_TLS_CERT`); 0 opens none."
    )
    rtp_host: str = Field(
        default="",
        description="Address offered for RTP, and in the `Contact` of SIP to peers beyond our own networks; "
        "empty takes `SIP_HOST`.",
    )
    rtp_ports: str = Field(default="20000-20999", description="Range of UDP ports for RTP, both ends included.")
    media_workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that hear RTP, each with its share of `RTP_PORTS`; 1 hears it in the engine's own, "
        "enough for some hundred streams. One that dies is replaced, and its calls go on after a gap of a second or "
        "two.",
    )
    rtp_vad_gate: bool = Field(
        default=False,
        description="Spare the VAD what is as quiet as a line's own noise: a third of its work on the bundled calls, "
        "of whose 2,287 onsets (on lines of many gains and noises) 2 were lost, of voices as soft as the noise.",
    )
    sockets: str = Field(
        default="",
        description="Path of a `.toml` file of `[[peer]]` entries: platforms that send calls over their own sockets "
        "(Twilio, Genesys AudioHook, Asterisk, FreeSWITCH…), each with its protocol and secret. Empty opens none.",
    )
    sockets_host: str = Field(default="127.0.0.1", description="Address that the platforms' sockets listen on.")
    sockets_port: int = Field(default=8090, ge=0, le=65535, description="Port of their WebSockets; 0 takes a free one.")
    bridge: Literal["off", "on"] = Field(
        default="off",
        description="`on`: `welcomedly serve` starts the bridge beside itself and starts it anew when it dies. In "
        "production it has a unit of its own: `welcomedly bridge`.",
    )
    bridge_host: str = Field(default="127.0.0.1", description="Address that the bridge's SIP and RTP listen on.")
    bridge_sip_port: int = Field(default=5070, ge=0, le=65535, description="Its SIP port; 0 takes a free one.")
    bridge_sip_tls_port: int = Field(
        default=5071, ge=0, le=65535, description="Its SIP port over TLS, open when `SIP_TLS_CERT` is set."
    )
    bridge_rtp_host: str = Field(
        default="",
        description="Address it offers for RTP, and in the `Contact` of SIP to peers beyond our own networks; "
        "empty takes `BRIDGE_HOST`.",
    )
    bridge_rtp_ports: str = Field(
        default="21000-21999", description="Its range of UDP ports for RTP, both ends included: two pairs a call."
    )
    bridge_trunks: str = Field(
        default="", description="Who may send it calls, written as `SIP_TRUNKS`. Empty is this machine alone."
    )
    bridge_routes: str = Field(
        default="",
        description="Path of a `.toml` file of `[[route]]` entries: what a dialled number reaches. Empty rings agents "
        "by their campaign's number, extension or address.",
    )
    bridge_engine: str = Field(
        default="",
        description="SIP URI of the engine, which is sent each call by SIPREC, e.g. `sip:10.0.0.5:5060;transport=tcp`; "
        "`off` sends it nowhere, empty is this machine at `SIP_PORT`.",
    )
    bridge_max_calls: int = Field(
        default=0, ge=0, description="Its calls at once before SIP 503; 0 is what its RTP ports can do."
    )
    bridge_http_host: str = Field(
        default="127.0.0.1", description="Address that the bridge listens on for agents' browsers and WHIP clients."
    )
    bridge_http_port: int = Field(default=8091, ge=0, le=65535, description="Its port; 0 takes a free one.")
    bridge_url: str = Field(
        default="",
        description="Address by which browsers reach the bridge, e.g. `https://desk.example` where a proxy passes "
        "`/phone` on; empty is the host of the console at `BRIDGE_HTTP_PORT`.",
    )
    bridge_key: str = Field(
        default="",
        description="Key that engine and bridge share, for agents' passes: `file:PATH` or `env:NAME` (32 bytes, or "
        "their hex or base64). Empty is `DATA_DIR/bridge.key`, made by whichever starts first.",
    )
    ice_servers: str = Field(
        default="",
        description="STUN and TURN servers that browsers use to reach the bridge, as JSON: "
        '`[{"urls": "turn:turn.example:3478", "username": "…", "credential": "…"}]`. Empty is none.',
    )
    max_calls: int = Field(
        default=0,
        ge=0,
        description="Calls at once before SIP 503, each from its admission on; 0 is three a core that the engine may "
        "use. While finals are late none is taken.",
    )

    # ─── data ───
    data_dir: Path = Field(default=Path("data"), description="Where the database and the broker's files live.")
    recording: Literal["on", "off"] = Field(
        default="on",
        description="`off` forbids every recording; `on` leaves it to each campaign, whose own switch is off until "
        "somebody turns it on.",
    )
    keep_inputs_days: int = Field(
        default=0,
        ge=0,
        le=3_650,
        description="For so many days what a call was made of is kept, sealed, for `welcomedly replay --as-it-was`: "
        "its words before masking; nothing of a call in which a card is spoken of. 0 keeps none.",
    )
    keep_tokens: Literal["off", "on"] = Field(
        default="off",
        description="`on`: what of masked words is no card's and is explained (telephones, e-mail addresses, identity "
        "documents…) is kept, sealed with its call, for the call's agent until the wrap-up is done, and for "
        "supervisors. `off` keeps none and shows none.",
    )
    database_url: str = Field(
        default="",
        description="`postgresql://user:password@host/database`; empty is SQLite in `DATA_DIR`. One engine at a time "
        "uses a database.",
    )
    key_url: str = Field(
        default="",
        description="Where the key-encryption key comes from: `file:PATH`, `env:NAME` or `cmd:COMMAND` (32 bytes, or "
        "their hex or base64). Empty is a file of mode 0600 outside `DATA_DIR`. A file is made at the first start.",
    )

    # ─── the bus ───
    bus_url: str = Field(
        default="", description="A NATS server, `nats://user:password@host:port`; empty starts an embedded one."
    )
    nats_server: str = Field(
        default="",
        description="Path of the embedded server's program; empty looks on PATH, then takes the bundled one.",
    )

    # ─── models ───
    ears_workers: int = Field(
        default=0, ge=0, description="Whisper workers of one thread each; 0 is one a core that the engine may use."
    )
    ears_device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Where Whisper runs: `auto` takes a GPU where it sees one, and the CPU else; with `cuda` the "
        "engine is not ready without one.",
    )
    vocabulary_prompt: bool = Field(
        default=False,
        description="Tell the decoder a campaign's vocabulary too: its finals are decoded twice and the likelier is "
        "kept, which hears far more of the names and costs the second decode.",
    )
    weights_dir: str = Field(default="", description="Folder of installed model weights; empty is `DATA_DIR/models`.")
    whisper_dir: str = Field(
        default="",
        description="Folder of your own Whisper model in CTranslate2 form; empty is the default, checked by hash.",
    )

    # ─── campaigns ───
    rules: str = Field(
        default="",
        description="Folder (or file) of compliance rules of your own, each in the place of the bundled ones of its "
        "id; empty is the bundled alone.",
    )
    playbooks: str = Field(
        default="",
        description="Folder (or file) of playbooks of your own, each before the bundled one of its campaign; empty is "
        "the bundled alone, `off` none.",
    )

    # ─── a language model ───
    llm_url: str = Field(
        default="",
        description="OpenAI-compatible endpoint that words cards' answers and summaries, e.g. "
        "`http://127.0.0.1:8000/v1`: masked words and articles go there. Empty asks none.",
    )
    llm_model: str = Field(default="", description="Name of the model there; an endpoint of one model needs none.")
    llm_key: str = Field(
        default="", description="Its API key: `env:NAME`, `file:PATH` or the key itself. Empty sends none."
    )
    llm_answer_s: float = Field(
        default=1.5, gt=0, le=30, description="An answer that takes longer is dropped, and the card stays as it is."
    )
    llm_summary_s: float = Field(
        default=5.0, gt=0, le=8, description="A summary that takes longer is dropped, and the call's own words stand."
    )

    # ─── telemetry ───
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="`json`, `console`, or `auto`: console on a terminal, JSON elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least level that is logged. The lines of the logger `audit`, who logged in, heard, changed, took "
        "out or erased what, are written at every level.",
    )
    traces_url: str = Field(
        default="",
        description="OTLP/HTTP endpoint of OpenTelemetry traces, e.g. `http://127.0.0.1:4318/v1/traces`; empty sends "
        "none.",
    )

    @field_validator("rtp_ports", "bridge_rtp_ports")
    @classmethod
    def _rtp_range(cls, value: str) -> str:
        """With an even port that has its odd neighbour, at least."""
        first, _, last = value.partition("-")
        numbers = first.isdecimal() and last.isdecimal()
        if not (numbers and int(first) >= 1024 and int(first) + int(first) % 2 < int(last) <= 65535):
            raise ValueError("expected FIRST-LAST, e.g. 20000-20999")
        return value

    @field_validator("ice_servers")
    @classmethod
    def _ice_servers(cls, value: str) -> str:
        try:
            read_ice_servers(value)
        except msgspec.MsgspecError:
            raise ValueError('expected JSON, e.g. [{"urls": "stun:stun.example:3478"}]') from None
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        try:
            read_networks(value)
        except ValueError:
            raise ValueError("expected addresses or networks, e.g. 127.0.0.1, 10.0.0.0/8") from None
        return value

    @field_validator("public_url", "bridge_url", "traces_url", "llm_url")
    @classmethod
    def _http(cls, value: str) -> str:
        if value and not (value.startswith(("http://", "https://")) and _has_host(value)):
            raise ValueError("expected http://HOST or https://HOST, perhaps with :PORT, e.g. https://desk.example:8443")
        return value.rstrip("/")

    @field_validator("bus_url")
    @classmethod
    def _nats(cls, value: str) -> str:
        """By the parts that the client reads, which takes one server, and `nats://` where no scheme stands."""
        try:
            url = urlsplit(value if "://" in value else f"nats://{value}")
            good = url.scheme in ("nats", "tls", "ws", "wss") and url.hostname and url.port != 0
        except ValueError:  # its port is no number
            good = False
        if value and not good:
            raise ValueError("expected nats://HOST or tls://HOST, perhaps with USER:PASSWORD@ and :PORT")
        return value

    def environment(self) -> dict[str, str]:
        """The variables with which another process has the same settings."""
        return {name.upper(): str(getattr(self, name)) for name in type(self).model_fields}

    @property
    def rtp_range(self) -> range:
        return _range(self.rtp_ports)

    @property
    def bridge_rtp_range(self) -> range:
        return _range(self.bridge_rtp_ports)


def _has_host(address: str) -> bool:
    """And a port that somebody can listen on; by the parser that reads it later, for every request."""
    try:
        url = URL(address)
        return bool(url.host and url.port)
    except ValueError:
        return False


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last) + 1)


def read_networks(text: str) -> tuple[Network, ...]:
    """The value of `TRUSTED_PROXIES`. Raises `ValueError`."""
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


class IceServer(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """As browsers take it (W3C RTCIceServer)."""

    urls: str | tuple[str, ...]
    username: str = ""
    credential: str = ""

    def __repr__(self) -> str:
        return f"IceServer({self.urls!r})"


def read_ice_servers(text: str) -> tuple[IceServer, ...]:
    """The value of `ICE_SERVERS`. Raises `msgspec.MsgspecError`."""
    return msgspec.json.decode(text, type=tuple[IceServer, ...]) if text.strip() else ()


def load_settings(**overrides: Any) -> Settings:
    """Environment, then `overrides` (by field name) over it. Raises `StartupError` that names the wrong variable."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise StartupError(f"{name}: {first['msg']}") from None


def settings_table() -> list[tuple[str, str, str]]:
    """(variable, default, description) of every setting, for the README and `--help`."""
    return [
        (name.upper(), _shown(field.default), field.description or "") for name, field in Settings.model_fields.items()
    ]


def _shown(default: object) -> str:
    text = str(default)
    return text.removesuffix(".0") if isinstance(default, float) else text
