"""What can go wrong between us and a model server, as far as one must do something else about it.

    EngineFailed
    ├── EngineAway          nobody there, cut off, or too slow       another replica may answer
    │   └── TooSlow         it lists nothing in time                 it may answer all the same
    ├── ServerTrouble       5xx, or no sense in what it sent         another replica may answer
    ├── ServerFull          429, 503: too much to do                 another replica may answer
    ├── NotServed           404: it does not know that model         it was restarted: load again
    ├── TooMuchContext      400: the prompt is too long for it       fewer turns
    └── ServerRefused       other 4xx: key, name, parameters         the operator must mend it

A server's own words are told only about models and adapters: about a prompt they may quote it.
"""

from bot.engine.protocol import EngineAway, EngineFailed


class TooSlow(EngineAway):
    """The server did not say in time what it has, such as while it loads a model; it may answer people nevertheless."""


class ServerTrouble(EngineFailed):
    """The server failed, or sent what makes no sense."""


class ServerFull(EngineFailed):
    """The server has too much to do."""


class NotServed(EngineFailed):
    """The server knows no model of that name."""


class TooMuchContext(EngineFailed):
    """The prompt and the answer do not fit the server's context."""


class ServerRefused(EngineFailed):
    """The server said no, and will say so again."""
