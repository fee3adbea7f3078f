"""A round that two processes learn is the round that one learns."""

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import facts, opened, teach, with_settings
from trainer.serving import train_now

pytestmark = [
    pytest.mark.usefixtures("lenient_gate"),
    pytest.mark.timeout(900),  # three processes import torch: seconds on a free machine, minutes on a busy one
]


async def test_a_round_of_two_processes_has_the_losses_of_one(tmp_path: Path) -> None:
    reports: list[Any] = []
    for processes in (1, 2):
        async with opened(tmp_path / str(processes)) as plain:
            world = with_settings(plain, max_steps=12, processes=processes)
            await teach(world, facts())
            run = await train_now(world, by="command")
            reports.append(run.report)
            assert await world.store.runs.unfinished() is None

    alone, together = reports
    assert together["training"]["processes"] == 2
    assert [step for step, _ in together["losses"]] == list(range(1, 13))
    assert [loss for _, loss in together["losses"]] == pytest.approx([loss for _, loss in alone["losses"]], rel=2e-3)
    assert together["version"] is not None
