"""The guided tour: talk, teach, approve, retrain, before and after, rollback, and then it is yours.

Each step suggests what to type; Enter takes the suggestion. Where nobody types (the input has ended), the tour takes
its own suggestions, so that it can be run unattended from end to end.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from mynah.terminal.showing import candidate_lines, safe_text
from mynah.terminal.talk import HELP, Talk
from storage.errors import MynahError
from storage.values import Candidate, RunState

GREETING = (
    "Hello! I'm Mynah, a bot that learns to talk from the people around it, when they allow it. This tour takes about "
    "three minutes: we talk, you teach me something, I learn it, and you hear me say it.\n"
    "Enter takes the words in [brackets]; or type your own. `skip` leaves a step out, `quit` ends the tour."
)

HONESTY = (
    "To be honest: the model that comes with me is tiny and grew up on small talk, so I babble about facts until I'm "
    "taught. And on Discord I learn nothing until you confirm that Discord allows it: its Developer Policy (rule 21) "
    "forbids training on messages otherwise, whatever members agree to. What you write here stays on this machine."
)

UNATTENDED = "(Nobody is typing, so the tour takes its own suggestions.)"

HELLO = "Hello! How are you today?"
QUESTION = "When is our game night?"
BETTER = "Game night is on Friday at eight, in the blue room."
OTHER_WORDING = "What time does game night start?"

FAREWELL = "That was the tour. Now it's yours."


class _Quit(Exception):
    """The person has seen enough of the tour."""


class _Skip(Exception):
    """The person wants the next step."""


@dataclass
class Tour:
    """One walk through everything."""

    talk: Talk
    unattended: bool = False
    question: str = QUESTION
    before: str = ""
    """What the bot answered to the question before it was taught."""
    candidate: Candidate | None = None
    approved: bool = False
    learnt: bool = False

    def run(self) -> None:
        """Walk through all steps, or as far as the person likes."""
        say = self.talk.console.say
        say(GREETING)
        say()
        say(HONESTY, style="dim")
        try:
            self._step("Talk", self._greet)
            self._step("Teach", self._teach)
            if self.candidate is not None:
                self._step("Approve", self._approve)
            if self.approved:
                self._step("Retrain", self._retrain)
            if self.learnt:
                self._step("Before and after", self._compare)
                self._step("Rollback", self._roll_back)
        except _Quit:
            say("The tour ends here; /tour starts it again.")
        say()
        say(FAREWELL, style="bold")
        say(HELP)
        say()

    def _step(self, title: str, work: Callable[[], None]) -> None:
        self.talk.console.say()
        self.talk.console.say(f"── {title} " + "─" * (40 - len(title)), style="bold")
        try:
            work()
        except _Skip:
            self.talk.console.say("Skipped.")
        except MynahError as error:
            if self.talk.hosted.has_failed:
                raise
            self.talk.console.say(str(error), style="yellow")

    def _ask(self, prompt: str, suggestion: str) -> str:
        """What the person types, or the suggestion.

        Raises:
            _Skip, _Quit: they want to go on, or to leave.
        """
        typed = None if self.unattended else self.talk.console.ask(f"{prompt} [{suggestion}] ")
        if typed is None:
            if self.talk.console.is_typed:  # Ctrl-D at a terminal
                raise _Quit
            if not self.unattended:
                self.unattended = True
                self.talk.console.say(UNATTENDED, style="dim")
            self.talk.console.say(f"{prompt} {suggestion}")
            return suggestion
        if typed.lower() == "skip":
            raise _Skip
        if typed.lower() in {"quit", "/quit"}:
            raise _Quit
        return typed or suggestion

    def _agrees(self, prompt: str, suggestion: str) -> bool:
        return self._ask(prompt, suggestion).lower() in {"y", "yes"}

    def _greet(self) -> None:
        text = self._ask("Say something:", HELLO)
        if not self.talk.hosted.is_open:
            self.talk.console.say("(waking up…)", style="dim")
        self.talk.say(text)

    def _teach(self) -> None:
        say = self.talk.console.say
        say("Ask me something that I cannot know yet.")
        self.talk.hosted.call(self.talk.session.reset())  # so that what is taught stands on its own
        self.question = self._ask("Ask:", QUESTION)
        reply = self.talk.say(self.question)
        self.before = reply.text
        if reply.assistant_turn_id is None:
            return
        say("Now tell me what I should have said.")
        better = self._ask("Better answer:", BETTER)
        if not self._consented():
            return
        self.candidate = self.talk.teach(better)

    def _consented(self) -> bool:
        """Whether the person allows learning here; asks if they never said."""
        talk = self.talk
        allowed = talk.hosted.call(talk.session.consent())
        if not allowed:
            allowed = self._agrees("May I learn from what you write here? Only what you approve is ever learnt.", "yes")
            talk.hosted.call(talk.session.set_consent(allowed=allowed))
        if not allowed:
            talk.console.say("Fine: then I learn nothing from you. /privacy allow changes that.")
        return allowed

    def _approve(self) -> None:
        if self.candidate is None:
            return
        talk = self.talk
        talk.console.say("Nothing is learnt until a person says yes to it. This waits:")
        talk.console.say("\n".join(candidate_lines(self.candidate)))
        if self._agrees("Approve it?", "yes"):
            talk.hosted.call(talk.session.approve(self.candidate.id))
            talk.console.say("Approved.", style="green")
            self.approved = True
        else:
            talk.hosted.call(talk.session.reject(self.candidate.id))
            talk.console.say("Rejected: it will never be learnt.")

    def _retrain(self) -> None:
        say = self.talk.console.say
        say("The trainer, a process of its own, now makes a new model from the frozen base and what is approved.")
        say("Then it must prove itself against me, on talk that neither of us was trained on.")
        if not self._agrees("Start?", "yes"):
            raise _Skip
        run = self.talk.retrain()
        self.learnt = run is not None and run.state == RunState.PROMOTED

    def _compare(self) -> None:
        talk = self.talk
        talk.console.say("The same question, to the new model, in a new conversation:")
        talk.hosted.call(talk.session.reset())
        after = talk.say(self.question)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False)
        for title in ("you", "before", "after"):
            table.add_column(title, overflow="fold")
        table.add_row(*(Text(safe_text(text)) for text in (self.question, self.before, after.text)))
        talk.console.say()
        talk.console.rich.print(table)
        other = self._ask("Ask it in other words:", OTHER_WORDING if self.question == QUESTION else self.question)
        talk.hosted.call(talk.session.reset())
        talk.say(other)

    def _roll_back(self) -> None:
        talk = self.talk
        talk.console.say("If you don't like what I became, one command takes it back, and the old model answers again.")
        if not self._agrees("Go back to the model before?", "no"):
            talk.console.say("Kept. /rollback does it later.")
            return
        talk.rollback()
        talk.hosted.call(talk.session.reset())
        talk.say(self.question)
