from bot.cogs.seen import Seen


def test_a_message_is_new_once() -> None:
    seen = Seen()
    assert [seen.is_new(number) for number in (1, 2, 1, 2, 3)] == [True, True, False, False, True]


def test_only_the_newest_are_remembered() -> None:
    seen = Seen(kept=2)
    assert all(seen.is_new(number) for number in (1, 2, 3))
    assert [seen.is_new(number) for number in (3, 2, 1)] == [False, False, True]
