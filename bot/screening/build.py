"""Builds the chain of screens from the settings, in the order in which they look.

Personal data comes first, because whatever is kept must be scrubbed; crises second, because a person in danger is heard
whatever else they wrote. Only then may a screen end the talk.
"""

from importlib.resources import as_file, files

from bot.screening.bounds import Bounds
from bot.screening.chain import Screening
from bot.screening.checkpoint import EMBEDDED_CARD_SHA256, open_embedded, open_published
from bot.screening.crisis import Crisis
from bot.screening.folding import Folder
from bot.screening.personal_data import PersonalData
from bot.screening.rules import Rules, read_slurs
from bot.screening.toxicity import Toxicity
from bot.settings import ScreeningSettings


def build_screening(settings: ScreeningSettings) -> Screening:
    """The chain, ready to use: its model is loaded and its files were verified. Blocks for some seconds.

    Raises:
        ModelDamaged: a file of the model is not the one that is pinned.
        MynahError: a published model could not be downloaded.
    """
    if settings.checkpoint == "embedded":
        with as_file(files("bot.screening") / "embedded") as folder:
            reader, thresholds = open_embedded(folder, EMBEDDED_CARD_SHA256)
    else:
        reader, thresholds = open_published(settings.checkpoint)
    screens = (
        PersonalData(),
        Crisis(),
        Bounds(settings.max_characters),
        Rules(read_slurs()),
        Toxicity(reader, thresholds.overridden(settings.hold_above, settings.refuse_above)),
    )
    return Screening(screens, folder=Folder(), max_characters=settings.max_characters)
