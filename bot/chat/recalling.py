"""Which approved exchange may help an answer right now.

Promises: only of the same server, and only of the same channel or one that everybody here may read; allowed and not yet
trained in at this moment, by one query; screened anew; within the budget of tokens; written down before it is used. Whatever
fails, the answer is given without help.
"""

import logging

from bot.chat.history import is_fit
from bot.chat.servers import Here, Servers
from bot.chat.values import Incoming
from bot.engine.protocol import Engine
from bot.engine.recall import LOOKED_AT, likely
from bot.engine.routing import Place, version_for
from bot.settings import ChatSettings
from storage.similarity import reply_of
from storage.store import Store
from storage.values import Turn

logger = logging.getLogger(__name__)


class Recalling:
    """Looks for help.

    Args:
        store: where exchanges are.
        engine: says which version will answer.
        chat: whether and how much may be recalled.
        servers: whether anything of a server may be learnt.
        base_hash: of the base whose measurement decides where the setting is `auto`; None: there is none.
    """

    def __init__(
        self, store: Store, engine: Engine, chat: ChatSettings, servers: Servers, base_hash: str | None
    ) -> None:
        self._store = store
        self._engine = engine
        self._chat = chat
        self._servers = servers
        self._base_hash = base_hash

    async def reply_for(self, question: Turn, incoming: Incoming, here: Here) -> str | None:
        """An approved reply to put before the model; None where nothing may help."""
        try:
            return await self._found(question, incoming, here)
        except Exception as error:
            logger.exception("nothing recalled", extra={"error": type(error).__name__, "turn": question.id})
            return None

    async def _found(self, question: Turn, incoming: Incoming, here: Here) -> str | None:
        if not await self._is_on() or not await self._servers.may_learn(incoming.server):
            return None
        version = version_for(self._engine.routes, Place(incoming.server, incoming.channel))
        near = await self._store.recalls.find(incoming.server, question.text, version=version, limit=LOOKED_AT)
        may_be_shown = [one for one in near if incoming.may_show(one.candidate.channel)]
        for one in likely(question.text, may_be_shown, max_tokens=self._chat.recall_tokens):
            [verdict] = await here.screening.check([reply_of(one.candidate.messages)])
            if is_fit(verdict) and verdict.text.strip():
                await self._store.recalls.note(question.id, [one.candidate.id])
                return verdict.text
        return None

    async def _is_on(self) -> bool:
        if self._chat.recall != "auto":
            return self._chat.recall == "on"
        if self._base_hash is None:
            return False
        measure = await self._store.recalls.measure(self._base_hash)
        return measure is not None and measure.helps
