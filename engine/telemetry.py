"""Logs and metrics; traces are in `engine.tracing`.

Logs are structlog: JSON for machines, colours on a terminal. No spoken word and no run of digits reaches them, whatever
a caller passes: the last processor before the renderer takes them out. Metrics are a closed list, `METRICS`; the
README's table is made from it.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from itertools import islice
from typing import Any, Literal, NamedTuple, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from structlog.contextvars import bind_contextvars, bound_contextvars, clear_contextvars, merge_contextvars

from engine.errors import WelcomedlyError
from engine.ports.hearing import Headroom, Heard, ListenJob
from engine.settings import Settings

__all__ = [
    "AUDIT",
    "METRICS",
    "Metric",
    "Metrics",
    "bind_contextvars",
    "bound_contextvars",
    "clear_contextvars",
    "set_up_logs",
    "without_digits",
]

# ─── logs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

AUDIT = "audit"
"""The logger of lines that say who logged in, heard, changed or erased what, written whatever `LOG_LEVEL` is."""

WORDS = frozenset(
    {"text", "display", "quote", "body", "title", "value", "words", "prompt", "prefix"}
    | {"password", "token", "cookie", "secret", "authorization", "sdp"}
)
"""Keys whose values may hold what was said, or a secret: dropped, with their length in place."""

_DIGITS = re.compile(
    r"(?P<harmless>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"  # a UUID
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"  # an IPv4 address, perhaps with its port
    r"|\b\d{4}-\d\d-\d\dT\d\d:\d\d[\d:.]*)"  # a time
    r"|(?<!\w)\+?\d(?:[ .-]?\d){5,}(?!\w)"
)
"""Six digits and more, perhaps in groups: a phone, a card, a document. Addresses, ids and times stay."""


def without_digits(text: str) -> str:
    """With `[number]` for a run of six digits and more; ids, addresses and times stay."""
    return _DIGITS.sub(lambda match: match["harmless"] or "[number]", text)


def redact(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take words and digits out of a log entry. Numbers as such (durations, counts) stay."""
    for key, value in entry.items():
        if key in _OURS:
            continue
        entry[key] = _withheld(value) if key.lower() in WORDS else _clean(value)
    return entry


_OURS = frozenset({"timestamp", "level", "logger"})


def _withheld(value: Any) -> str:
    return f"[{len(value)} withheld]" if isinstance(value, str | bytes | list | tuple | dict) else "[withheld]"


def _clean(value: Any) -> Any:
    match value:
        case str():
            return without_digits(value)
        case bytes():
            return f"[{len(value)} bytes]"
        case dict():
            return {key: _withheld(one) if str(key).lower() in WORDS else _clean(one) for key, one in value.items()}
        case list() | tuple():
            return [_clean(one) for one in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return without_digits(str(value))


def describe_exception(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A traceback of places and types. Messages are kept of our own errors and the system's: a library's may quote what
    it choked on, and that may be what somebody said."""
    given = entry.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given if isinstance(given, BaseException) else sys.exc_info()[1]
    if not given or error is None:
        return entry
    entry["exception"] = "\n".join(islice(_trace(error), TRACE_LINES))
    return entry


TRACE_LINES = 100


def _trace(error: BaseException | None) -> Iterator[str]:
    """Of an error, of what it holds together where it is a group, and of what it came from."""
    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__):
            yield f"{frame.filename}:{frame.lineno} in {frame.name}"
        message = f": {error}" if isinstance(error, WelcomedlyError | OSError) else ""
        yield f"{type(error).__name__}{message}"
        for one in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
            yield from _trace(one)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def set_up_logs(settings: Settings, stream: TextIO | None = None) -> None:
    """Once, at start, by the composition root; to stderr by default. The standard library's loggers go the same way."""
    stream = stream or sys.stderr
    console = settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        describe_exception,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty()) if console else structlog.processors.JSONRenderer()
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renderer],
    )
    _take_over(_Handler(stream), formatter, settings.log_level.upper())


class _Handler(logging.StreamHandler[TextIO]):
    """Loses a line that cannot be written: the library would print it raw, with what was withheld."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 — the library's name
        return None


def _take_over(handler: logging.Handler, formatter: logging.Formatter, level: str) -> None:
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger(AUDIT).setLevel(logging.INFO)
    for noisy in ("alembic", "nats", "faststream", "aiohttp.access", "aiosqlite", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


# ─── metrics ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Metric(NamedTuple):
    name: str
    """Without the prefix `welcomedly_`."""
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


METRICS: tuple[Metric, ...] = (
    Metric("calls_live", "gauge", (), "Calls in progress."),
    Metric("calls_total", "counter", ("protocol", "reason"), "Calls ended, by protocol and reason."),
    Metric("calls_refused_total", "counter", ("code",), "Calls not admitted."),
    Metric("sip_messages_total", "counter", ("direction", "kind"), "SIP messages, by direction and method or class."),
    Metric(
        "sip_dropped_total",
        "counter",
        ("reason",),
        "Datagrams and connections that were not SIP, not ours, or too many.",
    ),
    Metric("sip_challenges_total", "counter", ("verdict",), "INVITEs of trunks that must prove who they are."),
    Metric("sip_trunk_up", "gauge", ("trunk",), "1 while the trunk answers OPTIONS."),
    Metric("sip_trunk_registered", "gauge", ("trunk",), "1 while our registration at the trunk holds."),
    Metric(
        "sip_certificate_ends_timestamp_seconds",
        "gauge",
        (),
        "When the certificate of `SIP_TLS_CERT` that is shown now ends, UNIX time; 0 without one.",
    ),
    Metric("bridge_calls_live", "gauge", (), "Calls that go through the bridge now."),
    Metric("bridge_calls_total", "counter", ("reason",), "Calls through the bridge that ended, by reason."),
    Metric(
        "rtp_packets_total",
        "counter",
        ("fate",),
        "RTP packets: played, late, lost (concealed), foreign, malformed, unagreed (type or length), dropped (flood).",
    ),
    Metric("rtp_mos", "histogram", (), "Mean opinion score of a stream over 10 s, estimated (E-model), 1 to 4.5."),
    Metric("rtp_loss_ratio", "histogram", (), "Share of a stream's packets that did not come, over 10 s."),
    Metric("rtp_jitter_seconds", "histogram", (), "Interarrival jitter of a stream (RFC 3550), every 10 s."),
    Metric("media_workers_lost_total", "counter", (), "Media workers that died or hung; others took their calls."),
    Metric("recorded_seconds_total", "counter", ("what",), "Recorded time: sound, cut (paused, card), overdue."),
    Metric(
        "recordings_total", "counter", ("outcome",), "Recordings that ended: whole, failed (the disk took no more)."
    ),
    Metric(
        "retention_failures_total",
        "counter",
        ("what",),
        "What should have been deleted by now and was not (recording, call, inputs, outbox, log), by hour; and hours "
        "in which nothing was, since the wall clock had jumped (clock).",
    ),
    Metric(
        "platform_sockets_total",
        "counter",
        ("protocol", "outcome"),
        "Media sockets of platforms: accepted, refused, unauthorized, forbidden, limited, malformed, flood, slow, "
        "fault.",
    ),
    Metric("facts_total", "counter", ("type",), "Facts stored and shown."),
    Metric(
        "cards_total",
        "counter",
        ("decision",),
        "Decisions about a card: shown, waits (for the agent's pause, or until the one before is read), or why not.",
    ),
    Metric(
        "wordings_total",
        "counter",
        ("what", "outcome"),
        "What a language model was asked for (answer, summary, questions): worded, late, busy, unreachable, refused, "
        "malformed, cut, too_long, given_up, fault, or what its sources do not bear (citation, mask, number, address, "
        "name, promise, denial, unsupported; markup, nothing).",
    ),
    Metric("wording_seconds", "histogram", ("what",), "Time from asking a language model to a text that is judged."),
    Metric("drafts_total", "counter", (), "Drafts handed to the sockets."),
    Metric("store_commit_seconds", "histogram", (), "Wait of a write until its group was durable."),
    Metric("store_group_writes", "histogram", (), "Writes that shared one commit."),
    Metric("store_waiting", "gauge", (), "Writes that wait for the writer."),
    Metric("store_up", "gauge", (), "1 while the store takes writes."),
    Metric("sockets", "gauge", ("kind",), "Open sockets of desks and walls."),
    Metric("sockets_slow_total", "counter", ("kind",), "Sockets closed because they did not keep up."),
    Metric(
        "logins_total",
        "counter",
        ("outcome",),
        "Log-ins, and old passwords asked for a new one: accepted (log-ins alone), refused, limited, busy.",
    ),
    Metric("http_seconds", "histogram", ("method", "status"), "Time to answer an HTTP request."),
    Metric("outbox_waiting", "gauge", (), "Facts that the bus does not have yet."),
    Metric("outbox_forgotten_total", "counter", (), "Facts that the bus did not get within a day, and will not get."),
    Metric("bus_up", "gauge", (), "1 while the bus is connected."),
    Metric("bus_too_large_total", "counter", (), "Facts that are larger than the bus takes, and that it will not get."),
    Metric("bus_starts_total", "counter", (), "Starts of the embedded NATS server."),
    Metric("ears_up", "gauge", (), "1 while `ears` answers."),
    Metric("ears_load", "gauge", (), "Share of the workers' time in use, 0 to 1."),
    Metric("ears_starts", "gauge", (), "Starts of the process `ears`; more than 1 after a crash."),
    Metric("ears_on_gpu", "gauge", (), "1 while Whisper runs on a GPU."),
    Metric("ears_finals_late_seconds", "gauge", (), "How far the oldest final without an answer is past its deadline."),
    Metric("ears_jobs_total", "counter", ("kind", "outcome"), "Windows of sound: run, or shed and why."),
    Metric("ears_run_seconds", "histogram", ("kind",), "Time a window took on a worker."),
    Metric("onnx_seconds", "histogram", ("model",), "One inference on ONNX Runtime; `reader` is all of one utterance."),
    Metric("word_to_screen_seconds", "histogram", (), "End of an utterance to the acknowledgement of its text."),
    Metric("final_to_screen_seconds", "histogram", (), "End of an utterance to the acknowledgement of its final."),
    Metric("alert_to_screen_seconds", "histogram", (), "End of an utterance to the acknowledgement of its alert."),
    Metric("card_to_screen_seconds", "histogram", (), "End of an utterance to the acknowledgement of its card."),
)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 4.0, 10.0)
_WRITES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_BUCKETS: dict[str, tuple[float, ...]] = {
    "writes": _WRITES,
    "mos": (1.5, 2.0, 2.58, 3.1, 3.6, 4.03, 4.34),
    "ratio": (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
}
"""By a metric's last word; of MOS by the bounds of ITU-T G.107 table B.1."""


class Metrics:
    """The counters of one engine. A name or a label that `METRICS` does not list is a `KeyError` or `ValueError`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in METRICS:
            self._make(metric)

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def set(self, name: str, value: float, /, **labels: str) -> None:
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def add(self, name: str, amount: float, /, **labels: str) -> None:
        """Move a gauge up or down."""
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).inc(amount)

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """In the unit that the name ends with: seconds, writes, a ratio, or a MOS."""
        histogram = self._histograms[name]
        (histogram.labels(**labels) if labels else histogram).observe(value)

    def committed(self, seconds: float, writes: int) -> None:
        """For `Store.open(committed=…)`."""
        self.observe("store_commit_seconds", seconds)
        self.observe("store_group_writes", writes)

    def heard(self, job: ListenJob, heard: Heard) -> None:
        """For `EarsClient(on_heard=…)`."""
        self.count("ears_jobs_total", kind=job.kind, outcome=heard.shed or "run")
        if not heard.shed:
            self.observe("ears_run_seconds", heard.run_ms / 1000, kind=job.kind)

    def onnx(self, model: str, seconds: float) -> None:
        """For `OnnxTextReader(observe=…)`."""
        self.observe("onnx_seconds", seconds, model=model)

    def worded(self, what: str, outcome: str, seconds: float) -> None:
        """For `Wording(counted=…)`."""
        self.count("wordings_total", what=what, outcome=outcome)
        self.observe("wording_seconds", seconds, what=what)

    def rtp_quality(self, mos: float, loss: float, jitter_ms: float) -> None:
        """For `RtpPlane(judged=…)`."""
        self.observe("rtp_mos", mos)
        self.observe("rtp_loss_ratio", loss)
        self.observe("rtp_jitter_seconds", jitter_ms / 1000)

    def rtp(self, fate: str, packets: int) -> None:
        """For `RtpPlane(counted=…)`."""
        self.count("rtp_packets_total", packets, fate=fate)

    def watch_ears(
        self, headroom: Callable[[], Headroom], starts: Callable[[], int], on_gpu: Callable[[], bool]
    ) -> None:
        """Ask `ears` whenever the metrics are read."""
        self._gauges["ears_load"].set_function(lambda: headroom().load)
        self._gauges["ears_finals_late_seconds"].set_function(lambda: headroom().finals_late_ms / 1000)
        self._gauges["ears_starts"].set_function(starts)
        self._gauges["ears_on_gpu"].set_function(on_gpu)
        self.count("ears_jobs_total", 0, kind="final", outcome="failed")  # there from the start: its first step is seen

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)

    def _make(self, metric: Metric) -> None:
        name, labels = f"welcomedly_{metric.name}", metric.labels
        match metric.kind:
            case "counter":
                self._counters[metric.name] = Counter(name, metric.help, labels, registry=self.registry)
            case "gauge":
                self._gauges[metric.name] = Gauge(name, metric.help, labels, registry=self.registry)
            case "histogram":
                buckets = _BUCKETS.get(metric.name.rpartition("_")[2], _SECONDS)
                self._histograms[metric.name] = Histogram(
                    name, metric.help, labels, registry=self.registry, buckets=buckets
                )
