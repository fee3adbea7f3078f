"""Who writes traces down: nobody, unless the settings name a collector; then OpenTelemetry, which is imported only then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.tracing import NO_TRACER, Tracer
from mynah.telemetry.settings import TelemetrySettings
from storage.errors import WrongUsage


@asynccontextmanager
async def open_tracer(settings: TelemetrySettings, process: str) -> AsyncIterator[Tracer]:
    """A tracer; at the end, what is written down and not yet sent is sent.

    Args:
        settings: name the collector, or none.
        process: `bot` or `trainer`; the spans' service is `mynah-bot` or `mynah-trainer`.

    Raises:
        WrongUsage: OpenTelemetry is not installed.
    """
    if settings.traces_url is None:
        yield NO_TRACER
        return
    try:
        from mynah.telemetry.open_telemetry import OpenTelemetryTracer, sending_to
    except ImportError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise WrongUsage(
            "MYNAH_TELEMETRY__TRACES_URL needs OpenTelemetry, which is not installed.",
            advice="Install it with: pip install 'mynah[tracing]', or leave the setting out.",
        ) from None
    tracer = OpenTelemetryTracer(sending_to(settings.traces_url), process)
    try:
        yield tracer
    finally:
        await asyncio.to_thread(tracer.close)
