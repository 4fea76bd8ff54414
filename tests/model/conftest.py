"""How long the machines run: a short form in the default suite, four times as long in CI's thorough profile of
Hypothesis, and any length by ``MODEL_STEPS``.

``MODEL_STEPS=20000 pytest tests/model --hypothesis-seed=1`` takes about that many steps in each machine. Without it
every run is the same. A failure prints its acts, and the blob that repeats it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

pytest.register_assert_rewrite("tests.model.pair")

from tests.model.drivers import Clock  # noqa: E402 - after its assertions are made to speak

_LONG = int(os.environ.get("MODEL_STEPS", "0"))
_STEPS_PER_EXAMPLE = 40


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The machines belong to the tests of properties; the long form takes what it takes."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.hypothesis)
            if _LONG:
                item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="session")
def effort() -> settings:
    """Hypothesis's settings for one machine."""
    common = settings(
        stateful_step_count=_STEPS_PER_EXAMPLE,
        deadline=None,
        database=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    if _LONG:
        return settings(common, max_examples=max(1, _LONG // _STEPS_PER_EXAMPLE))
    return settings(common, max_examples=settings().max_examples * 2 // 5, derandomize=True)


@pytest.fixture
def clock(valkey: str) -> Iterator[Clock]:
    clock = Clock(valkey)
    yield clock
    clock.close()
