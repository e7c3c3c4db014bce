"""What is told whoever starts us where nobody can listen."""

import errno
import socket

from engine.errors import StartupError

_WHY = {
    errno.EADDRINUSE: "the port is taken",
    errno.EACCES: "the port is not ours to take",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


def cannot_listen(
    what: str, host: str, port: int, error: OSError, *, port_setting: str, host_setting: str
) -> StartupError:
    """Names the setting that is at fault: an address that this machine does not have is not helped by another port."""
    unknown = isinstance(error, socket.gaierror)
    why = "there is no such address" if unknown else _WHY.get(error.errno or 0, error.strerror)
    setting = host_setting if unknown or error.errno == errno.EADDRNOTAVAIL else port_setting
    return StartupError(f"{what} cannot listen on {host}:{port}: {why}; set {setting}")
