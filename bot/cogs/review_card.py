"""The card a moderator sees: one candidate as an embed, inside Discord's limits whatever its words are."""

import io
from datetime import datetime

import discord

from bot.cogs.quoting import quoted
from bot.review.desk import ReviewSheet
from bot.review.wording import (
    doubt_in_words,
    feedback_in_words,
    likeness_in_words,
    quorum_in_words,
    source_in_words,
)
from storage.values import Candidate, CandidateState, Message, Outcome, Role

_CONTEXT_CHARACTERS = 900
_WORDS_CHARACTERS = 1300
"""Of the question, and of the reply: with the context below an embed's 4,096."""
_DECIDED_CHARACTERS = 300
_FIELD_CHARACTERS = 1000
_COLOURS = {
    CandidateState.WAITING: discord.Colour.blurple(),
    CandidateState.APPROVED: discord.Colour.green(),
    CandidateState.REJECTED: discord.Colour.dark_grey(),
}
_NAMES = {Role.USER: "Member", Role.ASSISTANT: "Mynah", Role.SYSTEM: "System"}


def waiting_embed(sheet: ReviewSheet) -> discord.Embed:
    """A candidate that waits: the exchange, and what there is to know about it."""
    candidate, item = sheet.candidate, sheet.item
    text, _ = _exchange(candidate.messages)
    embed = discord.Embed(title=f"May I learn this? · {candidate.id}", description=text, colour=_colour(candidate))
    embed.url = _link(sheet)
    members = [f"👍 {item.votes_up}  👎 {item.votes_down}", feedback_in_words(item.feedback)]
    _add(embed, "Screens", doubt_in_words(candidate.verdict))
    _add(embed, "Members", *members)
    _add(embed, "Alike", likeness_in_words(item))
    _add(embed, "Approvals", quorum_in_words(item))
    _add(embed, "From", f"{source_in_words(candidate.source)}, {_place(candidate)}", _age(candidate.created_at))
    embed.set_footer(text=f"{sheet.waiting} waiting" + ("" if is_shown_whole(candidate) else " · shortened"))
    return embed


def decided_embed(candidate: Candidate) -> discord.Embed:
    """A candidate that was decided, in a line; what was rejected shows no words any more."""
    if candidate.state is not CandidateState.APPROVED:
        return discord.Embed(
            title=f"Not learnt · {candidate.id}", description="Rejected or withdrawn.", colour=_colour(candidate)
        )
    question, reply = (quoted(message.text, _DECIDED_CHARACTERS)[0] for message in _last_two(candidate.messages))
    return discord.Embed(
        title=f"Approved · {candidate.id}", description=f"{question}\n{reply}", colour=_colour(candidate)
    )


def is_shown_whole(candidate: Candidate) -> bool:
    """Whether the card shows every word of the exchange."""
    return _exchange(candidate.messages)[1]


def whole_text(candidate: Candidate) -> discord.File:
    """Every word of the exchange, as a file."""
    text = "\n\n".join(f"{_NAMES[message.role]}:\n{message.text}" for message in candidate.messages)
    return discord.File(io.BytesIO(text.encode("utf-8", "replace")), filename=f"candidate-{candidate.id}.txt")


def _exchange(messages: tuple[Message, ...]) -> tuple[str, bool]:
    """The exchange as a description, and whether all of it is there."""
    question, reply = _last_two(messages)
    past, is_whole = _context(messages[:-2])
    parts = [f"*Before that*\n{past}"] if past else []
    for name, message in ((_NAMES[question.role], question), ("Mynah, to be learnt", reply)):
        text, fits = quoted(message.text, _WORDS_CHARACTERS)
        parts.append(f"**{name}**\n{text}")
        is_whole = is_whole and fits
    return "\n\n".join(parts), is_whole


def _context(messages: tuple[Message, ...]) -> tuple[str, bool]:
    """The earlier messages, the nearest ones if not all fit."""
    kept: list[str] = []
    room, is_whole = _CONTEXT_CHARACTERS, True
    for message in reversed(messages):
        text, fits = quoted(f"{_NAMES[message.role]}: {message.text}", min(room, _CONTEXT_CHARACTERS // 2))
        if room < _CONTEXT_CHARACTERS // 6:
            return "\n".join(kept), False
        kept.insert(0, text)
        room -= len(text) + 1
        is_whole = is_whole and fits
    return "\n".join(kept), is_whole


def _last_two(messages: tuple[Message, ...]) -> tuple[Message, Message]:
    """What was said and the reply; an import may hold a reply to nothing."""
    question = messages[-2] if len(messages) > 1 else Message(Role.USER, "(nothing)")
    return question, messages[-1]


def _add(embed: discord.Embed, name: str, *lines: str) -> None:
    value = "\n".join(line for line in lines if line)[:_FIELD_CHARACTERS]
    if value:
        embed.add_field(name=name, value=value, inline=True)


def _colour(candidate: Candidate) -> discord.Colour:
    if candidate.state is CandidateState.WAITING and candidate.verdict.outcome is not Outcome.PASS:
        return discord.Colour.gold()
    return _COLOURS[candidate.state]


def _place(candidate: Candidate) -> str:
    return f"<#{candidate.channel}>" if candidate.channel.isdigit() else "no channel"


def _age(created_at: datetime) -> str:
    return discord.utils.format_dt(created_at, "R")


def _link(sheet: ReviewSheet) -> str | None:
    """Where the message is, for a moderator who wants to see what went on around it."""
    candidate = sheet.candidate
    parts = (candidate.server, candidate.channel, sheet.message or "")
    return f"https://discord.com/channels/{'/'.join(parts)}" if all(part.isdigit() for part in parts) else None
