"""Traces that stay in memory, written by OpenTelemetry's own SDK."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mynah.telemetry.open_telemetry import OpenTelemetryTracer


class Traces:
    """A tracer, and what it wrote down; spans are named in the order in which they ended."""

    def __init__(self) -> None:
        self._memory = InMemorySpanExporter()
        self.tracer = OpenTelemetryTracer(SimpleSpanProcessor(self._memory), "test")

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """All that ended."""
        return self._memory.get_finished_spans()

    def span(self, name: str) -> ReadableSpan:
        """The only one of a name."""
        [found] = [span for span in self.spans if span.name == name]
        return found

    def tree(self) -> list[tuple[str, str | None]]:
        """Each span and the one that it belongs to."""
        names = {span.context.span_id: span.name for span in self.spans if span.context is not None}
        return [(span.name, None if span.parent is None else names[span.parent.span_id]) for span in self.spans]

    def facts(self, name: str) -> dict[str, object]:
        """Of the only one of a name."""
        return dict(self.span(name).attributes or {})

    def told(self) -> str:
        """Everything that leaves this process."""
        return "".join(span.to_json() for span in self.spans)
