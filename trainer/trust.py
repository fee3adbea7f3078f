"""How far a member's talk can be trusted, from how their newest words fared. Pure.

    trust = (4 + good) / (4 + good + bad)
    good  = approved + ¼ votes up
    bad   = rejected + refused + ¼ (votes down + held)

Approved and rejected are people's decisions on the member's examples, but for an answer of the bot's own that was turned
down as wrong or poor: whoever asked did not write it. Held are those in which the screens doubted something,
refused are messages that the screens refused; votes are other members' on the answers in these examples. A
stranger has 1: nothing speaks against them, and quarantine and caps hold for them anyway. The four stand for the benefit
of the doubt: below ½ falls who was turned down four times more often than approved. Votes weigh little, since anybody
can cast them.
"""

from storage.curation_values import Record

_DOUBT = 4.0
_WEAK = 0.25


def trust(record: Record) -> float:
    """Trust in a member, above 0 to 1."""
    good = record.approved + _WEAK * record.votes_up
    bad = record.rejected + record.refused + _WEAK * (record.votes_down + record.held)
    return (_DOUBT + good) / (_DOUBT + good + bad)
