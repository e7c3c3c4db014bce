"""One class per decision that a caller can take. `code` is for machines, the message for people.

Malformed input of a peer is a `ValueError` of the parser's own at the parsing edge, turned into an answer (SIP 4xx,
HTTP problem+json, WebSocket close code) exactly once, by the shell that owns the connection.
"""


class WelcomedlyError(Exception):
    """Base of all our errors."""

    code = "error"
    retryable = False


class NotFound(WelcomedlyError):
    code = "not_found"


class Forbidden(WelcomedlyError):
    code = "forbidden"


class Conflict(WelcomedlyError):
    code = "conflict"


class Invalid(WelcomedlyError):
    """A request or a file that is well-formed and still wrong; says what and where."""

    code = "invalid"


class Overloaded(WelcomedlyError):
    code = "overloaded"
    retryable = True


class StartupError(WelcomedlyError):
    """The engine cannot start; the message is one line that names the setting to change."""

    code = "startup"


class EarsClosed(WelcomedlyError):
    """`ears` is shutting down with the engine."""

    code = "ears_closed"


class WeightsMissing(StartupError):
    """Default weights are not installed; the message names the command that installs them."""

    code = "weights_missing"
