"""A small screening that goes by word lists. It knows no model."""

from collections.abc import Sequence

from storage.values import Outcome, Verdict


class WordScreening:
    """Decides by words: `damn` is refused, `dubious` is held, `hopeless` sounds like danger, an e-mail is scrubbed;
    zero-width spaces alone are nothing.

    Attributes:
        checked: every text that was asked about, in order.
        fail_with: raised by every check while it is set.
    """

    version = "words-1"

    def __init__(
        self,
        *,
        refused: Sequence[str] = ("damn",),
        held: Sequence[str] = ("dubious",),
        crisis: Sequence[str] = ("hopeless",),
        private: Sequence[str] = ("ann@example.org",),
        max_characters: int = 4000,
    ) -> None:
        self._refused, self._held, self._crisis, self._private = refused, held, crisis, private
        self._max_characters = max_characters
        self.checked: list[str] = []
        self.fail_with: Exception | None = None

    def screen(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text."""
        if self.fail_with is not None:
            raise self.fail_with
        self.checked.extend(texts)
        return [self._verdict(text) for text in texts]

    async def check(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text."""
        return self.screen(texts)

    def _verdict(self, text: str) -> Verdict:
        if len(text) > self._max_characters:
            return Verdict(Outcome.REFUSE, "", ("bounds:too-long",), {}, self.version, blocks_reply=True)
        if not text.strip("\u200b \n"):
            return Verdict(Outcome.REFUSE, "", ("bounds:empty",), {}, self.version, blocks_reply=True)
        lowered = text.lower()
        if any(word in lowered for word in self._crisis):
            reasons = ("crisis:self-harm",)
            return Verdict(Outcome.REFUSE, text, reasons, {}, self.version, blocks_reply=True, is_crisis=True)
        if any(word in lowered for word in self._refused):
            return Verdict(Outcome.REFUSE, text, ("toxicity:insult",), {"insult": 0.99}, self.version, True)
        kept = text
        for private in self._private:
            kept = kept.replace(private, "[email]")
        if any(word in lowered for word in self._held):
            return Verdict(Outcome.HOLD, kept, ("toxicity:insult",), {"insult": 0.6}, self.version)
        if kept != text:
            return Verdict(Outcome.HOLD, kept, ("personal-data:email",), {"insult": 0.01}, self.version)
        return Verdict(Outcome.PASS, text, (), {"insult": 0.01}, self.version)
