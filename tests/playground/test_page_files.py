"""What can be said of the page's files without a browser: what is fetched early, and that colours can be told apart."""

import re
from pathlib import Path

import pytest

import playground

PAGE = Path(playground.__file__).parent / "page"
PLAIN_TEXT = 4.5
"""The least contrast of text by WCAG 2.2 AA (1.4.3)."""

GROUNDS = ("back", "side", "rail", "raised", "field", "code")
WORDS = ("text", "text-strong", "text-soft", "link", "accent-text", "good-text", "bad-text", "warn-text")
UNDER_WHITE = ("accent", "accent-strong", "good", "bad")
VEILED = {
    "hover": ("back", WORDS),
    "mention-back": ("back", WORDS),
    "hover-side": ("side", WORDS),
    "chosen": ("side", ("text", "text-strong", "text-soft")),
    "accent-soft": ("back", ("text", "text-strong", "accent-text")),
}
"""Half-transparent grounds: what shines through, and which words stand on them."""

Colour = tuple[float, float, float, float]


def colours() -> dict[str, dict[str, Colour]]:
    """Each colour of the theme, by scheme and name."""
    css = (PAGE / "theme.css").read_text(encoding="utf-8")
    found: dict[str, dict[str, Colour]] = {"light": {}, "dark": {}}
    for name, value in re.findall(r"--([a-z-]+): (light-dark\(.+\)|#[0-9a-f]{6});", css):
        pair = re.findall(r"#[0-9a-f]{6}|rgb\([^)]*\)", value)
        found["light"][name], found["dark"][name] = parsed(pair[0]), parsed(pair[-1])
    return found


def parsed(written: str) -> Colour:
    """Red, green, blue and cover, each from 0 to 1."""
    if written.startswith("#"):
        red, green, blue = (int(written[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return red, green, blue, 1.0
    red, green, blue, cover = (float(part) for part in re.findall(r"[\d.]+", written))
    return red / 255, green / 255, blue / 255, cover / 100


def over(upper: Colour, lower: Colour) -> Colour:
    """What is seen when one lies over the other."""
    cover = upper[3]
    red, green, blue = (cover * upper[at] + (1 - cover) * lower[at] for at in range(3))
    return red, green, blue, 1.0


def luminance(colour: Colour) -> float:
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """From 1, the same, to 21, black on white."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_is_that_of_the_guidelines() -> None:
    assert contrast(parsed("#000000"), parsed("#ffffff")) == pytest.approx(21)
    assert contrast(parsed("#777777"), parsed("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_every_ground(scheme: str) -> None:
    theme = colours()[scheme]
    pairs = [(ground, theme[ground], word) for ground in GROUNDS for word in WORDS]
    for veil, (under, words) in VEILED.items():
        pairs += [(veil, over(theme[veil], theme[under]), word) for word in words]
    ratios = {f"{word} on {name}": round(contrast(theme[word], ground), 2) for name, ground, word in pairs}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < PLAIN_TEXT} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_white_words_can_be_read_on_coloured_buttons(scheme: str) -> None:
    theme, white = colours()[scheme], parsed("#ffffff")
    faint = {name: contrast(white, theme[name]) for name in UNDER_WHITE if contrast(white, theme[name]) < PLAIN_TEXT}
    assert faint == {}


def test_every_module_is_fetched_before_it_is_asked_for() -> None:
    index = (PAGE / "index.html").read_text(encoding="utf-8")
    early = re.findall(r'<link rel="modulepreload" href="/page/([a-z_]+\.js)">', index)
    assert [*early, "main.js"] == [*sorted(early), "main.js"]
    assert {*early, "main.js"} == {file.name for file in PAGE.glob("*.js")}


def test_no_module_is_left_that_nobody_imports() -> None:
    imported = {
        name for file in PAGE.glob("*.js") for name in re.findall(r'from "\./([a-z_]+\.js)"', file.read_text("utf-8"))
    }
    assert imported | {"main.js"} == {file.name for file in PAGE.glob("*.js")}
