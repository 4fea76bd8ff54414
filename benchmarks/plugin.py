"""Compare the time of small tests with the fixtures of the pytest plugin and under moto's mock_aws.

    python -m benchmarks.plugin [--tests 200] [--processes 0] [--limit 2]

Each of the three runs is a pytest process of its own: mock_aws, mock_aws with ``--sqs-facade``, and the fixtures. The
time includes the start of pytest and of the service. With ``--processes`` each run uses that many processes
(``pytest -n``). The exit status is 1 if the fixtures take more than ``--limit`` times as long as mock_aws.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import entry_points
from pathlib import Path

_BODY = """
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
"""
_MOTO = """
import boto3, pytest
from moto import mock_aws

@pytest.mark.parametrize("number", range({number}))
@mock_aws
def test_small(number):
    sqs = boto3.client("sqs", region_name="us-east-1")
"""
_FIXTURES = """
import pytest

@pytest.mark.parametrize("number", range({number}))
def test_small(number, sqs_client):
    sqs = sqs_client
"""


def _run(text: str, processes: int, *arguments: str) -> float:
    """Run the tests in that many processes (0: in pytest itself) and return the seconds."""
    plugin = (
        []
        if any(point.name == "sqs_facade" for point in entry_points(group="pytest11"))
        else ["-p", "sqs_facade.compat.plugin"]
    )
    root = str(Path(__file__).resolve().parents[1])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_small.py").write_text(text + _BODY)
        began = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *arguments]
        command += ["-n", str(processes)] if processes else []
        subprocess.run(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": root}, check=True, stdout=subprocess.DEVNULL
        )
        return time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--limit", type=float, default=2.0)
    options = parser.parse_args()
    moto, fixtures = _MOTO.format(number=options.tests), _FIXTURES.format(number=options.tests)
    under_mock = _run(moto, options.processes)
    taken = {
        "mock_aws": under_mock,
        "mock_aws with --sqs-facade": _run(moto, options.processes, "--sqs-facade"),
        "fixtures": _run(fixtures, options.processes),
    }
    for name, seconds in taken.items():
        print(f"{name:28} {seconds:6.1f} s  {seconds / under_mock:4.2f} times")
    return int(taken["fixtures"] > options.limit * under_mock)


if __name__ == "__main__":
    sys.exit(main())
