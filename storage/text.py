"""Text and JSON that every database can hold.

PostgreSQL refuses NUL, and lone surrogates cannot be encoded at all, so both become U+FFFD on the way in: in what is
written, in what is looked up and in what is hashed, on every database alike.
"""

import math
import re
from collections.abc import Mapping

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with each NUL and each lone surrogate replaced by U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def storable_json(value: object) -> object:
    """The value with its texts made storable, tuples as lists, and numbers that JSON lacks (NaN, infinity) as None."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {storable(str(key)): storable_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [storable_json(item) for item in value]
    return value
