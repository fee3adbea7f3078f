"""How well a grown model knows talk that it never read, source by source, and what it says."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice

from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import LoadedWeights
from storage.values import Message, Role
from trainer.evaluation import Figures, can_read, document_of, score_documents
from trainer.growing.dataset import Talk
from trainer.packing import Document

ALL = "all"
_MOST_TALKS = 300
"""Of a source: more would make the figures little surer."""
_OWN_PROMPTS = ("Hello!", "How are you today?", "What are you?", "Tell me something nice.", "I had a long day.")
_HELDOUT_PROMPTS = 5
_NEARLY_GREEDY = Sampling(temperature=0.0, max_new_tokens=48)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the model answers to something."""

    prompt: str
    reply: str


def figures_by_source(weights: LoadedWeights, talks: Iterable[Talk]) -> dict[str, Figures]:
    """Figures over the assistant's words, for each source and for `all`; empty without talk. Blocks."""
    documents: defaultdict[str, list[Document]] = defaultdict(list)
    for talk in talks:
        of_source = documents[talk.source]
        if len(of_source) < _MOST_TALKS:
            document = document_of(weights, _messages(talk))
            if document is not None:
                of_source.append(document)
    scores = {source: score_documents(weights, found) for source, found in sorted(documents.items()) if found}
    figures = {source: Figures.of(found) for source, found in scores.items()}
    if figures:
        figures[ALL] = Figures.of([score for found in scores.values() for score in found])
    return figures


def samples(weights: LoadedWeights, talks: Iterable[Talk]) -> list[Sample]:
    """Answers to a few words of ours and to the first words of some held-out talk. Blocks."""
    first_words = (
        next((message["content"] for message in talk.messages if message["role"] == "user"), "") for talk in talks
    )
    readable = (
        prompt
        for prompt in chain(_OWN_PROMPTS, first_words)
        if prompt.strip() and can_read(weights, [Message(Role.USER, prompt)])
    )
    prompts = list(dict.fromkeys(islice(readable, len(_OWN_PROMPTS) + _HELDOUT_PROMPTS)))
    replies = generate_replies(weights, [[Message(Role.USER, prompt)] for prompt in prompts], _NEARLY_GREEDY, seed=0)
    return [Sample(prompt, reply) for prompt, reply in zip(prompts, replies, strict=True)]


def _messages(talk: Talk) -> list[Message]:
    return [Message(Role(message["role"]), message["content"]) for message in talk.messages]
