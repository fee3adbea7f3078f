"""What tests of the review cards do again and again: let people talk, press, choose, and read what a card says."""

from typing import Any

from storage.values import Candidate, Message, NewCandidate, Outcome, Role, Source, Verdict
from tests.bot.cogs.server import Server

NOBODY = "Only moderators may do that. Ask the people who run this server."
NOTHING = "Nothing waits for you to review. 🎉"


async def talk(server: Server, *texts: str) -> None:
    """Let ann, who allows it, say some things: each waits for review."""
    await server.allow(server.ann)
    for text in texts:
        await server.parts.chat.reset(server.key, str(server.channel.id))
        await server.say(text)


async def waits(
    server: Server,
    question: str,
    reply: str = "An answer",
    *,
    author: Any = None,
    verdict: Verdict | None = None,
    source: Source = Source.MESSAGE,
) -> Candidate:
    """A candidate that waits, written straight into the store."""
    author = author or server.ann
    await server.allow(author)
    messages = (Message(Role.USER, question), Message(Role.ASSISTANT, reply))
    verdict = verdict or Verdict(Outcome.PASS, reply)
    keys = (server.key_of(author),)
    return await server.parts.store.candidates.add(
        NewCandidate(messages, server.key, str(server.channel.id), source, verdict, author_keys=keys)
    )


async def walk(server: Server, who: Any = None) -> Any:
    """`/review queue`."""
    return await (who or server.moderator).slash(server.channel, "review queue")


def shown(result: Any) -> str:
    """All that a message says now: its text, its card and the card's fields."""
    message = result.response.message if hasattr(result, "response") else result
    embeds = [(str(e.title), str(e.description), *(f"{f.name}: {f.value}" for f in e.fields)) for e in message.embeds]
    return "\n".join([str(message.content), *(part for embed in embeds for part in embed)])


def items(message: Any) -> list[Any]:
    """The buttons and menus of a message."""
    return [item for row in message.components for item in row.children]


def labels(message: Any) -> list[str]:
    """What the buttons of a message say."""
    return [item.label for item in items(message) if getattr(item, "label", None)]


async def press(who: Any, message: Any, label: str) -> Any:
    """Press the button that says this."""
    return await who.click(message, label=label)


async def reject(who: Any, message: Any, reason: str, *, everything: bool = False) -> Any:
    """Choose a reason in a card's menu."""
    start = "mynah:reject:all:" if everything else "mynah:reject:one:"
    [menu] = [item.custom_id for item in items(message) if item.custom_id.startswith(start)]
    return await who.select(message, [reason], custom_id=menu)


async def fill(who: Any, form: Any, words: str) -> Any:
    """Fill in the only field of a form."""
    [row] = form.modal["components"]
    field = row["components"][0] if "components" in row else row["component"]
    return await who.submit_modal(form, {field["custom_id"]: words})


def told(result: Any) -> str:
    """All that whoever pressed is told in answer."""
    return "\n".join(str(one.content) for one in (result.response, *result.followups) if one is not None)
