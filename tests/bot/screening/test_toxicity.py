from collections.abc import Sequence

from bot.screening.bounds import prepare
from bot.screening.folding import Folder
from bot.screening.subject import Finding, Subject
from bot.screening.toxicity import Thresholds, Toxicity
from storage.values import Outcome

FOLDER = Folder()
THRESHOLDS = Thresholds(hold={"insult": 0.5}, refuse={"insult": 0.8})


class CountingReader:
    """Scores by words, reads ten characters at once, and remembers its batches."""

    version = "words"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def windows(self, text: str) -> list[str]:
        return [text[start : start + 10] for start in range(0, max(len(text), 1), 5)]

    def score(self, texts: Sequence[str]) -> list[dict[str, float]]:
        self.batches.append(list(texts))
        return [{"insult": 0.9 if "fool" in text else 0.6 if "meh" in text else 0.0, "topic": 1.0} for text in texts]


def subjects(*texts: str) -> list[Subject]:
    return [prepare(text, FOLDER, 4000) for text in texts]


def found(text: str) -> Finding:
    [finding] = Toxicity(CountingReader(), THRESHOLDS).examine(subjects(text))
    return finding


def test_thresholds_part_pass_hold_and_refuse() -> None:
    assert [found(text).outcome for text in ("nice", "meh", "fool")] == [Outcome.PASS, Outcome.HOLD, Outcome.REFUSE]


def test_only_a_refusal_blocks_the_reply() -> None:
    assert [found(text).blocks_reply for text in ("nice", "meh", "fool")] == [False, False, True]


def test_the_worst_window_decides() -> None:
    finding = found("all is well " * 300 + "fool")
    assert finding.reasons == ("toxicity:insult",)


def test_the_worst_reading_decides() -> None:
    assert found("f0ol").outcome is Outcome.REFUSE
    assert found("f.o.o.l").outcome is Outcome.REFUSE


def test_a_label_without_a_threshold_never_decides() -> None:
    assert found("nice").scores["topic"] == 1.0
    assert found("nice").outcome is Outcome.PASS


def test_an_empty_list_never_reaches_the_model() -> None:
    reader = CountingReader()
    assert Toxicity(reader, THRESHOLDS).examine([]) == []
    assert reader.batches == []


def test_equal_texts_are_read_once_and_batches_stay_small() -> None:
    reader = CountingReader()
    screen = Toxicity(reader, THRESHOLDS, characters_per_batch=20)
    findings = screen.examine(subjects(*["nice"] * 5, "meh", "a" * 9))
    assert sorted(text for batch in reader.batches for text in batch) == sorted(
        {text for batch in reader.batches for text in batch}
    )
    assert all(max(map(len, batch)) * len(batch) <= 20 for batch in reader.batches)
    assert [finding.outcome for finding in findings][4:6] == [Outcome.PASS, Outcome.HOLD]


def test_settings_move_the_thresholds_and_the_version() -> None:
    strict = THRESHOLDS.overridden(0.1, 0.5)
    [finding] = Toxicity(CountingReader(), strict).examine(subjects("meh"))
    assert finding.outcome is Outcome.REFUSE
    assert Toxicity(CountingReader(), strict).version != Toxicity(CountingReader(), THRESHOLDS).version


def test_no_setting_keeps_the_card_s_thresholds() -> None:
    assert THRESHOLDS.overridden(None, None) == THRESHOLDS
