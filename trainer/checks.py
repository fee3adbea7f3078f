"""What the gate asks, one question at a time. A check can only refuse; it never lets something through by itself."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One question the gate asks, and its answer."""

    name: str
    passed: bool
    figure: float | None
    limit: float | None
    sentence: str

    def as_record(self) -> dict[str, object]:
        """For the report card."""
        return asdict(self)
