"""The errors a person may see, in one short tree.

    MynahError            something went wrong                      exit code 1
    ├── WrongUsage        a bad argument, file or setting           exit code 2
    │   └── UnknownModel  no version or alias of that name
    ├── Refused           a gate or a policy said no                exit code 3
    │   └── UnsafeModel   pickled or unknown files in a model
    ├── DatabaseBusy      another process holds the database
    ├── ModelDamaged      a model's files differ from its manifest
    ├── BackupDamaged     a backup is not whole
    └── LeaseHeld         another process does this work now

Each says what happened, to what, and what to do next. Faces show `str(error)`; nobody sees a traceback.
"""

from typing import ClassVar


class MynahError(Exception):
    """An error that is worth a person's reading: what happened, and what to do next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what} {self.advice}".rstrip()


class WrongUsage(MynahError):
    """A bad argument, file or setting: the person can mend it."""

    exit_code = 2


class UnknownModel(WrongUsage):
    """No model version or alias of that name."""


class Refused(MynahError):
    """A gate or a policy said no."""

    exit_code = 3


class UnsafeModel(Refused):
    """A model folder with files that could run code, or that nobody knows."""


class DatabaseBusy(MynahError):
    """Another process held the database for longer than the time-out."""


class ModelDamaged(MynahError):
    """A model's files are not the ones its manifest names."""


class BackupDamaged(MynahError):
    """A backup that is not whole, or not what its manifest says."""


class LeaseHeld(MynahError):
    """Another process does this work now."""
