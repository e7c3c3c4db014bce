"""TLS contexts for SIP (RFC 3261 §26.2, RFC 5922): ours as a server, and what we ask of servers that we call."""

import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from cryptography.x509 import load_pem_x509_certificates

from engine.errors import StartupError
from engine.settings import Settings
from media.sip.transport import Listeners

log = structlog.get_logger(__name__)


def server_context(certificate: str, key: str = "", client_ca: str = "") -> ssl.SSLContext:
    """Files in PEM; `key` may stand in `certificate`'s file. Whatever server name a peer asks for gets this one
    certificate. With `client_ca`, peers must bear a certificate of it (mutual TLS). Raises `StartupError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError):
        raise StartupError("SIP_TLS_CERT and SIP_TLS_KEY: no usable certificate with its key is there") from None
    if client_ca:
        _trust(context, client_ca, "SIP_TLS_CLIENT_CA")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(authority: str = "", certificate: str = "", key: str = "") -> ssl.SSLContext:
    """Servers are verified by name against the system's authorities, or against `authority` alone; `certificate` is
    shown to those that ask for one. Raises `StartupError`."""
    context = ssl.create_default_context() if not authority else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authority:
        _trust(context, authority, "SIP_TLS_CA")
    if certificate:
        try:
            context.load_cert_chain(certificate, key or None)
        except (OSError, ssl.SSLError):
            raise StartupError("SIP_TLS_CERT and SIP_TLS_KEY: no usable certificate with its key is there") from None
    return context


def _trust(context: ssl.SSLContext, path: str, setting: str) -> None:
    try:
        context.load_verify_locations(cafile=str(Path(path)))
    except (OSError, ssl.SSLError):
        raise StartupError(f"{setting}: no usable certificate is there") from None


def listeners_of(settings: Settings) -> Listeners:
    """What SIP listens on beside UDP and TCP. Raises `StartupError`."""
    certificate, key = settings.sip_tls_cert, settings.sip_tls_key
    if settings.sip_wss_port and not certificate:
        raise StartupError("SIP_WSS_PORT needs SIP_TLS_CERT")
    return Listeners(
        tls_port=settings.sip_tls_port if certificate else None,
        ws_port=settings.sip_ws_port or None,
        wss_port=settings.sip_wss_port or None,
        server_tls=server_context(certificate, key, settings.sip_tls_client_ca) if certificate else None,
        client_tls=client_context(settings.sip_tls_ca, certificate, key),
        origins=(settings.public_url,) if settings.public_url else (),
    )


def ends_at(certificate: str) -> float:
    """When it is over, UNIX seconds: of a chain the first, which is ours. 0 where the file does not tell."""
    try:
        ours = load_pem_x509_certificates(Path(certificate).read_bytes())[0]
    except (OSError, ValueError):
        return 0.0
    return ours.not_valid_after_utc.timestamp()


def renew(listeners: Listeners, settings: Settings) -> bool:
    """Reads the certificate and its key anew, for handshakes to come. False: they are of no use, which is logged, and
    those of before hold. Authorities stay as they were; a key of another kind is one more, until the next start."""
    if not settings.sip_tls_cert:
        return False
    try:
        with TemporaryDirectory(prefix="welcomedly-") as folder:
            certificate, key = _as_they_are(settings, Path(folder))
            server_context(certificate, key)  # one into which a wrong pair was loaded is of no use any more
            for context in (listeners.server_tls, listeners.client_tls):
                if context is not None:
                    context.load_cert_chain(certificate, key or None)
    except (StartupError, OSError) as error:
        log.error("certificate.refused", reason=str(error))
        return False
    log.info("certificate.renewed")
    return True


def _as_they_are(settings: Settings, folder: Path) -> tuple[str, str]:
    """The pair's files as of now, in a folder that only we may read: whoever replaces them one by one meanwhile has no
    part in it."""
    certificate, key = folder / "certificate", folder / "key"
    certificate.write_bytes(Path(settings.sip_tls_cert).read_bytes())
    if not settings.sip_tls_key:
        return str(certificate), ""
    key.write_bytes(Path(settings.sip_tls_key).read_bytes())
    return str(certificate), str(key)
