"""Traces are off by default, carry a closed list of attributes, and reach a collector over OTLP."""

import asyncio

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.settings import Settings
from engine.tracing import NO_TRACES, Traces, open_traces


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(exporter: InMemorySpanExporter) -> Traces:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Traces(provider)


def test_off_by_default_and_then_nothing_is_made() -> None:
    tracing = open_traces(Settings())
    assert tracing is NO_TRACES
    with tracing.span("call", call_id="1") as one, tracing.span("commit", facts=1) as other:
        one.note(reason="bye")
        assert one is other
    tracing.close()


async def test_spans_of_tasks_that_were_started_inside_are_children(
    traces: Traces, exporter: InMemorySpanExporter
) -> None:
    async def work() -> None:
        with traces.span("commit", facts=2):
            await asyncio.sleep(0)

    with traces.span("call", call_id="1") as span:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
        span.note(reason="bye")
    commit, call = exporter.get_finished_spans()
    assert commit.parent is not None
    assert call.context is not None
    assert commit.parent.span_id == call.context.span_id
    assert call.parent is None
    assert dict(call.attributes or {}) == {"welcomedly.call_id": "1", "welcomedly.reason": "bye"}


@pytest.mark.parametrize("name", ["text", "quote", "digits"])
def test_an_attribute_that_is_not_listed_is_refused(traces: Traces, name: str) -> None:
    with pytest.raises(KeyError, match=name), traces.span("read", **{name: "cuatro uno uno uno"}):
        pass
    with traces.span("read") as span, pytest.raises(KeyError, match=name):
        span.note(**{name: "cuatro uno uno uno"})


def test_an_error_is_told_by_its_type_alone(traces: Traces, exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="cuatro"), traces.span("read"):
        raise ValueError("cuatro uno uno uno")
    (span,) = exporter.get_finished_spans()
    assert (span.status.is_ok, span.status.description, span.events) == (False, "ValueError", ())


class FakeCollector:
    """An OTLP/HTTP collector on a free loopback port."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.service = ""

    async def open(self) -> str:
        """Gives the endpoint's URL."""
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1/traces"

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        for group in ExportTraceServiceRequest.FromString(await request.read()).resource_spans:
            self.service = next(
                one.value.string_value for one in group.resource.attributes if one.key == "service.name"
            )
            self.names += [span.name for scope in group.scope_spans for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")


async def test_a_collector_is_sent_what_is_left_at_the_end() -> None:
    collector = FakeCollector()
    tracing = await asyncio.to_thread(open_traces, Settings(traces_url=await collector.open()))
    try:
        with tracing.span("call", call_id="1"), tracing.span("commit", facts=1):
            pass
    finally:
        await asyncio.to_thread(tracing.close)
        await collector.close()
    assert collector.names == ["commit", "call"]
    assert collector.service == "welcomedly"
