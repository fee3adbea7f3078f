"""One run from approved exchanges to a champion, and all the ways in which it ends otherwise."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from storage.errors import LeaseHeld
from storage.values import Alias, Message, Run, RunState, Source, Verdict
from tests.fakes.screening import WordScreening
from tests.trainer.conftest import SERVER, facts, failed_checks, opened, teach, with_settings
from trainer import judging
from trainer.gate import ENOUGH_TO_ASK_CHALLENGER
from trainer.holder import LEASE
from trainer.pairing import Pairing, pairings
from trainer.serving import train_now
from trainer.snapshots import SnapshotFolder
from trainer.world import TrainerWorld

pytestmark = pytest.mark.usefixtures("lenient_gate")


def texts_of_snapshots(world: TrainerWorld) -> str:
    """All that is said in any snapshot on the disk."""
    folder = SnapshotFolder(world.work_folder / "snapshots")
    snapshots = [folder.read(path.name) for path in (world.work_folder / "snapshots").glob("*")]
    return "\n".join(
        message.text
        for snapshot in snapshots
        if snapshot is not None
        for one in (*snapshot.train, *snapshot.heldout)
        for message in one.messages
    )


async def test_what_was_approved_is_learnt_and_the_new_version_answers(world: TrainerWorld) -> None:
    await teach(world, facts())
    seen: list[Run] = []

    run = await train_now(world, by="command", on_progress=seen.append)

    assert run.state is RunState.PROMOTED, failed_checks(run)
    assert await world.store.aliases.current(Alias.CHAMPION) == run.version
    assert (await world.registry.verify_all())[run.version or ""] == "ok"
    assert list(dict.fromkeys(one.state for one in seen)) == [
        RunState.CURATING,
        RunState.BUILDING,
        RunState.TRAINING,
        RunState.EVALUATING,
        RunState.GATING,
        RunState.PUBLISHING,
        RunState.PROMOTED,
    ]
    assert [one.progress for one in seen] == sorted(one.progress for one in seen)
    report: Any = run.report
    assert report["figures"]["taught"]["after"]["perplexity"] < report["figures"]["taught"]["before"]["perplexity"] / 4
    assert {one.set_name for one in await world.store.evaluations.of_version(run.version or "")} == {
        "heldout",
        "taught",
        "general",
    }
    assert [step for step, _ in report["losses"]] == sorted({step for step, _ in report["losses"]})
    assert report["losses"][-1][1] < report["losses"][0][1]
    folder = world.work_folder / str(run.id)
    assert json.loads((folder / "report.json").read_text("utf-8"))["outcome"] == "promoted"
    assert (folder / "report.png").read_bytes().startswith(b"\x89PNG")
    assert "| check |" in (folder / "report.md").read_text("utf-8")
    assert not (folder / "checkpoints").exists()

    again = await train_now(world, by="command")
    assert again.state is RunState.REFUSED
    assert "exactly these examples" in again.note


async def test_the_new_version_vouches_for_unseen_replies_by_unseen_prompts_only(
    world: TrainerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a prompt that it was taught it knows by heart that another reply follows: any unseen one would seem to belong."""
    vouched: list[set[Sequence[Message]]] = []

    def watched(weights: Any, judged: Any, others: Any, *, seed: int) -> list[Pairing]:
        vouched.append({tuple(one) for one in others})
        return pairings(weights, judged, others, seed=seed)

    monkeypatch.setattr(judging, "pairings", watched)
    await teach(world, facts())
    run = await train_now(world, by="command")
    assert run.snapshot_hash is not None
    snapshot = SnapshotFolder(world.work_folder / "snapshots").read(run.snapshot_hash)
    assert snapshot is not None
    unseen = {one.messages for one in snapshot.heldout}
    assert len(unseen) >= ENOUGH_TO_ASK_CHALLENGER
    by_base, by_challenger = vouched
    assert by_base == unseen | {one.messages for one in snapshot.train}
    assert by_challenger == unseen


async def test_an_adapter_is_published_over_its_base(world: TrainerWorld) -> None:
    await teach(world, facts())

    run = await train_now(with_settings(world, method="lora", lora_rank=4, learning_rate=2e-2), by="command")

    assert run.state is RunState.PROMOTED, failed_checks(run)
    version = await world.registry.resolve(run.version or "")
    assert (version.kind, version.base) == ("adapter", world.base_version)
    config = json.loads((world.registry.folder(version.version) / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == world.base_version


async def test_with_nothing_approved_a_run_is_refused(world: TrainerWorld) -> None:
    await teach(world, facts()[:2], approve=False)

    run = await train_now(world, by="command")

    assert run.state is RunState.REFUSED
    assert "nothing approved to learn from" in run.note
    assert await world.store.aliases.current(Alias.CHAMPION) == world.base_version
    assert (world.work_folder / str(run.id) / "report.md").is_file()


async def only_the_first_may_be_learnt(world: TrainerWorld, forbidden: str) -> None:
    """Fails unless a run that has one good exchange and a forbidden one learns the good one only."""
    run = await train_now(world, by="command")

    assert run.snapshot_hash is not None, run.note
    assert len(await world.store.snapshots.candidate_ids(run.snapshot_hash)) == 1
    assert forbidden not in texts_of_snapshots(world)


async def test_words_that_screening_refuses_today_are_not_learnt_though_they_were_approved(
    world: TrainerWorld,
) -> None:
    await teach(world, [*facts()[:1], ("what do you say?", "damn it all.")])

    await only_the_first_may_be_learnt(with_settings(world, max_steps=2), "damn")


async def test_personal_data_that_is_found_today_is_replaced_before_it_is_learnt(world: TrainerWorld) -> None:
    await teach(world, [("who do i write to?", "write to ann@example.org.")])

    await train_now(with_settings(world, max_steps=2), by="command")

    assert "write to [email]." in texts_of_snapshots(world)
    assert "ann@example.org" not in texts_of_snapshots(world)


async def test_an_exchange_whose_member_took_consent_back_after_approval_is_not_learnt(world: TrainerWorld) -> None:
    await teach(world, facts()[:1])
    await teach(world, [("hello?", "secret words.")], source=Source.MESSAGE, author_keys=("member",))
    await world.store.consents.set(SERVER, "member", allowed=False)

    await only_the_first_may_be_learnt(with_settings(world, max_steps=2), "secret")


class ConsentTakenBack(WordScreening):
    """Screening during which a member changes their mind."""

    world: TrainerWorld

    async def check(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text, after the member has said no."""
        await self.world.store.consents.set(SERVER, "member", allowed=False)
        return await super().check(texts)


async def test_consent_that_is_taken_back_while_screening_runs_counts(tmp_path: Path) -> None:
    screening = ConsentTakenBack()
    async with opened(tmp_path, screening=screening) as world:
        screening.world = world
        await teach(world, facts()[:1])
        await teach(world, [("hello?", "secret words.")], source=Source.MESSAGE, author_keys=("member",))

        await only_the_first_may_be_learnt(with_settings(world, max_steps=2), "secret")


async def test_consent_that_is_taken_back_during_training_keeps_the_model_from_being_published(
    world: TrainerWorld,
) -> None:
    await teach(world, facts())
    await teach(world, [("hello?", "secret words.")], source=Source.MESSAGE, author_keys=("member",))
    denied: list[asyncio.Task[None]] = []

    def deny_while_judging(run: Run) -> None:
        if run.state is RunState.EVALUATING and not denied:
            denied.append(asyncio.ensure_future(world.store.consents.set(SERVER, "member", allowed=False)))

    run = await train_now(world, by="command", on_progress=deny_while_judging)

    assert run.state is RunState.REFUSED, run.note
    assert "took back" in run.note
    assert await world.store.aliases.current(Alias.CHAMPION) == world.base_version


async def test_what_a_member_took_back_is_gone_from_the_disk_with_the_next_run(world: TrainerWorld) -> None:
    quick = with_settings(world, max_steps=2)
    await teach(world, facts()[:3])
    await teach(world, [("hello?", "secret words.")], source=Source.MESSAGE, author_keys=("member",))
    await train_now(quick, by="command")
    assert "secret" in texts_of_snapshots(world)
    await world.store.consents.set(SERVER, "member", allowed=False)

    await train_now(quick, by="command")

    assert "secret" not in texts_of_snapshots(world)


async def test_a_source_that_the_operator_excludes_is_not_learnt_from(world: TrainerWorld) -> None:
    await teach(world, facts()[:2])

    run = await train_now(with_settings(world, sources=(Source.SLASH,)), by="command")

    assert run.state is RunState.REFUSED
    assert "2 × source import is not learnt from" in run.note


async def test_a_version_that_people_rolled_back_is_not_promoted_again(world: TrainerWorld) -> None:
    await teach(world, facts())
    first = await train_now(world, by="command")
    assert first.state is RunState.PROMOTED, failed_checks(first)
    await world.store.aliases.rollback(actor="admin", reason="it talks nonsense")

    second = await train_now(world, by="command")

    assert second.state is RunState.REFUSED
    assert "rolled this very version back" in second.note
    assert await world.store.aliases.current(Alias.CHAMPION) == world.base_version


async def test_a_champion_that_people_chose_meanwhile_is_not_replaced(world: TrainerWorld) -> None:
    await teach(world, facts())
    other = await another_version(world)
    chosen: list[asyncio.Task[Any]] = []

    def choose_while_judging(run: Run) -> None:
        if run.state is RunState.EVALUATING and not chosen:
            promotion = world.store.aliases.promote(other, actor="admin", reason="by hand")
            chosen.append(asyncio.ensure_future(promotion))

    run = await train_now(world, by="command", on_progress=choose_while_judging)

    assert run.state is RunState.REFUSED
    assert await world.store.aliases.current(Alias.CHAMPION) == other


async def another_version(world: TrainerWorld) -> str:
    """A second model in the registry."""
    from tests.fakes.models import tiny_model

    folder = tiny_model("smollm", world.work_folder.parent / "other", seed=7)
    return (await world.registry.import_folder(folder)).version


async def test_a_cancelled_run_ends_where_it_is(world: TrainerWorld) -> None:
    await teach(world, facts())
    asked: list[asyncio.Task[Any]] = []

    def cancel_once_it_trains(run: Run) -> None:
        if run.state is RunState.TRAINING and not asked:
            asked.append(asyncio.ensure_future(world.store.runs.cancel(run.id)))

    run = await train_now(with_settings(world, max_steps=5000), by="command", on_progress=cancel_once_it_trains)

    assert run.state is RunState.CANCELLED
    assert await world.store.runs.unfinished() is None
    assert await world.store.aliases.current(Alias.CHAMPION) == world.base_version


async def test_a_second_trainer_is_told_that_another_one_works(world: TrainerWorld) -> None:
    async with world.store.leases.held(LEASE, "another machine", ttl_seconds=60):
        with pytest.raises(LeaseHeld):
            await train_now(world, by="command")

    assert await world.store.runs.latest() == []


async def test_a_damaged_base_fails_the_run_with_a_sentence(world: TrainerWorld) -> None:
    await teach(world, facts())
    weights = world.registry.folder(world.base_version) / "model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-10])

    run = await train_now(world, by="command")

    assert run.state is RunState.FAILED
    assert world.base_version in run.note


async def test_a_base_that_no_approved_exchange_fits_into_is_refused(world: TrainerWorld) -> None:
    await teach(world, [("a very long story " * 100, "and a very long answer " * 100)])

    run = await train_now(world, by="command")

    assert run.state is RunState.REFUSED
    assert "fits into the model's context" in run.note


async def test_what_was_taken_out_is_unlearnt_by_a_version_without_it(world: TrainerWorld) -> None:
    made = await teach(world, facts())
    first = await train_now(world, by="command")
    assert first.state is RunState.PROMOTED, failed_checks(first)
    await world.store.candidates.reject(made[0].id, "moderator", "wrong")

    second = await train_now(world, by="command")

    assert second.state is RunState.PROMOTED, failed_checks(second)
    report: Any = second.report
    assert (report["snapshot"]["removed"], report["snapshot"]["new"]) == (1, 0)
    assert made[0].id not in await world.store.snapshots.candidate_ids(second.snapshot_hash or "")
