"""Whoever builds a dashboard finds every figure and span on the page of interfaces, and none that is not told."""

import re
from pathlib import Path

from mynah.telemetry.figures import Figures
from trainer.progress import SPANS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "interfaces.md").read_text("utf-8")


def test_every_figure_is_documented_and_nothing_else_is() -> None:
    told = {re.sub(r"_(bucket|sum|count)$", "", name) for name in Figures().names()}
    rows = re.findall(r"^\| (`mynah_[^|]*) \|", PAGE, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(mynah_\w+)`", row)} == {
        name for name in told if name.startswith("mynah_")
    }


def test_every_span_is_documented_and_nothing_else_is() -> None:
    code = "".join(path.read_text("utf-8") for house in ("bot", "trainer") for path in (ROOT / house).rglob("*.py"))
    opened = set(re.findall(r"racer\.(?:span|streamed)\(\s*\"([^\"]+)\"", code)) | {state.value for state in SPANS}
    _, _, section = PAGE.partition("\n## Traces\n")
    rows = re.findall(r"^\| (`[^|]*) \|", section.partition("\n## ")[0], re.MULTILINE)
    assert len(opened) > 10
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == opened
