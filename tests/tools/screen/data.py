"""A folder like the open data's, of made-up rows."""

import csv
import json
from pathlib import Path

_LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")


def write_open_data(folder: Path) -> Path:
    """Some rows of each file, in `folder`."""
    toxicity, dialogue = folder / "toxicity", folder / "dialogue"
    toxicity.mkdir(parents=True)
    dialogue.mkdir()
    _write(
        toxicity / "surge_profanity_en.csv",
        ["text", "category_1", "category_2", "category_3", "severity_rating"],
        [
            ["numbskull", "other / general insult", "", "", 2.0],
            ["fuck", "sexual acts", "", "", 2.0],
            ["heck", "x", "", "", 1.0],
        ],
    )
    _write(
        toxicity / "davidson.csv",
        ["count", "hate_speech", "offensive_language", "tweet"],
        [[3, 0, 0, f"!!! RT @a: &amp; the weather is nice {number}"] for number in range(40)]
        + [[3, 0, 3, f"fuck what a match {number}"] for number in range(40)]
        + [[3, 3, 0, f"those people are numbskull number {number}"] for number in range(40)]
        + [[3, 0, 3, text] for text in ("you stupid bitch", "monday is a bitch")],
    )
    _write(
        toxicity / "surge_toxicity_en.csv",
        ["text", "is_toxic"],
        [[f"comment {number}", "Toxic" if number % 2 else "Not Toxic"] for number in range(20)],
    )
    _write(
        toxicity / "jigsaw_en_sentence_templates.csv",
        ["template", "toxicity", "phrase"],
        [
            ["verb_adj", "nontoxic", "hug deaf"],
            ["verb_adj", "toxic", "kill deaf"],
            ["name_adj", "nontoxic", "Ada is deaf"],
        ],
    )
    _write(
        toxicity / "jigsaw_sample_282.csv",
        ["comment_text", *_LABELS],
        [[f"note {number}", *[number % 2] * len(_LABELS)] for number in range(10)],
    )
    talk = [{"messages": [{"role": "user", "content": f"I like tea number {number}"}, {"role": "assistant", "content": f"you stupid {number}"}]} for number in range(200)]  # fmt: skip
    (dialogue / "self_dialogue.jsonl").write_text("".join(json.dumps(line) + "\n" for line in talk), encoding="utf-8")
    secret = {"messages": [{"role": "user", "content": "never learn this"}]}
    (dialogue / "heldout.jsonl").write_text(json.dumps(secret) + "\n", encoding="utf-8")
    return folder


def _write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
