"""Random bytes that are read ahead."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from zaqar_core.domain.randomness import random_bytes


def test_each_call_returns_eight_other_bytes() -> None:
    found = [random_bytes() for _ in range(2000)]
    assert {len(one) for one in found} == {8}
    assert len(set(found)) == len(found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_has_other_bytes_than_its_parent() -> None:
    program = """
import os, sys
from zaqar_core.domain.randomness import random_bytes
random_bytes()
if child := os.fork():
    os.waitpid(child, 0)
print(random_bytes().hex(), flush=True)
"""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert len(set(output.split())) == 2
