"""What can be done in a conversation at the terminal, without knowing what it looks like.

All of it runs in the event loop; the face in the main thread calls in. One person, the operator, sits here: they may
review their own words, because they answer for this machine.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.chat.values import Correction, Incoming, Reply
from bot.review.desk import ReviewDesk
from mynah.settings import Settings
from mynah.terminal.trainer_beside import Trainer, trainer_beside
from mynah.world import TERMINAL_SERVER, ChatWorld, open_chat
from storage.errors import MynahError, Refused
from storage.governance import QueueItem, QueuePlace
from storage.values import Alias, AliasChange, Candidate, Run

CHANNEL = "terminal"
POLL_SECONDS = 0.3
SWAP_SECONDS = 60.0


def _only_one_person_is_here(_channel: str) -> bool:
    return True


@dataclass(frozen=True)
class Session:
    """The conversation of the person at this terminal."""

    chat: ChatWorld
    desk: ReviewDesk
    trainer: Trainer
    channel: str = CHANNEL

    @property
    def me(self) -> str:
        """The author key of whoever sits here."""
        return self.chat.world.operator_key

    async def answer(self, text: str, show: Callable[[str], None]) -> Reply:
        """Say something; `show` gets all of the answer so far, again and again. The reply comes at the end."""
        reply: Reply | None = None
        incoming = Incoming(TERMINAL_SERVER, self.channel, self.me, text, is_open=_only_one_person_is_here)
        async for update in self.chat.service.answer(incoming):
            show(update.text)
            reply = update.reply or reply
        if reply is None:
            raise MynahError("The answer ended without a word.", advice="Please try again.")
        return reply

    async def stop(self) -> None:
        """End the answer that is on its way."""
        self.chat.service.stop(TERMINAL_SERVER, self.channel)

    async def reset(self) -> None:
        """Begin a new conversation."""
        await self.chat.service.reset(TERMINAL_SERVER, self.channel)

    async def consent(self) -> bool | None:
        """Whether the person here allowed learning; None: never asked."""
        return await self.chat.service.consent(TERMINAL_SERVER, self.me)

    async def set_consent(self, *, allowed: bool) -> None:
        """Note their decision."""
        await self.chat.service.set_consent(TERMINAL_SERVER, self.me, allowed=allowed)

    async def correct(self, turn_id: int, better: str) -> Correction:
        """Offer better words for an answer."""
        return await self.chat.service.correct(turn_id, self.me, better)

    async def vote(self, turn_id: int, value: int) -> None:
        """👍 or 👎."""
        await self.chat.service.vote(turn_id, self.me, value)

    async def waiting(self, after: QueuePlace | None = None) -> list[QueueItem]:
        """What waits for review, best first, from after a place."""
        return await self.desk.page(self.me, after=after)

    async def approve(self, candidate_id: int) -> Candidate:
        """Say yes to a candidate."""
        return await self.desk.approve(candidate_id, self.me)

    async def edit(self, candidate_id: int, reply: str) -> Candidate:
        """Say yes to other words."""
        return await self.desk.edit(candidate_id, self.me, reply)

    async def reject(self, candidate_id: int) -> Candidate:
        """Say no to a candidate."""
        return await self.desk.reject(candidate_id, self.me)

    async def champion(self) -> str | None:
        """The version that should answer."""
        return await self.chat.world.store.aliases.current(Alias.CHAMPION)

    async def rollback(self) -> AliasChange:
        """Give the champion's place back to the version before it, and wait until that one answers."""
        change = await self.chat.world.store.aliases.rollback(actor=self.me, reason="rolled back at the terminal")
        await self.swapped(change.to_version)
        return change

    async def swapped(self, version: str | None) -> bool:
        """Wait until a version answers here; False if it did not come to that in time.

        Raises:
            MynahError: the version cannot be served, so the one before it goes on answering.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + SWAP_SECONDS
        began = self.chat.world.clock()
        while self.chat.engine.version != version:
            if loop.time() > end:
                return False
            for entry in await self.chat.world.store.audit.latest(limit=5):
                if (entry.action, entry.subject) == ("swap-refused", version) and entry.created_at >= began:
                    raise MynahError(
                        f"{version} cannot be served: {entry.details.get('reason', '')}",
                        advice=f"{self.chat.engine.version} goes on answering.",
                    )
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def request_run(self) -> Run:
        """Ask for a run, with a trainer there to do it.

        Raises:
            Refused: nothing was approved, so there is nothing to learn.
        """
        if not await self.chat.world.store.candidates.learnable(limit=1):
            raise Refused(
                "Nothing is approved yet, so there is nothing to learn.",
                advice="Teach me with /teach, then say yes to it in /review.",
            )
        await self.trainer.ensure()
        return await self.chat.world.store.runs.request(self.me)

    async def follow(self, run_id: int) -> AsyncIterator[Run]:
        """A run's row, again and again, until it is final.

        Raises:
            MynahError: the trainer ended for good.
        """
        while True:
            run = await self.run(run_id)
            yield run
            if run.state.is_final:
                return
            if self.trainer.has_given_up:
                raise MynahError(
                    "The trainer does not start.",
                    advice=f"Its last words are in {self.chat.world.settings.home / 'logs' / 'trainer.out'}.",
                )
            await asyncio.sleep(POLL_SECONDS)

    async def run(self, run_id: int) -> Run:
        """A run's row as it is now."""
        run = await self.chat.world.store.runs.get(run_id)
        if run is None:
            raise MynahError(f"Run {run_id} is gone.", advice="Ask for another with /retrain.")
        return run

    async def cancel(self, run_id: int) -> None:
        """Ask for a run to end."""
        await self.chat.world.store.runs.cancel(run_id)


@asynccontextmanager
async def open_session(settings: Settings) -> AsyncIterator[Session]:
    """Open everything that a conversation at the terminal needs; the trainer starts when a run is asked for."""
    async with (
        open_chat(settings) as chat,
        trainer_beside(settings.home) as trainer,
    ):
        yield Session(chat, ReviewDesk(chat.world.store, chat.screening, may_review_own=True), trainer)
