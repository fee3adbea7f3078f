"""Whether words that came from outside can be read, stored and tokenised at all."""


def what_is_wrong_with(text: str) -> str | None:
    """What keeps a text from being kept, in a few words; None when nothing does."""
    if not text.strip():
        return "is empty"
    if "\0" in text:
        return "has a NUL character"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "has a lone surrogate"
    return None
