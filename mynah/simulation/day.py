"""One day of people: newcomers are asked for consent, members talk, vote and correct, and some take things back.

Trolls do what trolls do. Everything goes through the chat service, as it does from Discord.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from bot.chat.values import CorrectionOutcome, Incoming, Reply, ReplyKind
from mynah.simulation.community import SERVER, Community
from mynah.simulation.onlooker import Onlooker
from mynah.simulation.people import Habit, Member, Troll
from mynah.simulation.poison import poisoned
from mynah.simulation.talk import Dialogue
from storage.errors import MynahError
from storage.similarity import ALIKE, alikeness

_CORRECTS = 0.75
"""How often a member says what they would have liked to hear."""
_VOTES = 0.8
_EAGER = 2
"""Messages of a troll for each conversation of a member."""
_SECONDS_BETWEEN = (20, 90)
_YEARS = timedelta(days=900)
_YOUNG = timedelta(days=1)


class Day:
    """One day of a community."""

    def __init__(self, community: Community, number: int, decks: Sequence[list[Dialogue]], onlooker: Onlooker) -> None:
        self._community = community
        self._number = number
        self._decks = decks
        self._onlooker = onlooker
        self._chance = random.Random(f"day:{community.order.seed}:{number}")  # noqa: S311 - a repeatable story
        self._messages = 0
        self._written_by: dict[str, list[str]] = {}
        self.counts: Counter[str] = Counter()
        """`messages`, each `ReplyKind`, `votes`, `corrections`, and `correction <outcome>` of those that were not kept."""
        self.privacy: list[str] = []
        """What people did about their words, in sentences."""

    async def talk(self) -> None:
        """From the morning to the evening."""
        acts: list[Callable[[], Awaitable[None]]] = []
        for member in self._community.cast.members:
            if member.arrives == self._number:
                await self._welcome(member)
            if member.arrives <= self._number and member.name not in self._community.gone:
                acts += [_act(self._converse, member, one) for one in self._deal(member)]
        for troll in self._community.cast.trolls:
            if troll.arrives == self._number:
                await self._let_in(troll)
            if troll.arrives <= self._number:
                acts += [_act(self._push, troll)] * (_EAGER * self._community.order.conversations)
        self._chance.shuffle(acts)
        for done, act in enumerate(acts):
            self._onlooker.on_part("people talk", done, len(acts))
            await act()

    async def take_back(self) -> None:
        """In the evening, after the moderators: some delete, withdraw or ask to be forgotten."""
        for member in self._community.cast.members:
            if member.habit is Habit.DELETES:
                await self._delete_one(member)
            elif member.acts == self._number and member.habit is Habit.WITHDRAWS:
                await self._consent(member.name, allowed=False)
                self.privacy.append(f"{member.name} took the yes back")
            elif member.acts == self._number and member.habit is Habit.FORGETS:
                receipt = await self._community.service.forget(self._community.key(member.name), server=SERVER)
                self._community.willing.discard(member.name)
                self._community.gone.add(member.name)
                self.privacy.append(
                    f"{member.name} asked to be forgotten ({receipt.turns} messages and {receipt.candidates} examples "
                    f"are gone; {len(receipt.versions)} versions had learnt from them)"
                )

    async def _welcome(self, member: Member) -> None:
        community = self._community
        if await community.service.first_contact(SERVER, community.key(member.name)) is None:
            raise MynahError(f"{member.name} was not asked for consent.")
        if member.habit is Habit.NEVER_SAYS:
            self.privacy.append(f"{member.name} did not answer")
        elif member.habit is Habit.REFUSES:
            await self._consent(member.name, allowed=False)
            self.privacy.append(f"{member.name} said no")
        else:
            await self._consent(member.name, allowed=True, age=_YEARS)

    async def _let_in(self, troll: Troll) -> None:
        await self._consent(troll.name, allowed=True, age=_YOUNG)
        self.privacy.append(f"{troll.name} came, to teach something {troll.poison.value}")

    async def _consent(self, name: str, *, allowed: bool, age: timedelta | None = None) -> None:
        community = self._community
        made_at = None if age is None else community.clock() - age
        await community.service.set_consent(SERVER, community.key(name), allowed=allowed, account_made_at=made_at)
        (community.willing.add if allowed else community.willing.discard)(name)

    def _deal(self, member: Member) -> list[Dialogue]:
        """The member's share of today: as much as leaves some for each day that is left."""
        deck, days = self._decks[member.seat], self._community.order.rounds - self._number + 1
        count = min(self._community.order.conversations, -(-len(deck) // days))
        dealt, deck[:count] = deck[:count], []
        return dealt

    async def _converse(self, member: Member, dialogue: Dialogue) -> None:
        await self._community.service.reset(SERVER, member.name)
        for exchange in dialogue.exchanges:
            self._community.book.good(exchange)
            message, reply = await self._say(member.name, exchange.asked)
            if reply.assistant_turn_id is None:
                continue
            is_right = alikeness(reply.text, exchange.wanted) >= ALIKE
            if self._chance.random() < _VOTES:
                await self._vote(member.name, reply.assistant_turn_id, 1 if is_right else -1)
            if is_right or self._chance.random() >= _CORRECTS:
                continue
            if await self._correct(member.name, message, reply.assistant_turn_id, exchange.wanted):
                self._community.book.offered(exchange)

    async def _push(self, troll: Troll) -> None:
        """A troll asks something, votes the honest answer down and offers another."""
        every = [exchange for one in self._community.talk.said for exchange in one.exchanges]
        bad = poisoned(troll.poison, every, self._chance)
        self._community.book.poison(bad, troll.poison)
        await self._community.service.reset(SERVER, troll.name)
        message, reply = await self._say(troll.name, bad.asked)
        if reply.assistant_turn_id is not None:
            await self._vote(troll.name, reply.assistant_turn_id, -1)
            await self._correct(troll.name, message, reply.assistant_turn_id, bad.wanted)

    async def _say(self, who: str, text: str) -> tuple[str, Reply]:
        """A message, in the person's own channel; returns its id, and what was answered."""
        community = self._community
        community.clock.pass_seconds(self._chance.randint(*_SECONDS_BETWEEN))
        self._messages += 1
        message = f"{self._number}-{self._messages}"
        incoming = Incoming(SERVER, who, community.key(who), text, external_id=message)
        community.book.said(who, message, text)
        self._written_by.setdefault(who, []).append(message)
        reply: Reply | None = None
        async for update in community.service.answer(incoming):
            reply = update.reply or reply
        if reply is None:
            raise MynahError("A person got no reply.")
        self.counts["messages"] += 1
        self.counts[reply.kind.value] += 1
        if reply.kind is ReplyKind.ANSWER:
            community.book.may_be_learnt(reply.text)
        return message, reply

    async def _vote(self, who: str, answer: int, value: int) -> None:
        await self._community.service.vote(answer, self._community.key(who), value)
        self.counts["votes"] += 1

    async def _correct(self, who: str, message: str, answer: int, text: str) -> bool:
        """Offer a better answer; returns whether it waits for review."""
        self._community.book.said(who, message, text)
        found = await self._community.service.correct(answer, self._community.key(who), text)
        is_kept = found.outcome is CorrectionOutcome.WAITING
        self.counts["corrections" if is_kept else f"correction {found.outcome.value}"] += 1
        return is_kept

    async def _delete_one(self, member: Member) -> None:
        written = self._written_by.get(member.name)
        if written:
            message = self._chance.choice(written)
            await self._community.service.deleted(SERVER, [message])
            self._community.book.deleted(message)
            self.privacy.append(f"{member.name} deleted a message")


def _act(work: Callable[..., Awaitable[None]], *told: Member | Troll | Dialogue) -> Callable[[], Awaitable[None]]:
    return lambda: work(*told)
