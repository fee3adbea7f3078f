"""The conversation at the terminal: what is typed goes to the bot, and lines with a slash are commands."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.chat.values import Correction, CorrectionOutcome, Reply
from mynah.terminal.console import Console
from mynah.terminal.growing import GrowingAnswer, RunSteps
from mynah.terminal.hosting import Hosted
from mynah.terminal.report import report_lines
from mynah.terminal.session import Session
from mynah.terminal.showing import candidate_lines
from storage.errors import MynahError
from storage.governance import QueuePlace
from storage.values import Candidate, Run, RunState

HELP = """\
Just type, and I answer. Ctrl-C stops an answer.
  /teach BETTER ANSWER   what I should have said to your last message
  /good  /bad            vote on my last answer
  /review                look at what waits, and say yes or no
  /retrain               learn what is approved
  /model                 which model answers
  /rollback              go back to the model before this one
  /privacy [allow|deny]  may I learn from what you write here?
  /reset                 begin a new conversation
  /tour                  the guided tour
  /quit                  goodbye (Ctrl-D does the same)"""

CONSENT_QUESTION = "May I learn from what you write here? Only what you approve is ever learnt. [y/N] "


@dataclass
class Talk:
    """One conversation, until it is over."""

    console: Console
    hosted: Hosted[Session]
    last: Reply | None = None
    """The newest answer: what `/teach` and `/good` are about."""
    _commands: dict[str, Callable[[str], object]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._commands = {
            "/teach": self.teach,
            "/good": lambda _: self.vote(1),
            "/bad": lambda _: self.vote(-1),
            "/review": lambda _: self.review(),
            "/retrain": lambda _: self.retrain(),
            "/model": lambda _: self.model(),
            "/rollback": lambda _: self.rollback(),
            "/privacy": self.privacy,
            "/reset": lambda _: self.reset(),
            "/tour": lambda _: self.tour(),
            "/stop": lambda _: self.console.say("Nothing to stop. While I answer, Ctrl-C stops me."),
            "/help": lambda _: self.console.say(HELP),
        }

    @property
    def session(self) -> Session:
        """What can be done; waits until everything is loaded."""
        return self.hosted.value

    def run(self) -> None:
        """Talk until the person leaves or the input ends.

        Raises:
            MynahError: what is needed could not be opened.
        """
        if not self.console.is_typed:
            _ = self.session  # a person may type while everything is loaded; a program is told first if that fails
        while (line := self.console.ask("you> ")) is not None:
            if line in {"/quit", "/exit", "/bye"}:
                return
            if line:
                self.take(line)

    def take(self, line: str) -> None:
        """One line: a command or something to say. Errors are told, and the conversation goes on."""
        try:
            if not line.startswith("/"):
                self.say(line)
                return
            name, _, rest = line.partition(" ")
            command = self._commands.get(name.lower())
            if command is None:
                self.console.say(f"There is no command {name}. /help shows them.", style="yellow")
            else:
                command(rest.strip())
        except MynahError as error:
            if self.hosted.has_failed:
                raise
            self.console.say(str(error), style="yellow")

    def say(self, text: str) -> Reply:
        """Say something to the bot and show its answer as it grows; Ctrl-C ends the answer, not the conversation."""
        session = self.session
        shown = GrowingAnswer(self.console)
        future = self.hosted.begin(session.answer(text, shown.update))
        try:
            reply = future.result()
        except KeyboardInterrupt:
            self.hosted.call(session.stop())
            reply = future.result()
        shown.end(reply)
        if reply.assistant_turn_id is not None:
            self.last = reply
        return reply

    def teach(self, better: str) -> Candidate | None:
        """✏️ for the last answer."""
        if self.last is None or self.last.assistant_turn_id is None:
            self.console.say("Say something first; then tell me what I should have answered.", style="yellow")
            return None
        if not better:
            self.console.say("Like this: /teach what I should have said", style="yellow")
            return None
        correction = self.hosted.call(self.session.correct(self.last.assistant_turn_id, better))
        if correction.outcome == CorrectionOutcome.NO_CONSENT and self.ask_consent():
            correction = self.hosted.call(self.session.correct(self.last.assistant_turn_id, better))
        self.console.say(_about(correction), style="" if correction.candidate else "yellow")
        return correction.candidate

    def vote(self, value: int) -> None:
        """👍 or 👎 for the last answer."""
        if self.last is None or self.last.assistant_turn_id is None:
            self.console.say("There is no answer to vote on yet.", style="yellow")
            return
        self.hosted.call(self.session.vote(self.last.assistant_turn_id, value))
        self.console.say("Thanks! 👍" if value > 0 else "Noted. 👎  With /teach you can tell me what would be better.")

    def ask_consent(self) -> bool:
        """Ask once whether the bot may learn from this person; later only `/privacy` asks."""
        known = self.hosted.call(self.session.consent())
        if known is not None:
            return known
        answer = self.console.ask(CONSENT_QUESTION)
        if answer is None:
            return False
        allowed = answer.lower() in {"y", "yes"}
        self.hosted.call(self.session.set_consent(allowed=allowed))
        self.console.say(
            "Thank you. /privacy changes that at any time." if allowed else "Fine. /privacy allow changes that."
        )
        return allowed

    def privacy(self, choice: str) -> None:
        """Show or change what the person here allows."""
        if choice in {"allow", "deny"}:
            self.hosted.call(self.session.set_consent(allowed=choice == "allow"))
        elif choice:
            self.console.say("Like this: /privacy allow, or /privacy deny", style="yellow")
            return
        allowed = self.hosted.call(self.session.consent())
        self.console.say(
            {
                True: "I may learn from what you write here, once you approve it. /privacy deny ends that.",
                False: "I learn nothing from what you write here. /privacy allow changes that.",
                None: "You have not said whether I may learn from you, so I don't. /privacy allow changes that.",
            }[allowed]
            + "\nEverything stays on this machine. `mynah forget terminal` deletes all you wrote here."
        )

    def review(self) -> None:
        """Walk through what waits."""
        after: QueuePlace | None = None
        seen = 0
        while page := self.hosted.call(self.session.waiting(after)):
            for item in page:
                seen += 1
                after, candidate = item.place, item.candidate
                self.console.say("\n".join(candidate_lines(candidate)))
                answer = self.console.ask("[a]pprove, [e]dit, [r]eject, [s]kip, [q]uit? ")
                if answer is None or answer.lower() in {"q", "quit"}:
                    return
                self._decide(candidate, answer.lower())
        self.console.say("That was all. /retrain learns what you approved." if seen else "Nothing waits for review.")

    def _decide(self, candidate: Candidate, answer: str) -> None:
        try:
            if answer in {"a", "approve", "y", "yes"}:
                self.hosted.call(self.session.approve(candidate.id))
                self.console.say("Approved.", style="green")
            elif answer in {"r", "reject", "n", "no"}:
                self.hosted.call(self.session.reject(candidate.id))
                self.console.say("Rejected.")
            elif answer in {"e", "edit"}:
                better = self.console.ask("What should I have said? ")
                if better:
                    self.hosted.call(self.session.edit(candidate.id, better))
                    self.console.say("Approved with your words.", style="green")
            else:
                self.console.say("Skipped.")
        except MynahError as error:
            self.console.say(str(error), style="yellow")

    def retrain(self) -> Run | None:
        """Ask for a run, show how it goes, and wait until the new model answers."""
        session = self.session
        before = session.chat.engine.version
        run = self.hosted.call(session.request_run())
        try:
            run = self._watch(run)
        except KeyboardInterrupt:
            self.hosted.call(session.cancel(run.id))
            self.console.say("I asked the trainer to give it up.", style="yellow")
            return None
        self.console.say("\n".join(report_lines(run)))
        if run.state != RunState.PROMOTED:
            self.console.say(f"I go on with the model I had ({before}).")
            return run
        if self.hosted.call(session.swapped(run.version)):
            self.console.say(f"From now on {run.version} answers, instead of {before}.", style="green")
        else:
            self.console.say("The new model is not in use yet; it follows as soon as it is loaded.", style="yellow")
        return run

    def _watch(self, run: Run) -> Run:
        """Follow a run to its end, as a bar for a person and as a line a step otherwise."""
        with RunSteps(self.console.rich, is_live=self.console.is_typed) as steps:

            async def follow() -> Run:
                newest = run
                async for newest in self.session.follow(run.id):
                    steps.show(newest)
                return newest

            return self.hosted.call(follow())

    def model(self) -> None:
        """Which model answers."""
        champion = self.hosted.call(self.session.champion())
        serving = self.session.chat.engine.version
        self.console.say(f"{serving} answers." + ("" if champion == serving else f" {champion} is being loaded."))

    def rollback(self) -> None:
        """Go back to the model before this one."""
        change = self.hosted.call(self.session.rollback())
        self.console.say(f"{change.to_version} answers again, instead of {change.from_version}.", style="green")

    def reset(self) -> None:
        """Begin a new conversation."""
        self.hosted.call(self.session.reset())
        self.last = None
        self.console.say("A new conversation. I have forgotten what we were talking about.")

    def tour(self) -> None:
        """The guided tour."""
        from mynah.terminal.tour import Tour

        Tour(self).run()


def _about(correction: Correction) -> str:
    if correction.outcome == CorrectionOutcome.WAITING and correction.candidate is not None:
        return f"Thank you! That waits as #{correction.candidate.id}: say yes to it in /review, then /retrain."
    return correction.sentence
