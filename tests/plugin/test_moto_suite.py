"""A suite written for moto runs unchanged, with its queues on the facade."""

from __future__ import annotations

import io
import re

import pytest
from botocore.awsrequest import AWSPreparedRequest

from sqs_facade.compat.plugin import bridge
from tests.plugin.conftest import FOLDER, MOST_SECONDS, Run

#: Samples, and how many tests each has.
SAMPLES = {"decorators": 52, "classes": 18, "services": 25, "idioms": 43, "times": 5}

pytestmark = pytest.mark.timeout(MOST_SECONDS + 20)  # moto's mocks take long to start on a busy machine


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_it_passes_with_moto_alone(suite: Run, sample: str) -> None:
    suite(samples=(sample,)).assert_outcomes(passed=SAMPLES[sample])


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_it_passes_unchanged_on_the_facade(suite: Run, sample: str) -> None:
    suite("--sqs-facade", samples=(sample,)).assert_outcomes(passed=SAMPLES[sample])


@pytest.mark.slow
def test_it_passes_on_two_workers(suite: Run) -> None:
    """All of them in one run, as a user's suite is: 143 tests."""
    suite("--sqs-facade", "-n", "2", samples=tuple(SAMPLES)).assert_outcomes(passed=sum(SAMPLES.values()))


def test_the_samples_do_not_know_the_facade() -> None:
    for name in SAMPLES:
        assert not re.search(r"facade|zaqar|compat", (FOLDER / f"{name}.py").read_text())


#: What shows which of the two answers: moto gives out handles that the facade never would.
WHO_ANSWERS = """
import boto3
from moto import mock_aws
from moto.sqs.models import sqs_backends

@mock_aws
def test_calls_reach_the_facade():
    sqs = boto3.client("sqs", region_name="us-east-1")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert not sqs_backends["123456789012"]["us-east-1"].queues["q"].messages
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert len(message["ReceiptHandle"]) == 56

@mock_aws
def test_its_clock_and_spy_work_too(sqs_clock, sqs_spy):
    sqs = boto3.client("sqs", region_name="us-east-1")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a", DelaySeconds=900)
    sqs_clock.advance(minutes=15)
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    assert [event.action for event in sqs_spy.events(url)] == ["sent", "received"]
"""


def test_the_facade_handles_the_calls(pytester: pytest.Pytester, suite: Run) -> None:
    pytester.makepyfile(test_who=WHO_ANSWERS)
    suite("--sqs-facade").assert_outcomes(passed=2)


@pytest.mark.parametrize("body", ["Action=ListQueues", b"Action=ListQueues", io.BytesIO(b"Action=ListQueues")])
def test_requests_of_moto_before_5_2_are_read(body: object) -> None:
    """Such releases pass on the requests of botocore unchanged."""
    request = AWSPreparedRequest("POST", "https://sqs.us-east-1.amazonaws.com/", {}, body, False)
    assert bridge._body(request) == b"Action=ListQueues"


def test_attributes_of_topics_before_moto_5_1_9_are_read() -> None:
    assert bridge._attribute({"data_type": "String", "string_value": "a"}) == {"DataType": "String", "StringValue": "a"}
    assert bridge._attribute({"DataType": "String", "StringValue": "a"}) == {"DataType": "String", "StringValue": "a"}


def test_without_moto_the_option_says_what_is_missing(pytester: pytest.Pytester, suite: Run) -> None:
    pytester.makepyfile(moto="raise ImportError('no moto')")
    result = suite("--sqs-facade")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "sqs-facade[compat]" in result.stderr.str()
