"""Short histories with kills; the long form is ``python -m tests.attack.run``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.attack.histories import Cluster
from tests.attack.run import KILLS, run
from tests.serving.conftest import Serve, data, elsewhere, runtime, serve

__all__ = ["data", "elsewhere", "runtime", "serve"]  # fixtures


@pytest.mark.parametrize(("services", "workers"), [(1, 1), (2, 2)])
def test_nothing_is_lost_doubled_or_disordered(
    serve: Callable[..., Serve], data: Path, services: int, workers: int
) -> None:
    """Whatever is killed, every rule of ``verdict`` holds of what clients saw."""
    run(Cluster(serve, data, services=services, workers=workers), seconds=4, kills=KILLS, producers=2, consumers=4)
