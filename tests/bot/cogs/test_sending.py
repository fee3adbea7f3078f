import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cogs.sending import presentable, split


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab .\n`!?ü"), max_size=3000), st.integers(min_value=30, max_value=120))
def test_every_piece_fits_and_no_word_is_lost(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(len(piece) <= limit for piece in pieces)
    assert _words("".join(pieces)) == _words(text)


def _words(text: str) -> str:
    """The letters; fences may be added where a block is cut, and white space goes at the cuts."""
    return "".join(character for character in text if character in "abü.!?")


def test_a_text_that_fits_stays_whole() -> None:
    assert split("one two", 10) == ["one two"]
    assert split("x" * 2000) == ["x" * 2000]


@pytest.mark.parametrize(
    ("ending", "first"),
    [("\n\n", "first part"), ("\n", "first part"), (". ", "first part."), (" ", "first part")],
    ids=["paragraph", "line", "sentence", "word"],
)
def test_it_is_cut_where_a_reader_would(ending: str, first: str) -> None:
    assert split(f"first part{ending}{'y' * 20}", 26)[0] == first


def test_a_cut_code_block_is_closed_and_opened_again() -> None:
    text = "```\n" + "\n".join(f"line {number}" for number in range(30)) + "\n```"
    pieces = split(text, 100)
    assert len(pieces) > 2
    assert all(piece.count("```") == 2 for piece in pieces)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("go to https://example.org/path?x=1.", "go to [link]"),
        ("[click](http://example.org)", "[click]([link])"),
        ("www.example.org now", "[link] now"),
        ("join discord.gg/abc123", "join [link]"),
        ("sk-abcdefghijklmnopqrstuvwx", "[secret]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123", "[secret]"),
        ("AKIAABCDEFGHIJKLMNOP", "[secret]"),
        ("the sum is 1.5, e.g. a.b.c", "the sum is 1.5, e.g. a.b.c"),
        ("", "…"),
    ],
    ids=["link", "masked link", "www", "invite", "key", "token", "cloud key", "harmless", "empty"],
)
def test_links_and_secrets_are_taken_out(text: str, shown: str) -> None:
    assert presentable(text) == shown
