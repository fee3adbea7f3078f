"""A `Tracer` on OpenTelemetry's SDK; the only module that knows it.

Promises: of an error a span keeps the name alone, since sentences and tracebacks may quote what people wrote; nothing
is registered for the whole process, so that what other packages trace by themselves goes nowhere.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from importlib.metadata import version
from typing import TypeVar

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bot.tracing import Fact, Span

T = TypeVar("T")
SEND_SECONDS = 3.0
"""How long a collector is tried: a process that ends must not wait for one that is away until it is killed."""


def sending_to(url: str) -> SpanProcessor:
    """Sends spans to a collector (OTLP over HTTP) from a thread of its own, some seconds later and many at once."""
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=SEND_SECONDS))


class _Written:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, **facts: Fact | None) -> None:
        """Add facts; those that are None are left out."""
        self._span.set_attributes({f"mynah.{name}": fact for name, fact in facts.items() if fact is not None})


class OpenTelemetryTracer:
    """Writes spans down with a processor. `close` it."""

    def __init__(self, processor: SpanProcessor, process: str) -> None:
        resource = Resource.create({"service.name": f"mynah-{process}", "service.version": version("mynah")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("mynah")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, **facts: Fact | None) -> Iterator[Span]:
        """A span that is open inside the `with`."""
        with self._begun(name, facts) as (written, inside), _current(inside):
            yield written

    async def streamed(
        self,
        name: str,
        items: AsyncGenerator[T, None],
        note: Callable[[Span, T], None] | None = None,
        **facts: Fact | None,
    ) -> AsyncGenerator[T, None]:
        """The items, with a span that is open while one is made and not while somebody looks at it.

        A span that stayed open over a `yield` would take in what the reader does meanwhile, and could be closed in
        another task than it was opened in.
        """
        with self._begun(name, facts) as (written, inside):
            async with aclosing(items):
                while True:
                    with _current(inside):
                        try:
                            item = await anext(items)
                        except StopAsyncIteration:
                            return
                    if note is not None:
                        note(written, item)
                    yield item

    def headers(self) -> Mapping[str, str]:
        """`traceparent` of the span that is open here."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    def close(self) -> None:
        """Send what is left. Blocks, for some seconds where the collector does not answer."""
        self._provider.shutdown()

    @contextmanager
    def _begun(self, name: str, facts: Mapping[str, Fact | None]) -> Iterator[tuple[Span, Context]]:
        span = self._tracer.start_span(name)
        written = _Written(span)
        written.note(**facts)
        try:
            yield written, trace.set_span_in_context(span)
        except Exception as error:
            written.note(error=type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise
        finally:
            span.end()


@contextmanager
def _current(inside: Context) -> Iterator[None]:
    token = context.attach(inside)
    try:
        yield
    finally:
        context.detach(token)
