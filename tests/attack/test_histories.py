"""A short history with kills; the long form is ``python -m tests.attack.run``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.attack.histories import Cluster
from tests.attack.run import KILLS, run
from tests.serving.conftest import Serve, data, elsewhere, runtime, serve

pytestmark = pytest.mark.slow

__all__ = ["data", "elsewhere", "runtime", "serve"]  # fixtures


def test_no_message_is_lost_duplicated_or_out_of_order(serve: Callable[..., Serve], data: Path) -> None:
    """Two services on one data directory: every rule of ``verdict`` holds, whichever process is killed."""
    run(Cluster(serve, data, services=2, workers=2), seconds=3, kills=KILLS, producers=2, consumers=4)
