import pytest

from bot.screening.bounds import prepare
from bot.screening.folding import Folder
from bot.screening.personal_data import PersonalData, scrub
from storage.values import Outcome

FOUND = {
    "mail me at jane.doe+chat@mail.example.co.uk please": ("email", "mail me at [email] please"),
    "it's jane (at) example (dot) com": ("email", "it's [email]"),
    "jane at example dot com": ("email", "[email]"),
    "call +44 20 7946 0958 tonight": ("phone", "call [phone] tonight"),
    "+49 171 1234567": ("phone", "[phone]"),
    "my number is (415) 555-2671": ("phone", "my number is [phone]"),
    "415-555-2671": ("phone", "[phone]"),
    "text me 4155552671": ("phone", "text me [phone]"),
    "06 12 34 56 78": ("phone", "[phone]"),
    "07700 900123 is mine": ("phone", "[phone] is mine"),
    "card 4111 1111 1111 1111 exp 12/27": ("card", "card [card] exp 12/27"),
    "378282246310005": ("card", "[card]"),
    "DE89 3704 0044 0532 0130 00": ("iban", "[iban]"),
    "pay to GB82WEST12345698765432": ("iban", "pay to [iban]"),
    "my ip is 203.0.113.77": ("ip", "my ip is [ip]"),
    "connect to 192.168.1.44:25565": ("ip", "connect to [ip]:25565"),
    "2001:db8:85a3::8a2e:370:7334": ("ip", "[ip]"),
    "ssn 078-05-1120": ("id-number", "ssn [id-number]"),
    "ask <@123456789012345678> about it": ("mention", "ask [mention] about it"),
    "his id is 123456789012345678": ("id", "his id is [id]"),
    "https://bob:hunter2@example.com/x": ("credentials", "[credentials]/x"),
    "postgres://admin:s3cret@db.example.org:5432/x": ("credentials", "[credentials]/x"),
    "my password is hunter22": ("password", "my [password]"),
    "password: Tr0ub4dor": ("password", "[password]"),
    "key AKIAABCDEFGHIJKLMNOP": ("secret", "key [secret]"),
    "ghp_" + "a1B2" * 9: ("secret", "[secret]"),
    "M" + "a" * 23 + ".Gabcde." + "x" * 30: ("secret", "[secret]"),
    "https://discord.com/api/webhooks/123/abc-DEF": ("secret", "[secret]"),
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----": ("secret", "[secret]"),
    "I live at 12 Oak Street": ("address", "I live at [address]"),
    "my address is 221B Baker Street, London": ("address", "my address is [address], London"),
    "I was born on 12/03/1998": ("birth-date", "[birth-date]"),
}

LEFT_ALONE = [
    "call me at 5",
    "call me at 5:30 pm or 17:30",
    "Game night is on Friday at 8",
    "the match is on 2024-01-15 at 19:30",
    "2024-01-15T19:30:00",
    "01/02/2023 and 31.12.2024",
    "in 1998 there were 20000 people",
    "it costs $1,299.99 or 1.299,99 EUR",
    "I have 1000000 gold and 12345678 xp",
    "my score was 98,765,432",
    "+100 000 000 points",
    "version 1.2.3.4 is out",
    "update to v10.0.19041.1",
    "the localhost 127.0.0.1 and 0.0.0.0",
    "dns is 8.8.8.8",
    "we won 3-2, then 21-19",
    "300-200-100 is the split",
    "the year 2001: a space odyssey",
    "12:30:45 is the record",
    "std::vector<int> a; ns::b::c",
    "pi is 3.14159265358979",
    "roll 2d20+5",
    "1234567890",
    "0123456789",
    "<:pickle:123456789012345678> lol",
    "see <#123456789012345678>",
    "<t:1700000000:R>",
    "https://example.com/watch?v=123456789012",
    "order number 12 34",
    "a 16 digit number 1234 5678 9012 3456",
    "What is the Wi-Fi password hint?",
    "the password is on the fridge",
    "password reset is broken",
    "look at github.com",
    "meet me @ the park",
    "@alex are you there",
    "21 Jump Street is a movie",
    "take 3 and drive 5 miles down the road",
    "I ran 42 km in 4 hours 12",
    "isbn 978-3-16-148410-0",
    "10-4 good buddy",
    "lf2m raid at 9, 2/3 done, 99% ready",
    "the boss has 40,000,000 hp",
    "iban is an acronym and DE00 is nothing",
    "born on 27 January 1756, Mozart was a composer",
    "10 000 000 views",
    "rgb(255, 255, 255) and #ffcc00",
    "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
]


@pytest.mark.parametrize(("text", "expected"), FOUND.items(), ids=range(len(FOUND)))
def test_personal_data_becomes_a_placeholder(text: str, expected: tuple[str, str]) -> None:
    kind, kept = expected
    assert scrub(text) == (kept, (kind,))


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_ordinary_numbers_and_words_are_left_alone(text: str) -> None:
    assert scrub(text) == (text, ())


def test_it_refuses_for_learning_and_does_not_block_the_reply() -> None:
    [finding] = PersonalData().examine([prepare("a@b.de or +44 20 7946 0958", Folder(), 100)])
    assert finding.outcome is Outcome.REFUSE
    assert finding.reasons == ("personal-data:email", "personal-data:phone")
    assert not finding.blocks_reply
    assert finding.text == "[email] or [phone]"


@pytest.mark.parametrize(
    "text",
    ["jane\u200b@example.com", "ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "+44 20 7946 ٠٩٥٨"],
    ids=["zero-width", "wide", "arabic-digits"],
)
def test_a_disguise_does_not_keep_personal_data(text: str) -> None:
    [finding] = PersonalData().examine([prepare(text, Folder(), 100)])
    assert finding.outcome is Outcome.REFUSE
    assert finding.text is not None
    assert finding.text.startswith("[")
