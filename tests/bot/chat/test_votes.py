import pytest

from storage.errors import WrongUsage
from tests.bot.chat.conversing import Chat


async def test_each_member_has_one_vote_that_can_be_changed_and_taken_back(chat: Chat) -> None:
    turn = (await chat.say("Hello")).assistant_turn_id
    assert turn is not None
    assert await chat.service.vote(turn, "ann", 1) == (1, 0)
    assert await chat.service.vote(turn, "bob", 1) == (2, 0)
    assert await chat.service.vote(turn, "ann", -1) == (1, 1)
    assert await chat.service.vote(turn, "ann", 0) == (1, 0)


async def test_only_answers_can_be_voted_on(chat: Chat) -> None:
    question = (await chat.say("Hello")).user_turn_id
    assert question is not None
    for turn_id in (question, 10**12):
        with pytest.raises(WrongUsage):
            await chat.service.vote(turn_id, "ann", 1)


async def test_a_vote_is_plus_or_minus_one(chat: Chat) -> None:
    turn = (await chat.say("Hello")).assistant_turn_id
    assert turn is not None
    with pytest.raises(WrongUsage):
        await chat.service.vote(turn, "ann", 5)
