"""What any text goes through before anything else looks at it: characters that no keyboard makes are taken out."""

_KEPT = "\n\t"
_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _KEPT}


def cleaned(text: str) -> str:
    """The text without NUL and other control characters, and with lone surrogates replaced by U+FFFD.

    Line ends become a single newline; white space around the text goes. The result always encodes as UTF-8.
    """
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS).strip()
