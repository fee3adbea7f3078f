"""The seam of traces: the houses say which parts a message or a run has, and know nothing of who writes that down.

Promise: a span has a name of our own, and facts that are numbers, truths, or words and ids of our own; never what
people wrote, and nobody's id. Where nobody writes down, as is usual, nothing happens and nothing is imported. Who does
is `mynah/telemetry/tracing.py`.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

Fact = str | int | float | bool
T = TypeVar("T")


class Span(Protocol):
    """A part of what is done, and how long it took."""

    def note(self, **facts: Fact | None) -> None:
        """Add facts; those that are None are left out."""
        ...


class Tracer(Protocol):
    """Writes spans down. Those that begin inside another, in the same task or one that it started, belong to it."""

    def span(self, name: str, **facts: Fact | None) -> AbstractContextManager[Span]:
        """Open a span for a `with` that has no `yield` inside: for a generator's items there is `streamed`."""
        ...

    def streamed(
        self,
        name: str,
        items: AsyncGenerator[T, None],
        note: Callable[[Span, T], None] | None = None,
        **facts: Fact | None,
    ) -> AsyncGenerator[T, None]:
        """The same items, with a span from the first to the last; what happens between two is not part of it.

        Close what is returned; the items are then closed with it.

        Args:
            name: of the span.
            items: what is streamed.
            note: called with each item, to add facts.
            facts: known from the beginning.
        """
        ...

    def headers(self) -> Mapping[str, str]:
        """What to send with an HTTP request, so that the other side's spans belong to the one that is open here."""
        ...


class _Unwritten:
    def note(self, **facts: Fact | None) -> None:
        """Nothing."""


class NoTracer:
    """Writes nothing down, and costs nothing."""

    def span(self, name: str, **facts: Fact | None) -> AbstractContextManager[Span]:
        """A span that nobody writes down."""
        return _NOWHERE

    def streamed(
        self,
        name: str,
        items: AsyncGenerator[T, None],
        note: Callable[[Span, T], None] | None = None,
        **facts: Fact | None,
    ) -> AsyncGenerator[T, None]:
        """The items themselves."""
        return items

    def headers(self) -> Mapping[str, str]:
        """None."""
        return {}


_NOWHERE: AbstractContextManager[Span] = nullcontext(_Unwritten())
NO_TRACER: Tracer = NoTracer()
