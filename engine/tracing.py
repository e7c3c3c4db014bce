"""Traces: one a call, with spans for what is done on it, sent by OTLP where `TRACES_URL` says.

Off by default, and then nothing is made: `NoTraces` hands out one object that does nothing. Spans carry the closed list
of `ATTRIBUTES`, none of which can hold what was said, and errors by their type alone: a library's message may quote
words.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from engine.settings import Settings
from engine.telemetry import without_digits

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

EXPORT_TIMEOUT_S = 2.0
SPANS_WAITING = 1_024
"""Two batches. With a collector that does not answer further spans are dropped, and the engine's stop takes three
timeouts at most."""


class SpanKind(NamedTuple):
    name: str
    help: str


SPANS: tuple[SpanKind, ...] = (
    SpanKind("call", "From answer to the commit of its last fact; the parent of all others."),
    SpanKind("transcribe", "A window of sound, from asking `ears` to having its words."),
    SpanKind("read", "The text models on one utterance, with the wait for their thread."),
    SpanKind("judge", "The compliance rules on one utterance."),
    SpanKind("search", "Articles for a customer's need."),
    SpanKind("commit", "Facts, until they are durable and handed to the sockets."),
)
"""The closed list of spans; the README's table is made from it."""

SpanName = Literal["call", "transcribe", "read", "judge", "search", "commit"]

ATTRIBUTES = frozenset(
    {"call_id", "protocol", "direction", "country", "language", "reason"}
    | {"stream", "segment", "kind", "audio_ms", "queued_ms", "run_ms", "shed"}
    | {"turn", "verdicts", "passages", "facts"}
)
"""What a span may say, under `welcomedly.`: ids, names of our own lists, counts and durations."""

Attribute = str | int | float | bool


class Span(Protocol):
    def note(self, **attributes: Attribute) -> None:
        """What is known only now. A name that `ATTRIBUTES` does not list is a `KeyError`."""


class Tracing(Protocol):
    def span(self, name: SpanName, **attributes: Attribute) -> AbstractContextManager[Span]:
        """A child of the span around it, also over tasks that were started inside that one. An error that passes
        through marks it and goes on."""

    def close(self) -> None:
        """Sends what is left. Blocks, for a few seconds when the collector does not answer."""


class _Nothing:
    def note(self, **attributes: Attribute) -> None: ...

    def __enter__(self) -> "_Nothing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


_NOTHING = _Nothing()


class NoTraces:
    """The default: costs one call."""

    def span(self, name: SpanName, **attributes: Attribute) -> AbstractContextManager[Span]:
        return _NOTHING

    def close(self) -> None: ...


NO_TRACES = NoTraces()


class _Recorded:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, **attributes: Attribute) -> None:
        self._span.set_attributes(_named(attributes))


class Traces:
    """Spans of one provider, which it closes."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("welcomedly")

    @contextmanager
    def span(self, name: SpanName, **attributes: Attribute) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, attributes=_named(attributes), record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield _Recorded(span)
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def close(self) -> None:
        self._provider.shutdown()


def _named(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    for name in attributes:
        if name not in ATTRIBUTES:
            raise KeyError(name)
    return {
        f"welcomedly.{name}": without_digits(value) if isinstance(value, str) else value
        for name, value in attributes.items()
    }


def open_traces(settings: Settings) -> Tracing:
    """As `TRACES_URL` says; the caller closes it. A collector that is not there is no error: spans are lost."""
    if not settings.traces_url:
        return NO_TRACES
    # A quarter of a second of imports, for those alone who send traces.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "welcomedly"}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=settings.traces_url, timeout=EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=SPANS_WAITING))
    return Traces(provider)
