"""Where a folder is that an operator names on the command line."""

from pathlib import Path

from mynah.invocation import Invocation


def named_folder(invocation: Invocation, kind: str, name: str) -> Path:
    """A path has a slash and is taken as it is; a plain name lies in the home, among its kind.

    Args:
        invocation: knows the home.
        kind: the folder in the home, such as `datasets`.
        name: as it was typed.
    """
    path = Path(name).expanduser()
    return path if "/" in name or path.is_absolute() else invocation.settings.home / kind / name
