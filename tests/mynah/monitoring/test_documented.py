"""Whoever builds a dashboard finds every figure on the page of interfaces, and none that is not told."""

import re
from pathlib import Path

from mynah.monitoring.figures import Figures

PAGE = (Path(__file__).parents[3] / "docs" / "interfaces.md").read_text("utf-8")


def test_every_figure_is_documented_and_nothing_else_is() -> None:
    told = {re.sub(r"_(bucket|sum|count)$", "", name) for name in Figures().names()}
    rows = re.findall(r"^\| (`mynah_[^|]*) \|", PAGE, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(mynah_\w+)`", row)} == {
        name for name in told if name.startswith("mynah_")
    }
