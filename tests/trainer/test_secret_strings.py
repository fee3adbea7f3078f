"""What looks like a secret in what is learnt, and what does not; and when one is common knowledge."""

import pytest

from storage.values import Message, Role
from tests.trainer.examples import candidate, example, origins
from trainer.origins import Origins
from trainer.secret_strings import says, secret_like, unshared_secrets
from trainer.snapshots import Conversation


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        pytest.param("my locker number is 739204.", "739204", id="long number"),
        pytest.param("it's 7392-0418-55, keep it", "7392-0418-55", id="number in groups"),
        pytest.param("the door code is 4821", "4821", id="short, but called a code"),
        pytest.param("the key for the shed: 88-41", "88-41", id="short, but called a key"),
        pytest.param("the PIN of my card was 0917!", "0917", id="a pin"),
        pytest.param("try x7k2q9 as your login", "x7k2q9", id="letters and digits mixed"),
        pytest.param("write to mira.k@nowhere", "mira.k@nowhere", id="like mail, without an ending"),
        pytest.param("it is qWeRtZuIoPaSdFgHjKlY", "qWeRtZuIoPaSdFgHjKlY", id="a long key of letters"),
    ],
)
def test_codes_keys_and_long_numbers_look_like_secrets(text: str, secret: str) -> None:
    assert secret_like(text) == [secret]


@pytest.mark.parametrize(
    "text",
    [
        "The server's IP day is Friday at eight.",
        "Game night is on Friday at 20:30.",
        "We began in 2019, and again in 2021 2022 2023.",
        "The next one is on 2026-11-27, or 27-11-2026.",
        "It has 1,000,000 members, that is 1000000.",
        "Version 1.20.4 runs on port 25565.",
        "R2D2 and C3PO watched Apollo11 on a 1080p screen for 300 dollars.",
        "Count with me: 1 2 3 4 5 6 7 8, or 123456.",
        "The code is simple, and the key is to practise.",
        "The key thing is port 25565.",
        "twenty-three and internationalisation of a straightforwardness",
        "",
    ],
)
def test_everyday_numbers_and_words_do_not(text: str) -> None:
    assert secret_like(text) == []


def test_a_string_of_one_member_is_private_however_often_it_was_said() -> None:
    said = [example(f"what was it, take {n}?", "my number is 739204") for n in "abcdefgh"]

    (secret,) = unshared_secrets(said, origins(said, "mira"), pinned=[], people=3)

    assert (secret.text, secret.people, len(secret.places)) == ("739204", 1, 8)


def test_what_enough_people_said_is_common_knowledge_and_one_fewer_is_not_enough() -> None:
    said = [example(f"what was it, take {n}?", "the room is 739204") for n in "abcd"]

    assert unshared_secrets(said, origins(said, "mira", "noor", "ola"), pinned=[], people=3) == []
    assert len(unshared_secrets(said, origins(said, "mira", "noor"), pinned=[], people=3)) == 1


def test_the_same_words_of_several_members_count_for_each_of_them() -> None:
    (said,) = [example("which room?", "the room is 739204")]
    whose = Origins.of(
        [(said.content_hash, candidate(number, said, name)) for number, name in enumerate(("mira", "noor", "ola"))]
    )

    assert unshared_secrets([said], whose, pinned=[], people=3) == []
    assert whose.behind([said.content_hash]).candidate_ids == (0, 1, 2)


def test_all_whom_nobody_knows_are_one_person() -> None:
    said = [example(f"what was it, take {n}?", "the room is 739204") for n in "abcdefgh"]

    (secret,) = unshared_secrets(said, origins(said), pinned=[], people=2)

    assert secret.people == 1


def test_what_the_operator_pinned_is_meant_to_be_told() -> None:
    said = [example("which room?", "the room is 7392-04")]

    assert unshared_secrets(said, origins(said), pinned=["room 739204"], people=3) == []
    assert len(unshared_secrets(said, origins(said), pinned=["friday"], people=3)) == 1


def test_what_only_the_person_said_is_not_learnt_and_so_no_danger() -> None:
    said = [example("my number is 739204", "Thanks, I will forget it.")]

    assert unshared_secrets(said, origins(said, "mira"), pinned=[], people=3) == []


def test_repeating_what_was_just_said_is_not_knowing_it_by_heart() -> None:
    said = [example("my number is 739 204 now", "So it is 739204.")]

    assert unshared_secrets(said, origins(said, "mira"), pinned=[], people=3) == []


def test_earlier_answers_of_a_conversation_are_learnt_too() -> None:
    messages = (
        Message(Role.USER, "which room?"),
        Message(Role.ASSISTANT, "It is 739204."),
        Message(Role.USER, "thanks"),
        Message(Role.ASSISTANT, "You are welcome."),
    )

    (secret,) = unshared_secrets([Conversation(messages, "hash")], origins([]), pinned=[], people=3)

    assert secret.places[0].messages == messages[:2]


def test_a_string_is_found_again_however_it_is_spaced_and_capitalised() -> None:
    assert says("well, 73 92-04 it is", "7392-04")
    assert says("X7K2Q9!", "x7k2q9")
    assert not says("739205", "739204")
