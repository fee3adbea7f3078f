"""What people are told when no model speaks. Friendly, short, and with what to do next."""

EMPTY = "There was nothing in that message that I can read. Write me a few words and I'll answer."
TOO_LONG = "That message is too long for me. Please send a shorter one."
TOO_MANY = "You're faster than I am! Please wait a moment before the next message."
STILL_ANSWERING = "I'm still answering your last message here. Wait for it, or stop it with /stop."
UNWELCOME = "I'd rather not answer that. Let's talk about something else."
OUTPUT_REFUSED = "What came to my mind was not worth saying. Ask me something else, or put it another way."
NO_WORDS = "I could not find any words for that. Please put it another way."
BUSY = "I'm talking to a lot of people right now. Please try again in a moment."
OUT_OF_TIME = "I thought about that for too long and gave up. Please try again."
TROUBLE = "Sorry, something went wrong on my side and I could not answer. Please try again in a minute."
NO_MEMORY = "Sorry, I can't reach my memory right now, so I can't answer. Please try again in a minute."
STOPPED = "Stopped."
WITHDRAWN = "That message is gone, so I stopped answering it."
ELSEWHERE = "Another process of mine answers that."

REPLIES = frozenset(
    {
        *(EMPTY, TOO_LONG, TOO_MANY, STILL_ANSWERING, UNWELCOME, OUTPUT_REFUSED, NO_WORDS),
        *(BUSY, OUT_OF_TIME, TROUBLE, NO_MEMORY, STOPPED, WITHDRAWN, ELSEWHERE),
    }
)
"""All that may be said instead of a model's words."""

FIRST_CONTACT = (
    "May I learn from what you write to me here? Moderators look at every example first; without your yes I learn nothing, "
    "and `/privacy` changes it at any time."
)

THANKS = "Thank you! Your answer waits for a moderator to look at it."
REFUSED_WORDS = "Thank you, but I can't keep those words. Please put it another way."
NO_ANSWER_THERE = "I can't take a better answer for that message: it is gone, or it was not an answer of mine."
LEARNING_IS_OFF = "Thank you, but I don't learn from what is said here."
YOU_HAVE_NOT_ALLOWED = "Thank you! I may only keep it when you allow me to learn from you: /privacy allow"
ASKER_HAS_NOT_ALLOWED = "Thank you, but the person who asked has not allowed me to learn from them, so I can't keep it."
CANNOT_KEEP_NOW = "Sorry, I could not keep that right now. Please try again in a minute."
