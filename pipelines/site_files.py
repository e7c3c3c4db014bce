"""The files that a site's settings name, read by the parsers of those who use them later: a fault in one must be found
before the first call is answered, and can be before anything is restarted."""

from collections.abc import Callable, Iterable
from pathlib import Path

from engine.control.peer_file import read_secret
from engine.control.peers import load_peers
from engine.control.phone_pass import bridge_key, bridge_key_file
from engine.control.routes import load_plan
from engine.control.trunks import Trunk, lines_of, parse_trunks
from engine.errors import StartupError, WelcomedlyError
from engine.nats_server import find_program
from engine.settings import Settings
from media.ports import PortRange
from media.sip.hop import hop_of
from media.sip.tls import listeners_of
from media.workers.pool import shares
from models.compliance import own_rules
from models.playbooks import open_playbooks
from models.playbooks.files import OFF


def engine_faults(settings: Settings) -> list[str]:
    """What is wrong with what the engine reads, a line each that names the setting. Blocking."""
    return _faults(
        settings, (_sip, listeners_of, _rtp, _sockets, _bus, _rules, _playbooks, _language_model, _bridge_key)
    )


def bridge_faults(settings: Settings) -> list[str]:
    """The same of the bridge."""
    return _faults(settings, (_bridged, listeners_of, _bridge_key))


def _faults(settings: Settings, readers: Iterable[Callable[[Settings], object]]) -> list[str]:
    found = []
    for read in readers:
        try:
            read(settings)
        except WelcomedlyError as error:
            found.append(str(error))
    return found


def _sip(settings: Settings) -> None:
    _check_uris(parse_trunks(settings.sip_trunks), "SIP_TRUNKS")


def _rtp(settings: Settings) -> None:
    ports = PortRange(settings.rtp_range[0], settings.rtp_range[-1])
    try:
        shares(ports, settings.media_workers)
    except ValueError as error:
        raise StartupError(f"MEDIA_WORKERS: {error}; set RTP_PORTS to more") from None


def _sockets(settings: Settings) -> None:
    if settings.sockets:
        load_peers(Path(settings.sockets))


def _bus(settings: Settings) -> None:
    if not settings.bus_url:
        find_program(settings.nats_server)


def _rules(settings: Settings) -> None:
    own_rules(settings.rules)


def _playbooks(settings: Settings) -> None:
    """A site's own; those that come with us are tried by tests, and take half a second."""
    if settings.playbooks not in ("", OFF):
        open_playbooks(settings.playbooks)


def _language_model(settings: Settings) -> None:
    if settings.llm_url:
        read_secret(settings.llm_key, "LLM_KEY")


def _bridge_key(settings: Settings) -> None:
    """One that whoever starts first will make is not made here."""
    if settings.bridge_key or bridge_key_file(settings.data_dir).exists():
        bridge_key(settings.bridge_key, settings.data_dir)


def _bridged(settings: Settings) -> None:
    trunks, _ = load_plan(settings.bridge_trunks, settings.bridge_routes)
    _check_uris(trunks, "BRIDGE_TRUNKS")


def _check_uris(trunks: Iterable[Trunk], setting: str) -> None:
    for line in lines_of(tuple(trunks)):
        try:
            if line.uri:
                hop_of(line.uri)
        except ValueError as error:
            raise StartupError(f"{setting}: trunk {line.name!r}: its uri is not valid ({error})") from None
