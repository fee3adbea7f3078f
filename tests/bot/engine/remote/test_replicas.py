import aiohttp
import pytest

from bot.engine.remote.replicas import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, TOLERATED_FAILURES, Replica, choose
from bot.engine.remote.server import ModelServer


class Watch:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def watch() -> Watch:
    return Watch()


@pytest.fixture
async def replicas(watch: Watch) -> list[Replica]:
    async with aiohttp.ClientSession() as session:
        return [Replica(ModelServer(session, f"http://host-{n}/v1"), watch) for n in range(3)]


async def test_who_has_the_model_comes_first_and_then_who_has_least_to_do(replicas: list[Replica]) -> None:
    replicas[1].names.add("base")
    replicas[2].names.add("base")
    assert choose(replicas, "base") is replicas[1]
    with replicas[1].asked():
        assert choose(replicas, "base") is replicas[2]
        assert choose(replicas, "base", tried=[replicas[2]]) is replicas[1]
    assert choose(replicas, "base", tried=replicas) is None


async def test_after_failures_in_a_row_it_rests_and_then_one_request_tries_it(
    replicas: list[Replica], watch: Watch
) -> None:
    one = replicas[0]
    for _ in range(TOLERATED_FAILURES - 1):
        one.failed()
    assert one.is_open
    one.failed()
    assert not one.is_open
    watch.now += FIRST_PAUSE_SECONDS
    assert one.is_open
    with one.asked():
        assert not one.is_open
    assert one.is_open
    one.succeeded()
    with one.asked():
        assert one.is_open


async def test_each_further_failure_makes_the_pause_longer_up_to_a_limit(replicas: list[Replica], watch: Watch) -> None:
    one = replicas[0]
    pauses = []
    for _ in range(TOLERATED_FAILURES - 1):
        one.failed()
    for _ in range(8):
        one.failed()
        began = watch.now
        while not one.is_open:
            watch.now += 1.0
        pauses.append(watch.now - began)
    assert pauses[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
