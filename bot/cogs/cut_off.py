"""Answers of ours that were begun and never ended, because the process that gave them is gone.

What a channel shows of an answer to a message: the message that refers to it, and where the text was too long for one,
those that follow. Whole are those with buttons, the sentences of ours, and what was stored just so; anything else that
answers a stored message is a beginning. What is shown and not stored is not looked for elsewhere: it is answered anew,
in the very same messages.
"""

from collections.abc import Sequence

import discord

from bot.chat import sentences
from bot.cogs.sending import MAX_CHARACTERS, presentable, split
from storage.store import Store
from storage.values import Turn


def answers_to(
    message: discord.Message, messages: Sequence[discord.Message], me: discord.abc.Snowflake
) -> list[discord.Message]:
    """Which of some messages, oldest first, answer one: those of ours that refer to it."""
    return [
        one
        for one in messages
        if one.author.id == me.id and one.reference is not None and one.reference.message_id == message.id
    ]


def carriers(first: discord.Message, messages: Sequence[discord.Message]) -> list[discord.Message]:
    """The messages, oldest first, that together carry an answer of ours which begins with this one."""
    found = [first]
    if len(first.content) < MAX_CHARACTERS // 3:  # a text is cut in the second half of what fits
        return found
    for one in messages:
        if one.author == first.author and one.id > first.id:
            if one.reference is not None or one.components or one.embeds or one.interaction_metadata is not None:
                break
            found.append(one)
    return found


async def beginning(
    message: discord.Message, messages: Sequence[discord.Message], me: discord.abc.Snowflake, store: Store, server: str
) -> list[discord.Message] | None:
    """Our messages that carry only the beginning of an answer to a message; empty: there are none; None: it is answered.

    Args:
        message: a person's.
        messages: of its channel, oldest first.
        me: the bot.
        store: where questions and answers are kept.
        server: where they are kept under.
    """
    answers = answers_to(message, messages, me)
    if not answers:
        return []
    if any(one.components or one.embeds or one.content in sentences.REPLIES for one in answers):
        return None
    question = await store.conversations.turn_by_external_id(server, str(message.id))
    if question is None:  # nothing is streamed before it is stored; and what was forgotten since is not taken up again
        return None
    shown = carriers(answers[-1], messages)
    answer = await store.conversations.answer_to(question.id)
    return None if answer is not None and _is_shown(answer, shown) else shown


def _is_shown(answer: Turn, shown: Sequence[discord.Message]) -> bool:
    """Whether all of it is there. The text for people in danger has no buttons; anything else of a model's has."""
    return answer.verdict.is_crisis and [one.content for one in shown] == split(presentable(answer.text))
