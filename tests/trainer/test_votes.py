"""Which votes a run may learn from, and what it does about them."""

from pathlib import Path
from typing import Any

import pytest

from storage.values import (
    Alias,
    Candidate,
    Message,
    Role,
    Run,
    RunState,
)
from storage.votes import CountedVote
from tests.fakes.answered import answered, voted_on
from tests.trainer.conftest import REVIEWER, SERVER, facts, failed_checks, opened, with_settings
from trainer import gate
from trainer.checks import Check
from trainer.examples import Approved
from trainer.pipeline import work_on
from trainer.progress import Progress, Why
from trainer.serving import train_now
from trainer.settings import TrainerSettings
from trainer.vote_stage import worse
from trainer.votes import Ballot, VotedExchange, ballot, count
from trainer.world import TrainerWorld

pytestmark = pytest.mark.usefixtures("lenient_gate")

FEW: dict[str, Any] = {"votes_min": 4, "votes_max_rise": 10.0, "quarantine": False, "method": "full"}
VOTERS = ("ann", "bob", "cyd", "dan")


def said(number: int, *, is_liked: bool) -> VotedExchange:
    messages = (Message(Role.USER, f"what of {number}?"), Message(Role.ASSISTANT, f"that is {number}."))
    return VotedExchange(number, messages, is_liked)


def cast(exchanges: list[VotedExchange], *voters: str, value: int | None = None) -> list[CountedVote]:
    """Every voter's vote on each, as moderators saw it unless told otherwise; the newest first."""
    return [
        CountedVote(one.candidate_id, voter, value or (1 if one.is_liked else -1))
        for one in reversed(exchanges)
        for voter in voters
    ]


def both(each: int = 6) -> list[VotedExchange]:
    return [said(n, is_liked=n % 2 == 0) for n in range(1, 2 * each + 1)]


SETTINGS = TrainerSettings(votes_min=4, votes_max_per_member=100)


def test_votes_of_enough_members_on_enough_exchanges_of_both_kinds_suffice() -> None:
    counted = count(cast(both(), "ann", "bob", "cyd"), both(), SETTINGS)
    assert (counted.too_few, counted.liked, len(counted.exchanges), counted.members) == ("", 6, 12, 3)


@pytest.mark.parametrize("missing", [True, False], ids=["liked", "disliked"])
def test_one_kind_alone_does_not(missing: bool) -> None:
    some = [one for one in both() if one.is_liked is not missing]
    counted = count(cast(some, "ann", "bob", "cyd"), some, SETTINGS)
    assert f"0 exchanges with {'👍' if missing else '👎'}" in counted.too_few


def test_two_members_are_no_community_however_much_they_vote() -> None:
    counted = count(cast(both(), "ann", "bob"), both(), SETTINGS)
    assert "2 members behind 👍" in counted.too_few


def test_of_one_member_only_the_newest_votes_count() -> None:
    some = both(6)
    settings = SETTINGS.model_copy(update={"votes_max_per_member": 2})
    counted = count(cast(some, "ann"), some, settings)
    assert [one.candidate_id for one in counted.exchanges] == [9, 10, 11, 12]


def test_only_the_newest_exchanges_of_each_kind_are_taken() -> None:
    settings = SETTINGS.model_copy(update={"votes_max": 4})
    counted = count(cast(both(6), "ann", "bob", "cyd"), both(6), settings)
    assert [one.candidate_id for one in counted.exchanges] == [5, 6, 7, 8, 9, 10, 11, 12]


def test_where_members_and_moderators_disagree_nothing_is_learnt() -> None:
    counted = count(cast(both(), "ann", "bob", "cyd", value=-1), both(), SETTINGS)
    assert [one.is_liked for one in counted.exchanges] == [False] * 6


def test_a_tie_says_nothing() -> None:
    some = both()
    counted = count([*cast(some, "ann", value=1), *cast(some, "bob", value=-1)], some, SETTINGS)
    assert counted.exchanges == ()


def test_the_same_words_count_once_and_not_at_all_when_they_contradict() -> None:
    again = VotedExchange(99, said(2, is_liked=True).messages, is_liked=True)
    against = VotedExchange(98, said(4, is_liked=True).messages, is_liked=False)
    some = [*both(), against, again]
    counted = count(cast(some, "ann", "bob", "cyd"), some, SETTINGS)
    assert {one.candidate_id for one in counted.exchanges} == set(range(1, 13)) - {4}


@pytest.mark.parametrize(
    ("margin", "rises", "why"),
    [
        (0.0, {}, "does not tell liked answers"),
        (1.0, {"general": 0.2}, "general talk rose by 20.0%"),
        (1.0, {"taught": float("nan")}, "taught talk rose"),
        (1.0, {"taught": 0.05, "held-out": -0.3}, ""),
    ],
    ids=["indifferent", "forgetful", "diverged", "better"],
)
def test_what_is_worse_than_before_is_not_offered(margin: float, rises: dict[str, float], why: str) -> None:
    found = worse(margin, rises, TrainerSettings())
    assert (why in found) if why else found == ""


async def community(
    world: TrainerWorld, *, agreed: tuple[str, ...] = VOTERS
) -> tuple[list[Candidate], list[Candidate]]:
    """Sixteen answers that members like, and sixteen that they dislike and for which there is a better one."""
    for voter in agreed:
        await world.store.consents.set(SERVER, voter, allowed=True)
    liked = [await answered(world.store, SERVER, question, answer) for question, answer in facts()[:16]]
    disliked = [
        await answered(world.store, SERVER, question, "go and look yourself", better)
        for question, better in facts()[16:]
    ]
    for number, one in enumerate(liked):
        await voted_on(world.store, one, 1, VOTERS[number % 4])
    for number, one in enumerate(disliked):
        await voted_on(world.store, one, -1, VOTERS[number % 4])
    return liked, disliked


async def counted_in(world: TrainerWorld) -> Ballot:
    """The ballot over a snapshot of all that is approved now."""
    approved = Approved(world)
    curated, _ = await approved.curated(lambda: None, cycle=1)
    snapshot, _ = await approved.write_snapshot(curated)
    return await ballot(world, snapshot)


@pytest.fixture
def asking(world: TrainerWorld) -> TrainerWorld:
    return with_settings(world, **FEW)


async def test_liked_answers_are_as_approved_and_disliked_ones_as_they_were_given(asking: TrainerWorld) -> None:
    await community(asking)
    counted = await counted_in(asking)
    assert counted.too_few == ""
    assert counted.members == 4
    answers = {one.messages[-1].text for one in counted.exchanges if not one.is_liked}
    assert answers == {"go and look yourself"}
    assert {one.messages[-1].text for one in counted.exchanges if one.is_liked} <= {
        answer for _, answer in facts()[:16]
    }


async def test_votes_of_those_who_said_no_or_nothing_do_not_count(asking: TrainerWorld) -> None:
    await community(asking, agreed=VOTERS[:3])
    before = await counted_in(asking)
    await asking.store.consents.set(SERVER, "cyd", allowed=False)
    after = await counted_in(asking)
    assert (before.members, after.members) == (3, 2)
    assert "2 members" in after.too_few


async def test_a_blocked_members_votes_do_not_count(asking: TrainerWorld) -> None:
    await community(asking)
    await asking.store.blocks.block(SERVER, "dan", by=REVIEWER)
    assert (await counted_in(asking)).members == 3


async def test_an_answer_that_recall_helped_is_left_out(asking: TrainerWorld) -> None:
    liked, disliked = await community(asking)
    before = {one.candidate_id for one in (await counted_in(asking)).exchanges}
    helped = [one for one in (*liked, *disliked) if one.id in before][::5]
    for one in helped:
        await asking.store.recalls.note(one.user_turn_id or 0, [liked[0].id])
    after = {one.candidate_id for one in (await counted_in(asking)).exchanges}
    assert helped
    assert after == before - {one.id for one in helped}


async def test_what_was_taken_back_is_not_there_though_it_was_voted_on(asking: TrainerWorld) -> None:
    _, disliked = await community(asking)
    await asking.store.candidates.reject(disliked[0].id, REVIEWER, "wrong")
    assert disliked[0].id not in {one.candidate_id for one in (await counted_in(asking)).exchanges}


async def test_words_that_todays_screens_refuse_are_not_learnt_from_either(asking: TrainerWorld) -> None:
    await community(asking)
    rude = await answered(
        asking.store, SERVER, "what is the moon made of?", "damn cheese.", "the moon is made of rock."
    )
    await voted_on(asking.store, rude, -1, *VOTERS)
    assert rude.id not in {one.candidate_id for one in (await counted_in(asking)).exchanges}


async def test_what_is_held_out_is_not_learnt_by_votes_either(asking: TrainerWorld) -> None:
    await community(with_settings(asking, heldout_share=0.4))
    approved = Approved(with_settings(asking, heldout_share=0.4))
    curated, _ = await approved.curated(lambda: None, cycle=1)
    snapshot, _ = await approved.write_snapshot(curated)
    counted = await ballot(asking, snapshot)
    taught = {one.messages[:-1] for one in snapshot.train}
    assert counted.exchanges
    assert {one.messages[:-1] for one in counted.exchanges} <= taught


async def run_of(world: TrainerWorld, **changes: Any) -> Any:
    run = await train_now(with_settings(world, **{**FEW, **changes}), by="command")
    assert run.state is RunState.PROMOTED, failed_checks(run)
    return run


async def test_a_run_learns_from_votes_after_the_fine_tuning_and_says_so(world: TrainerWorld) -> None:
    await community(world)
    run = await run_of(world)
    told = run.report["from_votes"]
    assert told["offered"], told
    assert told["margin"] > 0
    assert (told["liked"] > 0, told["disliked"] > 0, told["members"]) == (True, True, 4)
    assert f"It also learnt from {told['liked']} answers with 👍" in run.report["markdown"]
    folder = world.work_folder / str(run.id)
    assert "## Votes" in (folder / "report.md").read_text("utf-8")
    assert not list(folder.glob("model*"))
    assert not list(folder.glob("checkpoints*"))
    assert await world.store.aliases.current(Alias.CHAMPION) == run.version


async def test_an_adapter_learns_from_votes_too(world: TrainerWorld) -> None:
    await community(world)
    run = await run_of(world, method="lora", lora_rank=4, learning_rate=4e-2)
    assert run.report["from_votes"]["offered"], run.report["from_votes"]["why_not"]
    assert (await world.registry.resolve(run.version or "")).kind == "adapter"


async def test_without_enough_votes_the_fine_tuned_model_is_offered(world: TrainerWorld) -> None:
    await community(world)
    run = await run_of(world, votes_min=17)
    told = run.report["from_votes"]
    assert not told["offered"]
    assert "of 17 that are needed" in told["why_not"]


async def test_switched_off_nobody_is_asked(world: TrainerWorld) -> None:
    await community(world)
    run = await run_of(world, votes=False)
    assert run.report["from_votes"]["why_not"] == "votes are switched off"


async def test_what_became_worse_makes_way_for_the_model_before_it(tmp_path: Path) -> None:
    versions = []
    none: dict[str, Any] = {"votes": False}
    for name, changes in (("none", none), ("worse", {"votes_max_rise": 0.0, "votes_beta": 5.0})):
        async with opened(tmp_path / name) as world:
            await community(world)
            run = await run_of(world, **changes)
            versions.append(run.version)
    assert not run.report["from_votes"]["offered"]
    assert "rose by" in run.report["from_votes"]["why_not"]
    assert versions[0] == versions[1]


async def test_what_the_gate_refuses_makes_way_for_the_model_before_it(
    world: TrainerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await community(world)
    asked = []

    def check(evidence: object, settings: object) -> list[Check]:
        asked.append(evidence)
        passed = [Check(name, True, None, None, "Fine.") for name in ("improvement", "general")]
        return [Check("toxic", len(asked) > 1, None, None, "It is rude."), *passed]

    monkeypatch.setattr(gate, "check", check)
    run = await run_of(world)
    told = run.report["from_votes"]
    assert len(asked) == 2
    assert not told["offered"]
    assert "the gate said: It is rude." in told["why_not"]


async def stopped_at(world: TrainerWorld, monkeypatch: pytest.MonkeyPatch, note: str) -> Run:
    """A run that was asked to make way when it told that it does something."""
    tell = Progress.tell

    def stop_there(progress: Progress, fraction: float, told: str) -> None:
        tell(progress, fraction, told)
        if told.startswith(note):
            progress._why = Why.STOPPING

    run = await world.store.runs.unfinished() or await world.store.runs.request("command")
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "tell", stop_there)
        return await work_on(world, run)


async def test_a_run_that_made_way_while_it_learnt_from_votes_comes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions, told = [], []
    for name in ("straight", "interrupted"):
        async with opened(tmp_path / name) as plain:
            world = with_settings(plain, **FEW)
            await community(world)
            if name == "interrupted":
                left = await stopped_at(world, monkeypatch, "Learning from votes: step 3 ")
                assert left.state is RunState.TRAINING
                assert list((world.work_folder / str(left.id)).glob("checkpoints-votes/checkpoint-*/whole"))
            await train_now(world, by="command")
            promoted = next(one for one in await world.store.runs.latest() if one.state is RunState.PROMOTED)
            report: Any = promoted.report
            versions.append(promoted.version)
            told.append(report["from_votes"])

    assert told[0]["resumed_from"] == 0 < told[1]["resumed_from"]
    assert all(one["offered"] for one in told)
    assert versions[0] == versions[1]


@pytest.mark.parametrize("said_no", [True, False], ids=["other-votes", "same-votes"])
async def test_only_when_votes_changed_meanwhile_they_are_learnt_anew(
    world: TrainerWorld, monkeypatch: pytest.MonkeyPatch, said_no: bool
) -> None:
    world = with_settings(world, **FEW)
    await community(world)
    left = await stopped_at(world, monkeypatch, "Comparing what has learnt from votes")
    assert left.state is RunState.EVALUATING
    voted = world.work_folder / str(left.id) / "model-voted"
    before = voted.stat().st_mtime_ns
    if said_no:
        await world.store.consents.set(SERVER, "dan", allowed=False)
    left = await stopped_at(world, monkeypatch, "Comparing what has learnt from votes")
    assert (voted.stat().st_mtime_ns != before) is said_no
