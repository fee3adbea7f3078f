"""Things people say to a chat bot, of ours, for measurements that need something to answer."""

OPENERS = (
    "Hi there!",
    "How are you today?",
    "I had a terrible day at work and my boss shouted at me in front of everyone.",
    "What do you like to do on a rainy Sunday?",
    "Do you watch any films? I saw one about a lighthouse keeper last night and could not sleep afterwards.",
    "Tell me a joke.",
    "My dog learnt to open the fridge. We have no more sausages, and he has no regrets at all about any of it.",
    "Good night",
    "Who are you?",
    "I think I am going to paint my room green. Or blue. Do you have a favourite colour, or is that a silly question?",
    "Which band should I listen to?",
    "What is your opinion about football?",
    "I'm bored",
    "Can you keep a secret?",
    "It is my birthday and nobody has remembered it so far, which is fine, I suppose, but still a little sad.",
    "Thank you, that was nice of you to say.",
)


def opener(number: int) -> str:
    """A thing to say; different numbers differ."""
    return f"{OPENERS[number % len(OPENERS)]}{' Really.' * (number // len(OPENERS) % 5)}"
