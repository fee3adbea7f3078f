import hashlib
import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from bot.screening import checkpoint
from bot.screening.build import build_screening
from bot.screening.chain import Screening
from bot.screening.checkpoint import EMBEDDED_CARD_SHA256, DetoxifyReader, open_embedded, open_published
from bot.settings import ScreeningSettings
from storage.errors import ModelDamaged, MynahError
from storage.values import Outcome

EMBEDDED = Path(str(files("bot.screening") / "embedded"))
TEACHING = [
    "Game night is on Friday at 8",
    "The server's mascot is a purple gecko named Pickle",
    "What is the Wi-Fi password hint?",
    "Who killed JFK?",
    "Shital is hosting the quiz",
    "who selling eggs",
    "my wife is trans",
    "Ramadan starts next week",
    "we drove through Scunthorpe on the way to Essex",
    "kill the boss first",
    "hello, how are you today?",
]


@pytest.fixture(scope="module")
def screening() -> Screening:
    return build_screening(ScreeningSettings())


@pytest.fixture(scope="module")
def reader() -> DetoxifyReader:
    return open_embedded(EMBEDDED, EMBEDDED_CARD_SHA256)[0]


@pytest.mark.parametrize("text", TEACHING)
def test_ordinary_teaching_material_passes(screening: Screening, text: str) -> None:
    [verdict] = screening.screen([text])
    assert (verdict.outcome, verdict.reasons) == (Outcome.PASS, ())


@pytest.mark.parametrize(
    "text",
    [
        "you are a stupid worthless idiot",
        "shut up you pathetic moron",
        "I will find you and stab you",
        "y0u @re @n 1d10t",
        "уоu аrе а mоrоn",
    ],
)
def test_insults_and_threats_are_refused_and_not_answered(screening: Screening, text: str) -> None:
    [verdict] = screening.screen([text])
    assert verdict.outcome is Outcome.REFUSE
    assert verdict.blocks_reply


def test_an_insult_at_the_end_of_a_long_text_is_caught(screening: Screening) -> None:
    [verdict] = screening.screen(
        ["We talked about the weather and had some tea. " * 84 + "You are a stupid worthless idiot."]
    )
    assert any(reason.startswith("toxicity:") for reason in verdict.reasons)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "\ud800",
        "hi \ud83d",
        "x" * 100_000,
        "e" + "\u0301" * 3999,
        "\ufdfa" * 4000,
        "\u202e" * 50,
        "👨‍👩‍👧‍👦" * 300,
        "你" * 4000,
        "<|end|>",
        "a b " * 1000,
        "\n" * 4000,
    ],
    ids=[
        "empty",
        "nul",
        "surrogate",
        "half-emoji",
        "long",
        "combining",
        "expands",
        "bidi",
        "families",
        "chinese",
        "control",
        "letters",
        "lines",
    ],
)
def test_no_text_raises_and_what_is_kept_can_be_stored(screening: Screening, text: str) -> None:
    [verdict] = screening.screen([text])
    verdict.text.encode("utf-8")
    assert "\x00" not in verdict.text
    assert len(verdict.text) <= 4000
    assert not any(reason.startswith("failed:") for reason in verdict.reasons)


def test_a_batch_says_what_each_text_alone_would_hear(screening: Screening) -> None:
    texts = ["hello", "you are a stupid worthless idiot", "", "mail a@b.de", "I want to die", "hello", "что нового?"]
    together = screening.screen(texts)
    alone = [screening.screen([text])[0] for text in texts]
    assert [(verdict.outcome, verdict.reasons, verdict.text) for verdict in together] == [
        (verdict.outcome, verdict.reasons, verdict.text) for verdict in alone
    ]


def test_a_toxic_text_with_personal_data_is_scrubbed(screening: Screening) -> None:
    [verdict] = screening.screen(["you are a stupid worthless idiot, mail me at a@b.de"])
    assert "[email]" in verdict.text
    assert verdict.blocks_reply


def test_a_person_in_danger_who_swears_is_still_heard(screening: Screening) -> None:
    [verdict] = screening.screen(["fuck you all you stupid idiots, I want to kill myself"])
    assert verdict.is_crisis


def test_thresholds_of_the_settings_win_over_the_card(screening: Screening) -> None:
    lax = build_screening(ScreeningSettings(hold_above=1.0, refuse_above=1.0))
    assert lax.screen(["you are a stupid worthless idiot"])[0].outcome is Outcome.PASS
    assert lax.version != screening.version


def test_windows_cover_the_whole_text_and_overlap(reader: DetoxifyReader) -> None:
    text = " ".join(f"word{number}" for number in range(400))
    windows = reader.windows(text)
    assert windows[0][:10] == text[:10]
    assert windows[-1][-10:] == text[-10:]
    position = 0
    for window in windows:
        found = text.find(window, max(0, position - len(window)))
        assert 0 <= found <= position
        position = found + len(window)
    assert position == len(text)


def test_detoxify_s_labels_come_back_for_one_text_and_for_many(reader: DetoxifyReader) -> None:
    assert reader.score([]) == []
    [one] = reader.score(["hello"])
    assert set(one) == {"toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack"}
    assert reader.score(["hello", "a much longer text than that one"])[0] == pytest.approx(one, abs=1e-4)


def test_the_pinned_card_names_every_file_that_is_loaded() -> None:
    card = (EMBEDDED / "card.json").read_bytes()
    assert hashlib.sha256(card).hexdigest() == EMBEDDED_CARD_SHA256
    assert set(json.loads(card)["files"]) == {path.name for path in EMBEDDED.iterdir()} - {
        "card.json",
        "README.md",
        "slurs.rot13.txt",
    }


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "vocab.txt", "card.json"])
@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_file_is_refused_before_it_is_opened(tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "embedded"
    shutil.copytree(EMBEDDED, folder)
    if damage == "changed":
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    else:
        (folder / name).unlink()
    with pytest.raises(ModelDamaged, match=name) as raised:
        open_embedded(folder, EMBEDDED_CARD_SHA256)
    assert raised.value.advice


def test_the_model_opens_wherever_it_lies(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with spaces"
    shutil.copytree(EMBEDDED, folder)
    reader, _ = open_embedded(folder, EMBEDDED_CARD_SHA256)
    assert reader.score(["hello"])[0]["toxicity"] < 0.5


def test_a_published_model_that_is_not_the_published_one_is_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    path = tmp_path / "checkpoints" / "toxic_original-c1212f89.ckpt"
    path.parent.mkdir()
    path.write_bytes(b"a pickle that nobody knows")
    with pytest.raises(ModelDamaged, match="toxic_original"):
        open_published("original")


def test_a_published_model_that_cannot_be_downloaded_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*arguments: object, **named: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    with pytest.raises(MynahError, match="multilingual") as raised:
        build_screening(ScreeningSettings(checkpoint="multilingual"))
    assert "embedded" in raised.value.advice


def test_every_published_model_of_the_settings_is_pinned() -> None:
    from detoxify.detoxify import MODEL_URLS

    for name, digits in checkpoint.PUBLISHED_SHA256.items():
        assert digits in MODEL_URLS[name]
