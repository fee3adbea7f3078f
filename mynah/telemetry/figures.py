"""The figures of one process, as Prometheus reads them: their names, what they mean, and how finely they are told.

Promise: a label holds a word from a short list of the program's own, or a model version; never text, a member or a
server. Nothing here is global, so that two processes in one (as tests have them) do not add up.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_TALK_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
_SCREEN_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class Figures:
    """Every figure that a bot or a trainer tells; those that a process has nothing for stay at nothing."""

    def __init__(self) -> None:
        self._registry = of = CollectorRegistry()
        ProcessCollector(registry=of)
        self.problems = Counter("mynah_problems", "Warnings and errors in the log", ["level", "event"], registry=of)
        # The bot's
        self.replies = Counter("mynah_replies", "Replies that people got", ["kind"], registry=of)
        self.first_words = _histogram(
            of, "mynah_first_words_seconds", "From a message to the first words shown", _TALK_SECONDS
        )
        self.whole_replies = _histogram(of, "mynah_reply_seconds", "From a message to the whole reply", _TALK_SECONDS)
        self.in_engine = Gauge(
            "mynah_engine_requests", "Requests that the engine answers or keeps waiting", registry=of
        )
        self.engine_waits = _histogram(
            of, "mynah_engine_wait_seconds", "How long answered requests waited for their turn", _TALK_SECONDS
        )
        self.engine_refusals = Counter(
            "mynah_engine_refusals", "Requests that the engine did not answer", ["reason"], registry=of
        )
        self.tokens = Counter("mynah_tokens", "Tokens read (prompt) and said (answer)", ["of"], registry=of)
        self.verdicts = Counter(
            "mynah_verdicts",
            "Verdicts on texts, by the screen that decided; a streamed answer is looked at several times",
            ["outcome", "screen"],
            registry=of,
        )
        self.screening = _histogram(of, "mynah_screening_seconds", "How long screening a text took", _SCREEN_SECONDS)
        self.connected = Gauge("mynah_discord_connected", "1 while the bot is connected to Discord", registry=of)
        self.serving = Gauge(
            "mynah_serving", "1 for the version that answers on the shared line", ["version"], registry=of
        )
        # What the database tells, in either process
        self.database_up = Gauge("mynah_database_up", "1 when the database answered the last question", registry=of)
        self.champion = Gauge("mynah_champion", "1 for the champion of the shared line", ["version"], registry=of)
        self.candidates = Gauge("mynah_candidates", "Examples by what moderators said", ["state"], registry=of)
        self.review_waiting = Gauge("mynah_review_waiting", "Examples that wait for a moderator", registry=of)
        self.runs = Gauge("mynah_runs", "Runs of the trainer by state", ["state"], registry=of)
        self.run_progress = Gauge("mynah_run_progress", "How far the newest run is, 0 to 1", registry=of)
        self.run_changed = Gauge("mynah_run_changed_timestamp_seconds", "When the newest run last moved", registry=of)
        self.dropped = Gauge(
            "mynah_curation_dropped", "Examples that the newest run with a report left out", ["reason"], registry=of
        )
        self.trainer_alive = Gauge("mynah_trainer_alive", "1 while a trainer holds its lease", registry=of)
        self.receipts_open = Gauge("mynah_receipts_open", "Forgotten members whose words still answer", registry=of)
        self.free_bytes = Gauge("mynah_home_free_bytes", "Free space where the home folder lies", registry=of)

    def names(self) -> set[str]:
        """The names under which Prometheus finds them, also those that have no value yet."""
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        return {family.name + end for family in self._registry.collect() for end in ends.get(family.type, ("",))}

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self._registry)


def _histogram(of: CollectorRegistry, name: str, meaning: str, seconds: tuple[float, ...]) -> Histogram:
    return Histogram(name, meaning, buckets=seconds, registry=of)
