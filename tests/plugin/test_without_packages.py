"""With pytest and the product alone: fixtures without a client work, others name the package to install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin.conftest import MOST_SECONDS, Run

pytestmark = pytest.mark.timeout(MOST_SECONDS + 20)  # a run of pytest and a start of the service, on a busy machine

#: As if they were not installed.
BARE = """
import sys
for name in ("boto3", "botocore", "moto", "requests", "urllib3", "xmltodict", "zaqarclient"):
    sys.modules[name] = None
"""


def test_service_clock_and_spy_need_no_other_package(pytester: pytest.Pytester, suite: Run) -> None:
    pytester.makeconftest(BARE)
    pytester.makepyfile(
        test_users="""
        import json
        from urllib.request import Request, urlopen

        def call(facade, account, operation, **members):
            scope = f"{account}/20260101/us-east-1/sqs/aws4_request"
            headers = {
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": f"AmazonSQS.{operation}",
                "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            }
            with urlopen(Request(facade.url, json.dumps(members).encode(), headers)) as answer:
                return json.load(answer)

        def test_time_and_events(sqs_facade, sqs_account, sqs_clock, sqs_spy):
            url = call(sqs_facade, sqs_account, "CreateQueue", QueueName="q")["QueueUrl"]
            call(sqs_facade, sqs_account, "SendMessage", QueueUrl=url, MessageBody="a", DelaySeconds=900)
            assert "Messages" not in call(sqs_facade, sqs_account, "ReceiveMessage", QueueUrl=url)
            sqs_clock.advance(minutes=15)
            assert call(sqs_facade, sqs_account, "ReceiveMessage", QueueUrl=url)["Messages"]
            assert [event.action for event in sqs_spy.events(url)] == ["sent", "received"]
        """
    )
    suite().assert_outcomes(passed=1)


REQUIREMENTS = {
    "sqs_client": "sqs-facade[compat]",
    "sqs_queue": "sqs-facade[compat]",
    "zaqar_http": "sqs-facade[compat]",
    "zaqar_client": "python-zaqarclient",
}


def test_a_fixture_without_its_package_says_what_to_install(pytester: pytest.Pytester, suite: Run) -> None:
    pytester.makeconftest(BARE)
    pytester.makepyfile(test_users="\n".join(f"def test_{name}({name}): pass" for name in REQUIREMENTS))
    result = suite()
    result.assert_outcomes(errors=len(REQUIREMENTS))
    for name, requirement in REQUIREMENTS.items():
        _, _, report = result.stdout.str().partition(f"ERROR at setup of test_{name} ")
        assert f"pip install '{requirement}'" in report.partition("ERROR at setup of")[0]
    assert "During handling" not in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert "embedded.py" not in result.stdout.str()
    assert "launching.py" not in result.stdout.str()


def test_the_comparison_names_its_missing_package(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BARE)
    root = str(Path(__file__).resolve().parents[2])
    ran = subprocess.run(
        [sys.executable, "-m", "sqs_facade.compat", "diff", "--list"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), root])},
        capture_output=True,
        text=True,
        check=False,
        timeout=MOST_SECONDS,
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "pip install 'sqs-facade[compat]'" in ran.stderr
